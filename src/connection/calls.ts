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
  type Reading,
  sourceOf,
  sqlText,
  taken,
  textOf,
} from "./arguments.ts";
import type { Core } from "./state.ts";
import { UsageError } from "../errors.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import { executeBatch } from "../features/batch.ts";
import { copyIn, copyRows, CopySource } from "../features/copy.ts";
import { execute, query } from "../statements/execute.ts";
import { IsolationLevel } from "../features/isolation_level.ts";
import { channelName, listen, type NotificationQueue, notify, unlisten } from "../features/listen.ts";
import { type Item, PipelineState } from "../features/pipeline.ts";
import { closeCursor, Cursor, iterate } from "../features/portal.ts";
import { closeStatements, prepare, prepareBatch } from "../statements/prepare.ts";
import { release } from "../features/release.ts";
import { reset } from "../features/reset.ts";
import { Reader } from "../features/source.ts";
import {
  begin,
  type BeginOptions,
  commit,
  rollback,
  transact,
  type TransactionState,
} from "../features/transaction.ts";
import type { Lease } from "../pool/lease.ts";
import { type Call, type Limit, type Observation, type Op, perform, stillWanted } from "../protocol/request.ts";
import { Ping } from "../protocol/ping.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Sink } from "../rows/collectors.ts";
import { sinks } from "../rows/collect.ts";
import type { CallObservation, Lasting } from "../telemetry/observer.ts";
import type { RowShape } from "../rows/row.ts";

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
    return this.#call("ping", "ping", options, () => perform(new Ping()));
  }

  /** The simple protocol; `sinkOf` decides what becomes of the rows. */
  query<T>(
    sql: unknown,
    options: unknown,
    sinkOf: SinkFactory<T>,
    rows: boolean,
    operation: string = "query",
  ): Call<T> {
    const action = "run the query";
    return this.#attempt(action, () => {
      const { shape, limit } = optionsOf(options, this.#reading(action, rows));
      const sink = sinkOf(shape);
      const op = query(sqlText(sql), sink, this.core);
      const observation = this.#observe(operation, sql);
      observation?.reads(sink);
      return { op, limit, observation };
    });
  }

  /** The extended protocol; `sinkOf` decides what becomes of the rows. */
  exec<T>(
    statement: unknown,
    params: unknown,
    options: unknown,
    sinkOf: SinkFactory<T>,
    rows: boolean,
    operation: string = "exec",
  ): Call<T> {
    const action = "execute the statement";
    return this.#attempt(action, () => {
      const execution = executionOf(statement, params, options, this.owner, this.#reading(action, rows));
      const { source, values, shape, limit } = execution;
      const sink = sinkOf(shape);
      const op = execute(source, taken(values), sink, this.core);
      const observation = this.#observe(operation, source, values.length);
      observation?.reads(sink);
      return { op, limit, observation };
    });
  }

  /** Prepares a statement for the caller to keep. */
  prepare(sql: unknown, options: unknown): Call<Prepared> {
    const make = (): Op<Prepared> => prepare(sqlText(sql), this.core);
    return this.#call("prepare", "prepare the statement", options, make, [], sql);
  }

  /** Prepares statements for the caller to keep: all, or none. */
  prepareBatch(sqls: unknown, options: unknown): Call<Prepared[]> {
    return this.#call(
      "prepareBatch",
      "prepare the statements",
      options,
      () => {
        if (!Array.isArray(sqls)) throw new UsageError("Cannot prepare the statements: they must be in an array");
        return prepareBatch(Array.from(sqls, sqlText), this.core);
      },
      [],
      sqls,
    );
  }

  /** Drops a statement that the caller has kept, unless it goes with the connection. */
  closeStatement(prepared: Prepared): Call<void> {
    const { session, statements } = this.core;
    const names = this.core.closed || statements.isGone(prepared) ? [] : [prepared.name];
    if (session.admission.open === undefined) {
      const observation = names.join("") === "" ? undefined : this.#observe("closeStatement", prepared.sql);
      return { op: closeStatements(names), limit: undefined, observation };
    }
    // It goes with what is prepared next.
    statements.discard(prepared);
    return { op: closeStatements([]), limit: undefined };
  }

  /** One statement with many sets of parameters. */
  execBatch(statement: unknown, sets: unknown, options: unknown): Call<number> {
    const action = "execute the batch";
    return this.#attempt(action, () => {
      const { own, limit } = optionsOf(options, this.#reading(action, false, ["chunk"]));
      const chunk = own.chunk === undefined ? undefined : countFrom(own.chunk, "chunk");
      const reader = new Reader<readonly unknown[]>(sets, this.core.link.awaits, "the sets of parameters");
      const source = sourceOf(statement, this.owner);
      const op = executeBatch(source, reader, chunk, this.core);
      return { op, limit, observation: this.#observe("execBatch", source, undefined, sizeOf(sets)) };
    });
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
    const taking = { ...execution, values: taken(execution.values) };
    return { ...execution, cursor: new Cursor(this.core, taking, name, this.transaction) };
  }

  /** The rows of a statement in batches. Throws at once. */
  stream(statement: unknown, params: unknown, options: unknown): Stream {
    const { cursor, source, values, shape, limit, own } = this.cursor(statement, params, options, "a stream", {
      rows: true,
      own: ["batch"],
    });
    const batch = own.batch === undefined ? BATCH : countFrom(own.batch, "batch");
    return { cursor, shape, limit, batch, lasting: this.#observeAll("stream", source, values.length) };
  }

  /** The next batch of a stream. */
  nextRows<R>({ cursor, shape, limit, batch, lasting }: Stream): Call<Fetch<R[]>> {
    const make = (): Call<Fetch<R[]>> => {
      return { op: cursor.fetch(batch, sinks.allRows<R>(shape)), limit, observation: lasting?.part("any") };
    };
    return cursor.isNew ? this.#attempt("open a stream", make) : make();
  }

  /** The end of a stream that was read to its end. */
  endStream({ cursor, limit, lasting }: Stream): Call<void> {
    cursor.beginClosing();
    return { op: cursor.close(), limit: endingOf(limit, "end the stream"), observation: lasting?.part("close") };
  }

  /** The end of a stream, wherever it is; with the connection it is gone anyway. */
  closeStream({ cursor, limit, lasting }: Stream): Call<void> {
    cursor.beginClosing();
    return { op: closeCursor(cursor), limit: endingOf(limit, "close the stream"), observation: lasting?.part("close") };
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
      const { cursor, source, values, limit } = this.cursor(statement, params ?? undefined, options, "execIter", ROWS);
      const op = iterate(cursor, () => use(cursor, fn as (portal: never) => T)) as Op<Awaited<T>>;
      return { op, limit, observation: this.#observe("execIter", source, values.length) };
    });
  }

  /** Opens a portal in a transaction. */
  execPortal<T>(statement: unknown, params: unknown, options: unknown, make: (cursor: Cursor) => T): Call<T> {
    return this.#attempt("open a portal", () => {
      const { cursor, source, values, limit } = this.cursor(statement, params, options, "a portal", ROWS);
      return { op: opened(cursor, make), limit, observation: this.#observe("execPortal", source, values.length) };
    });
  }

  /** Some rows of a portal. */
  fetch<T>(cursor: Cursor, count: unknown, options: unknown, sinkOf: SinkFactory<T>): Call<Fetch<T>> {
    const action = "fetch rows";
    try {
      const { shape, limit } = optionsOf(options, { ...this.#reading(action, true), shape: cursor.shape });
      const maxRows = count === 0 || count === undefined ? 0 : countFrom(count, "the number of rows");
      return { op: cursor.fetch(maxRows, sinkOf(shape)), limit, observation: this.#observe("fetch", cursor.source) };
    } catch (error) {
      return refused(error);
    }
  }

  /** The end of a portal; with the connection it is gone anyway. */
  closePortal(cursor: Cursor): Call<void> {
    cursor.beginClosing();
    const observation = cursor.isOpen ? this.#observe("closePortal", cursor.source) : undefined;
    return { op: closeCursor(cursor), limit: undefined, observation };
  }

  /** Runs a function in a transaction. */
  tx<T>(fn: unknown, options: unknown, use: (state: TransactionState, fn: (tx: never) => T) => T): Call<Awaited<T>> {
    return this.#call("tx", "begin a transaction", options, ({ own }) => {
      if (typeof fn !== "function") throw new UsageError("Cannot begin a transaction: give a function that takes it");
      const retries = own.retries === undefined ? 0 : retriesFrom(own.retries);
      this.#refuseNestedOptions(own);
      const run = (state: TransactionState): T => use(state, fn as (tx: never) => T);
      return transact(this.core, this.transaction, beginOptions(own), retries, run) as Op<Awaited<T>>;
    }, [...MODES, "retries"]);
  }

  /** Begins a transaction, or one nested in this one. */
  begin(options: unknown): Call<TransactionState> {
    return this.#call("begin", "begin a transaction", options, ({ own }) => {
      this.#refuseNestedOptions(own);
      return begin(this.core, this.transaction, beginOptions(own));
    }, MODES);
  }

  /** Commits the transaction that these calls are of. */
  commit(options: unknown): Call<void> {
    return this.#call("commit", "commit", options, () => commit(this.core, this.transaction!));
  }

  /** Rolls the transaction back that these calls are of. */
  rollback(options: unknown): Call<void> {
    return this.#call("rollback", "roll back", options, () => rollback(this.core, this.transaction!));
  }

  /** Rolls the transaction back unless it is over. */
  abandon(): Call<void> {
    const observation = this.transaction!.finished ? undefined : this.#observe("rollback");
    return { op: abandoned(this.core, this.transaction!), limit: undefined, observation };
  }

  /** A pipeline, which has the connection for itself from now on. Throws at once. */
  pipeline(): PipelineState {
    const action = "open a pipeline";
    this.#check(action);
    this.core.session.check("reserve", action);
    const pipeline = new PipelineState(this.core);
    const lasting = this.#observeAll("pipeline");
    if (lasting !== undefined) watched.set(pipeline, lasting);
    return pipeline;
  }

  /** Adds a statement to a pipeline. Throws at once. */
  pipelined(pipeline: PipelineState, statement: unknown, params: unknown): Item {
    if (params !== undefined && !Array.isArray(params)) {
      throw new UsageError("Cannot bind the parameters: they must be in an array");
    }
    const reading = this.#reading("execute the statement");
    const { source, values } = executionOf(statement, params, undefined, this.owner, reading);
    const item = pipeline.add(source, values);
    watched.get(pipeline)?.grow();
    return item;
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
      const observation = watched.get(pipeline)?.part("any");
      return { op: make(given), limit: given.limit && { ...given.limit, onGivenUp }, observation };
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
    this.core.session.admission.end(pipeline.conversation);
    const observation = watched.get(pipeline)?.part("close");
    const limit = pipeline.givenUp ? ending("close the pipeline") : undefined;
    return { op: pipeline.close(), limit, observation };
  }

  /** COPY FROM STDIN. */
  copyIn(sql: unknown, source: unknown, options: unknown): Call<number> {
    return this.#call(
      "copyIn",
      "copy in",
      options,
      () => {
        const whole = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
        return copyIn(sqlText(sql), new Reader(whole, this.core.link.awaits, "the data to copy"), this.core);
      },
      [],
      sql,
    );
  }

  /** COPY TO STDOUT, not yet started. Throws at once. */
  copyOut(sql: unknown, options: unknown): Copy {
    const action = "copy out";
    this.#check(action);
    const given = optionsOf(options, this.#reading(action));
    return { source: new CopySource(sqlText(sql), this.core), given, lasting: this.#observeAll("copyOut", sql) };
  }

  /** The next chunk of a COPY TO STDOUT, undefined at its end. */
  nextChunk({ source, given: { limit }, lasting }: Copy): Call<Uint8Array<ArrayBuffer> | undefined> {
    return { op: source.next(), limit, observation: lasting?.part("read") };
  }

  /** The end of a COPY TO STDOUT; what is left is dropped. */
  closeCopy({ source, given: { limit }, lasting }: Copy): Call<void> {
    source.beginClosing();
    return { op: source.close(), limit: endingOf(limit, "end the copying"), observation: lasting?.part("close") };
  }

  /** COPY FROM STDIN of values. */
  copyRows(table: unknown, columns: unknown, rows: unknown, options: unknown): Call<number> {
    return this.#call("copyRows", "copy rows", options, () => {
      if (!Array.isArray(columns) || columns.length === 0) {
        throw new UsageError("Cannot copy rows: give the names of the columns in an array");
      }
      const quoted = Array.from(columns, (name, i) => quotedIdentifier(name, `use the name of column ${i + 1}`)).join(
        ", ",
      );
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
      const op = listening(channelName(channel), this.core, (queue) => make(queue, timeout));
      return { op, limit, observation: this.#observe("listen") };
    });
  }

  /** UNLISTEN; with a limit where listening has one. */
  unlisten(queue: NotificationQueue, timeout: number = 0): Call<void> {
    const observation = queue.ended ? undefined : this.#observe("unlisten");
    const limit = timeout === 0 ? undefined : ending("end listening");
    return { op: unlisten(queue, this.core.listeners, this.core), limit, observation };
  }

  /** NOTIFY. */
  notify(channel: unknown, payload: unknown, options: unknown): Call<void> {
    return this.#call("notify", "notify", options, () => {
      if (payload !== undefined && typeof payload !== "string") {
        throw new UsageError("Cannot notify: the payload must be a string");
      }
      return notify(channelName(channel), payload ?? "");
    });
  }

  /** Forgets what is known of types; whoever has given the connection back cannot. Throws at once. */
  reloadTypes(): void {
    this.lease?.check("reload types");
    this.core.registry.forgetTypes();
  }

  /** DISCARD ALL. */
  reset(options: unknown): Call<void> {
    return this.#call("reset", "reset the session", options, () => reset(this.core, this.core.listeners));
  }

  /** What makes the connection ready for somebody else; it is closed if that takes too long. */
  release(timeout: number): Call<void> {
    const limit = { action: "give the connection back", timeout, signal: undefined, orLose: true };
    return { op: release(this.core, this.core.listeners), limit };
  }

  /** A round trip; a connection that does not answer in time is closed. */
  check(timeout: number): Call<void> {
    const limit = { action: "check the connection", timeout, signal: undefined, orLose: true };
    return { op: perform(new Ping()), limit };
  }

  /** Who watches a request to stop what runs, if anybody does. */
  cancellation(): Observation | undefined {
    return this.core.session.idle ? undefined : this.#observe("cancel");
  }

  /** A call whose options are nothing but limits, and those named; `source` is what it executes, for those who watch it. */
  #call<T>(
    operation: string,
    action: string,
    options: unknown,
    make: (given: Given) => Op<T>,
    own: readonly string[] = [],
    source?: unknown,
  ): Call<T> {
    return this.#attempt(action, () => {
      const given = optionsOf(options, this.#reading(action, false, own));
      const op = make(given);
      return { op, limit: given.limit, observation: this.#observe(operation, source, undefined, sizeOf(source)) };
    });
  }

  /** Who watches a call, if anybody does. */
  #observe(
    operation: string,
    source?: unknown,
    parameterCount?: number,
    batchSize?: number,
  ): CallObservation | undefined {
    const { observer } = this.core;
    return observer.isObserved ? observer.call(operation, textOf(source), parameterCount, batchSize) : undefined;
  }

  /** Who watches what takes several calls, if anybody does. */
  #observeAll(operation: string, source?: unknown, parameterCount?: number): Lasting | undefined {
    const { observer } = this.core;
    return observer.isObserved ? observer.lasting(operation, textOf(source), parameterCount) : undefined;
  }

  #attempt<T>(action: string, make: () => Call<T>): Call<T> {
    try {
      this.#check(action);
      const made = make();
      const { transaction } = this;
      return transaction === undefined ? made : { ...made, op: inside(transaction, action, made.op) };
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
    throw new UsageError(`Cannot use ${name} in a nested transaction: it must be given to the outermost one`);
  }
}

/** A stream of rows that was asked for. */
export interface Stream {
  readonly cursor: Cursor;
  readonly shape: RowShape;
  readonly limit: Limit | undefined;
  readonly batch: number;
  readonly lasting: Lasting | undefined;
}

/** A COPY TO STDOUT that was asked for. */
export interface Copy {
  readonly source: CopySource;
  readonly given: Given;
  readonly lasting: Lasting | undefined;
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

/** When a call's turn has come its transaction may be over, and it must not be executed outside of it. */
function* inside<T>(transaction: TransactionState, action: string, op: Op<T>): Op<T> {
  transaction.check(action);
  return yield* op;
}

function* abandoned(core: Core, state: TransactionState): Op<void> {
  if (!state.finished) yield* rollback(core, state);
}

function* listening<T>(channel: string, core: Core, make: (queue: NotificationQueue) => T): Op<T> {
  return make(yield* listen(channel, core.listeners, core));
}

/** How many there are, if that is known. */
function sizeOf(source: unknown): number | undefined {
  return Array.isArray(source) ? source.length : undefined;
}

/** The limit for ending what was begun with a limit: who has no patience for the one has none for the other. */
function endingOf(limit: Limit | undefined, action: string): Limit | undefined {
  return limit === undefined || limit.timeout === 0 ? undefined : ending(action);
}

/** The limit for ending something: a server that does not answer is not waited for. */
function ending(action: string): Limit {
  return { action, timeout: PATIENCE, signal: undefined, orLose: true };
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
  throw new UsageError(`Cannot use ${name}: it must be true or false`);
}

function retriesFrom(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new UsageError("Cannot use retries: it must be an integer from 0, the number of repetitions");
}

/** Who watches which pipeline. */
const watched = new WeakMap<PipelineState, Lasting>();
/** Milliseconds for something to be ended where the caller has set limits. */
const PATIENCE = 2000;
/** Rows at a time. */
const BATCH = 500;
const ROWS = { rows: true };
const MODES: readonly string[] = ["isolationLevel", "readOnly", "deferrable"];
