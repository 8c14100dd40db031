/** `requirepeer` with real sockets: whose user is known from the kernel, or from the file. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { ConnectionError } from "../../mod.ts";
import { userName } from "../../src/transport/accounts.ts";
import { runScript } from "../support/processes/child.ts";
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

for (const world of ["async", "sync"]) {
  // In a process of its own: on Deno, test files that run at the same time share the environment.
  test(`requirepeer: without it nobody is asked, and in the environment it counts (${world})`, async () => {
    const connect = async (env: Record<string, string>): Promise<string> =>
      (await runScript("transport.ts", [world, newest.fast], ["-A"], env)).stdout;
    assert.match(await connect({ PGREQUIREPEER: "somebody_else" }), /requirepeer=\\"somebody_else\\" is given/);
    assert.match(await connect({}), /^\{"transport":"unix"/);
  });
}
