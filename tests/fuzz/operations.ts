/** Every operation of a connection, as conversations that are recorded with a real server and then corrupted. */
import { IsolationLevel } from "../../mod.ts";
import type { Conn } from "../../sync.ts";
import { typesWithValues, valuesOf } from "../support/values/type_values.ts";

/** What a connection does in a conversation. It must say the same each time, as long as the server does. */
export type Operation = (conn: Conn) => unknown;

/** The operations, by name. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  connect: () => {},
  query: (conn) => [conn.query("select 1 as a, 'x' as b union all select 2, null"), conn.queryFirst("select 1 as a")],
  "several statements": (conn) =>
    conn.queryAll("select 1 as a; create temp table t (a int); insert into t values (1); ;"),
  "an error": (conn) => [failing(() => conn.query("select 1/0")), conn.query("select 1 as a")],
  "an error in a statement": (conn) => [failing(() => conn.exec("select 1 / $1::int4", [0])), conn.ping()],
  notices: (conn) => conn.query("do $$ begin raise notice 'n'; raise warning 'w'; end $$; set work_mem = '1MB'"),
  prepare: (conn) => [
    conn.prepare("select $1::int4 + $2::int8 as sum"),
    conn.prepareBatch(["select 1 as a", "select $1::text as b"]),
  ],
  execute: (conn) => {
    const sql = "select $1::int4 as a, $2::text as b";
    const params = [1, "x"];
    return [
      conn.exec(sql, params),
      conn.exec(sql, params, { rows: "array" }),
      conn.execOne(sql, params),
      conn.execFirst(sql, params),
      conn.execValue(sql, params),
      conn.execDrop(sql, params),
      conn.run(sql, params),
    ];
  },
  batch: (conn) => {
    conn.queryDrop("create temp table t (a int4, b text)");
    return conn.execBatch("insert into t values ($1, $2)", [[1, "a"], [2, "b"], [3, null]]);
  },
  stream: (conn) => {
    const rows: unknown[] = [];
    for (const row of conn.stream("select generate_series(1, 7) as n", [], { batch: 3 })) rows.push(row);
    for (const row of conn.stream("select generate_series(1, 7) as n", [], { batch: 2 })) {
      rows.push(row);
      break;
    }
    return rows;
  },
  portal: (conn) =>
    conn.execIter("select generate_series(1, 5) as n", [], (portal) => [portal.fetch(2), portal.fetch(0), portal.done]),
  transaction: (conn) =>
    conn.tx(
      (tx) => [tx.exec("select $1::int4 as a", [1]), failing(() => tx.tx((inner) => inner.query("select 1/0")))],
      {
        isolationLevel: IsolationLevel.Serializable,
      },
    ),
  "a failed transaction": (conn) => {
    using tx = conn.begin();
    const portal = tx.execPortal("select generate_series(1, 3) as n", []);
    return [portal.fetch(1), portal.fetch(5), failing(() => tx.query("select nothing")), failing(() => tx.commit())];
  },
  pipeline: (conn) => {
    using pipeline = conn.pipeline();
    const tickets = [1, 2].map((n) => pipeline.exec("select $1::int4 + 1 as n", [n]));
    pipeline.sync();
    const failed = pipeline.exec("select 1 / $1::int4", [0]);
    const aborted = pipeline.exec("select $1::int4 as n", [3]);
    pipeline.sync();
    return [
      pipeline.claim(tickets[0]!),
      pipeline.claimOne(tickets[1]!),
      failing(() => pipeline.claim(failed)),
      failing(() => pipeline.claimDrop(aborted)),
    ];
  },
  "copy in": (conn) => {
    conn.queryDrop("create temp table t (a int4, b text)");
    return [
      conn.copyIn("copy t from stdin", ["1\ta\n", "2\tb\n"].map((line) => new TextEncoder().encode(line))),
      conn.copyRows("t", ["a", "b"], [[3, "c"], [4, null]]),
      failing(() => conn.copyIn("copy t from stdin", [new TextEncoder().encode("x\n")])),
    ];
  },
  "copy out": (conn) => {
    const chunks: number[] = [];
    for (const chunk of conn.copyOut("copy (select generate_series(1, 9)) to stdout")) chunks.push(chunk.length);
    return chunks;
  },
  "listen and notify": (conn) => {
    const notifications = conn.listen("channel", { timeout: 1000 });
    conn.notify("channel", "payload");
    const first = notifications.next();
    notifications[Symbol.dispose]();
    return first;
  },
  reset: (conn) => [conn.exec("select $1::int4 as a", [1]), conn.reset(), conn.exec("select $1::int4 as a", [1])],
  "types of the database": (conn) => {
    conn.queryDrop("create type pg_temp.mood as enum ('sad', 'glad')");
    conn.queryDrop("create domain pg_temp.small as int4 check (value < 10)");
    conn.queryDrop("create type pg_temp.pair as (m pg_temp.mood, n pg_temp.small[])");
    const sql = "select row('glad', '{1,2}')::pg_temp.pair as p, array['sad']::pg_temp.mood[] as m";
    return [conn.query(sql), conn.exec(sql), conn.exec("select $1::pg_temp.pair as p", [{ m: "sad", n: [3] }])];
  },
  ...Object.fromEntries(
    typesWithValues().map((type) => [`values of ${type}`, (conn: Conn) => {
      const values = valuesOf(type, 14, 3).filter((value) => JSON.stringify(String(value)).length < 100).slice(0, 8)
        // A string for json is its text.
        .map((value) =>
          (type === "json" || type === "jsonb") && typeof value === "string" ? JSON.stringify(value) : value
        );
      const sql = `select v, array[v, null] as a from unnest($1::${type}[]) as v`;
      return [conn.exec(sql, [values]), conn.exec(sql, [values]), conn.query(`select null::${type} as v`)];
    }]),
  ),
};

/** The error of a call that must fail with the real server, and may succeed with a corrupted reply. */
function failing(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if ((error as { connectionLost?: boolean }).connectionLost !== false) throw error;
    return error;
  }
}
