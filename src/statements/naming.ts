/** Names of statements that are taken: a pooler shares the server's connections. */
import { ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest } from "../protocol/request.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { markUnexecuted } from "./unexecuted.ts";

/**
 * After the server refused to prepare a statement: if its name was taken, statements have none from
 * now on, and it is to be prepared again. Throws the error if it is another, or if that is not safe.
 */
export function* turnOffNames(
  error: unknown,
  pending: PendingRequest<unknown>,
  { session, statements }: Context,
): Op<void> {
  if (!(error instanceof ServerError) || error.code !== SqlState.DuplicatePreparedStatement) throw error;
  if (!statements.named) throw error;
  statements.turnOffNames();
  yield* continueSubmitting();
  if (session.transactionStatus !== "idle") throw error;
  if (session.isLast(pending)) return;
  markUnexecuted(error);
  throw error;
}
