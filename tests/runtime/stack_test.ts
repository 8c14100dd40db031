/** Errors show where the caller is, however far away they came from. */
import assert from "node:assert/strict";
import { Opts } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { type World, worldsOf } from "../support/suite/worlds.ts";

async function stackOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    return (error as Error).stack ?? "";
  }
  assert.fail("the call fails");
}

function inEveryWorld(name: string, body: (world: World) => Promise<void>): void {
  for (const world of worldsOf(name)) test(`stack: ${name} (${world.name})`, () => body(world));
}

inEveryWorld("of a server's error, an encoding error, a decoding error", async (world) => {
  await using conn = await world.connect(new Opts(newest.fast).int8("number"));
  async function refused(): Promise<unknown> {
    return await conn.query("select bad");
  }
  async function prepared(): Promise<unknown> {
    return await conn.exec("select 1 / $1::int4", [0]);
  }
  async function unencodable(): Promise<unknown> {
    return await conn.exec("select $1::int4", [{}]);
  }
  async function undecodable(): Promise<unknown> {
    return await conn.exec("select 9007199254740993::int8");
  }
  for (const call of [refused, prepared, prepared, unencodable, unencodable, undecodable, undecodable]) {
    const stack = await stackOf(call);
    assert.match(stack, new RegExp(`${call.name}.*stack_test\\.ts`), stack);
  }
});

inEveryWorld("of a lost connection", async (world) => {
  await using conn = await world.connect(newest.fast);
  async function lost(): Promise<unknown> {
    return await conn.exec("select pg_terminate_backend(pg_backend_pid())");
  }
  async function gone(): Promise<unknown> {
    return await conn.ping();
  }
  for (const call of [lost, gone]) assert.match(await stackOf(call), new RegExp(`${call.name}.*stack_test\\.ts`));
});
