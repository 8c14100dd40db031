/**
 * Making a session as new.
 *
 * Source: PostgreSQL manual, SQL command DISCARD.
 */
import { type Op, settle, submit } from "../protocol/exchange.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { Affected } from "../protocol/sink.ts";
import type { Context } from "./context.ts";
import type { Listeners } from "./listen.ts";

/** DISCARD ALL: settings, temporary tables, prepared statements, advisory locks and listeners are gone. */
export function* reset({ registry, statements }: Context, listeners: Listeners): Op<void> {
  // What comes next would name statements that are gone.
  yield* settle(yield* submit(new SimpleQuery("DISCARD ALL", new Affected(), registry)));
  statements.forgetAll();
  listeners.endAll();
}
