/**
 * The context of the calls of a connection, or of a transaction on it: the checks before a call, its options,
 * and its spans.
 *
 * Arguments are read when the call is made, not when its op is admitted: changing them, a statement or the connection
 * after that has no effect on the call. If an argument is wrong, the blocking API throws, and the promise of the
 * other rejects.
 */
import { type OptionSpec, type ParsedOptions, parseOptions, textOf } from "./arguments.ts";
import { type OptionNames, OPTIONS_OF } from "./call_options.ts";
import type { ConnectionState } from "./connection_state.ts";
import { checkInnermost, strictCall } from "./strictness.ts";
import type { TransactionState } from "../features/transaction.ts";
import type { Lease } from "../pool/lease.ts";
import type { Call, Deadline, Op } from "../protocol/request.ts";
import { argumentError } from "../revoked.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import type { CallSpan, OperationSpan } from "../telemetry/observer.ts";
import type { RowLayout } from "../rows/row.ts";

/** Makes the result collector of one call, for rows of that shape. */
export type CollectorFactory<T> = (shape: RowLayout) => ResultCollector<T>;

/** The connection, transaction and lease that calls are made with. */
export class CallContext {
  readonly state: ConnectionState;
  /** The transaction that the calls are made in. */
  readonly transaction: TransactionState | undefined;
  /** The lease that the calls are made under, if the connection belongs to a pool. */
  readonly lease: Lease | undefined;

  constructor(state: ConnectionState, transaction?: TransactionState, lease?: Lease) {
    this.state = state;
    this.transaction = transaction;
    this.lease = lease;
  }

  /** The owner of the statements that these calls prepare. */
  get owner(): object {
    return this.lease ?? this.state;
  }

  /** Throws if no call can be made. */
  check(action: string): void {
    this.lease?.check(action);
    this.state.session.check("call", action);
    this.transaction?.check(action);
  }

  /** Throws if no operation of several calls can be opened. */
  checkOpening(action: string): void {
    this.check(action);
    if (this.state.strictness !== undefined) checkInnermost(action, this.transaction, this.state.transaction);
  }

  /** Checks that a call can be made, and makes it. If either throws, the call is refused with the error. */
  attempt<T>(action: string, make: () => Call<T>): Call<T> {
    try {
      this.check(action);
      const made = make();
      const { transaction, state } = this;
      if (transaction === undefined && state.strictness === undefined) return made;
      return { ...made, op: this.#checked(action, made.op) };
    } catch (error) {
      return refusedCall(error, action);
    }
  }

  /** The op of a call in a transaction, or of a connection whose transactions are strict, with its checks. */
  #checked<T>(action: string, op: Op<T>): Op<T> {
    const { transaction, state } = this;
    const strict = state.strictness === undefined ? op : strictCall(action, transaction, () => state.transaction, op);
    return transaction === undefined ? strict : checkTransaction(transaction, action, strict);
  }

  /** A call that ends the transaction of the context, with those inside of it. */
  endCall(operation: string, action: string, options: unknown, make: () => Op<void>): Call<void> {
    try {
      this.check(action);
      const { deadline } = parseOptions(options, this.optionSpec(action));
      const op = checkTransaction(this.transaction!, action, make());
      return { op, deadline, span: this.callSpan(operation) };
    } catch (error) {
      return refusedCall(error, action);
    }
  }

  /** A call with the common options and the extra options named; `source` is what it executes, for tracing. */
  call<T>(
    operation: string,
    action: string,
    options: unknown,
    make: (options: ParsedOptions) => Op<T>,
    extraOptions: readonly string[] = [],
    source?: unknown,
  ): Call<T> {
    return this.attempt(action, () => {
      const parsed = parseOptions(options, this.optionSpec(action, extraOptions));
      const op = make(parsed);
      return { op, deadline: parsed.deadline, span: this.callSpan(operation, source, undefined, sizeOf(source)) };
    });
  }

  /** The option spec of a call. */
  optionSpec(action: string, names: OptionNames = OPTIONS_OF.nothing): OptionSpec {
    return { action, awaits: this.state.link.awaits, names, timeout: this.state.timeout };
  }

  /** The span of a call; undefined if there is no subscriber. */
  callSpan(
    operation: string,
    source?: unknown,
    parameters?: readonly unknown[],
    batchSize?: number,
  ): CallSpan | undefined {
    const { observer } = this.state;
    return observer.isEnabled ? observer.callSpan(operation, textOf(source), parameters, batchSize) : undefined;
  }

  /** The span of an operation of several calls; undefined if there is no subscriber. */
  operationSpan(operation: string, source?: unknown, parameters?: readonly unknown[]): OperationSpan | undefined {
    const { observer } = this.state;
    return observer.isEnabled ? observer.operationSpan(operation, textOf(source), parameters) : undefined;
  }
}

/** A call that fails with that error; the action follows "Cannot" in errors. */
export function refusedCall(error: unknown, action: string): Call<never> {
  return { op: never(), deadline: undefined, refusal: { error: argumentError(error, action) } };
}

// deno-lint-ignore require-yield
function* never(): Op<never> {
  throw new Error("A refused call has no op");
}

/** The number of elements, if it is known. */
export function sizeOf(source: unknown): number | undefined {
  return Array.isArray(source) ? source.length : undefined;
}

/** The deadline for cleaning up after an operation: if the caller has set a timeout, the clean-up gets one too. */
export function cleanUpDeadlineOf(deadline: Deadline | undefined, action: string): Deadline | undefined {
  return deadline === undefined || deadline.timeout === 0 ? undefined : cleanUpDeadline(action);
}

/**
 * The deadline for cleaning up: if the server does not answer in time, the connection is closed. The clean-up waits for
 * the calls of others without its caller, unless `outlivesCaller` is false.
 */
export function cleanUpDeadline(action: string, outlivesCaller: boolean = true): Deadline {
  return { ...closingDeadline(action, CLEAN_UP_TIMEOUT), outlivesCaller };
}

/**
 * Checks the transaction when the op is admitted: it may be over by then, and the call must not be executed outside
 * of it.
 */
function* checkTransaction<T>(transaction: TransactionState, action: string, op: Op<T>): Op<T> {
  transaction.check(action);
  return yield* op;
}

/** The deadline of a call of pyro's own: a connection whose server does not answer in time is closed. */
export function closingDeadline(action: string, timeout: number): Deadline {
  return { action, timeout, signal: undefined, closesConnection: true };
}

/** Milliseconds for cleaning up after an operation with a timeout. */
const CLEAN_UP_TIMEOUT = 2000;
