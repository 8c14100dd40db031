/**
 * Every operation of a connection, as conversations that are recorded with a real server and then corrupted. They are
 * generators, so that both kinds of connections can run them.
 */
import {
  type Conn,
  IsolationLevel,
  type Notifications,
  type Pipeline,
  type Portal,
  type Transaction,
} from "../../mod.ts";
import { NEWEST } from "../support/installed/versions.ts";
import { type Body, given } from "../support/suite/call_bodies.ts";
import type { World } from "../support/suite/worlds.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";

/** What a connection does in a conversation. It must say the same each time, as long as the server does. */
export type Operation = (conn: Conn, world: World) => Body<unknown>;

/** The operations, by name. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  *connect() {},
  *query(conn) {
    return [
      yield conn.query("select 1 as a, 'x' as b union all select 2, null"),
      yield conn.queryFirst("select 1 as a"),
    ];
  },
  *"several statements"(conn) {
    return yield conn.queryAll("select 1 as a; create temp table t (a int); insert into t values (1); ;");
  },
  *"an error"(conn) {
    return [yield* failing(() => conn.query("select 1/0")), yield conn.query("select 1 as a")];
  },
  *"an error in a statement"(conn) {
    return [yield* failing(() => conn.exec("select 1 / $1::int4", [0])), yield conn.ping()];
  },
  *notices(conn) {
    yield conn.query("do $$ begin raise notice 'n'; raise warning 'w'; end $$; set work_mem = '1MB'");
  },
  *prepare(conn) {
    yield conn.prepare("select $1::int4 + $2::int8 as sum");
    yield conn.prepareBatch(["select 1 as a", "select $1::text as b"]);
  },
  *execute(conn) {
    const sql = "select $1::int4 as a, $2::text as b";
    const params = [1, "x"];
    return [
      yield conn.exec(sql, params),
      yield conn.exec(sql, params, { rows: "array" }),
      yield conn.execOne(sql, params),
      yield conn.execFirst(sql, params),
      yield conn.execValue(sql, params),
      yield conn.execDrop(sql, params),
      yield conn.run(sql, params),
    ];
  },
  *batch(conn) {
    yield conn.queryDrop("create temp table t (a int4, b text)");
    return yield conn.execBatch("insert into t values ($1, $2)", [[1, "a"], [2, "b"], [3, null]]);
  },
  *stream(conn) {
    return [
      yield* taken(conn.stream("select generate_series(1, 7) as n", [], { batch: 3 }), Infinity),
      yield* taken(conn.stream("select generate_series(1, 7) as n", [], { batch: 2 }), 1),
    ];
  },
  *portal(conn, world) {
    const body = given(world, function* (portal: Portal): Body<unknown> {
      return [yield portal.fetch(2), yield portal.fetch(0), portal.done];
    });
    return yield conn.execIter("select generate_series(1, 5) as n", [], body as never);
  },
  *transaction(conn, world) {
    const failure = given(world, function* (inner: Transaction): Body<unknown> {
      return yield inner.query("select 1/0");
    });
    const body = given(world, function* (tx: Transaction): Body<unknown> {
      return [yield tx.exec("select $1::int4 as a", [1]), yield* failing(() => tx.tx(failure as never))];
    });
    return yield conn.tx(body as never, { isolationLevel: IsolationLevel.Serializable });
  },
  *"a failed transaction"(conn) {
    const tx: Transaction = yield conn.begin();
    try {
      const portal: Portal = yield tx.execPortal("select generate_series(1, 3) as n", []);
      return [
        yield portal.fetch(1),
        yield portal.fetch(5),
        yield* failing(() => tx.query("select nothing")),
        yield* failing(() => tx.commit()),
      ];
    } finally {
      yield disposal(tx);
    }
  },
  *pipeline(conn) {
    const pipeline: Pipeline = conn.pipeline();
    try {
      const tickets = [1, 2].map((n) => pipeline.exec("select $1::int4 + 1 as n", [n]));
      yield pipeline.sync();
      const failed = pipeline.exec("select 1 / $1::int4", [0]);
      const aborted = pipeline.exec("select $1::int4 as n", [3]);
      yield pipeline.sync();
      return [
        yield pipeline.claim(tickets[0]!),
        yield pipeline.claimOne(tickets[1]!),
        yield* failing(() => pipeline.claim(failed)),
        yield* failing(() => pipeline.claimDrop(aborted)),
      ];
    } finally {
      yield disposal(pipeline);
    }
  },
  *"copy in"(conn) {
    const encoder = new TextEncoder();
    yield conn.queryDrop("create temp table t (a int4, b text)");
    return [
      yield conn.copyIn("copy t from stdin", ["1\ta\n", "2\tb\n"].map((line) => encoder.encode(line))),
      yield conn.copyRows("t", ["a", "b"], [[3, "c"], [4, null]]),
      yield* failing(() => conn.copyIn("copy t from stdin", [encoder.encode("x\n")])),
    ];
  },
  *"copy out"(conn) {
    return yield* taken(conn.copyOut("copy (select generate_series(1, 9)) to stdout"), Infinity);
  },
  *"listen and notify"(conn, world) {
    // With promises, listening has no time-out.
    const options = world.name === "async" ? undefined : { timeout: 1000 };
    const notifications: Notifications = yield conn.listen("channel", options as never);
    try {
      yield conn.notify("channel", "payload");
      return yield notifications.next();
    } finally {
      yield disposal(notifications);
    }
  },
  *reset(conn) {
    return [
      yield conn.exec("select $1::int4 as a", [1]),
      yield conn.reset(),
      yield conn.exec("select $1::int4 as a", [1]),
    ];
  },
  *"types of the database"(conn) {
    yield conn.queryDrop("create type pg_temp.mood as enum ('sad', 'glad')");
    yield conn.queryDrop("create domain pg_temp.small as int4 check (value < 10)");
    yield conn.queryDrop("create type pg_temp.pair as (m pg_temp.mood, n pg_temp.small[])");
    const sql = "select row('glad', '{1,2}')::pg_temp.pair as p, array['sad']::pg_temp.mood[] as m";
    return [
      yield conn.query(sql),
      yield conn.exec(sql),
      yield conn.exec("select $1::pg_temp.pair as p", [{ m: "sad", n: [3] }]),
    ];
  },
  ...Object.fromEntries(
    typesWithValues().filter((type) => sinceOf(type) <= NEWEST).map((type) => [
      `values of ${type}`,
      (conn: Conn) => valuesFor(conn, type),
    ]),
  ),
};

/** Values and arrays of a type, in both formats. */
function* valuesFor(conn: Conn, type: string): Body<unknown> {
  const values = valuesOf(type, 14, 3).filter((value) => JSON.stringify(String(value)).length < 100).slice(0, 8)
    // A string for json is its text.
    .map((value) => /^jsonb?$/.test(type) && typeof value === "string" ? JSON.stringify(value) : value);
  const sql = `select v, array[v, null] as a from unnest($1::${type}[]) as v`;
  return [
    yield conn.exec(sql, [values]),
    yield conn.exec(sql, [values]),
    yield conn.query(`select null::${type} as v`),
  ];
}

/** The first values of what is iterated over, which is then left. */
function* taken<T>(source: AsyncIterable<T> | Iterable<T>, count: number): Body<T[]> {
  const values: T[] = [];
  const iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  while (values.length < count) {
    const { done, value }: IteratorResult<T> = yield iterator.next();
    if (done) return values;
    values.push(value);
  }
  yield iterator.return?.();
  return values;
}

/** Disposes of something of either kind. */
function disposal(what: object): unknown {
  const { [Symbol.asyncDispose]: later, [Symbol.dispose]: now } = what as Partial<AsyncDisposable & Disposable>;
  return (later ?? now)!.call(what);
}

/** The error of a call that must fail with the real server, and may succeed with a corrupted reply. */
function* failing(call: () => unknown): Body<unknown> {
  try {
    return yield call();
  } catch (error) {
    if ((error as { connectionLost?: boolean }).connectionLost !== false) throw error;
    return error;
  }
}
