/** `requirepeer` with real sockets: whose user is known from the kernel, or from the file. */
import assert from "node:assert/strict";
import process from "node:process";
import { statSync } from "node:fs";
import { ConnectionError } from "../../mod.ts";
import { userName } from "../../src/transport/accounts.ts";
import { newest } from "../support/suite/servers.ts";
import { worldsOf } from "../support/suite/worlds.ts";
import { test } from "../support/suite/test.ts";

const owner = userName(statSync(newest.socket).uid);

for (const world of worldsOf("requirepeer")) {
  test(`requirepeer: the server's user, and another one (${world.name})`, async () => {
    assert.notEqual(owner, undefined, "the account of the server has a name");
    const target = (name: string): string =>
      `host=${newest.socketDirectories[0]} port=${newest.port} user=test ` +
      `dbname=test_db requirepeer=${name}`;
    await using conn = await world.connect(target(owner!));
    assert.equal(conn.transport, "unix");
    await assert.rejects(world.connect(target("somebody_else")), (error) => {
      assert.ok(error instanceof ConnectionError);
      assert.match(error.message, new RegExp(`requirepeer="somebody_else" is given, and "${owner}" listens`));
      return true;
    });
  });
}

test("requirepeer: without it nobody is asked, and in the environment it counts", async () => {
  const [world] = worldsOf("requirepeer");
  process.env.PGREQUIREPEER = "somebody_else";
  try {
    await assert.rejects(world!.connect(newest.fast), /requirepeer="somebody_else" is given/);
  } finally {
    delete process.env.PGREQUIREPEER;
  }
  await using conn = await world!.connect(newest.fast);
  assert.equal(conn.transport, "unix");
});
