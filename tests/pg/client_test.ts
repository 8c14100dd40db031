/** The client: forms of queries, results, errors, events and their order, beside pg. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import type { Client, QueryResult } from "../../src/pg/mod.ts";
import { besidePg, config, errorOf, event, nodePg, plain, pyroPg } from "../support/suite/beside_pg.ts";
import { test } from "../support/suite/test.ts";

besidePg("results of one statement and of several", async ({ client }) => {
  const conn = await client();
  const results: unknown[] = [];
  for (
    const text of [
      "select 1 as a, 'x'::varchar(5) as b, null as c",
      "select 1; select 'two' as t; create temporary table items (n int, t text default 'x')",
      "insert into items values (1), (2)",
      "insert into items values (3) returning *",
      "update items set n = n + 1; delete from items where n > 3; table items",
      "",
      ";",
      "-- a comment",
      "select 1 where false",
      "begin; select 1 as one; commit",
      "select from generate_series(1, 2)",
      "select 1 as a, 2 as a, 3 as __proto__",
      "copy items to stdout",
    ]
  ) results.push(await conn.query(text));
  return results;
});

besidePg("the forms of query", async ({ pg, client }) => {
  const conn = await client();
  const text = "select $1::text as name";
  const seen: unknown[] = [
    await conn.query(text, ["a"]),
    await conn.query({ text, values: ["b"] }),
    await conn.query({ text }, ["c"]),
    await conn.query({ text, values: ["d"], rowMode: "array" }),
    await conn.query({ text: "select 1 as n", queryMode: "extended" }),
    await conn.query({ text: "", queryMode: "extended" }),
    await conn.query("select 1 as n", []),
    await conn.query({ name: "named", text, values: ["e"] }),
    await conn.query({ name: "named", text, values: ["f"] }),
    await conn.query({ name: "named", values: ["g"] } as never),
    await errorOf(conn.query({ name: "named", text: "select 2", values: [] })),
    await errorOf(conn.query({} as never)),
  ];
  const withCallback = (...args: unknown[]): Promise<unknown> =>
    new Promise((resolve) => {
      const returned = (conn.query as (...args: unknown[]) => unknown)(
        ...args,
        (error: unknown, result: unknown) => resolve([error, result, returned]),
      );
    });
  seen.push(
    await withCallback(text, ["h"]),
    await withCallback("select 1 as n"),
    await withCallback({ text, values: ["i"] }),
    await withCallback("select nothing"),
    await withCallback(new pg.Query(text, ["j"])).then((outcome) => (outcome as unknown[]).slice(0, 2)),
  );
  class Template {
    get text(): string {
      return text;
    }
    get values(): string[] {
      return ["k"];
    }
  }
  seen.push(await conn.query(new Template()));
  for (const wrong of [null, undefined]) assert.throws(() => conn.query(wrong as never), TypeError);
  return seen;
});

besidePg("FETCH from cursors with other columns each time", async ({ client }) => {
  const conn = await client();
  await conn.query("begin");
  const seen: unknown[] = [];
  for (const columns of ["1::int4 as n", "1.5::float4 as x", "'abcd' as t, 2 as n", "true as b"]) {
    await conn.query(`declare c scroll cursor for select ${columns}`);
    for (let i = 0; i < 3; i++) {
      seen.push(await conn.query({ text: "fetch absolute 1 from c", queryMode: "extended" }));
      seen.push(await conn.query({ text: "fetch absolute 1 from c", name: "named" }));
    }
    await conn.query("close c");
  }
  return seen;
});

besidePg("the server's errors", async ({ client }) => {
  const conn = await client();
  await conn.query("create temporary table t (n int constraint small check (n < 5), u int unique)");
  const errors = [
    await errorOf(conn.query("select nothing")),
    await errorOf(conn.query("select $1::int4 / 0", [1])),
    await errorOf(conn.query("selec 1")),
    await errorOf(conn.query("insert into t values ($1)", [7])),
    await errorOf(conn.query("insert into t values (1, 1), (2, 1)")),
    await errorOf(
      conn.query("do $$ begin raise exception 'own' using hint = 'h', detail = 'd', errcode = 'AB123'; end $$"),
    ),
    await errorOf(conn.query("copy t from stdin")),
    await errorOf(conn.query("select 1; select nothing; select 2")),
  ];
  return [errors, (await conn.query("select 1 as alive")).rows];
});

besidePg("rows by events", async ({ pg, client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  for (const values of [undefined, [3], [3], [3]]) {
    const query = conn.query(new pg.Query(`select n from generate_series(1, ${values ? "$1" : 3}) as n`, values));
    query.on("row", (row, result) => seen.push(row, result.fields.length));
    const [result] = await event(query, "end");
    seen.push(result);
  }
  const failing = conn.query(new pg.Query("select nothing"));
  seen.push(await event(failing, "error"));
  const several = conn.query(new pg.Query("select 1 as a; select 2 as b"));
  several.on("row", (row) => seen.push(row));
  seen.push(await event(several, "end"));
  return seen;
});

besidePg("queries wait for the connection, and for each other", async ({ pg }) => {
  const client = new pg.Client(config);
  const seen: unknown[] = [];
  client.on("connect", () => seen.push("connect"));
  client.on("end", () => seen.push("end"));
  let hasDrained = false;
  client.on("drain", () => hasDrained = true);
  const queries = [1, 2, 3].map((n) => client.query("select $1::int4 as n", [n]).then(({ rows }) => seen.push(rows)));
  const failing = client.query("select nothing").catch((error) => seen.push(error.code));
  const connected = await client.connect();
  seen.push(connected === client);
  await Promise.all([...queries, failing]);
  // pg may report the error before it knows that nothing is left to do.
  while (!hasDrained) await new Promise((resolve) => setTimeout(resolve, 1));
  client.query("select 4 as n", (_error: Error, result: QueryResult) => seen.push(result.rows));
  await client.query("select 5 as n");
  await client.end();
  seen.push(await errorOf(client.query("select 6")), await errorOf(client.connect()));
  await client.end();
  return seen;
});

besidePg("the transaction's status, notices and notifications", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  conn.on("notice", (notice: unknown) => {
    const { message, severity, code, name } = notice as Record<string, unknown>;
    seen.push({ message, severity, code, name });
  });
  for (const text of ["begin", "select 1", "rollback"]) {
    await conn.query(text);
    seen.push(conn.getTransactionStatus());
  }
  await conn.query("do $$ begin raise notice 'heard'; end $$");
  const heard = event(conn, "notification");
  await conn.query('listen "News"');
  await conn.query(`select pg_notify('News', 'hello')`);
  const [{ channel, payload, processId }] = await heard as [{ channel: string; payload: string; processId: number }];
  return [seen, channel, payload, processId === conn.processID];
});

besidePg("a lost connection: callback, error, end", async ({ client }) => {
  const admin = await client({ user: "postgres", password: "", database: "test_db" });
  const seen: unknown[] = [];
  const watched = async (more: object = {}): Promise<Client> => {
    const conn = await client(more);
    conn.on("error", (error: Error & { code?: string }) => seen.push(["error", error.message, error.code]));
    return conn;
  };
  const idle = await watched();
  const ended = event(idle, "end").then(() => seen.push("end"));
  await admin.query("select pg_terminate_backend($1)", [idle.processID]);
  await ended;
  seen.push(await errorOf(idle.query("select 1")));
  const busy = await watched();
  const over = event(busy, "end").then(() => seen.push("end"));
  busy.query("select pg_sleep(60)", (error: Error) => seen.push(["callback", error.message]));
  busy.query("select 2", (error: Error) => seen.push(["queued", error.message]));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await admin.query("select pg_terminate_backend($1)", [busy.processID]);
  await over;
  return seen;
});

besidePg("ending while a query runs", async ({ pg }) => {
  const client = new pg.Client(config);
  await client.connect();
  const running = errorOf(client.query("select pg_sleep(60)"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  await client.end();
  return await running;
});

besidePg("refused connections", async ({ pg }) => {
  const outcomes = [];
  for (const wrong of [{ database: "nowhere" }, { user: "nobody" }]) {
    const client = new pg.Client({ ...config, ...wrong });
    const { code, severity } = await errorOf(client.connect()) as { code: string; severity: string };
    outcomes.push([code, severity, await errorOf(client.query("select 1")).catch(() => "?") && "not queryable"]);
  }
  const nobody = new pg.Client({ ...config, port: 1 });
  const { code } = await errorOf(nobody.connect()) as { code: string };
  return [outcomes, code];
});

besidePg("a query that takes too long for its caller", async ({ client }) => {
  const conn = await client({ query_timeout: 100 });
  const error = await errorOf(conn.query("select pg_sleep(0.2)"));
  const other = await errorOf(
    conn.query({ text: "select pg_sleep(0.2)", query_timeout: 600_000 }).then(() => Promise.reject("in time")),
  );
  return [error, other];
});

besidePg("passwords from functions", async ({ pg, client }) => {
  const conn = await client({ password: () => Promise.resolve("1234") });
  const wrong = new pg.Client({ ...config, password: () => 5 as unknown as string });
  const { message } = await errorOf(wrong.connect()) as Error;
  // pg leaves the socket open.
  wrong.connection.stream.destroy();
  return [(await conn.query("select 1 as n")).rows, /Password must be a string/.test(message)];
});

besidePg("pipelined queries", async ({ client }) => {
  const conn = await client({ pipeline: true } as object);
  const outcomes = await Promise.allSettled([
    ...[1, 2, 3].map((n) => conn.query("select $1::int4 as n", [n])),
    conn.query("select nothing"),
    ...[4, 5].map((n) => conn.query({ name: "same", text: "select $1::int4 as n", values: [n] })),
  ]);
  return outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? outcome.value.rows : (outcome.reason as Error).message
  );
});

test("pg: what a callback or a listener throws is an uncaught exception, and the client goes on", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  const thrown: unknown[] = [];
  const { nextTick } = process;
  // An uncaught exception would end the test.
  process.nextTick = (call: (...args: unknown[]) => void, ...args: unknown[]): void =>
    nextTick(() => {
      try {
        call(...args);
      } catch (error) {
        thrown.push(error);
      }
    });
  const fail = (reason: string): void => {
    throw reason;
  };
  try {
    client.query("select 1", () => fail("callback"));
    client.query("select nothing", () => fail("callback of a failure"));
    client.query(new pyroPg.Query("select 1")).on("row", () => fail("row")).on("end", () => fail("end"));
    client.once("notice", () => fail("notice"));
    await client.query("do $$ begin raise notice 'heard'; end $$");
    assert.deepEqual((await client.query("select 2 as n")).rows, [{ n: 2 }]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(thrown, ["callback", "callback of a failure", "row", "end", "notice"]);
  } finally {
    process.nextTick = nextTick;
    await client.end();
  }
});

test("pg: another client cancels a query that runs, or takes it out of the queue", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  const outcomes: string[] = [];
  const [running, queued] = ["select pg_sleep(60)", "select 1"].map((text) => {
    const query = new pyroPg.Query(text, (error: { code?: string } | null) => outcomes.push(error?.code ?? "none"));
    return client.query(query);
  });
  const other = new pyroPg.Client(config);
  other.cancel(client, queued!);
  // A request that comes before the server has begun has no effect.
  const timer = setInterval(() => other.cancel(client, running!), 50);
  await client.query("select 2");
  clearInterval(timer);
  assert.deepEqual(outcomes, ["57014"]);
  await client.end();
});

test("pg: the status of a failed transaction", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  await client.query("begin");
  await assert.rejects(client.query("select nothing"));
  assert.equal(client.getTransactionStatus(), "E");
  await assert.rejects(client.query("select 1"), { code: "25P02" });
  await client.query("rollback");
  assert.equal(client.getTransactionStatus(), "I");
  await client.end();
});

test("pg: a NUL character is refused, and nothing is sent", async () => {
  const client = new pyroPg.Client(config);
  await client.connect();
  await assert.rejects(client.query("select 1\0; select 2"), /NUL character/);
  await assert.rejects(client.query("select $1::text\0", ["x"]), /NUL character/);
  assert.deepEqual((await client.query("select 1 as n")).rows, [{ n: 1 }]);
  await client.end();
});

test("pg: the module has what pg's has", () => {
  const names = Object.keys(nodePg).filter((name) => !name.startsWith("_"));
  assert.deepEqual(names.filter((name) => !(name in pyroPg)), []);
  assert.equal(pyroPg.native, undefined);
  assert.deepEqual(plain(pyroPg.defaults), plain(nodePg.defaults));
  assert.ok(new pyroPg.DatabaseError("m", 1, "error") instanceof Error);
  assert.ok(Buffer.isBuffer(pyroPg.utils.prepareValue(new Uint8Array(1))));
});

besidePg("the status of the transaction is known in callbacks", async ({ client }) => {
  const conn = await client();
  const seen: (string | null)[] = [];
  for (const text of ["select 1", "begin", "select 1", "commit"]) {
    await new Promise<void>((resolve, reject) =>
      conn.query(text, (error) => {
        seen.push(conn.getTransactionStatus());
        if (error) reject(error);
        else resolve();
      })
    );
  }
  return seen;
});

besidePg("ending before connecting, which is still possible", async ({ pg }) => {
  const conn = new pg.Client(config);
  await conn.end();
  await conn.connect();
  await conn.end();
  return await errorOf(conn.query("select 1"));
});

besidePg("an error that is emitted on the connection is the client's", async ({ client }) => {
  const conn = await client();
  const emitted = event(conn, "error");
  conn.connection.emit("error", new Error("expected"));
  return [String((await emitted)[0]), await errorOf(conn.query("select 1"))];
});
