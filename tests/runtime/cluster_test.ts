/** A pool over a primary and two standbys, on real servers; `deno task soak --cluster` is the long version. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { type Pool, ServerError } from "../../mod.ts";
import { soakCluster } from "../soak/cluster.ts";
import { Cluster } from "../support/installed/cluster.ts";
import { isTurn, isWhole } from "../support/suite/extent.ts";
import { setting } from "../support/suite/skips.ts";
import { test } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

/** Tries until it succeeds: after a failover, a first call may fail. */
async function eventually<T>(call: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 100) throw error;
      await pause(100);
    }
  }
}

/** Checks that the server refuses to write. */
async function refuses(write: () => unknown): Promise<void> {
  await assert.rejects(
    async () => await write(),
    (error) => error instanceof ServerError && error.code === "25006",
  );
}

/** The port of the server that a pool, or a view, has reached. */
function portOf(pool: Pick<Pool, "execValue">): Promise<unknown> {
  return Promise.resolve(pool.execValue("select inet_server_port()"));
}

/** What a pool does on a cluster whose primary is switched over. */
async function follow(world: World, major: 14 | 18): Promise<void> {
  await using cluster = await Cluster.start({ major, isSynchronous: false });
  const ports = cluster.nodes.map(({ server }) => server.port);
  const query = "host_recheck=1&connect_timeout=10";
  await using pool = world.pool(`pg://postgres@${cluster.hosts}/postgres?${query}`, { poolMaxConcurrency: 4 });
  await pool.queryDrop("create table ledger (n int4)");
  assert.equal(await portOf(pool), ports[0]);

  const after = await pool.position();
  for (const target of ["standby", "prefer-standby", "read-only"] as const) {
    const view = pool.withTarget(target, { after, wait: 10_000 });
    assert.ok(ports.slice(1).includes(await portOf(view) as number), target);
    assert.equal(await view.execValue("select count(*) from ledger"), 0n);
  }
  await refuses(() => pool.withTarget("standby").queryDrop("insert into ledger values (0)"));
  assert.equal(await portOf(pool.withTarget("primary")), ports[0]);
  // What no standby has reached is read from the primary.
  assert.equal(await portOf(pool.withTarget("standby", { after: "FFFFFFFF/0" })), ports[0]);

  await refuses(() => pool.tx((tx) => tx.execDrop("insert into ledger values (0)"), { readOnly: true }));
  const kept = pool.stats().closed;
  assert.equal(await portOf(pool), ports[0]);
  assert.equal(pool.stats().closed, kept, "a read-only transaction says nothing of the server");
  // A name or a proxy may lead to a server that was demoted.
  await using demoted = world.pool(`pg://postgres@${cluster.host(2)}/postgres`);
  await eventually(() => demoted.query("select from ledger"));
  await refuses(() => demoted.execDrop("insert into ledger values (0)"));
  await demoted.ping();
  const { opened, closed } = demoted.stats();
  assert.deepEqual({ opened, closed }, { opened: 2, closed: 1 });

  await cluster.nodes[0]!.server.stop("fast");
  await cluster.promote(1);
  await eventually(() => pool.tx((tx) => tx.execDrop("insert into ledger values (1)"), { retries: 3 }));
  assert.equal(await portOf(pool), ports[1]);
  await eventually(async () => assert.equal(await portOf(pool.withTarget("standby")), ports[2]));
  const roles = pool.stats().hosts?.map(({ role }) => role);
  assert.equal(roles?.[1], "primary");
  assert.equal(roles?.[2], "standby");
}

/** A commit that waits for a synchronous standby, and is given up, is in doubt. */
async function commitWithoutStandby(world: World): Promise<void> {
  await using cluster = await Cluster.start({ major: 14 });
  for (const { server } of cluster.nodes.slice(1)) await server.stop("immediate");
  await using conn = await world.connect(`pg://postgres@${cluster.host(0)}/postgres`);
  const tx = await conn.begin();
  await tx.queryDrop("create table ledger (n int4)");
  await assert.rejects(
    async () => await tx.commit({ timeout: 300 }),
    (error) => error instanceof ServerError && error.severity === "WARNING" && error.outcome === "unknown",
  );
  assert.equal(conn.closed, false);
  assert.equal(await conn.execValue("select count(*) from ledger"), 0n);
}

/** The tests, and the number of the runtime that has each in a short run; undefined for none. */
const TESTS: readonly (readonly [turn: number | undefined, name: string, body: () => Promise<void>])[] = [
  [0, "32 callers, a switchover, a silent host and a failover (PostgreSQL 18)", () => soak(18)],
  [undefined, "32 callers, a switchover, a silent host and a failover (PostgreSQL 14)", () => soak(14)],
  ...worlds.flatMap((world) => [
    [
      world.name === "sync worker" ? 2 : 1,
      `a pool follows its primary, and reads from standbys (${world.name})`,
      () => follow(world, world.name === "async" ? 18 : 14),
    ] as const,
    [
      world.name === "async" ? 2 : undefined,
      `a commit that no standby has is in doubt (${world.name})`,
      () => commitWithoutStandby(world),
    ] as const,
  ]),
];

// A process with no permission but net may not start servers.
for (const [turn, name, body] of setting === "deno-net" ? [] : TESTS) {
  if (isWhole || (turn !== undefined && isTurn(turn))) test(`cluster: ${name}`, body);
}

async function soak(major: 14 | 18): Promise<void> {
  const { problems, figures } = await soakCluster({ major, rounds: 1, isWhole: false });
  assert.deepEqual(problems, [], figures.join("\n"));
}
