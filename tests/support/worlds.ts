/**
 * The same test body for every world: blocking connections, through each transport that they can
 * have here, and connections that await.
 *
 * Bodies are written as for promises. `await` takes plain values, and `await using` objects that
 * have only `Symbol.dispose`, so a blocking Conn can stand in for an awaiting one.
 */
import { Conn as AsyncConn, Opts, Pool as AsyncPool, type PoolOptions, type Target } from "../../mod.ts";
import { Conn as SyncConn, Pool as SyncPool } from "../../sync.ts";
import { runtime } from "./runtime.ts";
import { newest, servers, type TestServer } from "./servers.ts";
import { test } from "./test.ts";

/** One way to use pyro. */
export interface World {
  readonly name: "async" | "sync ffi" | "sync worker";
  connect(target: string | Opts): Promise<AsyncConn>;
  /** A pool; functions among the options are to return at once. */
  pool(target: string | Opts, options?: PoolOptions): AsyncPool;
}

/** All that can be had here. */
export const worlds: readonly World[] = [
  {
    name: "async",
    connect: (target) => AsyncConn.connect(target),
    pool: (target, options) => new AsyncPool(target, options),
  },
  ...(hasFfi() ? [blocking("ffi")] : []),
  blocking("worker"),
];

/**
 * Runs a body in every world, against every server. The worker is a transport, to which all servers are
 * the same: where there is another for blocking connections, it meets the newest only. `since` is the
 * version that has what it is about.
 */
export function conformance(
  name: string,
  body: (world: World, server: TestServer) => Promise<void>,
  since: number = 0,
): void {
  for (const server of servers) {
    if (server.major < since) continue;
    for (const world of worlds) {
      if (world.name === "sync worker" && hasFfi() && server !== newest) continue;
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

/** What a blocking call throws, as a rejection. */
async function attempt<T>(work: () => T): Promise<T> {
  return await Promise.resolve().then(work);
}

function hasFfi(): boolean {
  return runtime !== "deno" || Deno.permissions.querySync({ name: "ffi" }).state === "granted";
}

export type { Target };
