/**
 * Runs a test body in every world: blocking connections, through each transport that is possible here,
 * and connections that await.
 *
 * Bodies are written as for promises. `await` accepts plain values, and `await using` objects with only
 * `Symbol.dispose`, so a blocking Conn can replace an awaiting one.
 */
import assert from "node:assert/strict";
import { Conn as AsyncConn, Opts, Pool as AsyncPool, type PoolOptions, type Target } from "../../../mod.ts";
import { Conn as SyncConn, Pool as SyncPool } from "../../../sync.ts";
import { isTurnOf, isWhole } from "./extent.ts";
import { runtime } from "./runtime.ts";
import { newest, servers, type TestServer } from "./servers.ts";
import { test } from "./test.ts";

/** One way to use pyro. */
export interface World {
  readonly name: "async" | "sync ffi" | "sync worker";
  connect(target: string | Opts): Promise<AsyncConn>;
  /** A pool. Callbacks among the options must be synchronous. */
  pool(target: string | Opts, options?: PoolOptions): AsyncPool;
}

/** Connections with promises. */
export const awaiting: World = {
  name: "async",
  connect: (target) => AsyncConn.connect(target),
  pool: (target, options) => new AsyncPool(target, options),
};

/** The error of connecting, which must fail. */
export async function failureOf(world: World, opts: Opts): Promise<Error> {
  let conn: AsyncConn;
  try {
    conn = await world.connect(opts);
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  await conn.close();
  assert.fail("it has connected");
}

/** All worlds that are possible here. */
export const worlds: readonly World[] = [
  awaiting,
  ...(hasFfi() ? [blocking("ffi")] : []),
  blocking("worker"),
];

/**
 * The servers that a world is tested with here: all of them. For the worker, a transport, all servers are
 * the same: if blocking connections have another transport too, it is tested with the newest server only.
 * In a short run, each other world is tested with one server, on Bun not the same as on Deno and Node.
 */
export function serversOf(world: World): readonly TestServer[] {
  if (world.name === "sync worker" && hasFfi()) return [newest];
  if (isWhole) return servers;
  const index = worlds.indexOf(world) + (runtime === "bun" ? 0 : 1);
  return [servers[index % servers.length]!];
}

/** The worlds that something is tested in here; in a short run, each blocking transport on one of the runtimes. */
export function worldsOf(name: string): readonly World[] {
  return worlds.filter((world) => world.name === "async" || !hasFfi() || isTurnOf(name + world.name));
}

/** What is tried in a world, with a server. */
type Body = (world: World, server: TestServer) => Promise<void>;

/**
 * Runs a body in every world, with every server of it. `since` is the first version with the tested
 * feature.
 */
export function conformance(name: string, body: Body, since: number = 0): void {
  runIn(worldsOf(name), name, body, since);
}

/**
 * The same for what depends on the server, or is long, but not on the runtime: a short run tries it on one of them, in
 * all worlds.
 */
export function conformanceInTurn(name: string, body: Body, since: number = 0): void {
  if (isTurnOf(name)) runIn(worlds, name, body, since);
}

function runIn(worlds: readonly World[], name: string, body: Body, since: number): void {
  for (const world of worlds) {
    for (const server of serversOf(world)) {
      if (server.major < since) continue;
      test(`${name} (${world.name}, PostgreSQL ${server.major})`, () => body(world, server));
    }
  }
}

function blocking(transport: "ffi" | "worker"): World {
  return {
    name: `sync ${transport}`,
    connect: (target) => attempt(() => new SyncConn(opts(target).blockingTransport(transport)) as unknown as AsyncConn),
    pool: (target, options) =>
      new SyncPool(opts(target).blockingTransport(transport), options as never) as unknown as AsyncPool,
  };
}

function opts(target: string | Opts): Opts {
  return typeof target === "string" ? new Opts(target) : target;
}

/** An error of a blocking call, as a rejection. */
async function attempt<T>(work: () => T): Promise<T> {
  return await Promise.resolve().then(work);
}

function hasFfi(): boolean {
  return runtime !== "deno" || Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

export type { Target };
