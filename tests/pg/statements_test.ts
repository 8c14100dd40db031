/** What is prepared of the texts that a client executes again, which pg parses each time. */
import assert from "node:assert/strict";
import { besidePg, config, pyroPg } from "../support/suite/beside_pg.ts";
import { test } from "../support/suite/test.ts";

test("pg: what is prepared follows changes of tables and of what names mean", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  await client.query("create temporary table things (a int); insert into things values (1)");
  const sql = "select * from things where $1::int4 is not null";
  const rows = async (): Promise<unknown> => (await client.query(sql, [1])).rows;
  for (let i = 0; i < 3; i++) assert.deepEqual(await rows(), [{ a: 1 }]);
  const { rows: [prepared] } = await client.query("select count(*)::int as n from pg_prepared_statements");
  assert.equal(prepared.n, 1);
  await client.query("alter table things add b text default 'x'");
  for (let i = 0; i < 3; i++) assert.deepEqual(await rows(), [{ a: 1, b: "x" }]);
  await client.query("deallocate all");
  for (let i = 0; i < 3; i++) assert.deepEqual(await rows(), [{ a: 1, b: "x" }]);
  // A change that does not show in the text.
  await client.query("do $$ begin execute 'alter table things rename b to c'; end $$");
  for (let i = 0; i < 3; i++) assert.deepEqual(await rows(), [{ a: 1, c: "x" }]);
  await client.end();
});

test("pg: statements are not prepared without a cache, nor beyond its size", async () => {
  for (const [statementCacheSize, expected] of [[0, 0], [2, 2]] as const) {
    const client = new pyroPg.Client({ ...config, statementCacheSize });
    await client.connect();
    for (let i = 0; i < 12; i++) await client.query(`select $1::int4 + ${i % 4 < 2 ? i % 2 : 9 + i}`, [1]);
    const { rows: [{ n }] } = await client.query("select count(*)::int as n from pg_prepared_statements");
    assert.ok(n <= expected, `${n} with a cache of ${statementCacheSize}`);
    await client.end();
  }
});

test("pg: a statement that another session's change has made stale fails in a transaction, once", async () => {
  const [client, other] = [new pyroPg.Client(config), new pyroPg.Client(config)];
  await client.connect();
  await other.connect();
  const table = `stale_${crypto.randomUUID().slice(0, 8)}`;
  await other.query(`create table ${table} (a int); insert into ${table} values (1)`);
  const rows = async (): Promise<unknown> =>
    (await client.query(`select * from ${table} where $1::int4 is not null`, [1])).rows;
  try {
    for (let i = 0; i < 3; i++) await rows();
    await other.query(`alter table ${table} add b int`);
    // It is prepared again the second time.
    for (let i = 0; i < 3; i++) assert.deepEqual(await rows(), [{ a: 1, b: null }]);
    await client.query("begin");
    await other.query(`alter table ${table} add c int`);
    await assert.rejects(rows(), { code: "0A000", message: "cached plan must not change result type" });
    await assert.rejects(client.query("select 1"), { code: "25P02" });
    await client.query("rollback");
    await client.query("begin");
    assert.deepEqual(await rows(), [{ a: 1, b: null, c: null }]);
    await client.query("commit");
  } finally {
    await client.end();
    await other.query(`drop table ${table}`);
    await other.end();
  }
});

test("pg: without a statement cache, a change by another session does no harm in a transaction", async () => {
  const [client, other] = [new pyroPg.Client({ ...config, statementCacheSize: 0 }), new pyroPg.Client(config)];
  await client.connect();
  await other.connect();
  const table = `fresh_${crypto.randomUUID().slice(0, 8)}`;
  await other.query(`create table ${table} (a int); insert into ${table} values (1)`);
  const rows = async (): Promise<unknown> =>
    (await client.query(`select * from ${table} where $1::int4 is not null`, [1])).rows;
  try {
    for (let i = 0; i < 3; i++) await rows();
    await client.query("begin");
    await other.query(`alter table ${table} add b int`);
    assert.deepEqual(await rows(), [{ a: 1, b: null }]);
    await client.query("commit");
  } finally {
    await client.end();
    await other.query(`drop table ${table}`);
    await other.end();
  }
});

besidePg("a number of rows to fetch, which has no effect on the rows", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  for (const rows of [2, 5, 10]) {
    for (const values of [undefined, [5]]) {
      const text = `select generate_series(1, ${values ? "$1::int4" : 5}) as n`;
      const result = await conn.query({ text, values, rows });
      // pg counts the rows that it has fetched last.
      seen.push(result.rows, result.command);
    }
  }
  return seen;
});
