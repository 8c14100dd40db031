/** Tests that replace the clock and the timers of the program by fakes: pyro's calls end nevertheless. */
import assert from "node:assert/strict";
import process from "node:process";
import type { Conn, Pool } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, type World, worldsOf } from "../support/suite/worlds.ts";

/** What `jest.useFakeTimers()` and others like it replace by fakes. */
const FAKED = ["setTimeout", "clearTimeout", "setImmediate", "queueMicrotask", "performance", "Date"] as const;

const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = globalThis;
/** Milliseconds that no call here takes. */
const LIMIT = 20_000;

/** Calls a function while time stands still and no timer fires. */
async function inFakeTime<T>(body: () => T | Promise<T>): Promise<T> {
  const real = FAKED.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
  let limit: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    limit = realSetTimeout(() => reject(new Error("the call waits for ever")), LIMIT);
  });
  const fakes: Record<typeof FAKED[number], unknown> = {
    setTimeout: () => 1,
    clearTimeout() {},
    setImmediate: () => 1,
    queueMicrotask() {},
    performance: { now: () => 0, timeOrigin: 0 },
    Date: class extends Date {
      static override now = (): number => 0;
    },
  };
  for (const name of FAKED) {
    Object.defineProperty(globalThis, name, { value: fakes[name], configurable: true, writable: true });
  }
  const { hrtime } = process;
  process.hrtime = Object.assign((): [number, number] => [0, 0], { bigint: () => 0n });
  try {
    return await Promise.race([(async () => await body())(), late]);
  } finally {
    FAKED.forEach((name, index) => Object.defineProperty(globalThis, name, real[index]!));
    process.hrtime = hrtime;
    realClearTimeout(limit);
  }
}

const CALLS: Readonly<Record<string, (conn: Conn) => unknown>> = {
  exec: async (conn) => assert.equal(await conn.execValue("select $1::int4", [1]), 1),
  "a timeout": async (conn) => {
    const asleep = (async () => await conn.execValue("select pg_sleep(10)", [], { timeout: 100 }))();
    await assert.rejects(asleep, { name: "TimeoutError" });
  },
  copyRows: async (conn) => {
    await conn.queryDrop("create temporary table t (a int, b text)");
    const rows = Array.from({ length: 20_000 }, (_, n) => [n, "x".repeat(100)]);
    await conn.copyRows("t", ["a", "b"], rows);
    assert.equal(await conn.execValue("select count(*)::int4 from t"), rows.length);
  },
  execBatch: async (conn) => {
    assert.equal(await conn.execBatch("select $1::int4", Array.from({ length: 20_000 }, (_, n) => [n])), 20_000);
  },
  "a stream that is left": async (conn) => {
    for await (const row of conn.stream("select generate_series(1, 1000000) as n")) if (row.n === 10) break;
    await conn.ping();
  },
  "a retry": async (conn) => {
    let attempts = 0;
    const conflict = "do $$ begin raise exception using errcode = '40001'; end $$";
    // The body runs in both worlds: a promise is returned only where the calls return them.
    await conn.tx((tx) => ++attempts < 3 ? tx.queryDrop(conflict) : tx.queryDrop("select 1"), { retries: 3 });
    assert.equal(attempts, 3);
  },
};

/** Ways to connect; what each takes is timed in its own way. */
const WAYS: Readonly<Record<string, string>> = {
  "Unix socket": newest.fast,
  TCP: newest.url({ query: "upgrade_to_unix_socket=off&sslmode=disable" }),
  TLS: newest.url({ query: "sslmode=require" }),
};

async function withConn(world: World, target: string, body: (conn: Conn) => unknown): Promise<void> {
  const conn = await world.connect(target);
  await body(conn);
  await conn.close();
}

for (const world of worldsOf("fake timers")) {
  for (const [name, target] of Object.entries(WAYS)) {
    test(`fake timers: connecting (${name}, ${world.name})`, async () => {
      await inFakeTime(() => withConn(world, target, (conn) => conn.ping()));
    });
  }
  for (const [name, call] of Object.entries(CALLS)) {
    test(`fake timers: ${name} (${world.name})`, async () => {
      await inFakeTime(() => withConn(world, newest.fast, call));
    });
  }
}

const POOL_CALLS: Readonly<Record<string, (pool: Pool) => Promise<unknown>>> = {
  "many callers": async (pool) => {
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    for (let round = 0; round < 3; round++) {
      const values = await Promise.all(numbers.map((n) => pool.execValue("select $1::int4", [n])));
      assert.deepEqual(values, numbers);
    }
  },
  "waiting for a connection in vain": async (pool) => {
    await using _a = await pool.acquire();
    await using _b = await pool.acquire();
    await using _c = await pool.acquire();
    await using _d = await pool.acquire();
    await assert.rejects(pool.acquire({ timeout: 200 }), { name: "TimeoutError" });
  },
  listening: async (pool) => {
    await using notifications = await pool.listen("fake_timers");
    await pool.notify("fake_timers", "x");
    for await (const { payload } of notifications) {
      assert.equal(payload, "x");
      break;
    }
  },
};

for (const [name, call] of Object.entries(POOL_CALLS)) {
  test(`fake timers: a pool, ${name}`, async () => {
    await inFakeTime(async () => {
      const pool = awaiting.pool(newest.fast, { poolMaxConcurrency: 4 });
      await call(pool);
      await pool.close();
    });
  });
}
