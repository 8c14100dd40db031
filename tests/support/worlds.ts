/**
 * The same test body for every world: blocking connections, through each transport that they can
 * have here, and connections that await.
 *
 * Bodies are written as for promises. `await` takes plain values, and `await using` objects that
 * have only `Symbol.dispose`, so a blocking Conn can stand in for an awaiting one.
 */
import { Conn as AsyncConn, Opts, Pool as AsyncPool, type PoolOptions, type Target } from "../../mod.ts";
import { Conn as SyncConn, Pool as SyncPool } from "../../sync.ts";
import { isTurnOf, isWhole } from "./extent.ts";
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

/** Connections with promises. */
export const awaiting: World = {
  name: "async",
  connect: (target) => AsyncConn.connect(target),
  pool: (target, options) => new AsyncPool(target, options),
};

/** All that can be had here. */
export const worlds: readonly World[] = [
  awaiting,
  ...(hasFfi() ? [blocking("ffi")] : []),
  blocking("worker"),
];

/**
 * The servers that a world meets here: all of them. The worker is a transport, to which all servers are
 * the same: where there is another for blocking connections, it meets the newest only. In a short run the
 * other worlds meet one each, on Bun not the same as on Deno and Node.
 */
export function serversOf(world: World): readonly TestServer[] {
  if (world.name === "sync worker" && hasFfi()) return [newest];
  if (isWhole) return servers;
  const index = worlds.indexOf(world) + (runtime === "bun" ? 0 : 1);
  return [servers[index % servers.length]!];
}

/**
 * Runs a body in every world, against every server of it. `since` is the version that has what it is about.
 * In a short run the worker is tried on one of the runtimes, where there is FFI too.
 */
export function conformance(
  name: string,
  body: (world: World, server: TestServer) => Promise<void>,
  since: number = 0,
): void {
  for (const world of worlds) {
    for (const server of serversOf(world)) {
      if (server.major < since) continue;
      if (world.name === "sync worker" && hasFfi() && !isTurnOf(name)) continue;
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
