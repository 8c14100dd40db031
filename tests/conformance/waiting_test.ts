/** Calls that wait for others on the same connection: each comes to its end, whatever the others do. */
import assert from "node:assert/strict";
import { Conn, PyroError, ServerError, TimeoutError, UsageError } from "../../mod.ts";
import { given } from "../support/suite/call_bodies.ts";
import { newest, servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformanceInTurn, serversOf } from "../support/suite/worlds.ts";

const CONFLICT = "do $$ begin raise exception using errcode = '40001'; end $$";

/** What becomes of them; an error where one has not come to its end after a time that no call here takes. */
async function outcomes(calls: readonly Promise<unknown>[]): Promise<PromiseSettledResult<unknown>[]> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("some call waits for ever")), 20_000);
  });
  try {
    return await Promise.race([Promise.allSettled(calls), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The promise, whose failure is looked at later. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Does something once no transaction is open: of a transaction that is repeated, in its pause. */
function whenIdle(conn: Conn, work: () => unknown): void {
  const timer = setInterval(() => {
    if (conn.transactionStatus !== "idle") return;
    clearInterval(timer);
    work();
  });
}

/** Calls that want the connection for themselves, or to be alone on it. */
const DEMANDING: Readonly<Record<string, (conn: Conn) => Promise<unknown>>> = {
  begin: async (conn) => await (await conn.begin()).rollback(),
  execBatch: (conn) => conn.execBatch("select $1::int", [[1], [2]]),
  stream: async (conn) => {
    const rows: unknown[] = [];
    for await (const row of conn.stream("select 1 as n")) rows.push(row);
    return rows;
  },
  execIter: (conn) => conn.execIter("select 1", [], (portal) => portal.fetch()),
  copyRows: (conn) => conn.copyRows("t", ["n"], [[1]]),
  copyOut: async (conn) => {
    for await (const _ of conn.copyOut("copy (select 1) to stdout"));
  },
  tx: (conn) => conn.tx((tx) => tx.execValue("select 1")),
};

for (const server of serversOf(awaiting)) {
  for (const [name, call] of Object.entries(DEMANDING)) {
    test(`waiting: ${name} while a transaction is repeated (PostgreSQL ${server.major})`, async () => {
      await using conn = await Conn.connect(server.fast);
      await conn.queryDrop("create temporary table t (n int)");
      let attempts = 0;
      const others: Promise<unknown>[] = [];
      const repeated = conn.tx(async (tx) => {
        if (attempts++ === 3) return attempts;
        whenIdle(conn, () => others.push(quiet(call(conn))));
        await tx.queryDrop(CONFLICT);
        return 0;
      }, { retries: 5 });
      const first = await outcomes([quiet(repeated)]);
      while (others.length < attempts - 1) await new Promise((resolve) => setTimeout(resolve, 1));
      for (const outcome of [...first, ...await outcomes(others)]) {
        // One may find that the other has the connection just then, or a transaction that has failed.
        if (outcome.status === "rejected") assert.ok(outcome.reason instanceof PyroError, String(outcome.reason));
      }
      assert.equal(conn.transactionStatus, "idle");
      assert.equal(await conn.execValue("select 5"), 5);
    });
  }

  test(`waiting: a repetition after a failed COMMIT pauses without being in the way (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop(`
      create temporary table t (n int);
      create function pg_temp.conflict() returns trigger language plpgsql as $$
        begin raise exception using errcode = '40001'; end $$;
      create constraint trigger late after insert on t deferrable initially deferred
        for each row execute function pg_temp.conflict();
    `);
    let attempts = 0;
    const done: number[] = [];
    const repeated = conn.tx(async (tx) => {
      attempts++;
      await tx.execDrop("insert into t values (1)");
      const during = attempts;
      whenIdle(conn, () => {
        if (!conn.closed) quiet(conn.execDrop("select 1").then(() => done.push(attempts - during)));
      });
    }, { retries: 5 });
    await assert.rejects(repeated, (error) => error instanceof ServerError && error.code === "40001");
    assert.equal(attempts, 6);
    assert.ok(done.includes(0), `what is called in a pause is done before the next attempt: ${done}`);
  });

  test(`waiting: begin() behind a portal that is bound anew (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(`${server.fast}&statement_cache_size=0`);
    await using other = await Conn.connect(server.fast);
    const table = `waiting_${crypto.randomUUID().replaceAll("-", "")}`;
    await other.queryDrop(`create table ${table} (n int)`);
    try {
      await conn.exec(`select * from ${table} where $1`, [true]);
      await other.queryDrop(`alter table ${table} add m int`);
      const portal = conn.execIter(`select * from ${table} where $1`, [true], async (portal) => await portal.fetch());
      const begun = quiet(conn.begin());
      const [first] = await outcomes([quiet(portal), begun]);
      assert.equal(first!.status, "fulfilled");
      await (await begun.catch(() => undefined))?.rollback();
      assert.equal(await conn.execValue("select 5"), 5);
    } finally {
      await other.queryDrop(`drop table ${table}`);
    }
  });

  test(`waiting: begin() in the tick of a COMMIT that is given up (PostgreSQL ${server.major})`, async () => {
    for (const delay of [undefined, 0, 1, 2, 5]) {
      await using conn = await Conn.connect(server.fast);
      const tx = await conn.begin();
      await tx.execDrop("select 1");
      const stop = new AbortController();
      const committed = quiet(tx.commit({ signal: stop.signal }));
      const begun = quiet(conn.begin());
      if (delay === undefined) stop.abort();
      else setTimeout(() => stop.abort(), delay);
      await outcomes([committed, begun]);
      const next = await begun.catch(() => undefined);
      await next?.rollback();
      if (!tx.closed) await tx.rollback();
      assert.equal(conn.transactionStatus, "idle");
      assert.equal(await conn.execValue("select 5"), 5);
    }
  });

  test(`waiting: calls with limits, while the first waits for a locked catalog (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await using other = await Conn.connect(server.admin.replace("/postgres?", "/test_db?"));
    const type = `mood_${crypto.randomUUID().replaceAll("-", "")}`;
    await conn.queryDrop(`create type ${type} as enum ('well')`);
    try {
      await other.queryDrop("begin; lock table pg_catalog.pg_range in access exclusive mode");
      const first = quiet(conn.query(`select 'well'::${type} as mood`, { timeout: 300 }));
      const second = quiet(conn.begin({ timeout: 300 }));
      const third = quiet(conn.exec("select 1", [], { timeout: 200 }));
      const [a, b, c] = await outcomes([first, second, third]);
      assert.ok(a?.status === "rejected" && a.reason instanceof TimeoutError, "the first waits for the lock");
      for (const outcome of [b!, c!]) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof TimeoutError);
        assert.deepEqual([outcome.reason.outcome, outcome.reason.connectionLost], ["not sent", false]);
      }
      await other.queryDrop("rollback");
      assert.deepEqual(await conn.query(`select 'well'::${type} as mood`), [{ mood: "well" }], "the connection lives");
    } finally {
      await other.queryDrop("rollback");
      await other.queryDrop(`drop type ${type}`);
    }
  });

  test(`waiting: a call behind what is already ending waits for that (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    const stream = conn.stream("select generate_series(1, 1000) as n", { batch: 10 });
    await stream.next();
    assert.throws(() => conn.pipeline(), UsageError);
    await assert.rejects(conn.ping(), UsageError);
    const ended = [stream.return(), conn.execValue("select 1")];
    assert.equal((await Promise.all(ended))[1], 1);

    const reader = conn.copyOut("copy (select generate_series(1, 100000)) to stdout").getReader();
    await reader.read();
    const canceled = reader.cancel();
    assert.equal(await conn.execValue("select 2"), 2);
    await canceled;

    const pipeline = conn.pipeline();
    pipeline.exec("select 1");
    const closed = pipeline.close();
    const next = conn.pipeline();
    const ticket = next.exec("select 3 as n");
    assert.deepEqual(await next.claimOne(ticket), { n: 3 });
    await closed;
    await next.close();
  });
}

conformanceInTurn("waiting: the source of a copy that has failed is free again", async (world, server) => {
  await using from = await world.connect(server.fast);
  await using to = await world.connect(server.fast);
  await to.queryDrop("create temporary table t (n int check (n < 100))");
  for (
    const sql of ["copy (select generate_series(1, 200000)) to stdout", "copy (select 1, pg_sleep(0.01)) to stdout"]
  ) {
    await assert.rejects(async () => await to.copyIn("copy t from stdin", from.copyOut(sql) as never), ServerError);
    assert.equal(await from.execValue("select 1"), 1);
    assert.equal(await to.execValue("select count(*)::int from t"), 0);
  }
});

conformanceInTurn(
  "waiting: what a function of the user's leaves under way does not keep its transaction",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const left: unknown[] = [];
    const value = await conn.tx(given(world, function* (tx: { execValue(sql: string): unknown }) {
      left.push(tx.execValue("select 1"), tx.execValue("select 2"));
      return (yield tx.execValue("select 3")) as number;
    }));
    assert.equal(value, 3);
    assert.deepEqual(await Promise.all(left), [1, 2]);
  },
);

const SLEEP = "select pg_sleep($1::int + 30)";

/** In which order callers give up. */
const ORDERS: Readonly<Record<string, (stops: readonly AbortController[]) => void | Promise<void>>> = {
  "the first at first": (stops) => stops.forEach((stop) => stop.abort()),
  "the last at first": (stops) => stops.toReversed().forEach((stop) => stop.abort()),
  "one after the other": async (stops) => {
    for (const stop of stops) {
      stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  },
};

for (const server of serversOf(awaiting)) {
  for (const [order, give] of Object.entries(ORDERS)) {
    test(`waiting: calls given up together, ${order}, do not leave what runs behind (PostgreSQL ${server.major})`, async () => {
      await using conn = await Conn.connect(server.fast);
      for (const others of ["select $1::int", SLEEP, "insert into t values ($1::int)"]) {
        await conn.queryDrop("create temporary table if not exists t (n int)");
        const stops = Array.from({ length: 6 }, () => new AbortController());
        const calls = stops.map(({ signal }, i) => conn.exec(i === 0 ? SLEEP : others, [i], { signal }));
        const ended = Promise.allSettled(calls);
        // The first runs, and the second is being prepared.
        await new Promise((resolve) => setTimeout(resolve, 50));
        await give(stops);
        // One that is given up later than others may have come to its end.
        assert.equal((await ended)[0]!.status, "rejected");
        // It would take 30 seconds.
        assert.equal(await conn.execValue("select 1", { timeout: 10_000 }), 1, others);
        assert.equal(conn.transactionStatus, "idle");
      }
    });
  }
}

test("waiting: what runs is left alone while somebody waits for what is behind it", async () => {
  await using conn = await Conn.connect(newest.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const stop = new AbortController();
  const first = conn.query("insert into t select 1 from pg_sleep(0.5)", { signal: stop.signal });
  const second = conn.query("insert into t values (2)", { signal: stop.signal });
  const third = conn.query("insert into t values (3) returning n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  stop.abort();
  for (const { status } of await Promise.allSettled([first, second])) assert.equal(status, "rejected");
  assert.deepEqual(await third, [{ n: 3 }]);
  assert.equal(await conn.execValue("select n from t where n = 1"), 1);
});

test("waiting: to give up n calls costs n times what one costs", async () => {
  const took = async (n: number, first: string): Promise<number> => {
    await using conn = await Conn.connect(servers.at(-1)!.fast);
    const stop = new AbortController();
    const { signal } = stop;
    const start = performance.now();
    const calls = Array.from({ length: n }, (_, i) => conn.exec(i === 0 ? first : "select $1::int", [i], { signal }));
    const all = Promise.allSettled(calls);
    // All but the first wait for their place, or for the write at the end of the tick.
    if (first.includes("sleep")) await new Promise((resolve) => setTimeout(resolve, 50));
    stop.abort();
    for (const { status } of await all) assert.equal(status, "rejected");
    return performance.now() - start;
  };
  for (const first of ["select pg_sleep($1::int + 30)", "select $1::int"]) {
    let [small, large] = [Infinity, Infinity];
    // A square would be 256 times as much. What else the machine does is left out by repeating it.
    for (let round = 0; round < 6 && large >= 100 * Math.max(small, 4); round++) {
      small = Math.min(small, await took(1000, first));
      large = Math.min(large, await took(16_000, first));
    }
    assert.ok(large < 100 * Math.max(small, 4), `${small} ms for 1000, ${large} ms for 16 000`);
  }
});
