/** Calls that run for long, for tests of `timeout` and `signal`. */
import assert from "node:assert/strict";
import { type Conn, TimeoutError } from "../../../mod.ts";
import { given } from "./call_bodies.ts";
import type { World } from "./worlds.ts";

/** Takes far longer than any time-out of these tests. */
export const SLEEP = "select pg_sleep(20)";
/** The same with a parameter. */
export const SLEEPING = "select $1::int4, pg_sleep(20)";

/** What connections and transactions have in common. */
type Executor = Pick<
  Conn,
  | "query"
  | "queryFirst"
  | "queryDrop"
  | "queryAll"
  | "exec"
  | "execFirst"
  | "execOne"
  | "execValue"
  | "execDrop"
  | "run"
  | "execBatch"
  | "execIter"
  | "stream"
  | "tx"
  | "copyIn"
  | "copyOut"
  | "copyRows"
  | "prepare"
  | "prepareBatch"
  | "begin"
>;

type Options = { timeout?: number; signal?: AbortSignal };

/** Calls that run for long, by name; their table `sleeper` is made by {@linkcode SLEEPER}. */
export const LONG: Readonly<Record<string, (on: Executor, options: Options, world?: World) => unknown>> = {
  query: (on, options) => on.query(SLEEP, options),
  queryFirst: (on, options) => on.queryFirst(SLEEP, options),
  queryDrop: (on, options) => on.queryDrop(SLEEP, options),
  queryAll: (on, options) => on.queryAll(`select 1; ${SLEEP}`, options),
  "exec without parameters": (on, options) => on.exec(SLEEP, options),
  exec: (on, options) => on.exec(SLEEPING, [1], options),
  execFirst: (on, options) => on.execFirst(SLEEPING, [1], options),
  execOne: (on, options) => on.execOne(SLEEPING, [1], options),
  execValue: (on, options) => on.execValue(SLEEPING, [1], options),
  execDrop: (on, options) => on.execDrop(SLEEPING, [1], options),
  run: (on, options) => on.run(SLEEPING, [1], options),
  execBatch: (on, options) => on.execBatch("insert into sleeper values ($1)", [[1], [2], [3]], options),
  copyIn: (on, options) => on.copyIn("copy sleeper from stdin", "1\n2\n", options),
  copyRows: (on, options) => on.copyRows("sleeper", ["n"], [[1], [2]], options),
  stream: async (on, options) => {
    for await (const _ of on.stream(SLEEPING, [1], options));
  },
  copyOut: async (on, options) => {
    for await (const _ of on.copyOut("copy (select pg_sleep(20)) to stdout", options));
  },
  "the fetch of a portal": (on, options, world) =>
    on.execIter(
      SLEEPING,
      [1],
      given(world!, function* (portal) {
        return (yield portal.fetch(0, options)).rows;
      }),
    ),
};

/** Makes a table whose trigger sleeps. */
export const SLEEPER = `create temporary table sleeper (n int4);
  create function pg_temp.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$;
  create trigger slow before insert on sleeper for each row execute function pg_temp.slow()`;

/** Checks that an error is a time-out with that outcome, on a connection that goes on. */
export function isTimeout(outcome: TimeoutError["outcome"]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TimeoutError, String((error as Error)?.stack ?? error));
    assert.equal(error.outcome, outcome, error.message);
    assert.equal(error.connectionLost, false);
    return true;
  };
}
