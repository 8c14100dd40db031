/** Errors show where the caller is, however far away they came from. */
import assert from "node:assert/strict";
import { Conn, Opts } from "../../mod.ts";
import { Conn as SyncConn } from "../../sync.ts";
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

inEveryWorld("of what fails while connecting", async (world) => {
  // Called by the function itself: on Bun, a stack ends at functions that await in between.
  const isAwaited = world.name === "async";
  const opts = new Opts().blockingTransport(world.name === "sync ffi" ? "ffi" : "worker");
  const unreachable = opts.host("127.0.0.1").port(1);
  const guarded = opts.host("127.0.0.1").port(newest.port).user("test").password("wrong").upgradeToUnixSocket(false);
  async function refused(): Promise<unknown> {
    return isAwaited ? await Conn.connect(unreachable) : new SyncConn(unreachable);
  }
  async function unauthenticated(): Promise<unknown> {
    return isAwaited ? await Conn.connect(guarded) : new SyncConn(guarded);
  }
  async function malformed(): Promise<unknown> {
    const url = "pg://localhost?sslmode=maybe";
    return isAwaited ? await Conn.connect(url) : new SyncConn(url);
  }
  async function pooled(): Promise<unknown> {
    await using pool = world.pool(unreachable);
    return await pool.exec("select 1");
  }
  async function listening(): Promise<unknown> {
    await using pool = world.pool(unreachable);
    return await pool.listen("jobs");
  }
  for (const call of [refused, unauthenticated, malformed, pooled, listening]) {
    const stack = await stackOf(call);
    assert.match(stack, new RegExp(`${call.name}.*stack_test\\.ts`), stack);
  }
});

inEveryWorld("of what fails in a pool's onConnect: the line there, and the caller's", async (world) => {
  let count = 0;
  function setUp(conn: Conn): void {
    if (count++ > 0) void conn.query("select bad");
  }
  async function setUpLater(conn: Conn): Promise<void> {
    if (count++ > 0) await conn.query("select bad");
  }
  const onConnect = world.name === "async" ? setUpLater : setUp;
  await using pool = world.pool(newest.fast, { onConnect, poolMinIdle: 2, poolMaxConcurrency: 2 });
  async function waiting(): Promise<unknown> {
    return await pool.ready();
  }
  async function acquiring(): Promise<unknown> {
    await using _first = await pool.acquire();
    return await pool.acquire();
  }
  async function executing(): Promise<unknown> {
    await using _first = await pool.acquire();
    return await pool.exec("select 1");
  }
  for (const call of [waiting, acquiring, executing, executing]) {
    const stack = await stackOf(call);
    assert.match(stack, /^ServerError: column "bad" does not exist\n/);
    assert.match(stack, new RegExp(`setUp.*stack_test\\.ts[^]*${call.name}.*stack_test\\.ts`), stack);
  }
});

inEveryWorld("of what is found deep inside of pyro", async (world) => {
  await using conn = await world.connect(newest.fast);
  await conn.queryDrop("create temporary table pair (a int4, b int4)");
  async function unbound(): Promise<unknown> {
    return await conn.exec("select $1::int4");
  }
  async function short(): Promise<unknown> {
    return await conn.copyRows("pair", ["a", "b"], [[1]]);
  }
  async function unset(): Promise<unknown> {
    return await conn.tx(() => 1 as never, { settings: { "app.user": undefined as never } });
  }
  async function noSet(): Promise<unknown> {
    return await conn.execBatch("insert into pair values ($1, $2)", [[1]]);
  }
  async function streamed(): Promise<unknown> {
    for await (const _ of conn.stream("select 1 / 0"));
    return undefined;
  }
  // It fails in the middle of the data.
  const copy = "copy (select 1 / (n - 50000) from generate_series(1, 100000) as n) to stdout";
  async function copied(): Promise<unknown> {
    for await (const _ of conn.copyOut(copy));
    return undefined;
  }
  async function copiedOfPool(): Promise<unknown> {
    await using pool = world.pool(newest.fast);
    for await (const _ of pool.copyOut(copy));
    return undefined;
  }
  for (const call of [unbound, short, unset, noSet, streamed, copied, copiedOfPool]) {
    const stack = await stackOf(call);
    assert.match(stack, new RegExp(`${call.name}.*stack_test\\.ts`), stack);
  }
});

test("stack: of a malformed connection string", async () => {
  async function parsed(): Promise<unknown> {
    return await Promise.resolve(new Opts("pg://localhost?sslmode=maybe"));
  }
  assert.match(await stackOf(parsed), /parsed.*stack_test\.ts/);
});

test("stack: how many frames the program keeps stays as it is", async () => {
  const { stackTraceLimit } = Error;
  assert.throws(() => new Opts("pg://localhost?sslmode=maybe"));
  assert.equal(Error.stackTraceLimit, stackTraceLimit);
  try {
    Error.stackTraceLimit = 0;
    assert.doesNotMatch(await stackOf(() => Promise.resolve(new Opts("pg://localhost?sslmode=maybe"))), /\n\s+at /);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
});
