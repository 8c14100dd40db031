/**
 * Strict transactions: a call that its caller may take for a part of a transaction, but that is none, or not of the
 * innermost one, is refused.
 */
import type { AsyncLocalStorage } from "node:async_hooks";
import { builtin } from "../builtin.ts";
import { UsageError } from "../errors.ts";
import type { Settings } from "../options/settings.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { Op } from "../protocol/request.ts";
import { withWholeStack } from "../stack.ts";

/** A function of `tx` that runs. */
interface RunningFunction {
  readonly strictness: Strictness;
  readonly begunAt: Error | undefined;
  readonly outer: RunningFunction | undefined;
}

/** Made with the first transaction that is strict. */
let running: AsyncLocalStorage<RunningFunction> | undefined;

/** Strict transactions of the connections of one pool, or of one connection. */
export class Strictness {
  /** Runs a function of `tx`, whose calls on the pool are refused. */
  run<T>(begunAt: Error | undefined, fn: () => T): T {
    running ??= new builtin.asyncHooks.AsyncLocalStorage();
    return running.run({ strictness: this, begunAt, outer: running.getStore() }, fn);
  }

  /** Throws if a function of `tx`, on a connection of this pool, makes a call on the pool. */
  checkPoolCall(): void {
    let fn = running?.getStore();
    while (fn !== undefined && fn.strictness !== this) fn = fn.outer;
    if (fn === undefined) return;
    const cause = fn.begunAt;
    throw withWholeStack(() =>
      new UsageError(
        "Cannot use the pool inside of a tx function: its call would not be part of the transaction; " +
          "call the transaction that the function is given, or use the pool after it (strictTransactions)",
        { cause, safeToRetry: true },
      )
    );
  }
}

/** The settings of the connections of a pool. */
export interface PoolSettings extends Settings {
  /** What its connections have in common, if transactions are strict. */
  readonly strictness?: Strictness;
}

/** The settings of a pool. */
export function poolSettings(settings: Settings): PoolSettings {
  return settings.strictTransactions === true ? { ...settings, strictness: new Strictness() } : settings;
}

/** The strictness of a connection; undefined if its transactions are not strict. */
export function strictnessOf(settings: PoolSettings): Strictness | undefined {
  return settings.strictness ?? (settings.strictTransactions === true ? new Strictness() : undefined);
}

/** Where a transaction is begun: the stack of the caller. */
export function begunHere(strictness: Strictness | undefined): Error | undefined {
  return strictness === undefined ? undefined : withWholeStack(() => new Error("the transaction was begun here"));
}

/**
 * The op of a call on a connection, or on its transaction `own`, which is refused if a transaction is open inside when
 * it is admitted. `open` gives the transaction of the connection then.
 */
export function strictCall<T>(
  action: string,
  own: TransactionState | undefined,
  open: () => TransactionState | undefined,
  op: Op<T>,
): Op<T> {
  // Made now, since its stack is the caller's.
  return refuseInside(refusalOf(action, own), own, open, op);
}

/** Throws if a transaction is open inside of the connection, or of its transaction `own`. */
export function checkInnermost(
  action: string,
  own: TransactionState | undefined,
  open: TransactionState | undefined,
): void {
  const inner = own === undefined ? open : own.child;
  if (inner !== undefined) throw withCause(refusalOf(action, own), inner);
}

function* refuseInside<T>(
  refusal: UsageError,
  own: TransactionState | undefined,
  open: () => TransactionState | undefined,
  op: Op<T>,
): Op<T> {
  const inner = own === undefined ? open() : own.child;
  if (inner !== undefined) throw withCause(refusal, inner);
  return yield* op;
}

function refusalOf(action: string, own: TransactionState | undefined): UsageError {
  const target = own === undefined ? "the connection" : "a transaction";
  return withWholeStack(() =>
    new UsageError(
      `Cannot ${action} on ${target} while a transaction is open inside: the call would be part of that; ` +
        "call the innermost transaction (strictTransactions)",
      { safeToRetry: true },
    )
  );
}

function withCause(refusal: UsageError, { begunAt }: TransactionState): UsageError {
  const cause = { value: begunAt, configurable: true, enumerable: false, writable: true };
  return begunAt === undefined ? refusal : Object.defineProperty(refusal, "cause", cause);
}
