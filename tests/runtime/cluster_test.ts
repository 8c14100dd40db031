/** A pool over a primary and two standbys, on real servers; `deno task soak --cluster` is the long version. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Pool, ServerError } from "../../mod.ts";
import { soakCluster } from "../soak/cluster.ts";
import { Cluster } from "../support/installed/cluster.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { isTurn, isWhole } from "../support/suite/extent.ts";
import { asTestServer } from "../support/suite/servers.ts";
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

/** One cluster, whose primary is switched over to and fro, for a pool of each world. */
async function followInAll(worlds: readonly World[], major: 14 | 18): Promise<void> {
  await using cluster = await Cluster.start({ major, isSynchronous: false });
  for (const [i, world] of worlds.entries()) {
    const [primary, next] = i % 2 === 0 ? [0, 1] : [1, 0];
    if (i > 0) await cluster.rejoin(next!, primary!);
    await follow(world, cluster, primary!, next!);
  }
}

/** What a pool does on a cluster whose primary is switched over to the node `next`. */
async function follow(world: World, cluster: Cluster, primary: number, next: number): Promise<void> {
  const ports = cluster.nodes.map(({ server }) => server.port);
  const query = "host_recheck=1&connect_timeout=10";
  await using pool = world.pool(`pg://postgres@${cluster.hosts}/postgres?${query}`, { poolMaxConcurrency: 4 });
  await pool.queryDrop("drop table if exists ledger; create table ledger (n int4)");
  assert.equal(await portOf(pool), ports[primary]);

  let after = await pool.position();
  await pool.tx((tx) => tx.execDrop("insert into ledger values (7)"), { onPosition: (position) => after = position });
  for (const target of ["standby", "prefer-standby", "read-only"] as const) {
    const view = pool.withTarget(target, { after, wait: 10_000 });
    assert.ok(ports.toSpliced(primary, 1).includes(await portOf(view) as number), target);
    assert.equal(await view.execValue("select count(*) from ledger where n = 7"), 1n);
  }
  await refuses(() => pool.withTarget("standby").queryDrop("insert into ledger values (0)"));
  assert.equal(await portOf(pool.withTarget("primary")), ports[primary]);
  // What no standby has reached is read from the primary.
  assert.equal(await portOf(pool.withTarget("standby", { after: "FFFFFFFF/0" })), ports[primary]);

  await refuses(() => pool.tx((tx) => tx.execDrop("insert into ledger values (0)"), { readOnly: true }));
  const kept = pool.stats().closed;
  assert.equal(await portOf(pool), ports[primary]);
  assert.equal(pool.stats().closed, kept, "a read-only transaction says nothing of the server");
  // A name or a proxy may lead to a server that was demoted.
  await using demoted = world.pool(`pg://postgres@${cluster.host(2)}/postgres`);
  await eventually(() => demoted.query("select from ledger"));
  await refuses(() => demoted.execDrop("insert into ledger values (0)"));
  await demoted.ping();
  const { opened, closed } = demoted.stats();
  assert.deepEqual({ opened, closed }, { opened: 2, closed: 1 });

  await cluster.nodes[primary]!.server.stop("fast");
  await cluster.promote(next);
  await eventually(() => pool.tx((tx) => tx.execDrop("insert into ledger values (1)"), { retries: 3 }));
  assert.equal(await portOf(pool), ports[next]);
  await eventually(async () => assert.equal(await portOf(pool.withTarget("standby")), ports[2]));
  const roles = pool.stats().hosts?.map(({ role }) => role);
  assert.equal(roles?.[next], "primary");
  assert.equal(roles?.[2], "standby");
}

/** A commit that waits for a synchronous standby, which is not there, and is given up, is in doubt. */
async function commitWithoutStandby(world: World): Promise<void> {
  await using server = await PostgresServer.start({ major: 14, settings: { synchronous_standby_names: "nobody" } });
  await using conn = await world.connect(asTestServer(server).admin);
  const tx = await conn.begin();
  await tx.queryDrop("create table ledger (n int4)");
  await assert.rejects(
    async () => await tx.commit({ timeout: 300 }),
    (error) => error instanceof ServerError && error.severity === "WARNING" && error.outcome === "unknown",
  );
  assert.equal(conn.closed, false);
  assert.equal(await conn.execValue("select count(*) from ledger"), 0n);
}

/** The answer to COMMIT is lost with the primary: first one that no standby has, then one that a standby has. */
async function resolveFailover(major: 14 | 18): Promise<void> {
  await using cluster = await Cluster.start({ major, isSynchronous: false });
  await using pool = new Pool(`pg://postgres@${cluster.hosts}/postgres?host_recheck=1&connect_timeout=10`);
  await pool.queryDrop(`create table ledger (n int4);
    create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return null; end $$;
    create constraint trigger slow after insert on ledger deferrable initially deferred
      for each row execute function slow()`);
  const options = { resolveUnknown: true, retries: 3, timeout: 60_000 };
  const stall = (isStalled: boolean): void => {
    for (const { proxy } of cluster.nodes) proxy.stall(isStalled);
  };
  const expect = (index: number, sql: string): Promise<void> =>
    eventually(async () => assert.deepEqual(await cluster.ask(index, sql), [{ n: 1 }], sql));
  /** Inserts a row, and loses the answer to COMMIT. `fail` is called while nothing passes the proxies. */
  const insert = async (n: number, primary: number, fail: (id: string) => Promise<void>): Promise<number> => {
    let runs = 0;
    let failing: Promise<void> | undefined;
    const fall = async (id: string): Promise<void> => {
      await expect(primary, "select 1 as n from pg_stat_activity where query = 'COMMIT' and state = 'active'");
      stall(true);
      await expect(primary, `select count(*)::int4 as n from ledger where n = ${n}`);
      await fail(id);
      stall(false);
    };
    const result = await pool.tx(async (tx) => {
      const id = await tx.execValue<string>("select pg_current_xact_id()::text");
      await tx.execDrop("insert into ledger values ($1)", [n]);
      if (runs++ > 0) return `row ${n}`;
      // Another commit flushes the beginning of this transaction, and the server says so before COMMIT.
      await cluster.ask(primary, "create table other ()", "drop table other");
      cluster.nodes[primary]!.proxy.arm({ direction: "down", after: FLUSH_ANSWER, then: "reset" });
      failing = fall(id!);
      return `row ${n}`;
    }, options);
    assert.equal(result, `row ${n}`);
    await failing;
    assert.deepEqual(await pool.query(`select n from ledger where n = ${n}`), [{ n }]);
    return runs;
  };

  const [, ...standbys] = cluster.nodes.keys();
  for (const i of standbys) await cluster.stopStreaming(i);
  const lostRuns = await insert(1, 0, async (id) => {
    await cluster.nodes[0]!.server.kill();
    await cluster.promote(1);
    // Its ID is used again, by a transaction that commits.
    for (let used = 0n; used < BigInt(id);) {
      const [row] = await cluster.ask(1, "select pg_current_xact_id()::text as id");
      used = BigInt(row!.id as string);
    }
  });
  assert.equal(lostRuns, 2, "what no standby has is run again");

  const keptRuns = await insert(2, 1, async () => {
    await expect(2, "select count(*)::int4 as n from ledger where n = 2");
    await cluster.nodes[1]!.server.kill();
    await cluster.ask(2, "select pg_promote(true, 60)");
  });
  assert.equal(keptRuns, 1, "what a standby has was done");
}

/** The bytes of the answer to the question that comes before COMMIT: up to its ReadyForQuery. */
const FLUSH_ANSWER = 90;

/** The tests, and the number of the runtime that has each in a short run; undefined for none. */
const TESTS: readonly (readonly [turn: number | undefined, name: string, body: () => Promise<void>])[] = [
  [0, "32 callers, a switchover, a silent host and a failover (PostgreSQL 18)", () => soak(18)],
  [undefined, "32 callers, a switchover, a silent host and a failover (PostgreSQL 14)", () => soak(14)],
  [2, "a failover settles what became of a COMMIT (PostgreSQL 18)", () => resolveFailover(18)],
  [undefined, "a failover settles what became of a COMMIT (PostgreSQL 14)", () => resolveFailover(14)],
  // The worker is a transport, to which hosts make no difference.
  [1, "pools follow their primary, and read from standbys (PostgreSQL 18)", () => followInAll(worlds.slice(0, 2), 18)],
  [undefined, "pools follow their primary, and read from standbys (PostgreSQL 14)", () => followInAll(worlds, 14)],
  ...worlds.map((world) =>
    [
      world.name === "async" ? 2 : undefined,
      `a commit that no standby has is in doubt (${world.name})`,
      () => commitWithoutStandby(world),
    ] as const
  ),
];

// A process with no permission but net may not start servers.
for (const [turn, name, body] of setting === "deno-net" ? [] : TESTS) {
  if (isWhole || (turn !== undefined && isTurn(turn))) test(`cluster: ${name}`, body);
}

async function soak(major: 14 | 18): Promise<void> {
  const { problems, figures } = await soakCluster({ major, rounds: 1, isWhole: false });
  assert.deepEqual(problems, [], figures.join("\n"));
}
