/** The codes of the operating system in errors of connecting, the same on every runtime and transport. */
import assert from "node:assert/strict";
import { ConnectionError, Opts } from "../../mod.ts";
import { Unanswered } from "../support/network/unanswered_port.ts";
import { test } from "../support/suite/test.ts";
import { failureOf, type World, worldsOf } from "../support/suite/worlds.ts";

for (const world of worldsOf("error code")) {
  test(`error code: a closed port, a missing socket, an unknown name (${world.name})`, async () => {
    assert.equal(await codeOf(world, "pg://u@127.0.0.1:1/d"), "ECONNREFUSED");
    assert.equal(await codeOf(world, "host=/nonexistent user=u"), "ENOENT");
    assert.match(String(await codeOf(world, "pg://u@db.invalid/d")), /^ENOTFOUND$|^EAI_AGAIN$/);
  });

  test(`error code: that of the first address (${world.name})`, async () => {
    assert.equal(await codeOf(world, "host=/nonexistent,127.0.0.1 port=1 user=u"), "ENOENT");
  });

  test(`error code: no answer in time (${world.name})`, async () => {
    await using port = await Unanswered.start();
    assert.equal(await codeOf(world, `pg://u@127.0.0.1:${port.port}/d?connect_timeout=1`), "ETIMEDOUT");
  });
}

async function codeOf(world: World, target: string): Promise<string | undefined> {
  const error = await failureOf(world, new Opts(target).sslMode("disable"));
  assert.ok(error instanceof ConnectionError, String(error));
  return error.code;
}
