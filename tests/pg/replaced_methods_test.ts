/** Programs that replace methods of pg's classes, to log queries, or to change rows and values; beside pg. */
import assert from "node:assert/strict";
import type { Client, Connection, FieldDef, Query, QueryArrayConfig, QueryConfig } from "../../src/pg/mod.ts";
import { requirePg } from "../support/installed/pg.ts";
import { besidePg, errorOf, event } from "../support/suite/beside_pg.ts";

const CursorClass = requirePg<new (text: string) => { submit(connection: Connection): void }>("pg-cursor");

/** Replaces a method while a program runs. */
async function replacing<T extends object, N extends keyof T>(
  prototype: T,
  name: N,
  replace: (original: T[N]) => T[N],
  program: () => Promise<unknown>,
): Promise<unknown> {
  const original = prototype[name];
  prototype[name] = replace(original);
  try {
    return await program();
  } finally {
    prototype[name] = original;
  }
}

/** Runs a program with a `submit` that logs each query first. */
async function logging(
  { prototype }: typeof Query,
  log: (query: Query) => void,
  program: () => Promise<unknown>,
): Promise<unknown> {
  const replace = (submit: Query["submit"]) =>
    function (this: Query, connection: Connection) {
      log(this);
      return submit.call(this, connection);
    };
  return await replacing(prototype, "submit", replace, program);
}

/** Queries of all kinds, and what comes of them. */
async function queriesOn(conn: Client, QueryClass: typeof Query): Promise<unknown[]> {
  const seen: unknown[] = [];
  const query = async (text: string | QueryConfig | QueryArrayConfig, values?: unknown[]) => {
    const { rows, fields, rowCount, command } = await conn.query(text as QueryConfig, values);
    seen.push([rows, fields.map(({ name }) => name), rowCount, command]);
  };
  await query("select 1 as first_column, '2024-02-29'::date as a_date, array[1, 2] as list");
  // The third time, it would be prepared.
  for (let i = 0; i < 3; i++) await query("select $1::int4 + 1 as first_column, $2 as t", [i, "é"]);
  for (let i = 0; i < 2; i++) await query({ name: "named", text: "select $1::text as t", values: ["x"] });
  await query({ text: "select n from generate_series(1, 5) as n", rowMode: "array", queryMode: "extended" });
  await query({ text: "select n from generate_series(1, 5) as n", rows: 2 });
  await query({ text: "select $1::int4 as n", values: [258], binary: true });
  await query("create temporary table replaced_methods (n int)");
  await query("insert into replaced_methods values ($1), (2)", [1]);
  await query("");
  seen.push(await conn.query("select 1 as a; select 2 as b, 3 as c"));
  seen.push(await errorOf(conn.query("select nothing")), await errorOf(conn.query("select 1 / $1::int4", [0])));
  seen.push(await errorOf(conn.query({ name: "named", text: "select 2" })));
  seen.push(await errorOf(conn.query("copy replaced_methods from stdin")));
  const circular = { toPostgres: () => circular };
  seen.push(await errorOf(conn.query("select $1::text", [circular])));
  const types = { getTypeParser: () => () => assert.fail("no such value") };
  seen.push(await errorOf(conn.query({ text: "select 1", types })));
  const rows: unknown[] = [];
  const listened = conn.query(new QueryClass("select n from generate_series(1, 3) as n"));
  listened.on("row", (row) => rows.push(row));
  seen.push((await event(listened, "end"))[0], rows, (await conn.query("select 1 as last")).rows);
  return seen;
}

besidePg("a replaced submit, by which queries are logged", async ({ pg, client }) => {
  const conn = await client();
  const texts: unknown[] = [];
  const log = ({ text, values }: Query) => texts.push([text, values?.length]);
  const seen = await logging(pg.Query, log, () => queriesOn(conn, pg.Query));
  // What was prepared under a name still is.
  const after = await conn.query({ name: "named", text: "select $1::text as t", values: ["y"] });
  return [texts, seen, after.rows, await errorOf(conn.query({ name: "named", text: "select 2" }))];
});

besidePg("a replaced submit of pipelined queries", async ({ pg, client }) => {
  const conn = await client({ pipeline: true });
  const texts: unknown[] = [];
  const seen = await logging(
    pg.Query,
    ({ text }) => texts.push(text),
    () =>
      Promise.all([
        conn.query("select 1 as a"),
        conn.query("select $1::int4 as b", [2]),
        errorOf(conn.query("select nothing")),
        errorOf(conn.query("select 1 / $1::int4", [0])),
        ...[1, 2, 3].map((n) => conn.query({ name: "named", text: "select $1::int4 as c", values: [n] })),
      ]),
  );
  return [texts, seen, (await conn.query("select 4 as d")).rows];
});

besidePg("a replaced handleRowDescription, which renames columns", async ({ pg, client }) => {
  const conn = await client();
  await conn.query({ name: "named", text: "select $1::text as t", values: ["first"] });
  const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return await replacing(
    pg.Query.prototype,
    "handleRowDescription",
    (handle) =>
      function (this: Query, message: { readonly fields: FieldDef[] }) {
        for (const field of message.fields) field.name = camel(field.name);
        return handle.call(this, message);
      },
    () => queriesOn(conn, pg.Query),
  );
});

besidePg("a replaced parseRow of results", async ({ pg, client }) => {
  const conn = await client();
  return await replacing(
    pg.Result.prototype,
    "parseRow",
    (parse) =>
      function (this: InstanceType<typeof pg.Result>, values) {
        return { parsed: parse.call(this, values) };
      },
    () => queriesOn(conn, pg.Query),
  );
});

besidePg("a subclass of Query that asks for the columns of a statement", async ({ pg, client }) => {
  const conn = await client();
  class Describing extends pg.Query {
    fields: string[] = [];
    override submit(connection: Connection): void {
      connection.parse({ text: this.text! });
      connection.describe({ type: "S" });
      connection.sync();
    }
    override handleRowDescription({ fields }: { readonly fields: FieldDef[] }): void {
      this.fields = fields.map(({ name }) => name);
    }
  }
  const query = conn.query(new Describing("select 1 as a, $1::text as b"));
  await event(query, "end");
  const wrong = conn.query(new Describing("select nothing"));
  return [query.fields, (await event(wrong, "error"))[0], (await conn.query("select 1 as n")).rows];
});

besidePg("a replaced prepareValue, which changes the texts of parameters", async ({ pg, client }) => {
  const conn = await client();
  return await replacing(
    pg.utils,
    "prepareValue",
    (prepare) => (value) => value instanceof Date ? "2001-01-01" : prepare(value),
    async () => (await conn.query("select $1::date::text as d, $2::text as t", [new Date(), { a: [1] }])).rows,
  );
});

besidePg("a named statement that a program closes and forgets by itself", async ({ client }) => {
  const conn = await client();
  const { connection } = conn;
  const named = async (text?: string) => (await conn.query({ name: "mine", text: text!, values: [7] })).rows;
  const seen: unknown[] = [await named("select $1::int4 as n"), { ...connection.parsedStatements }];
  await conn.query("deallocate mine");
  delete connection.parsedStatements.mine;
  seen.push(await named("select $1::int4 + 1 as other"), { ...connection.parsedStatements }, await named());
  await conn.query("deallocate all");
  connection.parsedStatements = {};
  seen.push(await named("select $1::int4 as n"), { ...connection.parsedStatements });
  seen.push(await errorOf(conn.query({ name: "wrong", text: "select nothing" })), { ...connection.parsedStatements });
  seen.push((await conn.query({ name: "wrong", text: "select 1 as right" })).rows);
  return [...seen, { ...connection.submittedNamedStatements }];
});

besidePg("the client's state in callbacks of errors", async ({ client }) => {
  const seen: unknown[] = [];
  for (const values of [undefined, [0]]) {
    const conn = await client();
    const state = () => [
      conn.readyForQuery,
      conn.getTransactionStatus(),
      conn._getActiveQuery() ?? null,
    ];
    await conn.query("begin");
    await new Promise<void>((resolve) => {
      conn.query(`select 1 / ${values ? "$1::int4" : 0}`, values, (error) => {
        seen.push(error.message, state());
        conn.query("rollback", () => {
          seen.push(state());
          resolve();
        });
        seen.push(state());
      });
    });
    await new Promise<void>((resolve) => {
      conn.query("select nothing", () => conn.end(() => resolve()));
    });
    seen.push(state());
  }
  return seen;
});

besidePg("the client's state when a query class hears that the server is ready", async ({ client }) => {
  const seen: unknown[] = [];
  for (const text of ["begin", "select nothing"]) {
    const conn = await client();
    const state = () => [conn.readyForQuery, conn.getTransactionStatus()];
    const errors: unknown[] = [];
    conn.on("error", (error) => errors.push(error));
    const next: unknown[] = [];
    const ended = new Promise<void>((resolve) => {
      const then = () => {
        seen.push(state());
        conn.query("select 1 as n", (error, { rows }) => {
          next.push(error, rows);
          conn.end(() => resolve());
        });
        seen.push(state());
      };
      conn.query({
        submit: (connection: Connection) => connection.query(text),
        handleRowDescription: () => {},
        handleDataRow: () => {},
        handleCommandComplete: () => {},
        handleReadyForQuery: then,
        handleError: then,
      } as { submit(connection: Connection): void });
    });
    await ended;
    seen.push(next, errors);
  }
  return seen;
});

besidePg("ending a client when its cursor hears that the server is ready", async ({ client, pool }) => {
  const watch = pool();
  const conn = await client();
  const seen: unknown[] = [];
  conn.on("error", (error) => seen.push(error));
  class Ending extends CursorClass {
    handleReadyForQuery(): void {
      conn.end().then(() => seen.push("ended"));
    }
  }
  const cursor = conn.query(new Ending("select 1 as n") as InstanceType<typeof Ending> & { close(): Promise<void> });
  const end = event(conn, "end");
  cursor.close().catch(() => {});
  await end;
  const { rows } = await watch.query("select count(*)::int as n from pg_stat_activity where pid = $1", [
    conn.processID,
  ]);
  return [seen, rows];
});
