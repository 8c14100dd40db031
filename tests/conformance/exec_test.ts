import assert from "node:assert/strict";
import { EncodeError, Opts, ServerError, SqlState, UsageError } from "../../mod.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("exec: a constraint that fails at the end of what might have been a COPY", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (copy_id int unique deferrable initially deferred)");
  const code = SqlState.UniqueViolation;
  // The word makes it a suspect, behind which Sync is sent late; the server fails in the commit that Sync brings.
  for (let i = 0; i < 3; i++) {
    await assert.rejects(async () => await conn.exec("insert into t (copy_id) values ($1), ($1)", [1]), { code });
    await assert.rejects(async () => await conn.exec("insert into t (copy_id) values (1), (1)"), { code });
    assert.equal(await conn.execValue("select count(*)::int4 from t"), 0);
  }
});

conformance("exec: the first, the second and the hundredth time give the same", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const sql = "select n, n::text || $2 as t from generate_series(1, $1) as n";
  for (let i = 0; i < 100; i++) {
    assert.deepEqual(await conn.exec(sql, [2, "!"]), [{ n: 1, t: "1!" }, { n: 2, t: "2!" }]);
    assert.deepEqual(await conn.exec("select 1.50 as a, true as b, null as c"), [{ a: "1.50", b: true, c: null }]);
  }
});

conformance("exec: arguments", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await conn.exec("select 1 as n", { rows: "array" }), [[1]]);
  assert.deepEqual(await conn.exec("select $1::int4 as n", [2], { rows: "array" }), [[2]]);
  assert.deepEqual(await conn.exec("select 1 as n", undefined, { rows: "array" }), [[1]]);
  assert.deepEqual(await conn.exec("select 1 as n", []), [{ n: 1 }]);
  await assert.rejects(async () => await conn.exec("select 1", "x" as never), UsageError);
  await assert.rejects(async () => await conn.exec("select 1", {}, {}), UsageError);
  await assert.rejects(async () => await conn.exec("select 1", { colour: 5 } as object), UsageError);
  await assert.rejects(async () => await conn.exec(7 as never), UsageError);
});

conformance("exec: a wrong number of parameters", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const sql = "select $1::int4 + $2::int4";
  for (const params of [[], [1], [1, 2, 3]]) {
    await assert.rejects(async () => await conn.exec(sql, params), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.equal(error.message, `Cannot bind ${params.length} parameters: the statement has 2`);
      return true;
    });
  }
  assert.equal(await conn.execValue(sql, [1, 2]), 3);
});

conformance("exec: a parameter that does not fit is named, and nothing is executed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int2, b text)");
  const cases: [unknown[], RegExp][] = [
    [[40000, "x"], /\$1 as int2: the number is out of range/],
    [[1.5, "x"], /\$1 as int2: the number must be an integer/],
    [[true, "x"], /\$1 as int2: a boolean/],
    [[1, undefined], /\$2 as text: undefined/],
    [[1, {}], /\$2 as text: an object/],
    [[1, "a\0b"], /\$2 as text: the text contains a NUL/],
    [[1, "\udead"], /\$2 as text: .*lone surrogate/],
  ];
  for (const [params, message] of cases) {
    await assert.rejects(async () => await conn.exec("insert into t values ($1, $2)", params), (error) => {
      assert.ok(error instanceof EncodeError, String(error));
      assert.match(error.message, message);
      assert.ok(!error.safeToRetry && !error.connectionLost);
      return true;
    });
  }
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
  assert.equal(await conn.execDrop("insert into t values ($1, $2)", [1, "x"]), 1);
});

conformance("exec: 65535 parameters go, one more is refused with a way out", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const sql = (count: number): string =>
    `select cardinality(array[${Array.from({ length: count }, (_, i) => `$${i + 1}::int4`)}])`;
  const values = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  assert.equal(await conn.execValue(sql(65_535), values(65_535)), 65_535);
  await assert.rejects(async () => await conn.execValue(sql(2), values(65_536)), /65536 parameters.*unnest/);
});

conformance("execFirst, execOne, execValue, execDrop", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const series = "select n, -n as m from generate_series(1, $1) as n";
  assert.deepEqual(await conn.execFirst(series, [3]), { n: 1, m: -1 });
  assert.deepEqual(await conn.execFirst(series, [3], { rows: "array" }), [1, -1]);
  assert.equal(await conn.execFirst(series, [0]), null);
  assert.deepEqual(await conn.execOne(series, [1]), { n: 1, m: -1 });
  for (const count of [0, 2]) {
    await assert.rejects(async () => await conn.execOne(series, [count]), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, new RegExp(`returned ${count} rows`));
      return true;
    });
  }
  assert.equal(await conn.execValue(series, [3]), 1);
  assert.equal(await conn.execValue(series, [0]), null);
  assert.equal(await conn.execValue("select null"), null);
  assert.equal(await conn.execValue("select from generate_series(1, 1)"), null);
  assert.equal(await conn.execDrop(series, [3]), 3);
  assert.equal(await conn.execDrop(""), 0);
  assert.equal(await conn.execDrop("create temporary table t (n int)"), 0);
  assert.equal(await conn.execDrop("insert into t select generate_series(1, $1)", [5]), 5);
  assert.equal(await conn.execDrop("insert into t values (6) returning n"), 1);
});

conformance("run: everything about one statement", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const { rows, columns, command, affected } = await conn.run("select $1::int4 as n", [5]);
  assert.deepEqual([rows, columns.map(({ name }) => name), command, affected], [[{ n: 5 }], ["n"], "SELECT", 1]);
  assert.deepEqual(await conn.run(""), { rows: [], columns: [], command: "", affected: 0, count: null });
  assert.deepEqual(await conn.run("create temporary table t (n int)"), {
    rows: [],
    columns: [],
    command: "CREATE TABLE",
    affected: 0,
    count: null,
  });
  assert.deepEqual((await conn.run("insert into t values (1), (2) returning n", { rows: "array" })).rows, [[1], [2]]);
  assert.equal((await conn.run("insert into t values (3)")).command, "INSERT");
});

conformance("exec: several statements in one string are the server's error", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await assert.rejects(
    async () => await conn.exec("select 1; select 2"),
    (error) => error instanceof ServerError && error.code === SqlState.SyntaxError,
  );
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("exec: an execution that fails is prepared once, however often it is tried", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let i = 0; i < 5; i++) {
    await assert.rejects(async () => await conn.exec("select 1 / 0"), { code: SqlState.DivisionByZero });
    await assert.rejects(async () => await conn.exec("select 1 / $1::int4", [0]), { code: SqlState.DivisionByZero });
    await assert.rejects(async () => await conn.exec("select nonsense"), { code: SqlState.UndefinedColumn });
  }
  assert.equal(await conn.execValue("select count(*) from pg_prepared_statements"), 3n);
});

conformance("exec: at most as many statements stay prepared as the cache holds", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(4));
  for (let i = 0; i < 20; i++) {
    assert.equal(await conn.execValue(`select ${i} + $1::int4`, [1]), i + 1);
    assert.equal(await conn.execValue(`select ${i}`), i);
  }
  assert.equal(await conn.execValue("select count(*) from pg_prepared_statements"), 4n);
  await using none = await world.connect(new Opts(server.fast).statementCacheSize(0));
  for (let i = 0; i < 3; i++) {
    assert.equal(await none.execValue("select 1 + $1::int4", [i]), i + 1);
    assert.equal(await none.execValue("select count(*) from pg_prepared_statements where name <> ''"), 0n);
  }
});

conformance("exec: after a change of the table the statement is learned anew", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int); insert into t values (1)");
  assert.deepEqual(await conn.exec("select * from t"), [{ a: 1 }]);
  await conn.queryDrop("alter table t add b text default 'x'");
  assert.deepEqual(await conn.exec("select * from t"), [{ a: 1, b: "x" }]);
  await conn.queryDrop(unseen("alter table t add c int default 2"));
  assert.deepEqual(await conn.exec("select * from t"), [{ a: 1, b: "x", c: 2 }]);
  await conn.queryDrop("deallocate all");
  assert.deepEqual(await conn.exec("select * from t"), [{ a: 1, b: "x", c: 2 }]);
});
