import assert from "node:assert/strict";
import { DecodeError, Opts, type Result, ServerError, SqlState, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("query: rows of the last statement that gave any", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await conn.query("select 1 as n; select 2 as n, 'x' as t; set time zone 'UTC'"), [{ n: 2, t: "x" }]);
  assert.deepEqual(await conn.query("set time zone 'UTC'"), []);
  assert.deepEqual(await conn.query(""), []);
  assert.deepEqual(await conn.query("-- only a comment"), []);
  assert.deepEqual(await conn.query("select where false"), []);
  assert.deepEqual(await conn.query("select from generate_series(1, 2)"), [{}, {}]);
});

conformance("query: rows as arrays", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await conn.query("select 1, 2 as a, 3 as a", { rows: "array" }), [[1, 2, 3]]);
  assert.deepEqual(await conn.query("select 1 as b, 2 as a, 3 as a", { rows: "object" }), [{ b: 1, a: 3 }]);
  assert.deepEqual(await conn.queryFirst("select 1, 2", { rows: "array" }), [1, 2]);
});

conformance("queryFirst, queryDrop", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.deepEqual(await conn.queryFirst("select n from generate_series(5, 9) as n"), { n: 5 });
  assert.equal(await conn.queryFirst("select 1 where false"), null);
  assert.equal(await conn.queryFirst("create temporary table t (n int)"), null);
  assert.equal(await conn.queryDrop("insert into t select generate_series(1, 10)"), 10);
  assert.equal(await conn.queryDrop("update t set n = 0 where n > 7; delete from t where n = 0"), 3);
  assert.equal(await conn.queryDrop("select * from t"), 7);
  assert.equal(await conn.queryDrop("analyze t"), 0);
  assert.equal(await conn.queryDrop(""), 0);
});

conformance("queryAll: one result per statement", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const results = await conn.queryAll(
    "select 1 as n; create temporary table t (a int); ; insert into t values (1), (2); table t",
  );
  assert.deepEqual(results.map(({ command, affected, rows }) => [command, affected, rows]), [
    ["SELECT", 1, [{ n: 1 }]],
    ["CREATE TABLE", 0, []],
    ["INSERT", 2, []],
    ["SELECT", 2, [{ a: 1 }, { a: 2 }]],
  ]);
  assert.deepEqual(results[1]?.columns, []);
  assert.deepEqual(results[0]?.columns, [{
    name: "n",
    typeOid: 23,
    typeSize: 4,
    typeModifier: -1,
    tableOid: 0,
    columnNumber: 0,
  }]);
  const [empty] = await conn.queryAll("");
  assert.deepEqual(empty, { rows: [], columns: [], command: "", affected: 0, count: null });
});

conformance("query: columns tell table, number and modifier", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int, b varchar(7))");
  const oid = await conn.execValue<number>("select 't'::regclass::oid");
  const [{ columns }] = await conn.queryAll("select b from t") as [Result];
  assert.deepEqual(columns, [{
    name: "b",
    typeOid: 1043,
    typeSize: -1,
    typeModifier: 11,
    tableOid: oid,
    columnNumber: 2,
  }]);
});

conformance(
  "query: an error leaves the connection usable, and has everything the server said",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await assert.rejects(async () => await conn.query("select 1; select bad from pg_class; select 2"), (error) => {
      assert.ok(error instanceof ServerError);
      assert.equal(error.name, "ServerError");
      assert.equal(error.code, SqlState.UndefinedColumn);
      assert.equal(error.severity, "ERROR");
      assert.equal(error.position, 18);
      assert.equal(error.message, 'column "bad" does not exist');
      assert.equal(error.query, "select 1; select bad from pg_class; select 2");
      assert.equal(typeof error.line, "number");
      assert.equal(error.detail, undefined);
      assert.ok(!error.connectionLost && !error.safeToRetry);
      return true;
    });
    assert.deepEqual(await conn.query("select 1 as n"), [{ n: 1 }]);
  },
);

conformance("query: errors about data name the constraint, table, column and type", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (id int constraint t_id primary key, n int not null)");
  await conn.queryDrop("insert into t values (1, 1)");
  await assert.rejects(async () => await conn.execDrop("insert into t values ($1, $2)", [1, 2]), (error) => {
    assert.ok(error instanceof ServerError);
    assert.deepEqual([error.code, error.constraint, error.table], [SqlState.UniqueViolation, "t_id", "t"]);
    assert.match(error.detail ?? "", /already exists/);
    return true;
  });
  await assert.rejects(async () => await conn.execDrop("insert into t values ($1, $2)", [2, null]), (error) => {
    assert.ok(error instanceof ServerError);
    assert.deepEqual([error.code, error.column], [SqlState.NotNullViolation, "n"]);
    return true;
  });
});

conformance("query: a value that cannot be read fails that call alone", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using numbers = await world.connect(new Opts(server.fast).int8("number"));
  await assert.rejects(async () => await numbers.query("select 1 as ok, 9007199254740993::int8 as big"), (error) => {
    assert.ok(error instanceof DecodeError);
    assert.match(error.message, /column 2 "big" as int8/);
    assert.ok(!error.connectionLost);
    return true;
  });
  assert.deepEqual(await numbers.query("select 9007199254740991::int8 as n"), [{ n: 9007199254740991 }]);
  assert.deepEqual(await conn.query("select 9007199254740993::int8 as n"), [{ n: 9007199254740993n }]);
});

conformance("query: what is no SQL text is refused before anything is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const sql of [undefined, null, 5, {}, "a\0b", "\ud800"]) {
    await assert.rejects(async () => await conn.query(sql as string), UsageError);
  }
  await assert.rejects(async () => await conn.query("select 1", { row: "array" } as object), UsageError);
  await assert.rejects(async () => await conn.query("select 1", { rows: "maps" } as object), UsageError);
  await assert.rejects(async () => await conn.query("select 1", [1] as object), UsageError);
  assert.equal(
    (await conn.queryFirst<{ n: bigint }>("select count(*) as n from pg_stat_activity where pid = pg_backend_pid()"))
      ?.n,
    1n,
  );
});

conformance("query: COPY in place of rows names the method to use, and the connection lives", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int); insert into t values (1), (2)");
  for (const sql of ["copy t from stdin", "copy t to stdout", "COPY (select 1) TO STDOUT"]) {
    const method = /from/.test(sql) ? /copyIn/ : /copyOut/;
    for (
      const call of [() => conn.query(sql), () => conn.exec(sql), () => conn.queryAll(sql), () => conn.execDrop(sql)]
    ) {
      await assert.rejects(async () => await call(), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        assert.match(error.message, method);
        return true;
      });
      assert.equal(await conn.execValue("select count(*) from t"), 2n);
    }
  }
});

conformance("query: a million rows and a row of 40 megabytes", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const rows = await conn.query<{ n: number }>("select n from generate_series(1, 1000000) as n");
  assert.equal(rows.length, 1_000_000);
  assert.ok(rows.every(({ n }, i) => n === i + 1));
  const [row] = await conn.query<{ t: string }>("select repeat('äx', 20000000) as t");
  assert.equal(row?.t.length, 40_000_000);
  assert.ok(row.t.endsWith("äxäx"));
});

conformance("query: rules may add queries with rows to a statement, which still ends once", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(`create temporary table t (n int);
    create rule first as on insert to t do also select new.n as a;
    create rule second as on insert to t do also select new.n + 1 as b, new.n + 2 as c`);
  assert.deepEqual(await conn.query("insert into t values (1); set application_name = 'x'"), [{ b: 2, c: 3 }]);
  const results = await conn.queryAll("insert into t values (2); select 5 as d");
  assert.deepEqual(results.map(({ command, affected }) => [command, affected]), [["INSERT", 1], ["SELECT", 1]]);
  assert.deepEqual(results[1]!.rows, [{ d: 5 }]);
});
