import assert from "node:assert/strict";
import {
  Conn,
  ConnectionError,
  DecodeError,
  EncodeError,
  Interval,
  Json,
  Opts,
  PipelineAborted,
  ServerError,
  sql,
  SqlState,
  type Ticket,
  TimeoutError,
  UsageError,
} from "../../mod.ts";
import { times } from "../support/suite/extent.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

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

conformance("pipeline: a group is executed whole or not at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const insert = "insert into t values ($1::int4)";
    const first = pipeline.exec(insert, [1]);
    await pipeline.sync();
    const second = pipeline.exec(insert, [2]);
    const fails = pipeline.exec("select 1/0");
    await pipeline.sync();
    const third = pipeline.exec(insert, [3]);
    assert.equal(await pipeline.claimDrop(first), 1);
    assert.equal(await pipeline.claimDrop(second), 1);
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    assert.equal(await pipeline.claimDrop(third), 1);
  }
  assert.deepEqual(await conn.query("table t order by n"), [{ n: 1 }, { n: 3 }]);
});

conformance("pipeline: after a failure the group is aborted, and the next one is not", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const before = pipeline.exec<N>("select 1 as n");
  const fails = pipeline.exec("select 1/0");
  const after = [pipeline.exec("select 2 as n"), pipeline.exec("select bad"), pipeline.exec("select $1::int4", [1])];
  await pipeline.sync();
  const next = pipeline.exec<N>("select 3 as n");
  const failsToo = pipeline.exec("select bad");
  const last = pipeline.exec("select 4");
  assert.deepEqual(await pipeline.claim(before), [{ n: 1 }]);
  assert.equal(pipeline.aborted, false);
  await assert.rejects(
    attempt(() => pipeline.claim(fails)),
    (error) => error instanceof ServerError && error.code === SqlState.DivisionByZero && error.query === "select 1/0",
  );
  for (const [index, ticket] of after.entries()) {
    assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 6 - index]);
    await assert.rejects(
      attempt(() => [pipeline.claim, pipeline.claimOne, pipeline.claimDrop][index]!.call(pipeline, ticket)),
      (error) =>
        error instanceof PipelineAborted && error.cause instanceof ServerError &&
        error.cause.code === SqlState.DivisionByZero,
    );
  }
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [false, 3]);
  assert.deepEqual(await pipeline.claim(next), [{ n: 3 }]);
  await assert.rejects(attempt(() => pipeline.claim(failsToo)), { code: SqlState.UndefinedColumn });
  assert.equal(pipeline.aborted, true);
  await assert.rejects(
    attempt(() => pipeline.claim(last)),
    (error) => error instanceof PipelineAborted && (error.cause as ServerError).code === SqlState.UndefinedColumn,
  );
  assert.equal(pipeline.aborted, false);
  assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 5 as n")), [{ n: 5 }]);
});

conformance("pipeline: out of order in an aborted group changes nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const [fails, b, c] = ["select 1/0", "select 2", "select 3"].map((sql) => pipeline.exec(sql));
  await assert.rejects(attempt(() => pipeline.claim(fails!)), ServerError);
  await assert.rejects(attempt(() => pipeline.claim(c!)), /out of order/);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 2]);
  await assert.rejects(attempt(() => pipeline.claim(b!)), PipelineAborted);
  await assert.rejects(attempt(() => pipeline.claim(c!)), PipelineAborted);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [false, 0]);
});

conformance("pipeline: what is added to a group that was sent begins the next", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const fails = pipeline.exec("select 1/0");
  const skipped = pipeline.exec("select 1");
  await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
  const added = pipeline.exec<N>("select 2 as n");
  await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
  assert.deepEqual(await pipeline.claim(added), [{ n: 2 }]);
});

conformance("pipeline: flush has statements answered and leaves the group open", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    const first = pipeline.exec("insert into t values ($1)", [1]);
    await pipeline.flush();
    assert.equal(await pipeline.claimDrop(first), 1);
    const second = pipeline.exec<{ n: bigint }>("select count(*) as n from t");
    await pipeline.flush();
    assert.deepEqual(await pipeline.claim(second), [{ n: 1n }]);
    const fails = pipeline.exec("select 1/0");
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    assert.equal(pipeline.aborted, false);
    const third = pipeline.exec("insert into t values ($1)", [2]);
    assert.equal(await pipeline.claimDrop(third), 1);
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 2 }], "the failure rolled back what was flushed before");
});

conformance("pipeline: a failure after flush ends the group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pipeline = conn.pipeline();
  const fails = pipeline.exec("select 1/0");
  await pipeline.flush();
  const unsent = pipeline.exec("select 1");
  await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
  assert.deepEqual([pipeline.aborted, pipeline.pendingCount], [true, 1]);
  await assert.rejects(attempt(() => pipeline.claim(unsent)), PipelineAborted);
  assert.equal(pipeline.aborted, false);
  assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 2 as n")), [{ n: 2 }]);
});

conformance("pipeline: what was flushed and claimed is committed when it is closed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const table = `pipeline_flush_${conn.id}`;
  await conn.queryDrop(`create table ${table} (n int4)`);
  try {
    const pipeline = conn.pipeline();
    const insert = pipeline.exec(`insert into ${table} values (1)`);
    await pipeline.flush();
    assert.equal(await pipeline.claimDrop(insert), 1);
    await pipeline.close();
    assert.deepEqual(await other.query(`table ${table}`), [{ n: 1 }]);
  } finally {
    await conn.ping();
    await conn.queryDrop(`drop table ${table}`);
  }
});

conformance("pipeline: sync and flush do not wait for replies", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  // Should they wait, it is not for ever.
  await conn.queryDrop("set lock_timeout = '1s'");
  for (const send of ["sync", "flush"] as const) {
    await other.exec("select pg_advisory_lock(7141, $1)", [conn.id]);
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select pg_advisory_lock(7141, $1::int4)::text, 1 as n", [conn.id]);
    await pipeline[send]();
    await other.exec("select pg_advisory_unlock(7141, $1)", [conn.id]);
    assert.deepEqual(await pipeline.claim(ticket, { rows: "array" }), [["", 1]]);
    await pipeline.claim(pipeline.exec("select pg_advisory_unlock_all()"));
  }
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

conformance(
  "pipeline: dates in another DateStyle, of which text tells too little, need a known statement",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("set datestyle to 'SQL, DMY'");
    const query = "select '2024-02-01'::date as d";
    const claim = async (): Promise<string> => {
      await using pipeline = conn.pipeline();
      return String((await pipeline.claimOne(pipeline.exec<{ d: Temporal.PlainDate }>(query)))?.d);
    };
    await assert.rejects(claim(), DecodeError);
    assert.equal(await claim(), "2024-02-01", "it is known now");
  },
);

conformance("pipeline: a deferred constraint fails with the last claim of its group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  {
    await using pipeline = conn.pipeline();
    const insert = "insert into t values ($1)";
    const requests = [1, 1, 2].map((n) => pipeline.exec(insert, [n]));
    await pipeline.sync();
    const next = pipeline.exec(insert, [3]);
    assert.equal(await pipeline.claimDrop(requests[0]!), 1);
    assert.equal(await pipeline.claimDrop(requests[1]!), 1);
    await assert.rejects(attempt(() => pipeline.claimDrop(requests[2]!)), { code: SqlState.UniqueViolation });
    assert.equal(pipeline.aborted, false);
    assert.equal(await pipeline.claimDrop(next), 1);
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 3 }]);
});

conformance("pipeline: disposal throws what a Sync reported that no claim did", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  const twice = (): ReturnType<typeof conn.pipeline> => {
    const pipeline = conn.pipeline();
    for (let i = 0; i < 2; i++) pipeline.exec("insert into t values (1)");
    return pipeline;
  };
  const unsent = twice();
  await assert.rejects(attempt(() => unsent.close()), { code: SqlState.UniqueViolation });
  await unsent.close();
  const sent = twice();
  await sent.sync();
  sent.exec("select 1");
  await assert.rejects(attempt(() => sent.close()), { code: SqlState.UniqueViolation });
  const partly = conn.pipeline();
  const first = partly.exec("insert into t values (1)");
  partly.exec("insert into t values (1)");
  assert.equal(await partly.claimDrop(first), 1);
  await assert.rejects(attempt(() => partly.close()), { code: SqlState.UniqueViolation });
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      for (let i = 0; i < 2; i++) pipeline.exec("insert into t values (1)");
    })(),
    { code: SqlState.UniqueViolation },
  );
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("pipeline: what a claim has reported, disposal does not", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      for (let i = 0; i < 2; i++) {
        const ticket = pipeline.exec("insert into t values (1)");
        await pipeline.flush();
        if (i === 0) await pipeline.claim(ticket);
        else {
          await pipeline.sync();
          await pipeline.claim(ticket);
        }
      }
    })(),
    // Not a SuppressedError: it is thrown once.
    (error) => error instanceof ServerError && error.code === SqlState.UniqueViolation,
  );
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("pipeline: disposal reads the rest and swallows errors of what nobody claimed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    pipeline.exec("insert into t values (1)");
    await pipeline.sync();
    pipeline.exec("select generate_series(1, 10000)");
    pipeline.exec("select 1/0");
    pipeline.exec("insert into t values (2)");
    await pipeline.sync();
    pipeline.exec("select bad");
    await pipeline.sync();
    pipeline.exec("insert into t values (3)");
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 1 }, { n: 3 }]);
  {
    await using pipeline = conn.pipeline();
    const fails = pipeline.exec("select 1/0");
    pipeline.exec("select 2");
    await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
    pipeline.exec("select 3");
  }
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: disposal does not replace what was thrown", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const mine = new Error("mine");
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      pipeline.exec("select 1/0");
      throw mine;
    })(),
    (error) => error === mine,
  );
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      await pipeline.claim(pipeline.exec("select 1/0"));
    })(),
    (error) => error instanceof ServerError && error.code === SqlState.DivisionByZero,
  );
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: a closed one is of no use", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const ticket = pipeline.exec("select 1");
  await pipeline.close();
  await pipeline.close();
  assert.throws(() => pipeline.exec("select 1"), UsageError);
  await assert.rejects(attempt(() => pipeline.sync()), UsageError);
  await assert.rejects(attempt(() => pipeline.flush()), UsageError);
  await assert.rejects(attempt(() => pipeline.claim(ticket)), UsageError);
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [0, false]);
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("pipeline: while it is open, other calls are refused by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using statement = await conn.prepare("select 1");
  await using pipeline = conn.pipeline();
  const calls: Record<string, () => unknown> = {
    ping: () => conn.ping(),
    query: () => conn.query("select 1"),
    queryAll: () => conn.queryAll("select 1"),
    exec: () => conn.exec("select 1"),
    "exec of a prepared statement": () => conn.exec(statement),
    execBatch: () => conn.execBatch("select $1::int4", [[1]]),
    execIter: () => conn.execIter("select 1", [], () => 1),
    prepare: () => conn.prepare("select 1"),
    prepareBatch: () => conn.prepareBatch(["select 1"]),
    tx: () => conn.tx(() => 1),
    begin: () => conn.begin(),
    stream: () => conn.stream("select 1"),
    pipeline: () => conn.pipeline(),
    copyIn: () => conn.copyIn("copy t from stdin", "x"),
    copyOut: () => conn.copyOut("copy t to stdout"),
    copyRows: () => conn.copyRows("t", ["a"], []),
    listen: () => conn.listen("c"),
    notify: () => conn.notify("c"),
    reset: () => conn.reset(),
  };
  for (let round = 0; round < 2; round++) {
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(
        attempt(call),
        (error) => error instanceof UsageError && /a pipeline is open/.test(error.message) && error.safeToRetry,
        name,
      );
    }
    // The first time nothing was sent yet, the second time something was.
    assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 1 as n")), [{ n: 1 }]);
  }
  await pipeline.close();
  assert.equal(await conn.execValue(statement), 1);
});

conformance("pipeline: a statement that is closed meanwhile goes later", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const statement = await conn.prepare("select 'closed meanwhile'");
  {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec(statement);
    await statement.close();
    assert.equal((await pipeline.claim(ticket)).length, 1);
    assert.throws(() => pipeline.exec(statement), UsageError);
  }
  await conn.exec("select 'something else'");
  assert.deepEqual(
    await conn.query("select 1 from pg_prepared_statements where statement = 'select ''closed meanwhile'''"),
    [],
  );
});

conformance("pipeline: in a transaction", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using tx = await conn.begin();
    {
      await using pipeline = tx.pipeline();
      const insert = pipeline.exec("insert into t values ($1)", [1]);
      await pipeline.sync();
      const count = pipeline.exec<{ n: bigint }>("select count(*) as n from t");
      assert.equal(await pipeline.claimDrop(insert), 1);
      assert.deepEqual(await pipeline.claim(count), [{ n: 1n }]);
      await assert.rejects(attempt(() => tx.commit()), /a pipeline is open/);
      await assert.rejects(attempt(() => tx.exec("select 1")), /a pipeline is open/);
    }
    assert.equal(conn.transactionStatus, "active");
    await tx.rollback();
  }
  assert.deepEqual(await conn.query("table t"), []);
  await conn.tx(given(world, function* (tx: { pipeline(): ReturnType<typeof conn.pipeline> }) {
    const pipeline = tx.pipeline();
    const ticket = pipeline.exec("insert into t values ($1)", [2]);
    assert.equal(yield pipeline.claimDrop(ticket), 1);
    yield pipeline.close();
  }));
  assert.deepEqual(await conn.query("table t"), [{ n: 2 }]);
});

conformance("pipeline: in a transaction, a failure spoils the groups behind it too", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  {
    await using pipeline = tx.pipeline();
    const fails = pipeline.exec("select 1/0");
    await pipeline.sync();
    const next = pipeline.exec("select 1");
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    await assert.rejects(attempt(() => pipeline.claim(next)), { code: SqlState.InFailedSqlTransaction });
  }
  assert.equal(conn.transactionStatus, "failed");
  await assert.rejects(
    attempt(() => tx.commit()),
    (error) => error instanceof ServerError && error.code === "40000" && error.cause instanceof ServerError,
  );
  assert.equal(conn.transactionStatus, "idle");
});

conformance("pipeline: left open when its transaction ends", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  await attempt(() =>
    // deno-lint-ignore require-yield
    conn.tx(given(world, function* (tx: { pipeline(): ReturnType<typeof conn.pipeline> }) {
      tx.pipeline().exec("insert into t values (1)");
    }))
  ).catch((error) => assert.ok(error instanceof UsageError));
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: types of the user, seen first in it, with others behind", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const schema = `pipeline_types_${conn.id}`;
  await conn.queryDrop(`create schema ${schema}; set search_path to ${schema};
    create type mood as enum ('good', 'bad'); create type pair as (a int4, m mood); create domain small as int2`);
  try {
    const expected = {
      m: "good",
      ms: ["bad", null],
      p: { a: 1, m: "bad" },
      ps: [{ a: 2, m: null }],
      s: 5,
    };
    const query = `select 'good'::mood as m, array['bad', null]::mood[] as ms, row(1, 'bad')::pair as p,
      array[row(2, null)::pair] as ps, 5::small as s`;
    await using pipeline = conn.pipeline();
    const before = pipeline.exec<N>("select 1 as n");
    const first = pipeline.exec(query);
    const other = pipeline.exec("select generate_series(1, 3) as n, row(3, 'good')::pair as p");
    const behind = pipeline.exec<N>("select $1::int4 as n", [2]);
    await pipeline.sync();
    const again = pipeline.exec(query);
    const fails = pipeline.exec("select 1/0");
    const skipped = pipeline.exec("select 3");
    await pipeline.sync();
    const empty = pipeline.exec("");
    const insert = pipeline.exec("create temporary table pipeline_t (n int4)");
    const last = pipeline.exec<N>("select 4 as n");
    assert.deepEqual(await pipeline.claim(before), [{ n: 1 }]);
    assert.deepEqual(await pipeline.claim(first), [expected]);
    assert.deepEqual(await pipeline.claimOne(other), { n: 1, p: { a: 3, m: "good" } });
    assert.deepEqual(await pipeline.claim(behind, { rows: "array" }), [[2]]);
    assert.deepEqual(await pipeline.claim(again), [expected]);
    await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    assert.equal(pipeline.aborted, true);
    await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
    assert.deepEqual(await pipeline.claim(empty), []);
    assert.equal(await pipeline.claimDrop(insert), 0);
    assert.deepEqual(await pipeline.claim(last), [{ n: 4 }]);
    assert.deepEqual(await pipeline.claim(pipeline.exec(query)), [expected]);
  } finally {
    await conn.queryDrop(`reset search_path; drop schema ${schema} cascade`);
  }
});

conformance("pipeline: learning types leaves no transaction open", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const type = `pipeline_mood_${conn.id}`;
  await conn.queryDrop(`create type ${type} as enum ('good')`);
  try {
    const pipeline = conn.pipeline();
    const ticket = pipeline.exec(`select 'good'::${type} as m`);
    assert.deepEqual(await pipeline.claim(ticket), [{ m: "good" }]);
    await pipeline.close();
    assert.equal(await other.execValue("select state from pg_stat_activity where pid = $1", [conn.id]), "idle");
  } finally {
    await conn.ping();
    await conn.queryDrop(`drop type ${type}`);
  }
});

conformance("pipeline: what was read of a new type does not fail with what is behind it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const type = `pipeline_mood_${conn.id}`;
  await conn.queryDrop(`create type ${type} as enum ('good')`);
  try {
    {
      await using pipeline = conn.pipeline();
      const good = pipeline.exec(`select 'good'::${type} as m`);
      const fails = pipeline.exec("select 1/0");
      await pipeline.flush();
      assert.deepEqual(await pipeline.claim(good), [{ m: "good" }]);
      await assert.rejects(attempt(() => pipeline.claim(fails)), { code: SqlState.DivisionByZero });
    }
  } finally {
    await conn.queryDrop(`drop type ${type}`);
  }
});

conformance("pipeline: 20000 statements", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  await using insert = await conn.prepare("insert into t values ($1)");
  await using pipeline = conn.pipeline();
  const requests: Ticket[] = [];
  for (let i = 0; i < 20_000; i++) {
    requests.push(pipeline.exec(insert, [i]));
    if (i % 5000 === 4999) await pipeline.sync();
  }
  assert.equal(pipeline.pendingCount, 20_000);
  let affected = 0;
  for (const ticket of requests) affected += await pipeline.claimDrop(ticket);
  assert.equal(affected, 20_000);
  await pipeline.close();
  assert.deepEqual(await conn.queryFirst("select count(*)::int4 as n, sum(n)::int4 as s from t"), {
    n: 20_000,
    s: 199_990_000,
  });
});

conformance("pipeline: hundreds of different strings, more than are kept", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(16));
  await using pipeline = conn.pipeline();
  for (let round = 0; round < 3; round++) {
    const requests = Array.from({ length: 400 }, (_, i) => {
      const text = `select $1::int4 + ${i % 150} as n`;
      return pipeline.exec<N>(text, [i]);
    });
    for (const [i, ticket] of requests.entries()) {
      assert.deepEqual(await pipeline.claim(ticket), [{ n: i + i % 150 }]);
    }
  }
  await pipeline.close();
  const [row] = await conn.query<{ n: bigint }>("select count(*) as n from pg_prepared_statements");
  assert.ok(row!.n <= 16n, `${row!.n} statements`);
});

conformance("pipeline: requests and replies of many megabytes do not block each other", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using statement = await conn.prepare("select $1::bytea as b, $2::int4 as n");
  await using pipeline = conn.pipeline();
  const bytes = new Uint8Array(0x10_0000).fill(7);
  const requests = Array.from(
    { length: times(20, 64) },
    (_, i) => pipeline.exec<{ b: Uint8Array; n: number }>(statement, [bytes, i]),
  );
  await pipeline.sync();
  for (const [i, ticket] of requests.entries()) {
    const row = await pipeline.claimOne(ticket);
    assert.deepEqual([row?.b.length, row?.b.at(-1), row?.n], [bytes.length, 7, i]);
  }
});

conformance("pipeline: COPY is refused and changes nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  await using prepared = await conn.prepare("copy t from stdin");
  await using pipeline = conn.pipeline();
  const first = pipeline.exec<N>("select 1 as n, 'copy' as s");
  for (const copy of ["copy t from stdin", "COPY t to stdout", "/* a */ -- b\n copy t from stdin", prepared]) {
    assert.throws(() => pipeline.exec(copy), (error) => error instanceof UsageError && /copyIn/.test(error.message));
  }
  assert.equal(pipeline.pendingCount, 1);
  assert.equal((await pipeline.claimOne(first))?.n, 1);
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

conformance("pipeline: a stale plan fails once, and the next pipeline works", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
  const query = "select * from t where n = $1";
  await conn.exec(query, [7]);
  await conn.queryDrop(unseen("alter table t add m int4 default 8"));
  const run = async (): Promise<unknown> => {
    await using pipeline = conn.pipeline();
    return await pipeline.claim(pipeline.exec(query, [7]));
  };
  await assert.rejects(run(), { code: SqlState.FeatureNotSupported });
  assert.deepEqual(await run(), [{ n: 7, m: 8 }]);
});

conformance("pipeline: a table that is changed in the same group", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
  await using pipeline = conn.pipeline();
  const first = pipeline.exec("select * from t");
  const alter = pipeline.exec("alter table t add m int4 default 8");
  const second = pipeline.exec("select * from t");
  const bad = pipeline.exec("select bad");
  assert.deepEqual(await pipeline.claim(first), [{ n: 7 }]);
  assert.deepEqual(await pipeline.claim(alter), []);
  assert.deepEqual(await pipeline.claim(second), [{ n: 7, m: 8 }], "what comes behind the change is parsed behind it");
  await assert.rejects(attempt(() => pipeline.claim(bad)), { code: SqlState.UndefinedColumn });
  assert.deepEqual(await pipeline.claim(pipeline.exec("select * from t")), [{ n: 7 }], "the change was rolled back");
});

for (const [change, name] of [["alter n type text using 'abcd'", "another type"], ["add m int4", "more columns"]]) {
  conformance(`pipeline: without names, rows of ${name} than before are not misread`, async (world, server) => {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(0));
    await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
    assert.deepEqual(await conn.exec("select * from t"), [{ n: 7 }]);
    await conn.queryDrop(`alter table t ${change}`);
    const expected = await conn.query("select * from t");
    {
      await using pipeline = conn.pipeline();
      const ticket = pipeline.exec("select * from t");
      // An error would do, for the first time; other values would not, nor the loss of the connection.
      const rows = await attempt(() => pipeline.claim(ticket)).catch((error) => {
        assert.ok(error instanceof ServerError, String(error));
        return expected;
      });
      assert.deepEqual(rows, expected);
    }
    assert.equal(await conn.execValue("select 42"), 42);
  });
}

conformance("pipeline: without names, everything works as with them", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(0));
  await using prepared = await conn.prepare("select $1::int4[] as n");
  await using pipeline = conn.pipeline();
  for (let round = 0; round < 3; round++) {
    const requests = [
      pipeline.exec("select $1::int4 as n", [round]),
      pipeline.exec(prepared, [[round]]),
      pipeline.exec("select $1::int4 as n", [5]),
      pipeline.exec("select 'x' as n"),
    ];
    const rows: unknown[] = [];
    for (const ticket of requests) rows.push((await pipeline.claimOne(ticket))?.n);
    assert.deepEqual(rows, [round, [round], 5, "x"]);
  }
  await pipeline.close();
  assert.deepEqual(await conn.query("select name from pg_prepared_statements"), []);
});

conformance("pipeline: DEALLOCATE ALL in it is noticed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const query = "select $1::int4 as n";
  await conn.exec(query, [1]);
  {
    await using pipeline = conn.pipeline();
    await pipeline.claim(pipeline.exec("deallocate all"));
  }
  assert.deepEqual(await conn.exec(query, [2]), [{ n: 2 }]);
  assert.deepEqual(
    await conn.query("select 1 as n from pg_prepared_statements where statement = 'select $1::int4 as n'"),
    [{ n: 1 }],
    "statements still have names",
  );
});

conformance("pipeline: a held statement after reset()", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using statement = await conn.prepare("select $1::int4 as n");
  await conn.reset();
  const run = async (): Promise<unknown> => {
    await using pipeline = conn.pipeline();
    return await pipeline.claim(pipeline.exec(statement, [1]));
  };
  // Known to be gone, it should simply be parsed again; at the least it must not fail for ever.
  await attempt(run).catch((error) => assert.equal(error.code, SqlState.InvalidSqlStatementName));
  assert.deepEqual(await run(), [{ n: 1 }]);
});

conformance("pipeline: types that are changed in it, and before it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const type = `pipeline_pair_${conn.id}`;
  await conn.queryDrop(`create type ${type} as (a int4)`);
  try {
    await using statement = await conn.prepare(`select $1::${type} as c`);
    assert.deepEqual(await conn.exec(statement, [{ a: 1 }]), [{ c: { a: 1 } }]);
    {
      await using pipeline = conn.pipeline();
      await pipeline.claim(pipeline.exec(`alter type ${type} add attribute b int4`));
    }
    assert.deepEqual(await conn.exec(`select row(1, 2)::${type} as c`), [{ c: { a: 1, b: 2 } }]);
    await conn.queryDrop(`alter type ${type} add attribute d int4`);
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec(statement, ["(1,2,3)"]);
    assert.deepEqual(await pipeline.claim(ticket), [{ c: { a: 1, b: 2, d: 3 } }]);
  } finally {
    await conn.queryDrop(`drop type ${type}`);
  }
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

conformance("pipeline: what the connection's loss leaves", async (world, server) => {
  await using admin = await world.connect(server.admin);
  const conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const requests = [pipeline.exec<N>("select 1 as n")];
  await pipeline.sync();
  assert.deepEqual(await pipeline.claim(requests[0]!), [{ n: 1 }]);
  requests.push(pipeline.exec("select 2 as n"), pipeline.exec("select 3 as n"));
  await pipeline.flush();
  assert.deepEqual(await pipeline.claim(requests[1]!), [{ n: 2 }]);
  requests.push(pipeline.exec("select 4 as n"));
  await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
  await attempt(() => pipeline.claim(requests[2]!)).catch((error) => assert.ok(error instanceof ConnectionError));
  await assert.rejects(
    attempt(() => pipeline.claim(requests[3]!)),
    (error) =>
      error instanceof ConnectionError || (error instanceof PipelineAborted && error.cause instanceof ConnectionError),
  );
  assert.equal(conn.closed, true);
  await attempt(() => pipeline.close()).catch((error) => assert.ok(error instanceof ConnectionError));
  await conn.close();
  assert.throws(() => conn.pipeline(), ConnectionError);
});

conformance("pipeline: disposal after the loss keeps the error that told of it", async (world, server) => {
  await using admin = await world.connect(server.admin);
  const conn = await world.connect(server.fast);
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      const ticket = pipeline.exec("select 1");
      pipeline.exec("select 2");
      await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
      await pipeline.claim(ticket);
    })(),
    (error) => error instanceof ConnectionError,
  );
  await conn.close();
});

conformance("pipeline: closing the connection ends it", async (world, server) => {
  const conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const ticket = pipeline.exec("select 1");
  await pipeline.sync();
  await conn.close();
  await assert.rejects(attempt(() => pipeline.claim(ticket)));
  await attempt(() => pipeline.close()).catch((error) => assert.ok(error instanceof ConnectionError));
});

for (const server of serversOf(awaiting)) {
  const name = (what: string): string => `pipeline: ${what} (awaiting, PostgreSQL ${server.major})`;

  test(name("claims at once, in order"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using pipeline = conn.pipeline();
    const requests = Array.from({ length: 100 }, (_, n) => pipeline.exec<N>("select $1::int4 as n", [n]));
    const rows = await Promise.all(requests.map((ticket) => pipeline.claimOne(ticket)));
    assert.deepEqual(rows, requests.map((_, n) => ({ n })));
    const [a, b] = [pipeline.exec<N>("select 1 as n"), pipeline.exec<N>("select 2 as n")];
    const [second, first] = await Promise.allSettled([pipeline.claim(b), pipeline.claim(a)]);
    assert.equal(second.status, "rejected");
    assert.deepEqual(first, { status: "fulfilled", value: [{ n: 1 }] });
    assert.deepEqual(await pipeline.claim(b), [{ n: 2 }]);
  });

  test(name("begun while earlier calls are under way"), async () => {
    await using conn = await Conn.connect(server.fast);
    const earlier = [
      conn.exec("select pg_sleep(0.05), 1 as n"),
      conn.exec<N>("select $1::int4 as n", [2]),
      conn.query<N>("select 3 as n"),
    ];
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec<N>("select $1::int4 as n", [4]);
    await assert.rejects(conn.exec("select 1"), UsageError);
    const claimed = pipeline.claim(ticket);
    assert.deepEqual((await Promise.all(earlier)).map((rows) => rows.length), [1, 1, 1]);
    assert.deepEqual(await claimed, [{ n: 4 }]);
  });

  test(name("a sync ends the group where it is called, awaited or not"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    const slow = conn.exec("select pg_sleep(0.05)");
    {
      await using pipeline = conn.pipeline();
      const insert = pipeline.exec("insert into t values (1)");
      const first = pipeline.sync();
      const fails = pipeline.exec("select 1/0");
      const second = pipeline.sync();
      await Promise.all([slow, first, second]);
      assert.equal(await pipeline.claimDrop(insert), 1);
      await assert.rejects(pipeline.claim(fails), { code: SqlState.DivisionByZero });
    }
    assert.deepEqual(await conn.query("table t"), [{ n: 1 }], "the failure is not of the first group");
  });

  test(name("a signal, before and after the statement is sent"), async () => {
    await using conn = await Conn.connect(server.fast);
    const reason = new Error("mine");
    for (const warm of [false, true]) {
      await using pipeline = conn.pipeline();
      if (warm) await pipeline.claim(pipeline.exec("select 0"));
      for (const call of ["claim", "sync", "flush"] as const) {
        const requests = [pipeline.exec<N>("select 1 as n"), pipeline.exec<N>("select 2 as n")];
        const controller = new AbortController();
        const { signal } = controller;
        const given = call === "claim" ? pipeline.claim(requests[0]!, { signal }) : pipeline[call]({ signal });
        const settled = Promise.allSettled([given]);
        controller.abort(reason);
        const [outcome] = await settled;
        if (outcome!.status === "rejected") assert.equal(outcome!.reason, reason);
        // Whatever was sent: what is still to be claimed can be, and nothing waits for ever.
        const left = requests.slice(-pipeline.pendingCount);
        for (const ticket of left) {
          const claim = pipeline.claim(ticket);
          const late = new Promise<string>((resolve) => setTimeout(() => resolve("late"), 3000));
          assert.equal((await Promise.race([claim, late])).length, 1, `${call}, ${warm ? "later" : "first"}`);
        }
      }
      const aborted = AbortSignal.abort(reason);
      const ticket = pipeline.exec<N>("select 3 as n");
      await assert.rejects(pipeline.claim(ticket, { signal: aborted }), (error) => error === reason);
      assert.deepEqual(await pipeline.claim(ticket), [{ n: 3 }]);
    }
    assert.equal(await conn.execValue("select 42"), 42);
  });

  test(name("every claim settles when the connection is lost"), async () => {
    await using admin = await Conn.connect(server.admin);
    const conn = await Conn.connect(server.fast);
    const pipeline = conn.pipeline();
    const requests = [pipeline.exec("select pg_sleep(10)"), pipeline.exec("select 1"), pipeline.exec("select 2")];
    await pipeline.sync();
    requests.push(pipeline.exec("select 3"));
    const claims = Promise.allSettled(requests.map((ticket) => pipeline.claim(ticket)));
    const closed = Promise.allSettled([pipeline.close()]);
    await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
    for (const claim of await claims) {
      assert.ok(claim.status === "rejected");
      assert.ok(
        claim.reason instanceof ConnectionError ||
          (claim.reason instanceof PipelineAborted && claim.reason.cause instanceof ConnectionError),
      );
    }
    await closed;
    await conn.close();
  });

  test(name("cancel stops the statement that runs"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using pipeline = conn.pipeline();
    const slow = pipeline.exec("select pg_sleep(10)");
    const skipped = pipeline.exec("select 1");
    await pipeline.sync();
    const claim = pipeline.claim(slow);
    const outcome = Promise.allSettled([claim]);
    while (await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 50))]) === undefined) {
      await conn.cancel();
    }
    await assert.rejects(claim, { code: SqlState.QueryCanceled });
    await assert.rejects(pipeline.claim(skipped), PipelineAborted);
    assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 1 as n")), [{ n: 1 }]);
  });
}

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

conformance(
  "pipeline: a group that failed after flush is over when it was claimed, synced or not",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using pipeline = conn.pipeline();
    const fails = pipeline.exec("select 1/0");
    const skipped = pipeline.exec("select 1");
    await pipeline.flush();
    await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
    await pipeline.sync();
    const next = pipeline.exec<N>("select 2 as n");
    await assert.rejects(attempt(() => pipeline.claim(skipped)), PipelineAborted);
    assert.equal(pipeline.aborted, false);
    assert.deepEqual(await pipeline.claim(next), [{ n: 2 }]);
  },
);
