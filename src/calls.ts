/**
 * An op for each method of a connection or transaction, the same for both worlds.
 *
 * Arguments are looked at when the call is made, not when its op gets its turn: what the caller does
 * with them, with a statement or with the connection after that is none of its business. What is
 * wrong with them is thrown in one world and rejected in the other.
 */
import {
  countFrom,
  type Execution,
  executionOf,
  type Given,
  optionsOf,
  quotedName,
  quotedPart,
  type Reading,
  sourceOf,
  sqlText,
} from "./arguments.ts";
import type { Core } from "./core.ts";
import { UsageError } from "./errors.ts";
import { executeBatch } from "./ops/batch.ts";
import { copyIn, copyRows, CopySource } from "./ops/copy.ts";
import { execute, executePrepared, query } from "./ops/execute.ts";
import { IsolationLevel } from "./ops/isolation_level.ts";
import { channelName, listen, type NotificationQueue, notify, unlisten } from "./ops/listen.ts";
import { type Item, PipelineState } from "./ops/pipeline.ts";
import { Cursor, iterate } from "./ops/portal.ts";
import { closeStatements, prepare, prepareBatch } from "./ops/prepare.ts";
import { release } from "./ops/release.ts";
import { reset } from "./ops/reset.ts";
import { Reader } from "./ops/source.ts";
import { begin, type BeginOptions, commit, rollback, transact, type TransactionState } from "./ops/transaction.ts";
import type { Lease } from "./pool/lease.ts";
import { type Call, type Limit, type Op, perform, stillWanted } from "./protocol/exchange.ts";
import { Ping } from "./protocol/ping.ts";
import type { Prepared } from "./protocol/prepared.ts";
import type { Sink } from "./protocol/sink.ts";
import { sinks } from "./sinks.ts";
import type { RowShape } from "./types/row.ts";

/** Makes the sink of one call, for rows of that shape. */
export type SinkFactory<T> = (shape: RowShape) => Sink<T>;

/** The calls of a connection, or of a transaction on it. */
export class Calls {
  readonly core: Core;
  /** The transaction that they are made in. */
  readonly transaction: TransactionState | undefined;
  /** The lease under which they are made, where the connection is a pool's. */
  readonly lease: Lease | undefined;

  constructor(core: Core, transaction?: TransactionState, lease?: Lease) {
    this.core = core;
    this.transaction = transaction;
    this.lease = lease;
  }

  /** Whose the statements are that are prepared by these calls. */
  get owner(): object {
    return this.lease ?? this.core;
  }

  /** A round trip. */
  ping(options: unknown): Call<void> {
    return this.#call("ping", options, () => perform(new Ping()));
  }

  /** The simple protocol; `sinkOf` decides what becomes of the rows. */
  query<T>(sql: unknown, options: unknown, sinkOf: SinkFactory<T>, rows: boolean): Call<T> {
    const action = "run the query";
    return this.#attempt(action, () => {
      const { shape, limit } = optionsOf(options, this.#reading(action, rows));
      return { op: query(sqlText(sql), sinkOf(shape), this.core), limit };
    });
  }

  /** The extended protocol; `sinkOf` decides what becomes of the rows. */
  exec<T>(statement: unknown, params: unknown, options: unknown, sinkOf: SinkFactory<T>, rows: boolean): Call<T> {
    const action = "execute the statement";
    return this.#attempt(action, () => {
      const execution = executionOf(statement, params, options, this.owner, this.#reading(action, rows));
      const { source, values, shape, limit } = execution;
      const sink = sinkOf(shape);
      const op = typeof source === "string"
        ? execute(source, values, sink, this.core, this.core.readsText)
        : executePrepared(source, values, sink, this.core);
      return { op, limit };
    });
  }

  /** Prepares a statement for the caller to keep. */
  prepare(sql: unknown, options: unknown): Call<Prepared> {
    return this.#call("prepare the statement", options, () => prepare(sqlText(sql), this.core));
  }

  /** Prepares statements for the caller to keep: all, or none. */
  prepareBatch(sqls: unknown, options: unknown): Call<Prepared[]> {
    return this.#call("prepare the statements", options, () => {
      if (!Array.isArray(sqls)) throw new UsageError("Cannot prepare the statements: they are not in an array");
      return prepareBatch(sqls.map(sqlText), this.core);
    });
  }

  /** Drops a statement that the caller has kept, unless it goes with the connection. */
  closeStatement(prepared: Prepared): Call<void> {
    const { session, statements } = this.core;
    const names = this.core.closed || statements.isGone(prepared) ? [] : [prepared.name];
    if (session.conversation === undefined && this.core.occupant === undefined) {
      return { op: closeStatements(names), limit: undefined };
    }
    // It goes with what is prepared next.
    statements.discard(prepared);
    return { op: closeStatements([]), limit: undefined };
  }

  /** One statement with many sets of parameters. */
  execBatch(statement: unknown, sets: unknown, options: unknown): Call<number> {
    return this.#call("execute the batch", options, ({ own }) => {
      const chunk = own.chunk === undefined ? undefined : countFrom(own.chunk, "chunk");
      const reader = new Reader<readonly unknown[]>(sets, this.core.link.awaits, "the sets of parameters");
      return executeBatch(sourceOf(statement, this.owner), reader, chunk, this.core);
    }, ["chunk"]);
  }

  /** The portal of a statement, not yet opened, with the options of its call. Throws at once. */
  cursor(
    statement: unknown,
    params: unknown,
    options: unknown,
    name: string,
    { rows = false, own = [] }: { rows?: boolean; own?: readonly string[] } = {},
  ): Execution & { readonly cursor: Cursor } {
    this.#check(`open ${name}`);
    const reading = this.#reading("execute the statement", rows, own);
    const execution = executionOf(statement, params, options, this.owner, reading);
    const isOver = (): boolean => this.transaction?.finished ?? false;
    return { ...execution, cursor: new Cursor(this.core, execution.source, execution.values, name, isOver) };
  }

  /** The rows of a statement in batches. Throws at once. */
  stream(statement: unknown, params: unknown, options: unknown): Stream {
    const { cursor, shape, limit, own } = this.cursor(statement, params, options, "a stream", {
      rows: true,
      own: ["batch"],
    });
    return { cursor, shape, limit, batch: own.batch === undefined ? BATCH : countFrom(own.batch, "batch") };
  }

  /** The next batch of a stream. */
  nextRows<R>({ cursor, shape, limit, batch }: Stream): Call<Fetch<R[]>> {
    const make = (): Call<Fetch<R[]>> => ({ op: cursor.fetch(batch, sinks.allRows<R>(shape)), limit });
    return cursor.isNew ? this.#attempt("open a stream", make) : make();
  }

  /** Has a function fetch from a portal. */
  execIter<T>(
    statement: unknown,
    params: unknown,
    fn: unknown,
    options: unknown,
    use: (cursor: Cursor, fn: (portal: never) => T) => T,
  ): Call<Awaited<T>> {
    return this.#attempt("execute the statement", () => {
      if (typeof fn !== "function") throw new UsageError("Cannot use the portal: give a function that takes it");
      const { cursor, limit } = this.cursor(statement, params ?? undefined, options, "execIter");
      return { op: iterate(cursor, () => use(cursor, fn as (portal: never) => T)) as Op<Awaited<T>>, limit };
    });
  }

  /** Opens a portal in a transaction. */
  execPortal<T>(statement: unknown, params: unknown, options: unknown, make: (cursor: Cursor) => T): Call<T> {
    return this.#attempt("open a portal", () => {
      const { cursor, limit } = this.cursor(statement, params, options, "a portal");
      return { op: opened(cursor, make), limit };
    });
  }

  /** Some rows of a portal. */
  fetch<T>(cursor: Cursor, count: unknown, options: unknown, sinkOf: SinkFactory<T>): Call<Fetch<T>> {
    const action = "fetch rows";
    try {
      const { shape, limit } = optionsOf(options, this.#reading(action, true));
      const maxRows = count === 0 || count === undefined ? 0 : countFrom(count, "the number of rows");
      return { op: cursor.fetch(maxRows, sinkOf(shape)), limit };
    } catch (error) {
      return refused(error);
    }
  }

  /** Runs a function in a transaction. */
  tx<T>(fn: unknown, options: unknown, use: (state: TransactionState, fn: (tx: never) => T) => T): Call<Awaited<T>> {
    return this.#call("begin a transaction", options, ({ own }) => {
      if (typeof fn !== "function") throw new UsageError("Cannot begin a transaction: give a function that takes it");
      const retries = own.retries === undefined ? 0 : retriesFrom(own.retries);
      this.#refuseNestedOptions(own);
      const run = (state: TransactionState): T => use(state, fn as (tx: never) => T);
      return transact(this.core, this.transaction, beginOptions(own), retries, run) as Op<Awaited<T>>;
    }, [...MODES, "retries"]);
  }

  /** Begins a transaction, or one nested in this one. */
  begin(options: unknown): Call<TransactionState> {
    return this.#call("begin a transaction", options, ({ own }) => {
      this.#refuseNestedOptions(own);
      return begin(this.core, this.transaction, beginOptions(own));
    }, MODES);
  }

  /** Commits the transaction that these calls are of. */
  commit(options: unknown): Call<void> {
    return this.#call("commit", options, () => commit(this.core, this.transaction!));
  }

  /** Rolls the transaction back that these calls are of. */
  rollback(options: unknown): Call<void> {
    return this.#call("roll back", options, () => rollback(this.core, this.transaction!));
  }

  /** Rolls the transaction back unless it is over. */
  abandon(): Call<void> {
    return { op: abandoned(this.core, this.transaction!), limit: undefined };
  }

  /** A pipeline, which has the connection for itself from now on. Throws at once. */
  pipeline(): PipelineState {
    const action = "open a pipeline";
    this.#check(action);
    const { conversation } = this.core.session;
    if (conversation !== undefined) {
      throw new UsageError(`Cannot ${action}: ${conversation.name} is open on this connection`, { safeToRetry: true });
    }
    return new PipelineState(this.core);
  }

  /** A statement with its parameters, for a pipeline. Throws at once. */
  pipelined(statement: unknown, params: unknown): Execution {
    if (params !== undefined && !Array.isArray(params)) {
      throw new UsageError("Cannot bind the parameters: they are not in an array");
    }
    return executionOf(statement, params, undefined, this.owner, this.#reading("execute the statement"));
  }

  /** A step of a pipeline. */
  pipelineStep<T>(
    pipeline: PipelineState,
    action: string,
    options: unknown,
    make: (given: Given) => Op<T>,
    rows: boolean = false,
  ): Call<T> {
    try {
      const given = optionsOf(options, this.#reading(action, rows));
      const onGivenUp = (): void => {
        pipeline.givenUp = true;
      };
      return { op: make(given), limit: given.limit && { ...given.limit, onGivenUp } };
    } catch (error) {
      return refused(error);
    }
  }

  /** The result of a pipelined statement. */
  claim<T>(
    pipeline: PipelineState,
    itemOf: () => Item,
    options: unknown,
    sinkOf: SinkFactory<T>,
    rows: boolean,
  ): Call<T> {
    const make = ({ shape }: Given): Op<T> => pipeline.claim(itemOf(), sinkOf(shape));
    return this.pipelineStep(pipeline, "claim the result", options, make, rows);
  }

  /** The end of a pipeline. */
  closePipeline(pipeline: PipelineState): Call<void> {
    // Where somebody has lost patience, a server that does not answer is not waited for.
    const limit = { action: "close the pipeline", timeout: PATIENCE, signal: undefined, orLose: true };
    return { op: pipeline.close(), limit: pipeline.givenUp ? limit : undefined };
  }

  /** COPY FROM STDIN. */
  copyIn(sql: unknown, source: unknown, options: unknown): Call<number> {
    return this.#call("copy in", options, () => {
      const whole = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
      return copyIn(sqlText(sql), new Reader(whole, this.core.link.awaits, "the data to copy"), this.core);
    });
  }

  /** COPY TO STDOUT, not yet started. Throws at once. */
  copyOut(sql: unknown, options: unknown): Copy {
    const action = "copy out";
    this.#check(action);
    const given = optionsOf(options, this.#reading(action));
    return { source: new CopySource(sqlText(sql), this.core), given };
  }

  /** COPY FROM STDIN of values. */
  copyRows(table: unknown, columns: unknown, rows: unknown, options: unknown): Call<number> {
    return this.#call("copy rows", options, () => {
      if (!Array.isArray(columns) || columns.length === 0) {
        throw new UsageError("Cannot copy rows: give the names of the columns in an array");
      }
      const quoted = columns.map(quotedPart).join(", ");
      const reader = new Reader(rows, this.core.link.awaits, "the rows to copy");
      return copyRows(quotedName(table), columns.slice(), quoted, reader, this.core);
    });
  }

  /** LISTEN; `make` gives what the caller iterates over. */
  listen<T>(channel: unknown, options: unknown, make: (queue: NotificationQueue, timeout: number) => T): Call<T> {
    return this.#attempt("listen", () => {
      const { limit } = optionsOf(options, this.#reading("listen"));
      // In the blocking world it limits the waiting for notifications.
      const timeout = this.core.link.awaits ? 0 : limit?.timeout ?? 0;
      return { op: listening(channelName(channel), this.core, (queue) => make(queue, timeout)), limit };
    });
  }

  /** UNLISTEN. */
  unlisten(queue: NotificationQueue): Call<void> {
    return { op: unlisten(queue, this.core.listeners, this.core), limit: undefined };
  }

  /** NOTIFY. */
  notify(channel: unknown, payload: unknown, options: unknown): Call<void> {
    return this.#call("notify", options, () => {
      if (payload !== undefined && typeof payload !== "string") {
        throw new UsageError("Cannot notify: the payload is a string");
      }
      return notify(channelName(channel), payload ?? "", this.core);
    });
  }

  /** DISCARD ALL. */
  reset(options: unknown): Call<void> {
    return this.#call("reset the session", options, () => reset(this.core, this.core.listeners));
  }

  /** What makes the connection ready for somebody else; it is closed if that takes too long. */
  release(timeout: number): Call<void> {
    const limit = { action: "give the connection back", timeout, signal: undefined, orLose: true };
    return { op: release(this.core, this.core.listeners), limit };
  }

  /** A call whose options are nothing but limits, and those named. */
  #call<T>(
    action: string,
    options: unknown,
    make: (given: Given) => Op<T>,
    own: readonly string[] = [],
  ): Call<T> {
    return this.#attempt(action, () => {
      const given = optionsOf(options, this.#reading(action, false, own));
      return { op: make(given), limit: given.limit };
    });
  }

  #attempt<T>(action: string, make: () => Call<T>): Call<T> {
    try {
      this.#check(action);
      return make();
    } catch (error) {
      return refused(error);
    }
  }

  /** Throws when nothing can be called. */
  #check(action: string): void {
    this.lease?.check(action);
    this.core.check(action);
    this.transaction?.check(action);
  }

  #reading(action: string, rows: boolean = false, own: readonly string[] = []): Reading {
    return { action, awaits: this.core.link.awaits, rows, own };
  }

  #refuseNestedOptions(own: Readonly<Record<string, unknown>>): void {
    const [name] = Object.keys(own);
    if (this.transaction === undefined || name === undefined) return;
    throw new UsageError(`Cannot use ${name} in a nested transaction: it is for the outermost one to say`);
  }
}

/** A stream of rows that was asked for. */
export interface Stream {
  readonly cursor: Cursor;
  readonly shape: RowShape;
  readonly limit: Limit | undefined;
  readonly batch: number;
}

/** A COPY TO STDOUT that was asked for. */
export interface Copy {
  readonly source: CopySource;
  readonly given: Given;
}

/** What a fetch gives. */
export interface Fetch<T> {
  readonly rows: T;
  readonly hasMore: boolean;
}

function* opened<T>(cursor: Cursor, make: (cursor: Cursor) => T): Op<T> {
  yield* cursor.open();
  try {
    yield* stillWanted();
  } catch (error) {
    yield* cursor.close();
    throw error;
  }
  return make(cursor);
}

function* abandoned(core: Core, state: TransactionState): Op<void> {
  if (!state.finished) yield* rollback(core, state);
}

function* listening<T>(channel: string, core: Core, make: (queue: NotificationQueue) => T): Op<T> {
  return make(yield* listen(channel, core.listeners, core));
}

function refused(error: unknown): Call<never> {
  return { op: never(), limit: undefined, refusal: { error } };
}

// deno-lint-ignore require-yield
function* never(): Op<never> {
  throw new Error("A refused call has no op");
}

function beginOptions({ isolationLevel, readOnly, deferrable }: Readonly<Record<string, unknown>>): BeginOptions {
  return {
    isolationLevel: isolationLevel === undefined ? undefined : IsolationLevel(isolationLevel as string),
    readOnly: booleanFrom(readOnly, "readOnly"),
    deferrable: booleanFrom(deferrable, "deferrable"),
  };
}

function booleanFrom(value: unknown, name: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new UsageError(`Cannot use ${name}: it is true or false`);
}

function retriesFrom(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new UsageError("Cannot use retries: it is how often to repeat, an integer from 0");
}

/** Milliseconds that a pipeline may take to be closed, of which a step was given up. */
const PATIENCE = 2000;
/** Rows at a time. */
const BATCH = 500;
const MODES: readonly string[] = ["isolationLevel", "readOnly", "deferrable"];
