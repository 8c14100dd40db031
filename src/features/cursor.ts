/**
 * Fetching the rows of a statement in parts.
 *
 * In a transaction, a portal has a name, and other statements may run between its fetches. Outside of one, other
 * statements would end the portal, so it is an exclusive operation until it is closed.
 */
import { ConnectionError, DecodeError, UsageError } from "../errors.ts";
import {
  barrier,
  callback,
  cancellationPoint,
  continueSubmitting,
  type ExclusiveOperation,
  finish,
  type Op,
  type PendingRequest,
  releaseAdmission,
  repeat,
  type Request,
  settle,
  submit,
} from "../protocol/request.ts";
import { ClosePortal, EndExclusive, type Fetched, FetchPortal, OpenPortal } from "../protocol/portal_requests.ts";
import { markExecuted } from "../protocol/failure.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Session } from "../protocol/session.ts";
import type { ResultCollector } from "../rows/collectors.ts";
import { columnCodecs, type ColumnTypes } from "../codecs/column_codecs.ts";
import type { RowLayout } from "../rows/row.ts";
import type { MapRow } from "../rows/row_mapper.ts";
import type { Column, CommandTag } from "../wire/backend.ts";
import type { Context } from "../statements/context.ts";
import { resolveStatement, type StatementSource } from "../statements/statement_source.ts";
import { invalidateStatement, prepareIfStale } from "../statements/stale.ts";
import type { TransactionState } from "./transaction.ts";
import { completeRows } from "../statements/type_lookup.ts";

/** The statement of a portal, and the shape of its rows. */
export interface PortalSource {
  readonly source: StatementSource;
  readonly values: readonly unknown[];
  readonly shape: RowLayout;
  readonly types: ColumnTypes | undefined;
  /** The function that maps each row, unless a fetch gives another. */
  readonly mapRow: MapRow | undefined;
}

/** A portal, and its state. */
export class Cursor {
  readonly #context: Context;
  /** The statement that it executes. */
  readonly source: StatementSource;
  /** The shape of its rows, unless a fetch gives another. */
  readonly shape: RowLayout;
  readonly #types: ColumnTypes | undefined;
  /** The function that maps each row, unless a fetch gives another. */
  readonly mapRow: MapRow | undefined;
  readonly #values: readonly unknown[];
  readonly #name: string;
  readonly #transaction: TransactionState | undefined;
  #statement!: Prepared;
  /** The statement with the types that the call gives. */
  #bound: Prepared | undefined = undefined;
  #exclusive: ExclusiveOperation | undefined = undefined;
  #portal = "";
  /** The number of its change, as `Invalidation` gave it; undefined while its effects are unknown. */
  #change: number | undefined = undefined;
  #state: "new" | "open" | "closed" = "new";
  #isDone = false;
  #isExecuted = false;
  #tag: CommandTag | undefined = undefined;
  /** How many rows the fetches gave after which there were more. */
  #rowsBefore = 0;

  /** `name` is its name in errors while it is exclusive. It ends with `transaction`. */
  constructor(context: Context, portal: PortalSource, name: string, transaction?: TransactionState) {
    this.#context = context;
    this.source = portal.source;
    this.#values = portal.values;
    this.shape = portal.shape;
    this.#types = portal.types;
    this.mapRow = portal.mapRow;
    this.#name = name;
    this.#transaction = transaction;
  }

  /** Whether all rows were fetched. */
  get done(): boolean {
    return this.#isDone;
  }

  /** Whether a fetch has executed the statement, or a part of it, and none has failed. */
  get isExecuted(): boolean {
    return this.#isExecuted;
  }

  /** The command tag, once the statement has completed, with the rows of all fetches. */
  get tag(): CommandTag | undefined {
    return this.#tag;
  }

  /** The columns; undefined until it is opened. */
  get columns(): readonly Column[] | undefined {
    return this.#bound && (this.#bound.description?.columns ?? []);
  }

  /** Whether it was not opened yet. */
  get isNew(): boolean {
    return this.#state === "new";
  }

  /** Whether the server has it. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether it is open outside of a transaction. */
  get isExclusive(): boolean {
    return this.#exclusive !== undefined;
  }

  /** Whether it is closed, or its transaction is over. */
  get closed(): boolean {
    return this.#state === "closed" || this.#isTransactionFinished;
  }

  /** Binds the portal. */
  *open(isAgain: boolean = false): Op<void> {
    const { session, statements, registry } = this.#context;
    yield* barrier();
    // It may have ended while the portal was opened for the first time.
    this.#transaction?.check(`open ${this.#name}`);
    // Once it is exclusive, the catalog cannot be queried.
    this.#statement = yield* resolveStatement(this.source, this.#context);
    let request: OpenPortal | undefined;
    let pending: PendingRequest<void> | undefined;
    try {
      if (session.transactionStatus === "idle") {
        const exclusive: ExclusiveOperation = { name: this.#name, close: () => this.close() };
        session.beginExclusive(exclusive);
        this.#exclusive = exclusive;
      } else this.#portal = statements.newName();
      this.#change = this.#context.invalidation.begin(this.#statement.effects, this.#context);
      const bound = this.#bound = this.#statement.withTypes(this.#types, registry);
      const codecs = columnCodecs(this.#types, registry);
      request = new OpenPortal(this.#portal, bound, this.#values, codecs, this.#exclusive);
      pending = yield* submit(request);
      this.#state = "open";
      yield* settle(pending);
    } catch (error) {
      // The request has not failed, so the server may have opened the portal, or may still do so.
      if (pending !== undefined && pending.failure === undefined && !pending.withdrawn) {
        yield* this.close();
        throw error;
      }
      this.#release();
      if (isAgain || request === undefined) throw error;
      this.#statement = yield* prepareIfStale(error, pending, this.#statement, this.source, this.#context);
      this.#state = "new";
      yield* this.open(true);
    }
    if (request?.changed && this.#state === "open") yield* this.#reopen(isAgain);
  }

  /** Fetches at most `maxRows` rows, or all that are left if it is 0. */
  *fetch<T>(maxRows: number, collector: ResultCollector<T>, mapRow?: MapRow): Op<Fetched<T>> {
    const fetched = yield* this.#fetch(maxRows, collector);
    return mapRow === undefined ? fetched : { ...fetched, rows: collector.mapped(fetched.rows, mapRow) };
  }

  *#fetch<T>(maxRows: number, collector: ResultCollector<T>): Op<Fetched<T>> {
    if (this.closed) throw new UsageError("Cannot fetch rows: the portal is closed");
    if (this.#state === "new") yield* this.open();
    if (this.#isDone) return { rows: collector.result(), hasMore: false };
    collector.readsTags = true;
    const request = new FetchPortal(this.#portal, this.#bound!, maxRows, collector, this.#exclusive);
    let pending: PendingRequest<Fetched<T>> | undefined;
    let fetched: Fetched<T>;
    try {
      pending = yield* submit(request);
      fetched = yield* finish(pending);
    } catch (error) {
      // A row that cannot be decoded leaves the portal open, and so does a request that was not sent. A refusal by
      // the server has closed it.
      const failure = pending?.failure;
      if (failure !== undefined && failure.kind !== "unusable") {
        this.#isExecuted = false;
        this.#release();
      } else if (pending !== undefined && !pending.settled && !pending.withdrawn) yield* this.close();
      throw error;
    }
    this.#isExecuted = true;
    if (!fetched.hasMore) {
      this.#isDone = true;
      this.#setTag(collector.lastTag);
      this.#endChange(true);
    } else this.#rowsBefore += maxRows;
    return collector.isIncomplete ? { ...fetched, rows: yield* completeRows(collector, this.#context) } : fetched;
  }

  /** Makes new calls wait for the close that follows. */
  announceClose(): void {
    if (this.#exclusive !== undefined) this.#context.session.admission.announceEnd(this.#exclusive);
  }

  /** Closes the portal, and ends the exclusive operation. */
  *close(): Op<void> {
    this.announceClose();
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    const { session } = this.#context;
    const exclusive = this.#exclusive;
    try {
      if (!wasOpen || session.lost !== undefined || this.#isTransactionFinished) return;
      if (exclusive === undefined) {
        yield* finish(yield* submitInAnyCase(new ClosePortal(this.#portal), session));
      } else yield* settle(yield* submitInAnyCase(new EndExclusive(exclusive), session));
    } finally {
      this.#release();
    }
  }

  /** The server counts the rows of the last fetch only. */
  #setTag(tag: CommandTag | undefined): void {
    if (tag === undefined || tag.count === null) this.#tag = tag;
    else {
      const affected = tag.affected + this.#rowsBefore;
      this.#tag = { command: tag.command, affected, count: affected };
    }
  }

  #endChange(succeeded: boolean): void {
    const change = this.#change;
    this.#change = undefined;
    if (change !== undefined) this.#context.invalidation.end(this.#statement.effects, change, succeeded, this.#context);
  }

  /** Binds it again, because its columns differ from those of the prepared statement. Nothing was executed yet. */
  *#reopen(isAgain: boolean): Op<void> {
    yield* this.close();
    invalidateStatement(this.#statement, this.source, this.#context);
    if (isAgain) throw new DecodeError("Cannot open the portal: its columns have changed each time that it was opened");
    this.#state = "new";
    yield* repeat();
    yield* continueSubmitting();
    yield* this.open(true);
  }

  /** Whether its transaction is over. */
  get #isTransactionFinished(): boolean {
    return this.#transaction?.finished ?? false;
  }

  /** Marks the portal as closed, and ends the exclusive operation. */
  #release(): void {
    this.#state = "closed";
    this.#endChange(false);
    if (this.#exclusive !== undefined) this.#context.session.endExclusive(this.#exclusive);
    this.#exclusive = undefined;
  }
}

/** Runs a function that fetches from a portal, and closes it. Its result or error is passed on unchanged. */
export function* withPortal<T>(cursor: Cursor, fn: () => T | PromiseLike<T>): Op<T> {
  yield* cursor.open();
  let result: T;
  try {
    yield* releaseAdmission();
    result = yield* callback(fn);
    yield* cancellationPoint();
  } catch (error) {
    try {
      yield* cursor.close();
      // Closing it outside of a transaction commits what the fetches have executed.
      if (cursor.isExecuted) markExecuted(error);
    } catch {
      // The first error explains the failure.
    }
    throw error;
  }
  yield* cursor.close();
  return result;
}

/** Submits a request that must be sent, also if the caller gives up while the op waits for the right to submit. */
function* submitInAnyCase<T>(request: Request<T>, session: Session): Op<PendingRequest<T>> {
  try {
    yield* continueSubmitting();
    return yield* submit(request);
  } catch (error) {
    if (session.lost !== undefined) throw error;
    yield* continueSubmitting();
    return yield* submit(request);
  }
}

/** Closes a portal. A lost connection is no error: the portal was lost with it. */
export function* closeQuietly(cursor: Cursor): Op<void> {
  try {
    yield* cursor.close();
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
