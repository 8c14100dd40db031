/** Pipelines: many and large statements, types that are new or change, statements that become stale. */
import assert from "node:assert/strict";
import { DecodeError, Opts, PipelineAborted, ServerError, SqlState, type Ticket, UsageError } from "../../mod.ts";
import { times } from "../support/suite/extent.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { conformance } from "../support/suite/worlds.ts";

interface N {
  n: number;
}

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
