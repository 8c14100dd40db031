/** Makes a connection ready for its next user, without a round trip if there is nothing to do. */
import { ServerError, UsageError } from "../errors.ts";
import { barrier, type Op, perform } from "../protocol/request.ts";
import { SimpleQuery } from "../protocol/simple_query.ts";
import { AffectedRows } from "../rows/collectors.ts";
import { Effect } from "../sql/statement.ts";
import type { TransactionContext } from "./context.ts";
import type { Listeners } from "./listen.ts";
import { closeExclusive } from "./transaction.ts";

/**
 * Whether no request, transaction, exclusive operation or listener is left. Settings and temporary tables are not
 * visible here.
 */
export function isReleased({ session, transaction }: TransactionContext, listeners: Listeners): boolean {
  return session.idle && session.transactionStatus === "idle" && session.admission.open === undefined &&
    transaction === undefined && listeners.isEmpty;
}

/** Throws if a call on a pool has left a transaction open: the clean-up behind the call rolls it back. */
export function refuseOpenTransaction({ session }: TransactionContext): void {
  if (session.transactionStatus === "idle" || session.lost !== undefined) return;
  throw new UsageError(
    "Cannot leave a transaction open in a call on a pool: it is rolled back, since the next call may get another " +
      "connection; use the pool's tx, or begin on an acquired connection",
  );
}

/** Closes the exclusive operation, rolls back, and ends listening. Waits until the calls already made are over. */
export function* release(context: TransactionContext, listeners: Listeners): Op<void> {
  const { session, registry, invalidation } = context;
  yield* closeExclusive(context);
  yield* barrier();
  context.transaction?.finish(context);
  const statements = [
    ...(session.transactionStatus === "idle" ? [] : ["ROLLBACK"]),
    ...(listeners.isEmpty ? [] : ["UNLISTEN *"]),
  ];
  listeners.endAll();
  const change = invalidation.begin(Effect.Ends, context);
  try {
    if (statements.length > 0) yield* perform(new SimpleQuery(statements.join("; "), new AffectedRows(), registry));
  } catch (error) {
    // CrateDB has no transactions: it counts a refused statement as a failed one, and refuses ROLLBACK too.
    const isRollback = statements.length === 1 && statements[0] === "ROLLBACK";
    if (!isRollback || !(error instanceof ServerError) || session.transactionStatus !== "idle") throw error;
  }
  invalidation.end(Effect.Ends, change, true, context);
}
