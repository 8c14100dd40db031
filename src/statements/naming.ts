/** Turns names of statements off when one is taken, which means that a pooler shares the server's connections. */
import { ServerError } from "../errors.ts";
import { continueSubmitting, type Op, type PendingRequest, repeat } from "../protocol/request.ts";
import { SqlState } from "../sqlstate.ts";
import type { Context } from "./context.ts";
import { markUnexecuted } from "./unexecuted.ts";

/**
 * Handles the server's refusal to prepare a statement. If the name was taken, turns names off, and returns if the
 * statement can be prepared again. Throws any other error, and also this one if preparing again is not safe.
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
  if (session.isLast(pending)) return yield* repeat();
  markUnexecuted(error);
  throw error;
}
