/** The state that the features of one connection share, in addition to that of executing statements. */
import type { Context } from "../statements/context.ts";
import type { TransactionState } from "./transaction_state.ts";

/** One connection, as ops that begin and end transactions see it. */
export interface TransactionContext extends Context {
  /** The outermost transaction that is open, if it was begun by `begin` or `tx`. */
  transaction: TransactionState | undefined;
}
