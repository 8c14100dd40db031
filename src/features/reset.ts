/**
 * Resets a session to its initial state.
 *
 * Source: PostgreSQL manual, SQL command DISCARD.
 */
import { type Op, type PendingRequest, settle, submit } from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { Effect } from "../sql/statement.ts";
import type { Context } from "../statements/context.ts";
import { succeeded } from "../statements/invalidation.ts";
import type { Listeners } from "./listen.ts";

/**
 * Runs DISCARD ALL, which resets settings and drops temporary tables, prepared statements, advisory locks and
 * listeners. Known types are invalidated too.
 */
export function* reset(context: Context, listeners: Listeners): Op<void> {
  const { registry, invalidation } = context;
  const effects = Effect.DropsStatements | Effect.Redefines;
  const change = invalidation.begin(effects, context);
  let pending: PendingRequest<number> | undefined;
  // Keeps the right to submit until the outcome is known: types and listeners are as new only then.
  try {
    pending = yield* submit(new SimpleQuery("DISCARD ALL", new AffectedRows(), registry));
    yield* settle(pending);
  } finally {
    invalidation.end(effects, change, succeeded(pending), context);
  }
  registry.invalidateTypes();
  listeners.endAll();
}
