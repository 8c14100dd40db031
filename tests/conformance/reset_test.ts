/** `reset()`, notices, and strings of several statements. */
import assert from "node:assert/strict";
import { ConnectionError, Opts, ServerError, type ServerFields } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance(
  "reset: settings, temporary tables, locks and statements are gone; the connection is as new",
  async (world, server) => {
    await using conn = await world.connect(new Opts(server.fast).param("work_mem", "5MB"));
    await using other = await world.connect(server.fast);
    const lock = Math.floor(Math.random() * 2 ** 31);
    await using kept = await conn.prepare("select $1::int4 + 1");
    await conn.queryDrop("set work_mem = '7MB'; set search_path = pg_catalog; create temporary table t (n int4)");
    assert.equal(await conn.execValue("select $1::int4 * 2", [2]), 4);
    await conn.execDrop("select pg_advisory_lock($1)", [lock]);
    await conn.queryDrop("prepare mine as select 1");
    assert.equal(await other.execValue("select pg_try_advisory_lock($1)", [lock]), false);

    await conn.reset();
    assert.equal(await other.execValue("select pg_try_advisory_lock($1)", [lock]), true);
    assert.equal(await conn.execValue("show work_mem"), "5MB", "what was given on connecting holds");
    assert.notEqual(await conn.execValue("show search_path"), "pg_catalog");
    await assert.rejects(attempt(() => conn.query("table t")), { code: "42P01" });
    assert.equal(await conn.execValue("select count(*) from pg_prepared_statements where name = 'mine'"), 0n);
    assert.equal(await conn.execValue("select $1::int4 * 2", [3]), 6, "a string that was prepared before");
    assert.equal(await conn.execValue(kept, [4]), 5, "a statement that the caller holds is prepared again");
    assert.deepEqual(await conn.query("show client_encoding"), [{ client_encoding: "UTF8" }]);
  },
);

conformance("reset: over and over, with statements between, leaves no statements behind", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let i = 0; i < 5; i++) {
    for (let n = 0; n < 4; n++) assert.equal(await conn.execValue(`select $1::int4 + ${n}`, [i]), i + n);
    await conn.reset();
    const left = await conn.queryFirst("select count(*)::int4 as n from pg_prepared_statements");
    assert.deepEqual(left, { n: 0 });
  }
});

conformance("reset: in a transaction it is refused, and the transaction has failed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("set work_mem = '7MB'");
  await using tx = await conn.begin();
  await assert.rejects(attempt(() => conn.reset()), (error) => error instanceof ServerError && error.code === "25001");
  assert.equal(conn.transactionStatus, "failed");
  await tx.rollback();
  assert.equal(await conn.execValue("show work_mem"), "7MB");
  await conn.reset();
  await conn.close();
  await assert.rejects(attempt(() => conn.reset()), ConnectionError);
});

conformance("notices: of all kinds of calls, in order, before the call is over", async (world, server) => {
  const heard: ServerFields[] = [];
  await using conn = await world.connect(new Opts(server.fast).onNotice((notice) => heard.push(notice)));
  const raise = (text: string): string => `do $$ begin raise notice '${text}'; end $$`;
  const messages = (): string[] => heard.splice(0).map(({ message }) => message);
  await conn.query(raise("query"));
  assert.deepEqual(messages(), ["query"]);
  await conn.queryAll(`${raise("one")}; select 1; ${raise("two")}`);
  assert.deepEqual(messages(), ["one", "two"]);
  await conn.execDrop(raise("exec"));
  assert.deepEqual(messages(), ["exec"]);
  await conn.queryDrop(
    `create function pg_temp.say(n int4) returns int4 language plpgsql as $$
       begin raise warning 'said %', n using detail = 'the detail', hint = 'the hint', errcode = '01234'; return n; end $$;
     create temporary table t (n int4 check (pg_temp.say(n) is not null))`,
  );
  heard.length = 0;
  const rows = await conn.exec("select pg_temp.say(n) as n from generate_series(1, $1::int4) as n", [3]);
  assert.deepEqual(rows, [{ n: 1 }, { n: 2 }, { n: 3 }]);
  const { severity, code, detail, hint, message } = heard[0]!;
  assert.deepEqual({ severity, code, detail, hint, message }, {
    severity: "WARNING",
    code: "01234",
    detail: "the detail",
    hint: "the hint",
    message: "said 1",
  });
  assert.deepEqual(messages(), ["said 1", "said 2", "said 3"]);
  await conn.execBatch("select pg_temp.say($1)", [[4], [5]]);
  assert.deepEqual(messages(), ["said 4", "said 5"]);
  await conn.copyIn("copy t from stdin", "6\n7\n");
  assert.deepEqual(messages(), ["said 6", "said 7"]);
  await conn.copyRows("t", ["n"], [[8]]);
  assert.deepEqual(messages(), ["said 8"]);
  for await (const _ of conn.copyOut("copy (select pg_temp.say(9)) to stdout"));
  assert.deepEqual(messages(), ["said 9"]);
  for await (const _ of conn.stream("select pg_temp.say(10)"));
  assert.deepEqual(messages(), ["said 10"]);
  await conn.tx(given(world, function* (tx) {
    yield tx.execDrop("select pg_temp.say($1)", [11]);
  }));
  assert.deepEqual(messages(), ["said 11"]);
  {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select pg_temp.say(12)");
    await pipeline.claim(ticket);
  }
  assert.deepEqual(messages(), ["said 12"]);
  await assert.rejects(attempt(() => conn.query(`${raise("before")}; select 1/0`)), ServerError);
  assert.deepEqual(messages(), ["before"]);
});

conformance("notices: a listener that throws, that is changed, and that is taken away", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const raise = "do $$ begin raise notice 'x'; end $$";
  let heard = 0;
  conn.onNotice = () => {
    heard++;
    throw new Error("this is nobody's");
  };
  await conn.query(raise);
  conn.onNotice = () => heard += 10;
  await conn.execDrop(raise);
  conn.onNotice = undefined;
  await conn.query(raise);
  assert.equal(conn.onNotice, undefined);
  assert.equal(heard, 11);
});

conformance(
  "results: one for each statement of a string, with its rows, columns, command and count",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const results = await conn.queryAll(
      `create temporary table t (n int4, s text);;
     insert into t values (1, 'a'), (2, 'b'), (3, null);
     update t set s = 'c' where n > 1 returning n;
     delete from t where n = 3;
     select n, s from t order by n;
     select where false;
     begin; savepoint s; commit;
     values (1), (2)`,
    );
    assert.deepEqual(results.map(({ command, affected, rows }) => [command, affected, rows]), [
      ["CREATE TABLE", 0, []],
      ["INSERT", 3, []],
      ["UPDATE", 2, [{ n: 2 }, { n: 3 }]],
      ["DELETE", 1, []],
      ["SELECT", 2, [{ n: 1, s: "a" }, { n: 2, s: "c" }]],
      ["SELECT", 0, []],
      ["BEGIN", 0, []],
      ["SAVEPOINT", 0, []],
      ["COMMIT", 0, []],
      ["SELECT", 2, [{ column1: 1 }, { column1: 2 }]],
    ]);
    const columns = results.map(({ columns }) => columns.map(({ name, typeOid }) => [name, typeOid]));
    assert.deepEqual(columns, [[], [], [["n", 23]], [], [["n", 23], ["s", 25]], [], [], [], [], [["column1", 23]]]);
    const { tableOid, columnNumber, typeModifier } = results[4]!.columns[1]!;
    assert.ok(tableOid > 0);
    assert.deepEqual([columnNumber, typeModifier], [2, -1]);
  },
);

conformance("results: empty strings, comments and semicolons", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const sql of ["", " \n\t", ";", " ; ;; ", "-- nothing", "/* nothing /* at all */ */", "-- x\n;"]) {
    assert.deepEqual(await conn.query(sql), [], JSON.stringify(sql));
    assert.equal(await conn.queryFirst(sql), null);
    assert.equal(await conn.queryDrop(sql), 0);
    const all = await conn.queryAll(sql);
    assert.ok(
      all.every(({ rows, columns, command, affected }) =>
        command === "" && affected + rows.length + columns.length === 0
      ),
    );
    assert.ok(all.length <= 1);
    if (/;.*;/.test(sql)) continue;
    assert.deepEqual(
      await conn.run(sql),
      { rows: [], columns: [], command: "", affected: 0, count: null },
      JSON.stringify(sql),
    );
    assert.deepEqual(await conn.exec(sql), []);
    assert.equal(await conn.execValue(sql), null);
    assert.equal(await conn.execDrop(sql), 0);
  }
});

conformance(
  "results: a statement that fails takes those of its string with it, unless they were committed",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    await assert.rejects(
      attempt(() => conn.queryAll("insert into t values (1); select 1/0; insert into t values (2)")),
      {
        code: "22012",
      },
    );
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
    await assert.rejects(attempt(() => conn.query("begin; insert into t values (3); commit; select 1/0")), {
      code: "22012",
    });
    assert.deepEqual(await conn.query("table t"), [{ n: 3 }]);
    assert.equal(conn.transactionStatus, "idle");
    await assert.rejects(attempt(() => conn.exec("select 1; select 2")), { code: "42601" });
  },
);

conformance("results: commands and counts of the extended protocol", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const expected: readonly (readonly [string, string, number])[] = [
    ["create temporary table t (n int4)", "CREATE TABLE", 0],
    ["insert into t select generate_series(1, 5)", "INSERT", 5],
    ["update t set n = n where n > 3", "UPDATE", 2],
    ["select n from t", "SELECT", 5],
    ["table t", "SELECT", 5],
    ["delete from t where n < 3", "DELETE", 2],
    ["truncate t", "TRUNCATE TABLE", 0],
    ["show work_mem", "SHOW", 0],
    ["explain select 1", "EXPLAIN", 0],
    ["set work_mem = '5MB'", "SET", 0],
    ["do $$ begin end $$", "DO", 0],
  ];
  for (const [sql, command, affected] of expected) {
    const result = await conn.run(sql);
    assert.deepEqual([result.command, result.affected], [command, affected], sql);
  }
});
