/** What is prepared of the texts that a client executes again, which pg parses each time. */
import assert from "node:assert/strict";
import type { QueryConfig, Submittable } from "../../src/pg/mod.ts";
import { besidePg, config, errorOf, pyroPg } from "../support/suite/beside_pg.ts";
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

besidePg("a name without a text, and then with one", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  for (const listener of [undefined, () => {}]) {
    // Queries are sent as in pg while somebody listens.
    if (listener !== undefined) conn.connection.on("message", listener);
    const name = `nothing ${listener}`;
    const { rows, command } = await conn.query({ name } as QueryConfig);
    seen.push(rows, command);
    for (let i = 0; i < 2; i++) seen.push(await errorOf(conn.query({ name, text: "select 1 as n" })));
    seen.push(name in conn.connection.submittedNamedStatements);
  }
  return seen;
});

besidePg("a statement that a program closes while no query runs, or while one does", async ({ client }) => {
  const conn = await client();
  const { connection } = conn;
  const seen: unknown[] = [];
  const named = async (text: string) => seen.push((await conn.query({ name: "named", text })).rows);
  const prepared = async () => seen.push((await conn.query("select name from pg_prepared_statements")).rows);
  const close = (name = "named") => {
    connection.close({ type: "S", name });
    delete connection.parsedStatements[name];
  };
  await named("select 1 as n");
  await prepared();
  // pg takes the answer to a Sync for that to the next query, so programs wait for it.
  const isReady = new Promise<void>((resolve) => connection.once("readyForQuery", () => resolve()));
  close();
  connection.sync();
  await isReady;
  await prepared();
  await named("select 2 as n");
  // Without a Sync, and with a query in the same turn.
  close();
  await named("select 3 as n");
  const running = conn.query("select pg_sleep(0.02), 'running' as t");
  close();
  seen.push((await running).rows);
  await prepared();
  close("never prepared");
  await named("select 4 as n");
  return seen;
});

test("pg: a statement that is closed behind a query class that has sent all that it sends", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  await client.query({ name: "named", text: "select 1" });
  await new Promise<void>((resolve) => {
    client.query({
      submit: (connection) => {
        connection.parse({ text: "select 2" });
        connection.sync();
        connection.close({ type: "S", name: "named" });
      },
      handleReadyForQuery: resolve,
    } as Submittable);
  });
  assert.deepEqual((await client.query("select name from pg_prepared_statements")).rows, []);
  await client.end();
  // Nothing is sent any more, and nothing fails.
  client.connection.close({ type: "S", name: "named" });
});
