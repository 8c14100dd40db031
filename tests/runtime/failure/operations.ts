/** The operations that the tests of failures run, on a connection of any world. */
import type { Conn, Transaction } from "../../../mod.ts";
import { attempt, given } from "../../support/suite/call_bodies.ts";
import type { World } from "../../support/suite/worlds.ts";

/** What an operation works with. */
export interface Scene {
  readonly world: World;
  readonly conn: Conn;
  /** For each of its calls. */
  readonly options: { readonly signal?: AbortSignal; readonly timeout?: number };
  /** Called between its steps: something may happen there. */
  readonly pause: () => void;
  /** The result of its preparation. */
  kept?: unknown;
}

export interface Operation {
  readonly name: string;
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  readonly run: (scene: Scene) => unknown;
  /** What `run` gives if nothing happens. */
  readonly gives: unknown;
  /** Whether it runs `pg_temp.fail()`. */
  readonly fails: boolean;
  /** Whether it is one call, part of which is done then. */
  readonly isCall?: boolean;
  /** Whether it has steps between which something may happen. */
  readonly pauses: boolean;
}

// deno-lint-ignore no-explicit-any
type Any = any;

/** Others may run the same at the same time. */
const CHANNEL = `failure ${crypto.randomUUID()}`;
export const FAIL = "pg_temp.fail()";
const SERIES = `select n, case when n = 7 then ${FAIL} else 1 end as ok from generate_series(1, 10) n`;
const INSERT = `insert into t select $1::int, case when $1 = 170 then ${FAIL} else 1 end`;

export const OPERATIONS: readonly Operation[] = [
  {
    name: "query",
    run: ({ conn, options }) => conn.query(`select 1 as a; select ${FAIL} as n`, options),
    gives: [{ n: 1 }],
    fails: true,
    pauses: false,
  },
  {
    name: "exec, first",
    run: ({ conn, options }) => conn.execValue(`select ${FAIL} + $1::int`, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "exec, cached",
    prepare: ({ conn }) => conn.execValue(`select ${FAIL} + $1::int`, [1]),
    run: ({ conn, options }) => conn.execValue(`select ${FAIL} + $1::int`, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "prepared",
    prepare: async ({ conn }) => await conn.prepare(`select ${FAIL} + $1::int`),
    run: ({ conn, options, kept }) => conn.execValue(kept as Any, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "prepareBatch",
    run: async ({ conn, options, pause }) => {
      const [one, two] = await conn.prepareBatch([`select ${FAIL} as n`, "select $1::int as n"], options);
      pause();
      await using _first = one!;
      await using _second = two!;
      return [await conn.execValue(one!, options), await conn.execValue(two!, [2], options)];
    },
    gives: [1, 2],
    fails: true,
    pauses: true,
  },
  {
    name: "tx",
    run: ({ world, conn, options, pause }) =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          yield tx.execDrop(`insert into t values ($1, ${FAIL})`, [1]);
          pause();
          return yield tx.execValue("select count(*)::int from t where n = $1", [1]);
        }) as Any,
        options,
      ),
    gives: 1,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "nested tx",
    run: ({ world, conn, options, pause }) =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          return yield tx.tx(
            given(world, function* (inner: Transaction) {
              yield inner.execDrop(`insert into t values ($1, ${FAIL})`, [1]);
              pause();
              return yield inner.execValue("select count(*)::int from t where n = $1", [1]);
            }) as Any,
            options,
          );
        }) as Any,
        options,
      ),
    gives: 1,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "begin and commit",
    run: async ({ conn, options, pause }) => {
      await using tx = await conn.begin(options);
      await tx.execDrop(`insert into t values ($1, ${FAIL})`, [1], options);
      pause();
      await tx.commit(options);
      return tx.closed;
    },
    gives: true,
    fails: true,
    pauses: true,
  },
  {
    name: "pipeline",
    run: async ({ conn, options, pause }) => {
      await using pipeline = conn.pipeline();
      const first = [1, 2, 3].map((n) => pipeline.exec<{ n: number }>("select $1::int as n", [n]));
      await pipeline.sync(options);
      const second = [4, 5].map((n) => pipeline.exec<{ n: number }>(`select ${FAIL} * $1::int as n`, [n]));
      await pipeline.sync(options);
      const got = [];
      for (const ticket of [...first, ...second]) {
        got.push((await pipeline.claimOne(ticket, options))!.n);
        if (got.length === 2) pause();
      }
      // Nothing of the last group was sent when something happens.
      const last = pipeline.exec<{ n: number }>("select 6 as n");
      return [...got, (await pipeline.claimOne(last, options))!.n];
    },
    gives: [1, 2, 3, 4, 5, 6],
    fails: true,
    pauses: false,
  },
  {
    name: "execBatch",
    run: ({ conn, options, pause }) => conn.execBatch(INSERT, sets(300, pause), options),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execBatch in chunks",
    run: ({ conn, options, pause }) => conn.execBatch(INSERT, sets(300, pause), { chunk: 40, ...options }),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execIter",
    run: ({ world, conn, options, pause }) =>
      conn.execIter(
        SERIES,
        [],
        given(world, function* (portal: Any) {
          let count = 0;
          for (let more = true; more;) {
            const { rows, hasMore } = yield portal.fetch(3);
            count += rows.length;
            if (count === 3) pause();
            more = hasMore;
          }
          return count;
        }) as Any,
        options,
      ),
    gives: 10,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execPortal",
    run: async ({ conn, options, pause }) => {
      await using tx = await conn.begin(options);
      await using up = await tx.execPortal(SERIES, options);
      await using down = await tx.execPortal("select generate_series(3, 1, -1) as n", options);
      const first = await up.fetch(3, options);
      pause();
      const second = await down.fetch(2, options);
      const rest = await up.fetch(0, options);
      return [first.rows.length, second.rows.length, rest.rows.length, rest.hasMore];
    },
    gives: [3, 2, 7, false],
    fails: true,
    pauses: true,
  },
  {
    name: "stream",
    run: async ({ conn, options, pause }) => {
      let count = 0;
      for await (const _ of conn.stream(SERIES, { batch: 3, ...options })) if (++count === 3) pause();
      return count;
    },
    gives: 10,
    fails: true,
    pauses: true,
  },
  {
    name: "copyIn",
    run: ({ conn, options, pause }) => conn.copyIn("copy t (n) from stdin", lines(600, pause), options),
    gives: 600,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "copyOut",
    run: async ({ conn, options, pause }) => {
      let size = 0;
      const sql = `copy (select case when n = 300 then ${FAIL} else 1 end from generate_series(1, 600) n) to stdout`;
      for await (const chunk of conn.copyOut(sql, options)) {
        if (size === 0) pause();
        size += chunk.length;
      }
      return size;
    },
    gives: 1200,
    fails: true,
    pauses: false,
  },
  {
    name: "copyRows",
    run: ({ conn, options, pause }) => conn.copyRows("t", ["n"], sets(300, pause), options),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "listen",
    run: async ({ conn, options, pause, world }) => {
      const timeout = world.name === "async" ? {} : { timeout: 5000 };
      await using news = await conn.listen(CHANNEL, { ...options, ...timeout }) as Any;
      await conn.notify(CHANNEL, "one", options);
      const next = async (): Promise<string | undefined> => {
        const { value } = await attempt(() => news.next()) as Any;
        // It ends the iteration.
        options.signal?.throwIfAborted();
        return value?.payload;
      };
      const first = await next();
      pause();
      await conn.notify(CHANNEL, "two", options);
      return [first, await next()];
    },
    gives: ["one", "two"],
    fails: false,
    pauses: true,
  },
  {
    name: "notify",
    run: ({ conn, options }) => conn.notify(`${CHANNEL}, nobody`, "x", options),
    gives: undefined,
    fails: false,
    pauses: false,
  },
  {
    name: "reset",
    run: ({ conn, options }) => conn.reset(options),
    gives: undefined,
    fails: false,
    pauses: false,
  },
  { name: "ping", run: ({ conn, options }) => conn.ping(options), gives: undefined, fails: false, pauses: false },
];

function* sets(count: number, pause: () => void): Generator<number[]> {
  for (let n = 1; n <= count; n++) {
    if (n === 140) pause();
    yield [n];
  }
}

function* lines(count: number, pause: () => void): Generator<string> {
  for (let n = 1; n <= count; n++) {
    if (n === 140) pause();
    yield `${n}\n`;
  }
}
