/** Pipelines: how statements are added, and their results claimed. */
import assert from "node:assert/strict";
import {
  DecodeError,
  EncodeError,
  Interval,
  Json,
  Opts,
  sql,
  type Ticket,
  TimeoutError,
  UsageError,
} from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

interface N {
  n: number;
}

conformance("pipeline: tickets are claimed in order, and what was not sent is sent then", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [0, false]);
  const requests: Ticket<N>[] = [1, 2, 3].map((n) => pipeline.exec<N>("select $1::int4 as n", [n]));
  assert.equal(pipeline.pendingCount, 3);
  for (const [index, ticket] of requests.entries()) {
    const [row] = await pipeline.claim(ticket);
    assert.equal(row?.n, index + 1);
    assert.equal(pipeline.pendingCount, 2 - index);
  }
  const more = pipeline.exec<N>("select 4 as n");
  assert.equal(pipeline.pendingCount, 1);
  assert.deepEqual(await pipeline.claim(more), [{ n: 4 }]);
  const [a, b] = [pipeline.exec<N>("select 5 as n"), pipeline.exec<N>("select 6 as n")];
  await pipeline.sync();
  const c = pipeline.exec<N>("select 7 as n");
  assert.equal(pipeline.pendingCount, 3);
  assert.deepEqual(await pipeline.claim(a), [{ n: 5 }]);
  const d = pipeline.exec<N>("select 8 as n");
  for (const [ticket, n] of [[b, 6], [c, 7], [d, 8]] as const) assert.deepEqual(await pipeline.claim(ticket), [{ n }]);
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [0, false]);
});

conformance("pipeline: exec does no I/O", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const last = (): Promise<string | null> =>
    other.execValue<string>("select query from pg_stat_activity where pid = $1", [conn.id]);
  await conn.exec("select 'before'");
  await using pipeline = conn.pipeline();
  const ticket = pipeline.exec("select 'within'");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(await last(), "select 'before'");
  await pipeline.claim(ticket);
  assert.equal(await last(), "select 'within'");
});

conformance("pipeline: out of order is refused and changes nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const [a, b, c] = [1, 2, 3].map((n) => pipeline.exec<N>("select $1::int4 as n", [n]));
  for (const early of [b!, c!]) {
    for (const claim of [pipeline.claim, pipeline.claimCollect, pipeline.claimOne, pipeline.claimDrop]) {
      await assert.rejects(
        attempt(() => claim.call(pipeline, early) as Promise<unknown>),
        (error) => error instanceof UsageError && /out of order/.test(error.message),
      );
    }
  }
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [3, false]);
  assert.deepEqual(await pipeline.claim(a!), [{ n: 1 }]);
  await assert.rejects(attempt(() => pipeline.claim(c!)), /out of order/);
  assert.deepEqual(await pipeline.claim(b!), [{ n: 2 }]);
  assert.deepEqual(await pipeline.claim(c!), [{ n: 3 }]);
});

conformance("pipeline: claimed, foreign and false tickets are refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using second = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  await using foreign = second.pipeline();
  const ticket = pipeline.exec<N>("select 1 as n");
  const other = foreign.exec<N>("select 2 as n");
  for (const wrong of [other, {}, null, undefined, "ticket"]) {
    await assert.rejects(attempt(() => pipeline.claim(wrong as Ticket<N>)), UsageError);
  }
  assert.equal(pipeline.pendingCount, 1);
  assert.deepEqual(await pipeline.claim(ticket), [{ n: 1 }]);
  await assert.rejects(attempt(() => pipeline.claim(ticket)), UsageError);
  assert.deepEqual(await foreign.claim(other), [{ n: 2 }]);
});

conformance("pipeline: a ticket of an earlier pipeline of the connection is refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const first = conn.pipeline();
  const old = first.exec("select 1");
  await first.close();
  await using second = conn.pipeline();
  await assert.rejects(attempt(() => second.claim(old)), UsageError);
});

conformance("pipeline: all ways to claim, and the shapes of rows", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const query = "select generate_series(1, 3) as n, 'x' as s";
  const requests = Array.from({ length: 8 }, () => pipeline.exec<{ n: number; s: string }>(query));
  const rows = [1, 2, 3].map((n) => ({ n, s: "x" }));
  assert.deepEqual(await pipeline.claim(requests[0]!), rows);
  assert.deepEqual(await pipeline.claimCollect(requests[1]!), rows);
  assert.deepEqual(await pipeline.claimOne(requests[2]!), rows[0]);
  assert.equal(await pipeline.claimDrop(requests[3]!), 3);
  assert.deepEqual(await pipeline.claim(requests[4]!, { rows: "array" }), [[1, "x"], [2, "x"], [3, "x"]]);
  assert.deepEqual(await pipeline.claimCollect(requests[5]!, { rows: "array" }), [[1, "x"], [2, "x"], [3, "x"]]);
  assert.deepEqual(await pipeline.claimOne(requests[6]!, { rows: "array" }), [1, "x"]);
  await assert.rejects(attempt(() => pipeline.claim(requests[7]!, { rows: "map" as "array" })), UsageError);
  await assert.rejects(attempt(() => pipeline.claimDrop(requests[7]!, { rows: "array" } as never)), UsageError);
  assert.equal(pipeline.pendingCount, 1, "wrong options claim nothing");
  assert.deepEqual(await pipeline.claim(requests[7]!, { rows: "object" }), rows);
});

conformance("pipeline: results without rows", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const create = pipeline.exec("create temporary table t (n int4)");
  const insert = pipeline.exec("insert into t values ($1), ($2)", [1, 2]);
  const empty = pipeline.exec("");
  const comment = pipeline.exec("-- nothing");
  const none = pipeline.exec("select * from t where n > 5");
  const noColumns = pipeline.exec("select from t");
  const returning = pipeline.exec<N>("insert into t values ($1) returning n", [3]);
  assert.deepEqual(await pipeline.claim(create), []);
  assert.equal(await pipeline.claimDrop(insert), 2);
  assert.deepEqual(await pipeline.claim(empty), []);
  assert.equal(await pipeline.claimOne(comment), null);
  assert.equal(await pipeline.claimOne(none), null);
  assert.deepEqual(await pipeline.claim(noColumns), [{}, {}]);
  assert.deepEqual(await pipeline.claimOne(returning), { n: 3 });
});

conformance("pipeline: syncs of nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  await pipeline.sync();
  await pipeline.sync();
  await pipeline.flush();
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [0, false]);
  const ticket = pipeline.exec<N>("select 1 as n");
  await pipeline.sync();
  await pipeline.sync();
  assert.deepEqual(await pipeline.claim(ticket), [{ n: 1 }]);
  await pipeline.sync();
});

conformance("pipeline: an empty one gives the connection back", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using _pipeline = conn.pipeline();
  }
  {
    await using pipeline = conn.pipeline();
    await pipeline.sync();
  }
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("pipeline: strings, prepared statements and templates together", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using prepared = await conn.prepare("select $1::int4[] as n");
  await conn.exec("select $1::int8 as n", [1]);
  await using pipeline = conn.pipeline();
  const requests = [
    pipeline.exec("select $1::int4 as n", [1]),
    pipeline.exec(prepared, [[1, 2]]),
    pipeline.exec(sql`select ${"a"}::text as n`),
    pipeline.exec("select $1::int8 as n", [9007199254740993n]),
    pipeline.exec("select $1::int4 as n", [2]),
    pipeline.exec(sql`select 5 as n`),
    pipeline.exec(prepared, [[]]),
  ];
  const rows: unknown[] = [];
  for (const ticket of requests) rows.push((await pipeline.claimOne(ticket))?.n);
  assert.deepEqual(rows, [1, [1, 2], "a", 9007199254740993n, 2, 5, []]);
});

conformance("pipeline: what cannot be added leaves it as it was", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await using prepared = await conn.prepare("select $1::int4 as n");
  await using foreign = await other.prepare("select 1");
  const closed = await conn.prepare("select 1");
  await closed.close();
  await using pipeline = conn.pipeline();
  const first = pipeline.exec<N>("select 1 as n");
  const refused: [() => unknown, typeof EncodeError | typeof UsageError][] = [
    [() => pipeline.exec("select $1::int4[]", [[1]]), EncodeError],
    [() => pipeline.exec("select $1::json", [{ a: 1 }]), EncodeError],
    [() => pipeline.exec("select $1", [undefined]), EncodeError],
    [() => pipeline.exec("select $1", new Array(1)), EncodeError],
    [() => pipeline.exec("select $1", [Symbol("s")]), EncodeError],
    [() => pipeline.exec("select $1", ["a\0b"]), EncodeError],
    [() => pipeline.exec("select $1", ["\ud800"]), EncodeError],
    [() => pipeline.exec(prepared, ["x".repeat(3), 1]), UsageError],
    // From then on the server is asked whether the parameter's type has changed, where a value can go as text.
    [() => pipeline.exec(prepared, [2 ** 31]), EncodeError],
    [() => pipeline.exec(prepared, [{}]), EncodeError],
    [() => pipeline.exec(foreign), UsageError],
    [() => pipeline.exec(closed), UsageError],
    [() => pipeline.exec(undefined as never), UsageError],
    [() => pipeline.exec("select '\0'"), UsageError],
    [() => pipeline.exec(sql`select ${1}::int4`, [1]), UsageError],
    [() => pipeline.exec("select 1", 1 as never), UsageError],
    [() => pipeline.exec("select 1", { timeout: 5 } as never), UsageError],
  ];
  for (const [index, [add, kind]] of refused.entries()) {
    assert.throws(add, kind, `number ${index}`);
    assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [1, false]);
  }
  const second = pipeline.exec<N>("select 2 as n");
  assert.deepEqual(await pipeline.claim(first), [{ n: 1 }]);
  assert.deepEqual(await pipeline.claim(second), [{ n: 2 }]);
  assert.throws(() => pipeline.exec("select $1, $2", [1, [1]]), /\$2.*prepare the statement first/);
  assert.throws(() => pipeline.exec("select $1", [{}]), /\$1.*prepare the statement first/);
  assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 3 as n")), [{ n: 3 }]);
});

conformance("pipeline: values for a string that is not known go as text of no type", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const bytes = new Uint8Array([0, 1, 255]);
  const day = new Date(Date.UTC(2024, 1, 3, 4, 5, 6, 789));
  const values: [string, unknown][] = [
    ["int2", -1],
    ["int4", 2147483647],
    ["int8", 9007199254740993n],
    ["int8", 5],
    ["float8", 1.5e-300],
    ["float8", NaN],
    ["float8", -Infinity],
    ["float8", -0],
    ["numeric", "123.4500"],
    ["numeric", 12.5],
    ["bool", true],
    ["bool", false],
    ["text", "O'Hara \\ ü 😀"],
    ["text", ""],
    ["text", 1],
    ["text", 1n],
    ["text", true],
    ["text", null],
    ["int4", null],
    ["int4", "42"],
    ["bytea", bytes],
    ["bytea", bytes.buffer],
    ["timestamptz", day],
    ["timestamp", Temporal.PlainDateTime.from("2024-02-03T04:05:06.789")],
    ["timestamptz", Temporal.Instant.from("2024-02-03T04:05:06.789123Z")],
    ["timestamptz", Temporal.ZonedDateTime.from("2024-02-03T04:05:06[Europe/Berlin]")],
    ["date", Temporal.PlainDate.from("2024-02-29")],
    ["time", Temporal.PlainTime.from("23:59:59.999999")],
    ["interval", new Interval({ months: 14, days: -3, microseconds: 1n })],
    ["interval", Temporal.Duration.from("P1Y2M3DT4H")],
    ["json", Json({ a: [1, null] })],
    ["jsonb", Json(null)],
    ["uuid", "00000000-0000-0000-0000-0000000000ff"],
  ];
  await using pipeline = conn.pipeline();
  const requests = values.map(([type, value], i) =>
    pipeline.exec<{ v: unknown }>(`select $1::${type} as v, ${i} as i`, [value])
  );
  const got: unknown[] = [];
  for (const ticket of requests) got.push((await pipeline.claimOne(ticket))?.v);
  await pipeline.close();
  for (const [i, [type, value]] of values.entries()) {
    assert.deepEqual(got[i], await conn.execValue(`select $1::${type} as w`, [value]), `${type} ${String(value)}`);
  }
});

conformance("pipeline: the same values the first time and later", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const text = "select 1::int8 as a, 1.50::numeric as b, '{1,NULL}'::int4[] as c, '2024-01-02'::date as d, " +
    "'\\x00ff'::bytea as e, '[1,5)'::int4range as f, '{\"a\": 1}'::jsonb as g, null::text as h";
  const expected = await conn.query(text);
  await using pipeline = conn.pipeline();
  const requests = [pipeline.exec(text), pipeline.exec(text)];
  await pipeline.sync();
  requests.push(pipeline.exec(text));
  for (const ticket of requests) assert.deepEqual(await pipeline.claim(ticket), expected);
  assert.deepEqual(await pipeline.claim(pipeline.exec(text)), expected);
});

conformance("pipeline: a value that cannot be decoded fails its claim alone", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).int8("number"));
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const insert = pipeline.exec("insert into t values (1)");
    const bad = pipeline.exec("select 9007199254740993::int8");
    const good = pipeline.exec<N>("select 2 as n");
    assert.equal(await pipeline.claimDrop(insert), 1);
    await assert.rejects(attempt(() => pipeline.claim(bad)), DecodeError);
    assert.equal(pipeline.aborted, false);
    assert.deepEqual(await pipeline.claim(good), [{ n: 2 }]);
    const last = pipeline.exec("select 9007199254740993::int8");
    await assert.rejects(attempt(() => pipeline.claim(last)), DecodeError);
    assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 3 as n")), [{ n: 3 }]);
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 1 }]);
});

conformance("pipeline: a claim that is given up does not touch those behind it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const sync of [true, false]) {
    await using pipeline = conn.pipeline();
    const slow = pipeline.exec("select pg_sleep(0.3)");
    const next = pipeline.exec<N>("select 2 as n");
    if (sync) await pipeline.sync();
    await attempt(() => pipeline.claim(slow, { timeout: 30 })).then(
      () => assert.equal(world.name === "async", false, "it takes longer than that"),
      (error) => assert.ok(error instanceof TimeoutError && error.outcome === "unknown", String(error)),
    );
    assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [false, 1], sync ? "synced" : "not synced");
    assert.deepEqual(await pipeline.claim(next), [{ n: 2 }]);
  }
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: a time-out before everything is sent takes nothing away", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  await pipeline.claim(pipeline.exec("select 0"));
  for (const call of ["claim", "sync", "flush"] as const) {
    const requests = Array.from({ length: 1000 }, (_, n) => pipeline.exec<N>("select $1::int4 as n", [n]));
    for (const timeout of [1e-6, 0.05, 0.2]) {
      if (pipeline.pendingCount < requests.length) break;
      await attempt<unknown>(() =>
        call === "claim" ? pipeline.claim(requests[0]!, { timeout }) : pipeline[call]({ timeout })
      ).catch((error) => assert.ok(error instanceof TimeoutError));
    }
    for (const ticket of requests.slice(-pipeline.pendingCount)) {
      assert.equal((await pipeline.claim(ticket)).length, 1);
    }
  }
});
