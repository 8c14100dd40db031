/** What the ops of one connection share. */
import type { Session } from "../protocol/session.ts";
import type { Registry } from "../types/registry.ts";
import type { Changes } from "./effects.ts";
import type { StatementCache } from "./statements.ts";
import type { TransactionState } from "./transaction.ts";

/** One connection, as ops see it. */
export interface Context {
  readonly session: Session;
  readonly registry: Registry;
  readonly statements: StatementCache;
  readonly changes: Changes;
  /** The outermost transaction that is open, if it was begun by `begin` or `tx`. */
  transaction: TransactionState | undefined;
  /** Whether text that the session gives can be read, so that a statement may be executed before it is known. */
  readonly readsText: boolean;
}
