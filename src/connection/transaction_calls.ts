/** The calls that begin and end transactions. */
import { type CallContext, closingDeadline } from "./call_context.ts";
import {
  type BeginOptions,
  type CallOptions,
  optionNames,
  type PoolTransactionOptions,
  type TransactionOptions,
} from "./call_options.ts";
import type { ConnectionState } from "./connection_state.ts";
import { begunHere } from "./strictness.ts";
import { UsageError } from "../errors.ts";
import { askOutcome, type CommitOutcome, type TransactionMark } from "../features/commit_outcome.ts";
import { IsolationLevel } from "../features/isolation_level.ts";
import {
  begin as beginOp,
  type BeginOptions as TransactionModes,
  commit as commitOp,
  rollback as rollbackOp,
  transact,
  type TransactionState,
} from "../features/transaction.ts";
import { bad, isOptions } from "../options/option_values.ts";
import type { Call, Op } from "../protocol/request.ts";
import { checkedIdentifier } from "../sql/identifier.ts";

/** Runs a function in a transaction. */
export function tx<T>(
  context: CallContext,
  fn: (tx: never) => T,
  options: (TransactionOptions & { readonly [MARKED]?: boolean }) | undefined,
  use: (state: TransactionState, fn: (tx: never) => T) => T,
): Call<Awaited<T>> {
  const call = context.call("tx", "begin a transaction", options, ({ extraOptions }) => {
    if (typeof fn !== "function") throw new UsageError("Cannot begin a transaction: give a function that takes it");
    const retries = extraOptions.retries === undefined ? 0 : retriesFrom(extraOptions.retries);
    refuseNestedOptions(context, extraOptions);
    const { strictness } = context.state;
    const begunAt = begunHere(strictness);
    const run = (state: TransactionState): T => {
      return strictness === undefined ? use(state, fn) : strictness.run(begunAt, () => use(state, fn));
    };
    const onPosition = functionFrom(extraOptions.onPosition, "onPosition");
    const modes = { ...modesFrom(extraOptions, begunAt), isMarked: options?.[MARKED] ?? false, onPosition };
    return transact(context.state, context.transaction, modes, retries, run) as Op<Awaited<T>>;
  }, TX_OPTIONS);
  // It limits all of the transaction, which has begun long ago when the time is over.
  return { ...call, deadline: call.deadline && { ...call.deadline, action: "finish the transaction" } };
}

/** The options of a pool's transaction for its connection, which cannot resolve an unknown outcome by itself. */
export function connectionOptions<O extends PoolTransactionOptions>(options: O | undefined): O | undefined {
  if (options?.resolveUnknown === undefined) return options;
  const { resolveUnknown, ...others } = options;
  return { ...others, [MARKED]: booleanFrom(resolveUnknown, "resolveUnknown") } as unknown as O;
}

/** Asks a server what became of a transaction. If it does not answer in time, the connection is closed. */
export function resolve(mark: TransactionMark, timeout: number): Call<CommitOutcome> {
  return { op: askOutcome(mark), deadline: closingDeadline("ask what became of the transaction", timeout) };
}

/** Begins a transaction, or one nested in this one. */
export function begin(context: CallContext, options: BeginOptions | undefined): Call<TransactionState> {
  return context.call("begin", "begin a transaction", options, ({ extraOptions }) => {
    refuseNestedOptions(context, extraOptions);
    const modes = modesFrom(extraOptions, begunHere(context.state.strictness));
    return beginOp(context.state, context.transaction, modes);
  }, BEGIN_OPTIONS);
}

/** Commits the transaction of the context. */
export function commit(context: CallContext, options: CallOptions | undefined): Call<void> {
  return context.endCall("commit", "commit", options, () => commitOp(context.state, context.transaction!));
}

/** Rolls back the transaction of the context. */
export function rollback(context: CallContext, options: CallOptions | undefined): Call<void> {
  return context.endCall("rollback", "roll back", options, () => rollbackOp(context.state, context.transaction!));
}

/** Rolls back the transaction of the context, unless it is over. */
export function rollbackUnlessFinished(context: CallContext): Call<void> {
  const span = context.transaction!.finished ? undefined : context.callSpan("rollback");
  return { op: rollBackUnlessFinished(context.state, context.transaction!), deadline: undefined, span };
}

function refuseNestedOptions(context: CallContext, extraOptions: Readonly<Record<string, unknown>>): void {
  const [name] = Object.keys(extraOptions);
  if (context.transaction === undefined || name === undefined) return;
  throw new UsageError(`Cannot use ${name} in a nested transaction: it must be given to the outermost one`);
}

function* rollBackUnlessFinished(connection: ConnectionState, state: TransactionState): Op<void> {
  if (!state.finished) yield* rollbackOp(connection, state);
}

function modesFrom(options: Readonly<Record<string, unknown>>, begunAt: Error | undefined): TransactionModes {
  const { isolationLevel, readOnly, deferrable, settings, role } = options;
  return {
    begunAt,
    settings: settingsFrom(settings, role),
    isolationLevel: isolationLevel === undefined ? undefined : IsolationLevel(isolationLevel as string),
    readOnly: booleanFrom(readOnly, "readOnly"),
    deferrable: booleanFrom(deferrable, "deferrable"),
  };
}

/** SQL that sets them until the end of the transaction; the role comes last, since it may not be allowed to set them. */
function settingsFrom(settings: unknown, role: unknown): string | undefined {
  if (settings !== undefined && !isOptions(settings)) {
    throw new UsageError('Cannot use settings: they must be an object such as { "app.user": "7" }');
  }
  const calls = Object.entries(settings ?? {}).map(([name, value]) => {
    if (!SETTING_NAME.test(name)) {
      throw new UsageError(`Cannot use setting ${JSON.stringify(name)}: it must be the name of a server setting`);
    }
    return setConfig(name, value, `setting ${name}`);
  });
  if (role !== undefined) calls.push(setConfig("role", checkedIdentifier(role, "use role"), "role"));
  return calls.length === 0 ? undefined : `SELECT ${calls.join(", ")}`;
}

function setConfig(name: string, value: unknown, what: string): string {
  const isNumber = typeof value === "number";
  if (isNumber ? !Number.isFinite(value) : !["string", "bigint", "boolean"].includes(typeof value)) {
    throw new UsageError(`Cannot use ${what}: it must be a string, a finite number or a boolean`);
  }
  const text = String(value);
  if (text.includes("\0") || !text.isWellFormed()) {
    throw new UsageError(`Cannot use ${what}: it must have no NUL character and no lone surrogate`);
  }
  // With escapes, whatever standard_conforming_strings is.
  const literal = text.replaceAll("\\", "\\\\").replaceAll("'", "''");
  return `pg_catalog.set_config('${name}', E'${literal}', true)`;
}

function booleanFrom(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw bad(name, value, "it must be true or false");
}

function functionFrom(value: unknown, name: string): ((position: string) => unknown) | undefined {
  if (value === undefined || typeof value === "function") return value as (position: string) => unknown;
  throw bad(name, value, "it must be a function");
}

function retriesFrom(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw bad("retries", value, "it must be an integer from 0, the number of repetitions");
}

/** Whether the transaction is to be marked; a symbol, since it is no option for users. */
const MARKED: unique symbol = Symbol("marked");
const BEGIN_OPTIONS = optionNames<BeginOptions>({
  isolationLevel: true,
  readOnly: true,
  deferrable: true,
  settings: true,
  role: true,
});
const TX_OPTIONS = [
  ...BEGIN_OPTIONS,
  ...optionNames<Omit<TransactionOptions, keyof BeginOptions>>({ retries: true, onPosition: true }),
];

/** A name with dots, as in `app.user`. */
const SETTING_NAME = /^[a-z_][\w$]*(?:\.[a-z_][\w$]*)*$/i;
