/**
 * A pool over a primary and two standbys, whose callers write numbered rows and read them back while servers are
 * switched over, killed and cut off; and what has to hold then. Nothing that was acknowledged is lost, nothing that was
 * not is there, each call ends in time, and the pool is at its size on the new primary.
 */
import { setTimeout as pause } from "node:timers/promises";
import { Pool, PyroError } from "../../mod.ts";
import { Cluster } from "../support/installed/cluster.ts";
import type { Major } from "../support/installed/postgres.ts";

/** What to do. */
export interface ClusterSoakOptions {
  readonly major: Major;
  /** How often everything happens. */
  readonly rounds: number;
  /** Whether crashed servers are replaced, and all servers restarted, too. */
  readonly isWhole: boolean;
}

/** Soaks a pool over a cluster; what was wrong, and figures as lines. */
export async function soakCluster(options: ClusterSoakOptions): Promise<{ problems: string[]; figures: string[] }> {
  await using cluster = await Cluster.start({ major: options.major, delay: 100 });
  const load = new Load(cluster);
  await load.begin();
  try {
    for (let round = 0; round < options.rounds; round++) await playRound(cluster, load, options.isWhole);
  } finally {
    await load.end();
  }
  await load.check();
  return { problems: load.problems, figures: load.figures };
}

async function playRound(cluster: Cluster, load: Load, isWhole: boolean): Promise<void> {
  const primary = load.primary;
  await load.during("switchover", async () => {
    await cluster.nodes[primary]!.server.stop("fast");
    const next = await cluster.mostAdvanced();
    await cluster.promote(next);
    return next;
  });
  await cluster.rejoin(primary, load.primary);
  await cluster.synchronize(load.primary);
  if (isWhole) await rollingRestart(cluster, load);
  const silent = load.primary;
  await load.during("silence and failover", async () => {
    cluster.nodes[silent]!.proxy.stall(true);
    await pause(1000);
    await cluster.nodes[silent]!.server.kill();
    const next = await cluster.mostAdvanced();
    await cluster.promote(next);
    return next;
  });
  cluster.nodes[silent]!.proxy.stall(false);
  if (!isWhole) return;
  await cluster.replace(silent, load.primary);
  const killed = load.primary;
  await load.during("crash and failover", async () => {
    await cluster.nodes[killed]!.server.kill();
    const next = await cluster.mostAdvanced();
    await cluster.promote(next);
    return next;
  });
  await cluster.replace(killed, load.primary);
}

/** Restarts the standbys one after the other, and then the primary. */
async function rollingRestart(cluster: Cluster, load: Load): Promise<void> {
  const { primary } = load;
  for (const [index, { server }] of cluster.nodes.entries()) {
    if (index === primary) continue;
    await load.during("restart of a standby", async () => {
      await server.stop("fast");
      await server.resume();
      return primary;
    });
    await cluster.synchronize(primary);
  }
  await load.during("restart of the primary", async () => {
    const { server } = cluster.nodes[primary]!;
    await server.stop("fast");
    await server.resume();
    return primary;
  });
}

/** What became of a row: it was acknowledged, its outcome is unknown, or it was refused. */
type Fate = "acknowledged" | "unknown" | "undone";

/** The callers of the pool, and what they have seen. */
class Load {
  readonly problems: string[] = [];
  readonly figures: string[] = [];
  /** The node that is the primary. */
  primary = 0;
  readonly #cluster: Cluster;
  readonly #pool: Pool;
  readonly #fates: Fate[] = [];
  readonly #callers: Promise<void>[] = [];
  /** When each caller has written last. */
  readonly #written: number[] = Array.from({ length: CALLERS }, () => 0);
  #reads = 0;
  #isOver = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const query = "host_recheck=1&connect_timeout=10&application_name=soak";
    this.#pool = new Pool(`pg://postgres@${cluster.hosts}/postgres?${query}`, {
      poolMaxConcurrency: SIZE,
      poolAcquireTimeout: LIMIT,
    });
  }

  async begin(): Promise<void> {
    await this.#cluster.ask(this.primary, "create table ledger (row int4, caller int4)", "create table beat (n int4)");
    for (let caller = 0; caller < CALLERS; caller++) this.#callers.push(this.#call(caller));
    await this.#recovered("start", performance.now());
  }

  /** Does something to the cluster, which gives the primary afterwards, and waits until all callers write again. */
  async during(what: string, act: () => Promise<number>): Promise<void> {
    this.primary = await act();
    // What the cluster itself takes is no matter of the pool's.
    await this.#cluster.ask(this.primary, "insert into beat values (1)");
    await this.#recovered(what, performance.now());
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
  }

  /** Compares the rows with what was acknowledged. */
  async check(): Promise<void> {
    const found = await this.#cluster.ask(this.primary, "select row, count(*)::int4 as n from ledger group by row");
    const counts = new Map(found.map(({ row, n }) => [Number(row), Number(n)]));
    for (const [row, fate] of this.#fates.entries()) {
      const count = counts.get(row) ?? 0;
      if (fate === "acknowledged" && count !== 1) {
        this.problems.push(`row ${row} was acknowledged, and is there ${count} times`);
      }
      if (fate === "undone" && count !== 0) this.problems.push(`row ${row} was undone, and is there`);
      if (count > 1) this.problems.push(`row ${row} is there ${count} times`);
    }
    const count = (fate: Fate): number => this.#fates.filter((one) => one === fate).length;
    this.figures.push(
      `rows   ${count("acknowledged")} acknowledged, ${count("unknown")} unknown, ${count("undone")} undone`,
      `reads  ${this.#reads} of one's own rows`,
      `pool   ${JSON.stringify(this.#pool.stats())}`,
    );
    await this.#pool.close();
  }

  async #call(caller: number): Promise<void> {
    while (!this.#isOver) {
      const row = this.#fates.push("undone") - 1;
      const fate = await this.#inTime(`write of ${row}`, () => this.#write(row, caller));
      this.#fates[row] = fate;
      if (fate !== "acknowledged") continue;
      this.#written[caller] = performance.now();
      await this.#inTime(`read of ${row}`, () => this.#read(row));
      await pause(5);
    }
  }

  async #write(row: number, caller: number): Promise<Fate> {
    try {
      const options = { timeout: LIMIT, retries: 3, resolveUnknown: caller % 2 === 1 };
      await this.#pool.tx((tx) => tx.execDrop("insert into ledger values ($1, $2)", [row, caller]), options);
      return "acknowledged";
    } catch (error) {
      if (!(error instanceof PyroError)) throw error;
      return error.outcome === "unknown" ? "unknown" : "undone";
    }
  }

  /** Reads a row that was acknowledged. The call may fail, but must not miss the row. */
  async #read(row: number): Promise<void> {
    try {
      const after = await this.#pool.position({ timeout: LIMIT });
      const reader = this.#pool.withTarget("prefer-standby", { after, wait: 50 });
      const sql = "select count(*)::int4 from ledger where row = $1";
      const found = await reader.execValue(sql, [row], { timeout: LIMIT });
      if (found !== 1) this.problems.push(`row ${row} was not seen behind ${after}`);
      this.#reads++;
    } catch (error) {
      if (!(error instanceof PyroError)) throw error;
    }
  }

  async #inTime<T>(what: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const result = await work();
    const taken = performance.now() - startedAt;
    // A cancel request may take two seconds, and a machine under load some more.
    if (taken > 2 * LIMIT + 5000) this.problems.push(`${what} took ${Math.round(taken)} ms`);
    return result;
  }

  /** Waits until every caller has written, and the pool is at its size on the primary. */
  async #recovered(what: string, since: number): Promise<void> {
    const host = this.#cluster.host(this.primary);
    let first = Infinity;
    for (;;) {
      const at = performance.now() - since;
      if (first === Infinity && Math.max(...this.#written) > since) first = at;
      const { hosts = [] } = this.#pool.stats();
      const known = hosts.find((one) => one.host === host);
      const hasMoved = known?.role === "primary" && known.size >= SIZE / 4;
      if (this.#written.every((time) => time > since) && hasMoved) {
        this.figures.push(
          `${what}: the first row after ${Math.round(first)} ms, one of each caller after ${Math.round(at)} ms`,
        );
        return;
      }
      if (at > RECOVERY) {
        const stats = JSON.stringify(this.#pool.stats());
        this.problems.push(
          `${what}: not all callers write again after ${RECOVERY} ms, with ${host} as the primary: ${stats}`,
        );
        return;
      }
      await pause(10);
    }
  }
}

const CALLERS = 32;
const SIZE = 16;
/** Milliseconds that a call may take. */
const LIMIT = 2000;
/** Milliseconds until all callers write again, at the latest. */
const RECOVERY = 20_000;
