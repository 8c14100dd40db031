/**
 * How failures are played on real servers: a session that fails on command, a proxy that cuts it, and what must hold
 * afterwards.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { type Conn, ConnectionError, Opts } from "../../../mod.ts";
import { FaultProxy } from "../../../src/testing/mod.ts";
import { Conn as BlockingConn } from "../../../sync.ts";
import { attempt } from "../../support/suite/call_bodies.ts";
import { isTurn } from "../../support/suite/extent.ts";
import { newest, type TestServer } from "../../support/suite/servers.ts";
import { test } from "../../support/suite/test.ts";
import { type World, worlds } from "../../support/suite/worlds.ts";
import { FAIL, type Operation, type Scene } from "./operations.ts";

/**
 * What every session has: a table, and a function that does what the setting `pyro.fail` says. A program
 * reads what it is given: else the server fails to write, when the program is the faster one.
 */
const SETUP = `
  create function pg_temp.fail() returns int language plpgsql as $$
  begin
    case coalesce(current_setting('pyro.fail', true), '')
      when 'terminate' then perform pg_terminate_backend(pg_backend_pid());
      when 'kill' then execute 'copy (select 1) to program ''cat >&2; kill -9 $PPID''';
      when 'shutdown' then execute 'copy (select 1) to program ''cat >&2; kill -QUIT $(head -n 1 postmaster.pid)''';
      when 'sleep' then null;
      else return 1;
    end case;
    perform pg_sleep(20);
    return 1;
  end $$;
  create temporary table t (n int, m int default ${FAIL})`;

/** The address of a server's port, with what tells the sessions of a test from others. */
export function address(server: TestServer, port: number, name: string): Opts {
  return new Opts(server.url()).port(port).sslMode("disable").upgradeToUnixSocket(false).applicationName(name);
}

export async function sceneOf(
  world: World,
  opts: Opts,
  operation: Operation,
  extra: Partial<Scene> = {},
): Promise<Scene> {
  const conn = await world.connect(opts);
  opened.push(conn);
  await conn.queryDrop(SETUP);
  const scene: Scene = { world, conn, options: {}, pause: () => {}, ...extra };
  scene.kept = await operation.prepare?.(scene);
  return scene;
}

export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** How a call ends; whatever happens, it does so in time. */
export async function outcome(what: string, call: () => unknown): Promise<Outcome> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what}: hangs` })), DEADLINE);
  try {
    return await Promise.race([late, attempt(call).then((value) => ({ value }), (error: unknown) => ({ error }))]);
  } finally {
    clearTimeout(timer);
  }
}

/** It has failed, because the connection is gone; so does everything after it. */
export async function assertLost(what: string, { conn }: Scene, result: Outcome, pattern?: RegExp): Promise<void> {
  assert.ok("error" in result, `${what}: it succeeded: ${JSON.stringify(result)}`);
  const { error } = result;
  assert.ok(error instanceof ConnectionError, `${what}: ${error instanceof Error ? error.stack : String(error)}`);
  assert.equal(error.connectionLost, true, what);
  if (pattern) assert.match(`${error.message} ${(error.cause as Error | undefined)?.message}`, pattern, what);
  assert.equal(conn.closed, true, what);
  const later = await outcome(`${what}, later`, () => conn.query("select 1"));
  assert.ok("error" in later && later.error instanceof ConnectionError && later.error.safeToRetry, what);
}

/** The session is as it was, but for the statements that it keeps prepared. */
export async function assertClean(what: string, { conn }: Scene): Promise<void> {
  assert.equal(conn.closed, false, what);
  assert.equal(conn.transactionStatus, "idle", what);
  const left = await outcome(`${what}, what is left`, () =>
    conn.queryFirst(`
      select 6 * 7 as answer, (select count(*)::int from pg_cursors) as cursors,
        (select count(*)::int from pg_listening_channels()) as channels`));
  assert.deepEqual(left, { value: { answer: 42, cursors: 0, channels: 0 } }, what);
  const again = await outcome(`${what}, the next`, () => conn.execValue("select $1::text", ["next"]));
  assert.deepEqual(again, { value: "next" }, what);
}

/** Waits until it is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + DEADLINE; !await isSo();) {
    assert.ok(performance.now() < end, `${what}: not so in time`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** No server process of these sessions is left. */
export async function assertGone(server: TestServer, name: string): Promise<void> {
  using admin = new BlockingConn(server.admin);
  const sql = "select count(*)::int from pg_stat_activity where application_name = $1";
  await until(`${name}: sessions end`, () => admin.execValue(sql, [name]) === 0);
}

/** Ends the server process of a session; it is gone when this returns. */
export function terminate(admin: BlockingConn, { conn }: Scene): void {
  assert.equal(admin.execValue("select pg_terminate_backend($1::int)", [conn.id]), true);
  while (admin.execValue("select count(*)::int from pg_stat_activity where pid = $1", [conn.id]) === 1);
}

let serial = 0;

/** The proxy of all tests that use one at a time. */
export function sharedProxy(): Promise<FaultProxy> {
  return proxy ??= FaultProxy.start(newest.port);
}
let proxy: Promise<FaultProxy> | undefined;

/** What a test has opened. */
const opened: Conn[] = [];

/** A test that fails takes no other with it. */
async function cutAll(): Promise<void> {
  (await proxy)?.release();
  for (const conn of opened.splice(0)) await conn.close({ timeout: 1 });
}

/** A name for the sessions of one test. */
export function unique(): string {
  return `pyro-failure-${process.pid}-${++serial}`;
}

/** One test for each world, for each operation in it; in a short run, each on one of the runtimes. */
export function matrix(
  name: string,
  operations: readonly Operation[],
  of: readonly World[],
  body: (world: World, operation: Operation, what: string) => Promise<void>,
): void {
  for (const world of of) {
    for (const [index, operation] of operations.entries()) {
      if (!isTurn(index + name.length + worlds.indexOf(world))) continue;
      const what = `failure: ${operation.name}: ${name} (${world.name})`;
      test(what, async () => {
        try {
          await body(world, operation, what);
        } finally {
          await cutAll();
        }
      });
    }
  }
}

/** The length of an operation's conversation, when nothing happens to it. */
export async function conversationOf(
  world: World,
  opts: Opts,
  operation: Operation,
  what: string,
): Promise<{ readonly up: number; readonly down: number }> {
  const proxy = await sharedProxy();
  const scene = await sceneOf(world, opts, operation);
  proxy.arm();
  assert.deepEqual(await outcome(what, () => operation.run(scene)), { value: operation.gives }, what);
  const { passed } = proxy;
  assert.ok(passed.up > 0 && passed.down > 0, what);
  await assertClean(what, scene);
  await scene.conn.close();
  await until(`${what}: its socket is closed`, () => proxy.open === 0);
  return passed;
}

/** So many numbers below a size, the first and the last among them. */
export function spread(size: number, points: number): number[] {
  const all = Array.from({ length: points }, (_, i) => Math.floor(i * (size - 1) / (points - 1)));
  return [...new Set(all)];
}

/** Milliseconds after which a call counts as hanging. */
const DEADLINE = 10_000;
