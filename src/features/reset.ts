/**
 * Resets a session to its initial state.
 *
 * Source: PostgreSQL manual, SQL command DISCARD.
 */
import { type Op, settle, submit } from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { Effect } from "../sql/statement.ts";
import type { Context } from "../statements/context.ts";
import type { Listeners } from "./listen.ts";

/**
 * Runs DISCARD ALL, which resets settings and drops temporary tables, prepared statements, advisory locks and
 * listeners. Known types are invalidated too.
 */
export function* reset(context: Context, listeners: Listeners): Op<void> {
  const { registry, statements, invalidation } = context;
  const change = invalidation.begin(Effect.Redefines, context);
  // Keeps the right to submit until the outcome is known: other requests could name dropped statements.
  try {
    yield* settle(yield* submit(new SimpleQuery("DISCARD ALL", new AffectedRows(), registry)));
  } finally {
    invalidation.end(Effect.Redefines, change, false, context);
  }
  statements.dropAll();
  registry.invalidateTypes();
  listeners.endAll();
}
