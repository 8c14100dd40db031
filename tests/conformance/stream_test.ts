/** Streams of rows. */
import assert from "node:assert/strict";
import { Opts, ServerError, sql, SqlState, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { stillHeld } from "../support/suite/garbage.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { numbers, SERIES } from "../support/suite/portals.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Everything that it gives. */
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

conformance("stream: all rows come in order, whatever the size of a batch", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const batch of [1, 2, 3, 99, 100, 101, 0x7fff_ffff, undefined]) {
    assert.deepEqual(await collect(conn.stream(SERIES, [100], { batch })), numbers(100), `batches of ${batch}`);
  }
  for (const count of [0, 1, 499, 500, 501, 1000, 1001]) {
    assert.deepEqual(await collect(conn.stream(SERIES, [count])), numbers(count));
  }
});

conformance("stream: rows that were given are not kept until the end of their batch", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using stream = conn.stream(SERIES, [1000], { batch: 1000 });
  const refs: WeakRef<object>[] = [];
  while (refs.length < 500) refs.push(new WeakRef((await stream.next()).value!));
  const held = await stillHeld(refs, 50);
  assert.ok(held <= 50, `${held} of ${refs.length} are still held`);
});

conformance("stream: arguments", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await collect(conn.stream("select 1 as n")), [{ n: 1 }]);
  assert.deepEqual(await collect(conn.stream<number[]>("select 1 as n", { rows: "array" })), [[1]]);
  assert.deepEqual(await collect(conn.stream<number[]>(SERIES, [2], { rows: "array", batch: 1 })), [[1], [2]]);
  for (const batch of [0, -1, 1.5, "1", NaN, 2 ** 31]) {
    await assert.rejects(attempt(() => conn.stream(SERIES, [1], { batch: batch as never })), /batch/);
  }
  for (
    const bad of [
      () => conn.stream(7 as never),
      () => conn.stream(SERIES, 5 as never),
      () => conn.stream(SERIES, {}, {}),
    ]
  ) {
    assert.throws(bad, UsageError);
  }
});

conformance("stream: statements of all kinds", async (world, server) => {
  for (const size of [256, 0]) {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await collect(conn.stream(SERIES, [7], { batch: 3 })), numbers(7));
      const template = sql`select n from generate_series(1, ${7}::int4) as n`;
      assert.deepEqual(await collect(conn.stream(template, { batch: 3 })), numbers(7));
    }
    await using statement = await conn.prepare(SERIES);
    assert.deepEqual(await collect(conn.stream(statement, [7], { batch: 3 })), numbers(7));
    await conn.queryDrop("create temporary table t (n int)");
    assert.deepEqual(await collect(conn.stream("insert into t values (5)")), []);
    assert.deepEqual(await collect(conn.stream("")), []);
    assert.deepEqual(await collect(conn.stream("insert into t values (6), (7) returning n", { batch: 1 })), [
      { n: 6 },
      { n: 7 },
    ]);
    assert.deepEqual(await collect(conn.stream("update t set n = n + 1 where n > $1", [100])), []);
    assert.deepEqual(await collect(conn.stream("values (1), (2)", { batch: 1 })), [{ column1: 1 }, { column1: 2 }]);
    assert.deepEqual(await collect(conn.stream("show server_encoding")), [{ server_encoding: "UTF8" }]);
    assert.deepEqual(await conn.query("table t"), [{ n: 5 }, { n: 6 }, { n: 7 }]);
  }
});

conformance("stream: to leave the loop ends it, wherever it is", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const at of [1, 2, 3, 4, 10]) {
    let seen = 0;
    for await (const _ of conn.stream(SERIES, [10], { batch: 3 })) if (++seen === at) break;
    assert.equal(seen, at);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  const mine = new Error("mine");
  await assert.rejects(async () => {
    for await (const _ of conn.stream(SERIES, [1000], { batch: 3 })) throw mine;
  }, (error) => error === mine);
  assert.equal(await conn.execValue("select 1"), 1);
  assert.equal(conn.transactionStatus, "idle");
});

conformance("stream: by hand, with next, return and disposal", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const rows = conn.stream(SERIES, [10], { batch: 2 });
  assert.deepEqual(await rows.next(), { done: false, value: { n: 1 } });
  assert.deepEqual(await rows.return(), { done: true, value: undefined });
  assert.deepEqual(await rows.next(), { done: true, value: undefined });
  assert.deepEqual(await rows.return(), { done: true, value: undefined });
  assert.equal(await conn.execValue("select 1"), 1);
  {
    await using held = conn.stream(SERIES, [10], { batch: 2 });
    await held.next();
    await assert.rejects(attempt(() => conn.exec("select 1")), UsageError);
  }
  assert.equal(await conn.execValue("select 1"), 1);
  const whole = conn.stream(SERIES, [1]);
  assert.deepEqual(await collect(whole), numbers(1));
  assert.deepEqual(await whole.next(), { done: true, value: undefined });
  assert.deepEqual(await collect(whole), []);
});

conformance("stream: one that was not started holds nothing, and never needs to be", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const first = conn.stream(SERIES, [3]);
  const second = conn.stream("select nonsense");
  assert.equal(await conn.execValue("select 1"), 1);
  assert.deepEqual(await collect(conn.stream(SERIES, [2])), numbers(2));
  await second.return();
  assert.deepEqual(await collect(first), numbers(3));
  const disposed = conn.stream(SERIES, [3]);
  await disposed.return();
  assert.deepEqual(await collect(disposed), []);
});

conformance("stream: parameters are taken when it is called", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const params = [3];
  const rows = conn.stream(SERIES, params);
  params[0] = 5;
  assert.deepEqual(await collect(rows), numbers(3));
});

conformance(
  "stream: a second one is refused outside of a transaction, and interleaves inside",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const before = conn.stream(SERIES, [3]);
    for await (const { n } of conn.stream<{ n: number }>(SERIES, [3], { batch: 1 })) {
      await assert.rejects(attempt(() => conn.stream(SERIES, [3])), /a stream is open/);
      await assert.rejects(attempt(() => before.next()), UsageError);
      assert.equal(n, 1);
      break;
    }
    await conn.tx(given(world, function* (tx) {
      const [a, b] = [
        tx.stream(SERIES, [5], { batch: 1 }),
        conn.stream("select -n as n from generate_series(1, 5) n", { batch: 2 }),
      ];
      for (const n of [1, 2, 3]) {
        assert.deepEqual((yield a.next()).value, { n });
        assert.deepEqual((yield b.next()).value, { n: -n });
        assert.equal(yield tx.execValue("select $1::int4", [n]), n);
      }
      yield a.return();
      assert.deepEqual((yield b.next()).value, { n: -4 });
    }));
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance("stream: in a transaction nothing of it is left on the server", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  for (let i = 0; i < 3; i++) {
    for await (const _ of tx.stream(SERIES, [10], { batch: 3 })) break;
    assert.equal((await collect(tx.stream(SERIES, [10], { batch: 3 }))).length, 10);
  }
  assert.equal(await tx.execValue("select count(*) from pg_cursors where name <> ''"), 0n);
  await tx.rollback();
});

conformance("stream: the end of its transaction is its end", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const end of ["commit", "rollback"] as const) {
    const tx = await conn.begin();
    const rows = tx.stream(SERIES, [10], { batch: 1 });
    await rows.next();
    await tx[end]();
    await assert.rejects(attempt(() => rows.next()), UsageError);
    assert.deepEqual(await rows.return(), { done: true, value: undefined });
    assert.throws(() => tx.stream(SERIES, [1]), UsageError);
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

conformance("stream: a server that fails midway", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const batch of [1, 2, 3, 500]) {
    const seen: unknown[] = [];
    const rows = conn.stream("select 6 / (4 - n) as q from generate_series(1, 10) as n", { batch });
    await assert.rejects(async () => {
      for await (const row of rows) seen.push(row);
    }, { code: SqlState.DivisionByZero });
    assert.ok(seen.length <= 3);
    assert.deepEqual(await rows.next(), { done: true, value: undefined });
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select 1"), 1);
  }
  for (
    const [text, params] of [["select nonsense", []], ["selec", []], [SERIES, ["x"]], [SERIES, [{}]], [
      SERIES,
      [],
    ]] as const
  ) {
    await assert.rejects(
      collect(conn.stream(text, params)),
      (error) => error instanceof ServerError === (text !== SERIES || params[0] === "x"),
    );
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

conformance("stream: what the server reports when it commits is reported", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    "create temporary table t (n int unique deferrable initially deferred); insert into t values (1)",
  );
  await assert.rejects(collect(conn.stream("insert into t values (1), (2) returning n", { batch: 1 })), {
    code: SqlState.UniqueViolation,
  });
  assert.equal(await conn.execValue("select count(*) from t"), 1n);
  assert.deepEqual(await collect(conn.stream("insert into t values (2) returning n")), [{ n: 2 }]);
});

conformance("stream: the server ends the session midway", async (world, server) => {
  const conn = await world.connect(server.fast);
  await using admin = await world.connect(server.admin);
  const rows = conn.stream(SERIES, [100_000], { batch: 10 });
  await rows.next();
  assert.equal(await admin.execValue("select pg_terminate_backend($1, 5000)", [conn.id]), true);
  await assert.rejects(collect(rows), { name: "ConnectionError" });
  assert.deepEqual(await rows.return(), { done: true, value: undefined });
  assert.equal(conn.closed, true);
  await conn.close();
});

conformance("stream: types of the user's own, from the first row on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(`
    create type pg_temp.stream_mood as enum ('sad', 'ok');
    create domain pg_temp.stream_count as int check (value > 0);
    create type pg_temp.stream_pair as (a stream_count, m stream_mood[])`);
  const text = "select n, row(n, '{ok,NULL}')::pg_temp.stream_pair as p from generate_series(1, 5) as n";
  const expected = [1, 2, 3, 4, 5].map((n) => ({ n, p: { a: n, m: ["ok", null] } }));
  for (let i = 0; i < 2; i++) assert.deepEqual(await collect(conn.stream(text, { batch: 2 })), expected);
  await conn.tx(given(world, function* (tx) {
    yield tx.queryDrop("create type pg_temp.stream_late as enum ('x')");
    const rows = tx.stream("select 'x'::pg_temp.stream_late as l");
    assert.deepEqual((yield rows.next()).value, { l: "x" });
    yield rows.return();
  }));
});

conformance("stream: a stale plan is made anew", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int); insert into t values (1), (2)");
  const text = "select * from t where a >= $1 order by a";
  assert.deepEqual(await collect(conn.stream(text, [1], { batch: 1 })), [{ a: 1 }, { a: 2 }]);
  await conn.queryDrop("alter table t add b text default 'x'");
  assert.deepEqual(await collect(conn.stream(text, [1], { batch: 1 })), [{ a: 1, b: "x" }, { a: 2, b: "x" }]);
  await conn.queryDrop("deallocate all");
  assert.deepEqual(await collect(conn.stream(text, [2], { batch: 1 })), [{ a: 2, b: "x" }]);
  // In a transaction the refusal has ended it.
  await conn.queryDrop(unseen("alter table t drop b"));
  const late = await conn.begin();
  await assert.rejects(collect(late.stream(text, [1])), { code: SqlState.FeatureNotSupported });
  await late.rollback();
  assert.deepEqual(await collect(conn.stream(text, [2])), [{ a: 2 }]);
});

conformance("stream: a batch that takes too long is stopped, and the connection goes on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const slow = "select pg_sleep(case n when 3 then 30 else 0 end)::text, n from generate_series(1, 3) as n";
  const seen: unknown[] = [];
  await assert.rejects(async () => {
    for await (const row of conn.stream(slow, { batch: 1, timeout: 1000 })) seen.push(row);
  }, (error) => error instanceof TimeoutError && error.outcome === "cancelled");
  assert.equal(seen.length, 2);
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("stream: a statement is disposed of while it runs", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const other = await conn.prepare("select 1 as one");
  const statement = await conn.prepare(SERIES);
  const seen: unknown[] = [];
  for await (const row of conn.stream(statement, [4], { batch: 1 })) {
    seen.push(row);
    if (seen.length > 1) continue;
    await (statement as unknown as AsyncDisposable)[Symbol.asyncDispose]?.();
    (statement as unknown as Partial<Disposable>)[Symbol.dispose]?.();
    await (other as unknown as AsyncDisposable)[Symbol.asyncDispose]?.();
    (other as unknown as Partial<Disposable>)[Symbol.dispose]?.();
  }
  assert.deepEqual(seen, numbers(4));
  await assert.rejects(attempt(() => conn.exec(other)), UsageError);
  // What is closed goes with what is prepared next.
  assert.equal(await conn.execValue("select $1::int4 as fresh", [1]), 1);
  const left = await conn.query<{ n: bigint }>(
    "select count(*) as n from pg_prepared_statements where statement like '%one%'",
  );
  assert.deepEqual(left, [{ n: 0n }]);
});
