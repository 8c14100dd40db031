/** A pool of 10 under 64 callers and all kinds of trouble; and what has to hold then. */
import assert from "node:assert/strict";
import process from "node:process";
import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { Conn, Pool } from "../../mod.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { Random } from "../support/suite/random.ts";
import { Caller, type Soak } from "./caller.ts";
import { Counts } from "./figures.ts";
import { collectGarbage } from "./garbage.ts";
import { Ledger } from "./ledger.ts";
import { News } from "./news.ts";
import { Trouble } from "./trouble.ts";
import { Watch } from "./watch.ts";

/** What to do. */
export interface SoakOptions {
  /** How long, about. */
  readonly seconds: number;
  /** TCP, which can stall, or the Unix socket. */
  readonly way: "tcp" | "unix";
  readonly seed: number;
}

/** Soaks a pool; what was wrong, and figures as lines. */
export async function soak({ seconds, way, seed }: SoakOptions): Promise<{ problems: string[]; figures: string[] }> {
  const server = await PostgresServer.start({ major: 18, settings: { max_connections: "60" } });
  const admin = `pg://postgres@localhost/postgres?socket=${server.socketDirectories[0]}/.s.PGSQL.${server.port}`;
  const proxy = way === "tcp" ? await FaultProxy.start(server.port) : undefined;
  const watch = new Watch();
  const onRejection = (error: unknown): void => watch.wrong(`unhandled rejection: ${(error as Error)?.stack ?? error}`);
  process.on("unhandledRejection", onRejection);
  try {
    const port = proxy?.port ?? server.port;
    const pool = new Pool(`pg://postgres@127.0.0.1:${port}/postgres?application_name=soak`, {
      poolMaxConcurrency: SIZE,
      poolAcquireTimeout: ACQUIRE,
      poolMaxLifetime: 5000,
      poolLeakTimeout: 60_000,
      onLeak: ({ kind, milliseconds }) => watch.wrong(`a leak: ${kind}, after ${milliseconds} ms`),
    });
    const ledger = new Ledger();
    {
      await using conn = await Conn.connect(admin);
      await ledger.create(conn);
    }
    const random = new Random(seed);
    const trouble = new Trouble(server, proxy, admin, random);
    const news = [0, 1, 2].map((n) => new News(`soak_${n}`, watch));
    const common: Soak = { pool, watch, ledger, news, unlimited: ACQUIRE + LONGEST_TROUBLE };

    const listening = new AbortController();
    const listeners = news.map((one) =>
      one.listen(pool, listening.signal).catch((error) => watch.wrong(`${one.channel}: ${error.stack}`))
    );
    // Nothing is sent before somebody listens.
    await pause(300);

    const memory: Memory[] = [];
    const rounds = Math.max(1, Math.round(seconds / LONGEST_ROUND));
    let isOver = false;
    const callers = Array.from({ length: CALLERS }, async (_, n) => {
      const caller = new Caller(common, new Random(seed * 1000 + n));
      while (!isOver) await caller.next();
    });
    const begun = performance.now();
    // What is loaded and compiled the first time is no growth.
    const warm = pause(seconds * 1000 / rounds / 3).then(() => memory.push(memoryNow()));
    try {
      for (let round = 0; round < rounds; round++) await trouble.round(seconds * 1000 / rounds);
    } finally {
      isOver = true;
    }
    await warm;
    if (!await settles(Promise.all(callers), ACQUIRE + LONGEST_TROUBLE)) {
      throw new Error(`Callers are not done: ${watch.pending.join(", ")}; ${JSON.stringify(pool.stats())}`);
    }
    const duration = (performance.now() - begun) / 1000;

    await check(
      "the last notifications come",
      watch,
      () => assert.deepEqual(news.flatMap((one) => one.missing), []),
    );
    listening.abort();
    await settles(Promise.all(listeners), 5000) || watch.wrong("listeners have not ended");
    const during = pool.stats();
    const transports = await serves(pool, watch);
    await using conn = await Conn.connect(admin);
    await isTidy(pool, conn, watch);
    const entries = await ledger.check(conn, watch);
    await pause(100);
    memory.push(memoryNow());
    if (!await settles(pool.close(), 10_000)) watch.wrong("the pool does not close");
    await check("no connection is left", watch, async () => assert.equal((await sessions(conn)).length, 0));

    const [first, last] = memory as [Memory, Memory];
    const growth = last.heap - first.heap;
    if (growth > GROWTH) watch.wrong(`the heap has grown by ${mib(growth)} in ${watch.latencies.count} calls`);
    if (watch.done.sum >= ENOUGH) {
      for (const kind of KINDS) if (watch.done.of(kind) === 0) watch.wrong(`no ${kind} was ever done`);
    }
    if (trouble.kills === 0 || watch.failed.sum === 0) watch.wrong("there was no trouble");
    const milliseconds = (part: number): string => watch.latencies.quantile(part).toFixed(part < 0.999 ? 1 : 0);
    return {
      problems: watch.problems,
      figures: [
        `calls         ${watch.latencies.count} in ${
          duration.toFixed(0)
        } s by ${CALLERS} callers, at most ${SIZE} connections`,
        `done          ${watch.done}`,
        `failed        ${watch.failed}`,
        `latency, ms   50%: ${milliseconds(0.5)}, 99%: ${milliseconds(0.99)}, 99.9%: ${milliseconds(0.999)}, longest: ${
          watch.latencies.max.toFixed(0)
        }`,
        `deadlines     latest end ${watch.latest.toFixed(0)} ms after the deadline`,
        `trouble       ${trouble.kills} backends killed, ${trouble.restarts} restarts, ${trouble.stalls} stalls`,
        `connections   ${during.opened} opened, ${during.closed} closed, ${during.failed} attempts failed; in the end by ${transports}`,
        `ledger        ${entries}`,
        `notifications ${news.map(({ heard, gaps }) => `${heard} heard with ${gaps} gaps`).join("; ")}`,
        `memory        heap ${mib(first.heap)} to ${mib(last.heap)}, resident ${mib(first.resident)} to ${
          mib(last.resident)
        }`,
      ],
    };
  } finally {
    watch.stop();
    process.off("unhandledRejection", onRejection);
    await proxy?.[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  }
}

/** The pool serves again, with all its connections; by which way. */
async function serves(pool: Pool, watch: Watch): Promise<string> {
  await check("the pool comes to rest", watch, () => {
    const { leased, opening, waiting } = pool.stats();
    assert.deepEqual({ leased, opening, waiting }, { leased: 0, opening: 0, waiting: 0 });
  });
  const transports = new Counts();
  const served = Promise.all(Array.from({ length: 5 * SIZE }, async (_, n) => {
    await using conn = await pool.acquire();
    assert.equal(await conn.execValue("select $1::int4 from pg_sleep(0.05)", [n]), n);
    transports.add(conn.transport);
  }));
  if (!await settles(served, 10_000)) watch.wrong(`it does not serve: ${JSON.stringify(pool.stats())}`);
  return String(transports);
}

/** The pool has its size, its figures agree, and the server sees the same connections, with nothing open. */
async function isTidy(pool: Pool, conn: Conn, watch: Watch): Promise<void> {
  await check("the pool has its size and nothing is open", watch, async () => {
    // Those that were opened at once come to the end of their lives at nearly the same time.
    const stats = pool.stats();
    const { size, idle, leased, opening, waiting, max } = stats;
    assert.deepEqual({ leased, opening, waiting, max }, { leased: 0, opening: 0, waiting: 0, max: SIZE });
    assert.ok(size === idle && idle <= SIZE && idle > 0, JSON.stringify(stats));
    assert.equal(stats.opened - stats.closed, size, JSON.stringify(stats));
    assert.ok(stats.waited <= stats.acquired + stats.refused, JSON.stringify(stats));
    const states = await sessions(conn);
    assert.deepEqual(states, Array.from({ length: pool.stats().size }, () => "idle"));
    const sql =
      "select count(*)::int4 from pg_locks l join pg_stat_activity a using (pid) where application_name = 'soak'";
    assert.equal(await conn.execValue(sql), 0, "locks are held");
  });
}

/** What the pool's sessions do, as the server sees it. */
async function sessions(conn: Conn): Promise<string[]> {
  const rows = await conn.query<{ state: string }>(
    "select state from pg_stat_activity where application_name = 'soak'",
  );
  return rows.map(({ state }) => state);
}

/** What has to become true in a while. */
async function check(what: string, watch: Watch, test: () => void | Promise<void>): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await test();
    } catch (error) {
      if (attempt === 100) return watch.wrong(`${what}: ${(error as Error).message}`);
      await pause(100);
    }
  }
}

async function settles(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const over = new AbortController();
  const late = pause(milliseconds, false, { signal: over.signal }).catch(() => false);
  const settled = await Promise.race([promise.then(() => true), late]);
  over.abort();
  return settled;
}

interface Memory {
  readonly heap: number;
  readonly resident: number;
}

function memoryNow(): Memory {
  collectGarbage();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, resident: rss };
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

const CALLERS = 64;
const SIZE = 10;
const MIB = 0x10_0000;
const GROWTH = 16 * MIB;
/** Seconds between the same troubles. */
const LONGEST_ROUND = 30;
/** Milliseconds: the pool's limit, and how long the server may be away without anybody giving up. */
const ACQUIRE = 8000;
const LONGEST_TROUBLE = 6000;
/** So many calls that every kind must be among them. On a busy machine there are fewer. */
const ENOUGH = 5000;

const KINDS = [
  "exec",
  "exec without limit",
  "query",
  "tx",
  "stream",
  "execBatch",
  "copyIn",
  "copyOut",
  "notify",
  "listen",
  "acquire",
  "acquired",
  "release",
  "slow",
  "refused",
];
