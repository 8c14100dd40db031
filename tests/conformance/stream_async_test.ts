/** Streams of rows with promises: calls that are not awaited, signals, and the end of streams that wait. */
import assert from "node:assert/strict";
import { Conn, TimeoutError, UsageError } from "../../mod.ts";
import { numbers, SERIES } from "../support/suite/portals.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, serversOf } from "../support/suite/worlds.ts";

/** Everything that it gives. */
async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}

for (const server of serversOf(awaiting)) {
  const on = `(PostgreSQL ${server.major})`;

  test(`stream: many next() at once, each gets its row ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    for (const batch of [1, 2, 3, 500]) {
      const rows = conn.stream<{ n: number }>(SERIES, [10], { batch });
      const results = await Promise.all(Array.from({ length: 14 }, () => rows.next()));
      assert.deepEqual(results.map(({ value }) => value), [...numbers(10), ...Array(4).fill(undefined)]);
    }
  });

  test(`stream: return() while next() waits ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    for (let i = 0; i < 20; i++) {
      const rows = conn.stream(SERIES, [10], { batch: 1 + i % 12 });
      if (i % 2 === 0) await rows.next();
      const outcomes = await Promise.allSettled([rows.next(), rows.return(), rows.next()]);
      assert.deepEqual(outcomes.map(({ status }) => status).slice(1), ["fulfilled", "fulfilled"]);
      assert.equal(await conn.execValue("select 1"), 1);
    }
  });

  test(`stream: what a fetch that was not sent tells of a statement that was ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    await conn.tx(async (tx) => {
      const rows = tx.stream("insert into t values (1), (2) returning n", { batch: 1, timeout: 500 });
      await rows.next();
      const { promise: given, resolve } = Promise.withResolvers<Uint8Array>();
      const copying = tx.copyIn(
        "copy t from stdin",
        (async function* () {
          yield await given;
        })(),
      );
      await assert.rejects(rows.next(), (error) => {
        assert.ok(error instanceof TimeoutError, String(error));
        assert.deepEqual([error.outcome, error.safeToRetry], ["unknown", false]);
        return true;
      });
      resolve(new TextEncoder().encode("3\n"));
      await copying;
      assert.equal(await tx.execValue("select count(*) from t"), 3n);
    });
  });

  test(`stream: one that gives up behind another call, or is left, does not end the connection ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const slowly = (on: Pick<Conn, "copyIn">): { readonly copying: Promise<number>; readonly give: () => void } => {
      const { promise: given, resolve } = Promise.withResolvers<Uint8Array>();
      const copying = on.copyIn(
        "copy t from stdin",
        (async function* () {
          yield await given;
        })(),
      );
      return { copying, give: () => resolve(new TextEncoder().encode("3\n")) };
    };
    const first = slowly(conn);
    await assert.rejects(conn.stream("select 1", { timeout: 50 }).next(), { outcome: "not sent" });
    first.give();
    assert.equal(await first.copying, 1);
    await conn.tx(async (tx) => {
      const rows = tx.stream(SERIES, [10], { batch: 1, timeout: 5000 });
      await rows.next();
      const second = slowly(tx);
      assert.equal((await rows.return()).done, true);
      second.give();
      assert.equal(await second.copying, 1);
    });
    assert.equal(await conn.execValue("select count(*) from t"), 2n);
  });

  test(`stream: a failure is everybody's who waits for it ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const rows = conn.stream("select 1 / (2 - n) as q from generate_series(1, 3) as n", { batch: 1 });
    const outcomes = await Promise.allSettled([rows.next(), rows.next(), rows.next()]);
    assert.deepEqual(outcomes.map(({ status }) => status).slice(0, 2), ["fulfilled", "rejected"]);
    assert.deepEqual(await rows.next(), { done: true, value: undefined });
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`stream: behind calls that were not awaited it begins when they are over ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const calls = Array.from({ length: 20 }, (_, i) => conn.execValue("select $1::int4", [i]));
    const rows = collect(conn.stream(SERIES, [5], { batch: 2 }));
    assert.deepEqual(await Promise.all(calls), Array.from({ length: 20 }, (_, i) => i));
    assert.deepEqual(await rows, numbers(5));
  });

  test(`stream: two that begin in the same tick, of which the second is refused ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const [a, b] = [conn.stream(SERIES, [5], { batch: 2 }), conn.stream(SERIES, [5], { batch: 2 })];
    const outcomes = await Promise.allSettled([collect(a), collect(b)]);
    assert.deepEqual(outcomes[0], { status: "fulfilled", value: numbers(5) });
    assert.ok(outcomes[1]!.status === "rejected" && outcomes[1].reason instanceof UsageError);
    assert.match(outcomes[1].reason.message, /a stream is open/);
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`stream: its signal ends it while it waits, and between its batches ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const slow = "select pg_sleep(case n when 2 then 30 else 0 end)::text as s, n from generate_series(1, 3) as n";
    const reason = new Error("enough");
    const controller = new AbortController();
    const rows = conn.stream(slow, { batch: 1, signal: controller.signal });
    await rows.next();
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(rows.next(), (error) => error === reason);
    assert.equal(await conn.execValue("select 1"), 1);

    const between = new AbortController();
    const more = conn.stream(SERIES, [10], { batch: 1, signal: between.signal });
    await more.next();
    between.abort(reason);
    await assert.rejects(more.next(), (error) => error === reason);
    assert.equal(await conn.execValue("select 1"), 1);
  });
}
