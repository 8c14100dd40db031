/** Members and events by which libraries and tools observe clients and connections, beside pg. */
import type { QueryConfig } from "../../src/pg/mod.ts";
import { besidePg, config, errorOf, event } from "../support/suite/beside_pg.ts";

/** The text of each query; undefined and null are the same, since pg has both for none. */
interface Observed {
  readonly queryQueue: readonly { text: string }[];
  readonly activeQuery: { text: string } | null | undefined;
}

function observe(client: unknown): unknown {
  const { queryQueue, activeQuery } = client as Observed;
  return [queryQueue.map(({ text }) => text), activeQuery?.text ?? null];
}

besidePg("whether a client has sent a query", async ({ client }) => {
  const conn = await client();
  const seen = [conn.hasExecuted];
  const query = conn.query("select 1");
  seen.push(conn.hasExecuted);
  await query;
  return [...seen, conn.hasExecuted];
});

besidePg("the query that runs, and those that wait", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [observe(conn)];
  const done = new Promise<void>((resolve) => {
    conn.query("select 1", () => {
      seen.push(observe(conn), conn.readyForQuery);
      conn.query("select 3", () => {
        seen.push(observe(conn));
        conn.query("select 4", () => resolve());
        seen.push(observe(conn));
      });
      seen.push(observe(conn));
    });
  });
  seen.push(observe(conn));
  conn.query("select 2", () => seen.push(observe(conn)));
  seen.push(observe(conn));
  await done;
  return [seen, observe(conn)];
});

besidePg("a callback that is set after the call, as tools do", async ({ client }) => {
  const conn = await client();
  const seen: unknown[] = [];
  for (const values of [undefined, [1]]) {
    const result = conn.query(`select ${values ? "$1::int4" : 1} as n`, values);
    const query = (conn as unknown as { activeQuery: { callback: (...args: unknown[]) => void } }).activeQuery;
    const { callback } = query;
    query.callback = (error, outcome) => {
      seen.push([error, (outcome as { rowCount: number }).rowCount]);
      callback(error, outcome);
    };
    seen.push((await result).rows);
  }
  return seen;
});

besidePg("settings of the session as events of the connection", async ({ pg }) => {
  const conn = new pg.Client(config);
  const seen: Record<string, unknown> = {};
  let isConnected = false;
  conn.connection.on("parameterStatus", (message) => {
    // The order of the others is the server's.
    seen[message.parameterName] = isConnected ? message : message.parameterValue;
  });
  await conn.connect();
  isConnected = true;
  const { application_name: _, ...atStart } = seen;
  await conn.query("set timezone = 'Asia/Tokyo'; set application_name = 'né'");
  await conn.end();
  return [atStart, seen.TimeZone, seen.application_name];
});

besidePg("the end of the stream", async ({ client }) => {
  const outcomes: unknown[] = [];
  for (const how of ["end", "destroy"] as const) {
    const conn = await client();
    const { stream } = conn.connection;
    const seen = [event(stream, "close").then(() => "close"), event(conn, "end").then(() => "end")];
    const error = event(conn, "error");
    stream.setNoDelay(true).setKeepAlive(true, 1000);
    stream[how]();
    outcomes.push((await error)[0], await Promise.all(seen), stream.writable);
  }
  return outcomes;
});

besidePg("a pool whose subclass connects in another way", async ({ pg }) => {
  const seen: unknown[] = [];
  class OwnPool extends pg.Pool {
    override newClient(...args: Parameters<InstanceType<typeof pg.Pool>["newClient"]>): void {
      seen.push(typeof args[0].callback);
      super.newClient(...args);
    }
  }
  const pool = new OwnPool({ ...config, max: 1 });
  await Promise.all([1, 2, 3].map((n) => pool.query("select $1::int4 as n", [n]).then(({ rows }) => seen.push(rows))));
  await pool.end();
  return seen;
});

besidePg("messages of replies as events of the connection", async ({ pg }) => {
  const conn = new pg.Client(config);
  const { connection } = conn;
  const seen: unknown[] = [];
  const ready = (message: { readonly status: string }): void => void seen.push(["ready", message.status]);
  connection.on("readyForQuery", ready);
  await conn.connect();
  const listeners: Record<string, (message: Record<string, unknown>) => void> = {
    rowDescription: ({ fields }) => seen.push(["columns", (fields as { name: string }[]).map(({ name }) => name)]),
    dataRow: ({ fields }) => seen.push(["row", fields]),
    commandComplete: ({ text }) => seen.push(["complete", text]),
    errorMessage: ({ code }) => seen.push(["error", code]),
    emptyQuery: () => seen.push("empty"),
    parseComplete: () => seen.push("parsed"),
  };
  for (const [name, listener] of Object.entries(listeners)) connection.on(name, listener);
  await conn.query("begin");
  seen.push((await conn.query("select $1::int4 as n", [1])).rows);
  seen.push((await conn.query({ name: "named", text: "select $1::text as t", values: ["x"] })).rows);
  await conn.query("");
  // The server may be ready before or after the caller hears of the error.
  const error = await errorOf(conn.query("select nothing"));
  await conn.query("rollback");
  for (const [name, listener] of Object.entries(listeners)) connection.off(name, listener);
  connection.off("readyForQuery", ready);
  const { length } = seen;
  seen.push((await conn.query({ name: "named", text: "select $1::text as t", values: ["y"] })).rows, length);
  const once = event(connection, "readyForQuery");
  seen.push((await conn.query("select 2 as n")).rows, (await once)[0]);
  await conn.end();
  return [seen, error];
});

besidePg("every message of the server as an event of the connection", async ({ pg, client }) => {
  const conn = new pg.Client(config);
  const seen: unknown[] = [];
  const notices: unknown[] = [];
  let isConnected = false;
  conn.connection.on("message", (message: Record<string, unknown>) => {
    // The order of settings at the start is the server's, and those of the authentication are not emitted.
    if (!isConnected && message.name !== "readyForQuery") return;
    const { name, length, fields, text, chunk, channel, parameterName, status, fieldCount } = message;
    // Whether a notice comes before messages of the reply depends on what arrives together.
    const list = name === "notice" ? notices : seen;
    list.push([name, length, fields, text, chunk, channel, parameterName, status, fieldCount, message.message]);
  });
  await conn.connect();
  isConnected = true;
  const run = async (query: string | QueryConfig): Promise<void> => {
    seen.push(query);
    // The server may be ready before or after the caller hears of an error, so another query waits for that.
    await conn.query(query).then(({ rows }) => seen.push(rows), () => conn.query("select 'after' as t"));
  };
  await run("select 1 as a, null as b; select 'é' as c where false");
  for (let i = 0; i < 2; i++) await run({ name: "named", text: "select $1::int4 as n", values: [i] });
  await run({ text: "select n from generate_series(1, 3) as n", rows: 2 });
  await run({ text: "select nothing", queryMode: "extended" });
  await run("do $$ begin raise notice 'noted'; raise warning 'warned'; end $$");
  await run("listen messages; notify messages, 'self'");
  await run("set application_name = 'messages'");
  await run("create temporary table messages (n int)");
  await run("copy messages from stdin");
  await run("copy (select 1 union all select 2) to stdout");
  await run("");
  const other = await client();
  const notified = event(conn.connection, "notification");
  await other.query("notify messages, 'other'");
  seen.push(Object.keys((await notified)[0] as object).toSorted());
  const noticed = event(conn.connection, "notice");
  await run("do $$ begin raise notice 'last'; end $$");
  seen.push(((await noticed)[0] as Error).message);
  await conn.end();
  return [seen, notices];
});

besidePg("the lists of a pool, and the query of a client, by which programs measure them", async ({ pool }) => {
  const clients = pool({ max: 1 });
  const seen: unknown[] = [];
  const look = () => seen.push([clients._clients.length, clients._idle.length, clients._pendingQueue.length]);
  look();
  const first = await clients.connect();
  look();
  const second = clients.connect();
  look();
  const query = first.query("select 1");
  seen.push(first._activeQuery?.text, first._getActiveQuery()?.text);
  await query;
  seen.push(first._activeQuery ?? null);
  first.release();
  (await second).release();
  look();
  seen.push(clients._idle.map(({ client }) => client === first));
  return seen;
});

besidePg("the methods of a pool by which programs ask whether it is full, and close idle clients", async ({ pool }) => {
  const clients = pool({ max: 2, min: 1 });
  const seen: unknown[] = [];
  const look = () => seen.push([clients._isFull(), clients._isAboveMin(), clients.totalCount, clients.idleCount]);
  clients.on("remove", () => seen.push("removed"));
  look();
  const [first, second] = [await clients.connect(), await clients.connect()];
  look();
  const third = clients.connect();
  clients._pulseQueue();
  look();
  first.release();
  (await third).release();
  second.release();
  const [idle] = clients._idle;
  await new Promise<void>((resolve) => clients._remove(idle!.client, resolve));
  look();
  // A program that replaces the method decides whether there is room.
  clients._isFull = () => true;
  const only = await clients.connect();
  const waiting = clients.connect();
  seen.push(clients.waitingCount);
  only.release();
  (await waiting).release();
  look();
  return seen;
});
