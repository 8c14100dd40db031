/** What is known of an open transaction, or of a savepoint in one. */
import { UsageError } from "../errors.ts";
import type { TransactionMark } from "./commit_outcome.ts";
import type { TransactionContext } from "./context.ts";

/** The state of a transaction, or of a savepoint in one. */
export class TransactionState {
  readonly parent: TransactionState | undefined;
  /** The open savepoint inside it. */
  child: TransactionState | undefined = undefined;
  /** By what it can be asked about later. */
  mark: TransactionMark | undefined = undefined;
  /** A position that includes its commit. */
  position: string | undefined = undefined;
  /** Where it was begun, if transactions are strict. */
  readonly begunAt: Error | undefined;
  #finished = false;

  constructor(parent: TransactionState | undefined, begunAt: Error | undefined) {
    this.parent = parent;
    this.begunAt = begunAt;
  }

  /** Whether it, or a transaction around it, was committed or rolled back. */
  get finished(): boolean {
    return this.#finished || (this.parent?.finished ?? false);
  }

  /** The number of transactions around it. */
  get depth(): number {
    return this.parent === undefined ? 0 : this.parent.depth + 1;
  }

  /** Throws if it is over. */
  check(action: string): void {
    if (this.finished) throw new UsageError(`Cannot ${action}: the transaction is over`);
  }

  /** Marks it as over: it accepts no more calls. */
  finish(context: TransactionContext): void {
    this.#finished = true;
    if (this.parent !== undefined) this.parent.child = undefined;
    else if (context.transaction === this) context.transaction = undefined;
  }

  /** Marks it as open: when it begins, or when the request that would have ended it was withdrawn. */
  open(context: TransactionContext): void {
    this.#finished = false;
    if (this.parent !== undefined) this.parent.child = this;
    else context.transaction = this;
  }
}
