/**
 * An op for each method of a connection or transaction, the same for both worlds.
 *
 * Arguments are looked at when the call is made, not when its op is admitted: what the caller does
 * with them, with a statement or with the connection after that has no effect on the call. What is
 * wrong with them is thrown in one world and rejected in the other.
 */
import {
  countFrom,
  type OptionSpec,
  parseCall,
  type ParsedCall,
  type ParsedOptions,
  parseOptions,
  quotedName,
  snapshotOf,
  sqlText,
  statementSourceOf,
  textOf,
} from "./arguments.ts";
import type { ConnectionState } from "./connection_state.ts";
import { UsageError } from "../errors.ts";
import { quotedIdentifier } from "../sql/identifier.ts";
import { executeBatch } from "../features/batch.ts";
import { copyIn, CopyOutSource, copyRows } from "../features/copy.ts";
import { execute, query } from "../statements/execute.ts";
import { IsolationLevel } from "../features/isolation_level.ts";
import { channelName, listen, type NotificationQueue, notify, unlisten } from "../features/listen.ts";
import { type PipelineItem, PipelineState } from "../features/pipeline.ts";
import { closeQuietly, Cursor, withPortal } from "../features/cursor.ts";
import { closeStatements, prepare, prepareBatch } from "../statements/prepare.ts";
import { release } from "../features/release.ts";
import { reset } from "../features/reset.ts";
import { SourceReader } from "../features/source_reader.ts";
import {
  begin,
  type BeginOptions,
  commit,
  rollback,
  transact,
  type TransactionState,
} from "../features/transaction.ts";
import type { Lease } from "../pool/lease.ts";
import { type Call, cancellationPoint, type Deadline, type Op, perform, type Span } from "../protocol/request.ts";
import { Ping } from "../protocol/ping.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import { collectors } from "../rows/collector_factories.ts";
import type { CallSpan, OperationSpan } from "../telemetry/observer.ts";
import type { RowShape } from "../rows/row.ts";

/** Makes the result collector of one call, for rows of that shape. */
export type CollectorFactory<T> = (shape: RowShape) => ResultCollector<T>;

/** The calls of a connection, or of a transaction on it. */
export class Calls {
  readonly state: ConnectionState;
  /** The transaction that they are made in. */
  readonly transaction: TransactionState | undefined;
  /** The lease under which they are made, where the connection is a pool's. */
  readonly lease: Lease | undefined;

  constructor(state: ConnectionState, transaction?: TransactionState, lease?: Lease) {
    this.state = state;
    this.transaction = transaction;
    this.lease = lease;
  }

  /** Whose the statements are that are prepared by these calls. */
  get owner(): object {
    return this.lease ?? this.state;
  }

  /** A round trip. */
  ping(options: unknown): Call<void> {
    return this.#call("ping", "ping", options, () => perform(new Ping()));
  }

  /** The simple protocol; `collectorOf` decides what becomes of the rows. */
  query<T>(
    sql: unknown,
    options: unknown,
    collectorOf: CollectorFactory<T>,
    rows: boolean,
    operation: string = "query",
  ): Call<T> {
    const action = "run the query";
    return this.#attempt(action, () => {
      const { shape, deadline } = parseOptions(options, this.#optionSpec(action, rows));
      const collector = collectorOf(shape);
      const op = query(sqlText(sql), collector, this.state);
      const span = this.#callSpan(operation, sql);
      span?.watch(collector);
      return { op, deadline, span };
    });
  }

  /** The extended protocol; `collectorOf` decides what becomes of the rows. */
  exec<T>(
    statement: unknown,
    params: unknown,
    options: unknown,
    collectorOf: CollectorFactory<T>,
    rows: boolean,
    operation: string = "exec",
  ): Call<T> {
    const action = "execute the statement";
    return this.#attempt(action, () => {
      const parsed = parseCall(statement, params, options, this.owner, this.#optionSpec(action, rows));
      const { source, values, shape, deadline } = parsed;
      const collector = collectorOf(shape);
      const op = execute(source, snapshotOf(values), collector, this.state);
      const span = this.#callSpan(operation, source, values.length);
      span?.watch(collector);
      return { op, deadline, span };
    });
  }

  /** Prepares a statement for the caller to keep. */
  prepare(sql: unknown, options: unknown): Call<Prepared> {
    const make = (): Op<Prepared> => prepare(sqlText(sql), this.state);
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
        return prepareBatch(Array.from(sqls, sqlText), this.state);
      },
      [],
      sqls,
    );
  }

  /** Drops a statement that the caller has kept, unless it goes with the connection. */
  closeStatement(prepared: Prepared): Call<void> {
    const { session, statements } = this.state;
    const names = this.state.closed || statements.isDropped(prepared) ? [] : [prepared.name];
    if (session.admission.open === undefined) {
      const span = names.join("") === "" ? undefined : this.#callSpan("closeStatement", prepared.sql);
      return { op: closeStatements(names), deadline: undefined, span };
    }
    // It goes with what is prepared next.
    statements.closeLater(prepared);
    return { op: closeStatements([]), deadline: undefined };
  }

  /** One statement with many sets of parameters. */
  execBatch(statement: unknown, sets: unknown, options: unknown): Call<number> {
    const action = "execute the batch";
    return this.#attempt(action, () => {
      const { extraOptions, deadline } = parseOptions(options, this.#optionSpec(action, false, ["chunk"]));
      const chunk = extraOptions.chunk === undefined ? undefined : countFrom(extraOptions.chunk, "chunk");
      const setReader = new SourceReader<readonly unknown[]>(
        sets,
        this.state.link.awaits,
        "the sets of parameters",
      );
      const source = statementSourceOf(statement, this.owner);
      const op = executeBatch(source, setReader, chunk, this.state);
      return { op, deadline, span: this.#callSpan("execBatch", source, undefined, sizeOf(sets)) };
    });
  }

  /** The portal of a statement, not yet opened, with the options of its call. Throws at once. */
  cursor(
    statement: unknown,
    params: unknown,
    options: unknown,
    name: string,
    { rows = false, extraOptions = [] }: { rows?: boolean; extraOptions?: readonly string[] } = {},
  ): ParsedCall & { readonly cursor: Cursor } {
    this.#check(`open ${name}`);
    const spec = this.#optionSpec("execute the statement", rows, extraOptions);
    const parsed = parseCall(statement, params, options, this.owner, spec);
    const taking = { ...parsed, values: snapshotOf(parsed.values) };
    return { ...parsed, cursor: new Cursor(this.state, taking, name, this.transaction) };
  }

  /** The rows of a statement in batches. Throws at once. */
  stream(statement: unknown, params: unknown, options: unknown): Stream {
    const { cursor, source, values, shape, deadline, extraOptions } = this.cursor(
      statement,
      params,
      options,
      "a stream",
      {
        rows: true,
        extraOptions: ["batch"],
      },
    );
    const batch = extraOptions.batch === undefined ? DEFAULT_BATCH_SIZE : countFrom(extraOptions.batch, "batch");
    return { cursor, shape, deadline, batch, span: this.#operationSpan("stream", source, values.length) };
  }

  /** The next batch of a stream. */
  nextRows<R>({ cursor, shape, deadline, batch, span }: Stream): Call<Fetch<R[]>> {
    const make = (): Call<Fetch<R[]>> => {
      return { op: cursor.fetch(batch, collectors.allRows<R>(shape)), deadline, span: span?.childSpan("any") };
    };
    return cursor.isNew ? this.#attempt("open a stream", make) : make();
  }

  /** The end of a stream that was read to its end. */
  endStream({ cursor, deadline, span }: Stream): Call<void> {
    cursor.announceClose();
    return {
      op: cursor.close(),
      deadline: cleanUpDeadlineOf(deadline, "end the stream"),
      span: span?.childSpan("close"),
    };
  }

  /** Closes a stream, wherever it is. A lost connection is no error. */
  closeStream({ cursor, deadline, span }: Stream): Call<void> {
    cursor.announceClose();
    return {
      op: closeQuietly(cursor),
      deadline: cleanUpDeadlineOf(deadline, "close the stream"),
      span: span?.childSpan("close"),
    };
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
      const { cursor, source, values, deadline } = this.cursor(
        statement,
        params ?? undefined,
        options,
        "execIter",
        WITH_ROWS,
      );
      const op = withPortal(cursor, () => use(cursor, fn as (portal: never) => T)) as Op<Awaited<T>>;
      return { op, deadline, span: this.#callSpan("execIter", source, values.length) };
    });
  }

  /** Opens a portal in a transaction. */
  execPortal<T>(statement: unknown, params: unknown, options: unknown, make: (cursor: Cursor) => T): Call<T> {
    return this.#attempt("open a portal", () => {
      const { cursor, source, values, deadline } = this.cursor(statement, params, options, "a portal", WITH_ROWS);
      return { op: openPortal(cursor, make), deadline, span: this.#callSpan("execPortal", source, values.length) };
    });
  }

  /** Some rows of a portal. */
  fetch<T>(cursor: Cursor, count: unknown, options: unknown, collectorOf: CollectorFactory<T>): Call<Fetch<T>> {
    const action = "fetch rows";
    try {
      const { shape, deadline } = parseOptions(options, { ...this.#optionSpec(action, true), shape: cursor.shape });
      const maxRows = count === 0 || count === undefined ? 0 : countFrom(count, "the number of rows");
      return { op: cursor.fetch(maxRows, collectorOf(shape)), deadline, span: this.#callSpan("fetch", cursor.source) };
    } catch (error) {
      return refusedCall(error);
    }
  }

  /** Closes a portal. A lost connection is no error. */
  closePortal(cursor: Cursor): Call<void> {
    cursor.announceClose();
    const span = cursor.isOpen ? this.#callSpan("closePortal", cursor.source) : undefined;
    return { op: closeQuietly(cursor), deadline: undefined, span };
  }

  /** Runs a function in a transaction. */
  tx<T>(fn: unknown, options: unknown, use: (state: TransactionState, fn: (tx: never) => T) => T): Call<Awaited<T>> {
    return this.#call("tx", "begin a transaction", options, ({ extraOptions }) => {
      if (typeof fn !== "function") throw new UsageError("Cannot begin a transaction: give a function that takes it");
      const retries = extraOptions.retries === undefined ? 0 : retriesFrom(extraOptions.retries);
      this.#refuseNestedOptions(extraOptions);
      const run = (state: TransactionState): T => use(state, fn as (tx: never) => T);
      return transact(this.state, this.transaction, beginOptions(extraOptions), retries, run) as Op<Awaited<T>>;
    }, [...TRANSACTION_MODES, "retries"]);
  }

  /** Begins a transaction, or one nested in this one. */
  begin(options: unknown): Call<TransactionState> {
    return this.#call("begin", "begin a transaction", options, ({ extraOptions }) => {
      this.#refuseNestedOptions(extraOptions);
      return begin(this.state, this.transaction, beginOptions(extraOptions));
    }, TRANSACTION_MODES);
  }

  /** Commits the transaction that these calls are of. */
  commit(options: unknown): Call<void> {
    return this.#call("commit", "commit", options, () => commit(this.state, this.transaction!));
  }

  /** Rolls the transaction back that these calls are of. */
  rollback(options: unknown): Call<void> {
    return this.#call("rollback", "roll back", options, () => rollback(this.state, this.transaction!));
  }

  /** Rolls the transaction back unless it is over. */
  rollbackUnlessFinished(): Call<void> {
    const span = this.transaction!.finished ? undefined : this.#callSpan("rollback");
    return { op: rollBackUnlessFinished(this.state, this.transaction!), deadline: undefined, span };
  }

  /** A pipeline, which is exclusive from now on. Throws at once. */
  pipeline(): PipelineState {
    const action = "open a pipeline";
    this.#check(action);
    this.state.session.check("reserve", action);
    const pipeline = new PipelineState(this.state);
    const span = this.#operationSpan("pipeline");
    if (span !== undefined) pipelineSpans.set(pipeline, span);
    return pipeline;
  }

  /** Adds a statement to a pipeline. Throws at once. */
  addToPipeline(pipeline: PipelineState, statement: unknown, params: unknown): PipelineItem {
    if (params !== undefined && !Array.isArray(params)) {
      throw new UsageError("Cannot bind the parameters: they must be in an array");
    }
    const spec = this.#optionSpec("execute the statement");
    const { source, values } = parseCall(statement, params, undefined, this.owner, spec);
    const item = pipeline.add(source, values);
    pipelineSpans.get(pipeline)?.addStatement();
    return item;
  }

  /** A step of a pipeline. */
  pipelineStep<T>(
    pipeline: PipelineState,
    action: string,
    options: unknown,
    make: (options: ParsedOptions) => Op<T>,
    rows: boolean = false,
  ): Call<T> {
    try {
      const parsed = parseOptions(options, this.#optionSpec(action, rows));
      const onGivenUp = (): void => {
        pipeline.isAbandoned = true;
      };
      const span = pipelineSpans.get(pipeline)?.childSpan("any");
      return { op: make(parsed), deadline: parsed.deadline && { ...parsed.deadline, onGivenUp }, span };
    } catch (error) {
      return refusedCall(error);
    }
  }

  /** The result of a pipelined statement. */
  claim<T>(
    pipeline: PipelineState,
    itemOf: () => PipelineItem,
    options: unknown,
    collectorOf: CollectorFactory<T>,
    rows: boolean,
  ): Call<T> {
    const make = ({ shape }: ParsedOptions): Op<T> => pipeline.claim(itemOf(), collectorOf(shape));
    return this.pipelineStep(pipeline, "claim the result", options, make, rows);
  }

  /** The end of a pipeline. */
  closePipeline(pipeline: PipelineState): Call<void> {
    this.state.session.admission.announceEnd(pipeline.exclusive);
    const span = pipelineSpans.get(pipeline)?.childSpan("close");
    const deadline = pipeline.isAbandoned ? cleanUpDeadline("close the pipeline") : undefined;
    return { op: pipeline.close(), deadline, span };
  }

  /** COPY FROM STDIN. */
  copyIn(sql: unknown, source: unknown, options: unknown): Call<number> {
    return this.#call(
      "copyIn",
      "copy in",
      options,
      () => {
        const whole = typeof source === "string" || source instanceof Uint8Array ? [source] : source;
        return copyIn(
          sqlText(sql),
          new SourceReader(whole, this.state.link.awaits, "the data to copy"),
          this.state,
        );
      },
      [],
      sql,
    );
  }

  /** COPY TO STDOUT, not yet started. Throws at once. */
  copyOut(sql: unknown, options: unknown): Copy {
    const action = "copy out";
    this.#check(action);
    const parsed = parseOptions(options, this.#optionSpec(action));
    return {
      source: new CopyOutSource(sqlText(sql), this.state),
      options: parsed,
      span: this.#operationSpan("copyOut", sql),
    };
  }

  /** The next chunk of a COPY TO STDOUT, undefined at its end. */
  nextChunk({ source, options: { deadline }, span }: Copy): Call<Uint8Array<ArrayBuffer> | undefined> {
    return { op: source.next(), deadline, span: span?.childSpan("read") };
  }

  /** The end of a COPY TO STDOUT; what is left is dropped. */
  closeCopy({ source, options: { deadline }, span }: Copy): Call<void> {
    source.announceClose();
    return {
      op: source.close(),
      deadline: cleanUpDeadlineOf(deadline, "end the copying"),
      span: span?.childSpan("close"),
    };
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
      const rowReader = new SourceReader(rows, this.state.link.awaits, "the rows to copy");
      return copyRows(quotedName(table), columns.slice(), quoted, rowReader, this.state);
    });
  }

  /** LISTEN; `make` gives what the caller iterates over. */
  listen<T>(channel: unknown, options: unknown, make: (queue: NotificationQueue, timeout: number) => T): Call<T> {
    return this.#attempt("listen", () => {
      const { deadline } = parseOptions(options, this.#optionSpec("listen"));
      // In the blocking world it limits the waiting for notifications.
      const timeout = this.state.link.awaits ? 0 : deadline?.timeout ?? 0;
      const op = listening(channelName(channel), this.state, (queue) => make(queue, timeout));
      return { op, deadline, span: this.#callSpan("listen") };
    });
  }

  /** UNLISTEN; with a deadline if listening has a timeout. */
  unlisten(queue: NotificationQueue, timeout: number = 0): Call<void> {
    const span = queue.ended ? undefined : this.#callSpan("unlisten");
    const deadline = timeout === 0 ? undefined : cleanUpDeadline("end listening");
    return { op: unlisten(queue, this.state.listeners, this.state), deadline, span };
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

  /** Forgets what is known of types; fails after release. Throws at once. */
  reloadTypes(): void {
    this.lease?.check("reload types");
    this.state.registry.invalidateTypes();
  }

  /** DISCARD ALL. */
  reset(options: unknown): Call<void> {
    return this.#call("reset", "reset the session", options, () => reset(this.state, this.state.listeners));
  }

  /** Makes the connection ready for its next user; closes it if that takes too long. */
  release(timeout: number): Call<void> {
    const deadline: Deadline = {
      action: "give the connection back",
      timeout,
      signal: undefined,
      closesConnection: true,
    };
    return { op: release(this.state, this.state.listeners), deadline };
  }

  /** A round trip; a connection that does not answer in time is closed. */
  check(timeout: number): Call<void> {
    const deadline: Deadline = { action: "check the connection", timeout, signal: undefined, closesConnection: true };
    return { op: perform(new Ping()), deadline };
  }

  /** The span of a cancel request; undefined if nothing runs or there is no subscriber. */
  cancellation(): Span | undefined {
    return this.state.session.idle ? undefined : this.#callSpan("cancel");
  }

  /** A call with the common options and the extra options named; `source` is what it executes, for tracing. */
  #call<T>(
    operation: string,
    action: string,
    options: unknown,
    make: (options: ParsedOptions) => Op<T>,
    extraOptions: readonly string[] = [],
    source?: unknown,
  ): Call<T> {
    return this.#attempt(action, () => {
      const parsed = parseOptions(options, this.#optionSpec(action, false, extraOptions));
      const op = make(parsed);
      return { op, deadline: parsed.deadline, span: this.#callSpan(operation, source, undefined, sizeOf(source)) };
    });
  }

  /** The span of a call; undefined if there is no subscriber. */
  #callSpan(
    operation: string,
    source?: unknown,
    parameterCount?: number,
    batchSize?: number,
  ): CallSpan | undefined {
    const { observer } = this.state;
    return observer.isEnabled ? observer.callSpan(operation, textOf(source), parameterCount, batchSize) : undefined;
  }

  /** The span of an operation of several calls; undefined if there is no subscriber. */
  #operationSpan(operation: string, source?: unknown, parameterCount?: number): OperationSpan | undefined {
    const { observer } = this.state;
    return observer.isEnabled ? observer.operationSpan(operation, textOf(source), parameterCount) : undefined;
  }

  #attempt<T>(action: string, make: () => Call<T>): Call<T> {
    try {
      this.#check(action);
      const made = make();
      const { transaction } = this;
      return transaction === undefined ? made : { ...made, op: checkTransaction(transaction, action, made.op) };
    } catch (error) {
      return refusedCall(error);
    }
  }

  /** Throws when nothing can be called. */
  #check(action: string): void {
    this.lease?.check(action);
    this.state.check(action);
    this.transaction?.check(action);
  }

  #optionSpec(action: string, rows: boolean = false, extraOptions: readonly string[] = []): OptionSpec {
    return { action, awaits: this.state.link.awaits, rows, extraOptions };
  }

  #refuseNestedOptions(extraOptions: Readonly<Record<string, unknown>>): void {
    const [name] = Object.keys(extraOptions);
    if (this.transaction === undefined || name === undefined) return;
    throw new UsageError(`Cannot use ${name} in a nested transaction: it must be given to the outermost one`);
  }
}

/** A stream of rows that was asked for. */
export interface Stream {
  readonly cursor: Cursor;
  readonly shape: RowShape;
  readonly deadline: Deadline | undefined;
  readonly batch: number;
  readonly span: OperationSpan | undefined;
}

/** A COPY TO STDOUT that was asked for. */
export interface Copy {
  readonly source: CopyOutSource;
  readonly options: ParsedOptions;
  readonly span: OperationSpan | undefined;
}

/** What a fetch gives. */
export interface Fetch<T> {
  readonly rows: T;
  readonly hasMore: boolean;
}

function* openPortal<T>(cursor: Cursor, make: (cursor: Cursor) => T): Op<T> {
  yield* cursor.open();
  try {
    yield* cancellationPoint();
  } catch (error) {
    yield* cursor.close();
    throw error;
  }
  return make(cursor);
}

/** When a call is admitted, its transaction may be over, and it must not be executed outside of it. */
function* checkTransaction<T>(transaction: TransactionState, action: string, op: Op<T>): Op<T> {
  transaction.check(action);
  return yield* op;
}

function* rollBackUnlessFinished(connection: ConnectionState, state: TransactionState): Op<void> {
  if (!state.finished) yield* rollback(connection, state);
}

function* listening<T>(channel: string, connection: ConnectionState, make: (queue: NotificationQueue) => T): Op<T> {
  return make(yield* listen(channel, connection.listeners, connection));
}

/** How many there are, if that is known. */
function sizeOf(source: unknown): number | undefined {
  return Array.isArray(source) ? source.length : undefined;
}

/** The deadline for cleaning up after an operation: if the caller has set a timeout, the clean-up gets one too. */
function cleanUpDeadlineOf(deadline: Deadline | undefined, action: string): Deadline | undefined {
  return deadline === undefined || deadline.timeout === 0 ? undefined : cleanUpDeadline(action);
}

/** The deadline for cleaning up: if the server does not answer in time, the connection is closed. */
function cleanUpDeadline(action: string): Deadline {
  return { action, timeout: CLEAN_UP_TIMEOUT, signal: undefined, closesConnection: true };
}

function refusedCall(error: unknown): Call<never> {
  return { op: never(), deadline: undefined, refusal: { error } };
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

/** The spans of pipelines. */
const pipelineSpans = new WeakMap<PipelineState, OperationSpan>();
/** Milliseconds for something to be ended where the caller has set limits. */
const CLEAN_UP_TIMEOUT = 2000;
/** Rows at a time. */
const DEFAULT_BATCH_SIZE = 500;
const WITH_ROWS = { rows: true };
const TRANSACTION_MODES: readonly string[] = ["isolationLevel", "readOnly", "deferrable"];
