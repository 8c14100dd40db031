/**
 * Fetching the rows of a statement in parts.
 *
 * In a transaction a portal is named, and anything else may run between its fetches. Outside of one
 * it would not survive that, so it has the connection for itself until it is closed.
 */
import { ConnectionError, DecodeError, UsageError } from "../errors.ts";
import {
  alone,
  call,
  type Conversation,
  finish,
  type Op,
  passTurn,
  settle,
  submit,
  takeTurn,
  type Ticket,
} from "../protocol/request.ts";
import { ClosePortal, EndConversation, type Fetched, FetchPortal, OpenPortal } from "../protocol/portal.ts";
import type { Prepared } from "../protocol/prepared.ts";
import type { Sink } from "../rows/collectors.ts";
import type { RowShape } from "../rows/row.ts";
import type { Context } from "../statements/context.ts";
import { type Known, known } from "../statements/source.ts";
import { forget, refreshed } from "../statements/stale.ts";
import type { TransactionState } from "./transaction.ts";
import { completed } from "../statements/type_lookup.ts";

/** What a portal executes, and how it gives its rows. */
export interface Statement {
  readonly source: Known;
  readonly values: readonly unknown[];
  readonly shape: RowShape;
}

/** A portal, and where it stands. */
export class Cursor {
  readonly #context: Context;
  /** What it executes. */
  readonly source: Known;
  /** How its rows are given if a fetch does not say. */
  readonly shape: RowShape;
  readonly #values: readonly unknown[];
  readonly #name: string;
  readonly #transaction: TransactionState | undefined;
  #statement!: Prepared;
  #conversation: Conversation | undefined = undefined;
  #portal = "";
  /** The number of what it changes; undefined while it is not known what it does. */
  #change: number | undefined = undefined;
  #state: "new" | "open" | "closed" = "new";
  #isDone = false;

  /** `name` is what it is called while it has the connection for itself; it ends with the transaction. */
  constructor(context: Context, { source, values, shape }: Statement, name: string, transaction?: TransactionState) {
    this.#context = context;
    this.source = source;
    this.#values = values;
    this.shape = shape;
    this.#name = name;
    this.#transaction = transaction;
  }

  /** Whether all rows were fetched. */
  get done(): boolean {
    return this.#isDone;
  }

  /** Whether nothing was asked of it yet. */
  get isNew(): boolean {
    return this.#state === "new";
  }

  /** Whether the server has it. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether nothing can be fetched any more. */
  get closed(): boolean {
    return this.#state === "closed" || this.#isOver;
  }

  /** Binds the portal. */
  *open(isAgain: boolean = false): Op<void> {
    const { session, statements, registry } = this.#context;
    yield* alone();
    // Once it has the connection for itself, nothing can be asked about types.
    this.#statement = yield* known(this.source, this.#context);
    let exchange: OpenPortal | undefined;
    let ticket: Ticket<void> | undefined;
    try {
      if (session.transactionStatus === "idle") {
        const conversation: Conversation = { name: this.#name, close: () => this.close() };
        session.occupy(conversation);
        this.#conversation = conversation;
      } else this.#portal = statements.newName();
      this.#change = this.#context.changes.begin(this.#statement.effects, this.#context);
      exchange = new OpenPortal(this.#portal, this.#statement, this.#values, registry, this.#conversation);
      ticket = yield* submit(exchange);
      this.#state = "open";
      yield* settle(ticket);
    } catch (error) {
      // Given up or not, it may have been opened.
      if (ticket !== undefined && ticket.failure === undefined && !ticket.withdrawn) {
        yield* this.close();
        throw error;
      }
      this.#release();
      if (isAgain || exchange === undefined) throw error;
      this.#statement = yield* refreshed(error, ticket, this.#statement, this.source, this.#context);
      this.#state = "new";
      yield* this.open(true);
    }
    if (exchange?.changed && this.#state === "open") yield* this.#reopen(isAgain);
  }

  /** The next rows, 0 for all that are left. */
  *fetch<T>(maxRows: number, sink: Sink<T>): Op<Fetched<T>> {
    if (this.closed) throw new UsageError("Cannot fetch rows: the portal is closed");
    if (this.#state === "new") yield* this.open();
    if (this.#isDone) return { rows: sink.result(), hasMore: false };
    const exchange = new FetchPortal(this.#portal, this.#statement, maxRows, sink, this.#conversation);
    let ticket: Ticket<Fetched<T>> | undefined;
    let fetched: Fetched<T>;
    try {
      ticket = yield* submit(exchange);
      fetched = yield* finish(ticket);
    } catch (error) {
      // A value that cannot be read leaves the portal as it is, as does what was not sent. A refusal has ended it.
      const failure = ticket?.failure;
      if (failure !== undefined && failure.kind !== "unusable") this.#release();
      else if (ticket !== undefined && !ticket.settled && !ticket.withdrawn) yield* this.close();
      throw error;
    }
    if (!fetched.hasMore) {
      this.#isDone = true;
      this.#endChange(true);
    }
    return sink.isIncomplete ? { ...fetched, rows: yield* completed(sink, this.#context) } : fetched;
  }

  /** It is about to be closed: calls that are made from now on wait for that. */
  beginClosing(): void {
    if (this.#conversation !== undefined) this.#context.session.admission.end(this.#conversation);
  }

  /** Gives up what is left, and gives the connection back. */
  *close(): Op<void> {
    this.beginClosing();
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    const { session } = this.#context;
    const conversation = this.#conversation;
    try {
      if (!wasOpen || session.lost !== undefined || this.#isOver) return;
      yield* takeTurn();
      if (conversation === undefined) yield* finish(yield* submit(new ClosePortal(this.#portal)));
      else yield* settle(yield* submit(new EndConversation(conversation)));
    } finally {
      this.#release();
    }
  }

  #endChange(succeeded: boolean): void {
    const change = this.#change;
    this.#change = undefined;
    if (change !== undefined) this.#context.changes.end(this.#statement.effects, change, succeeded, this.#context);
  }

  /** Binds it anew, as its columns are others than were learned. Nothing was executed yet. */
  *#reopen(isAgain: boolean): Op<void> {
    yield* this.close();
    forget(this.#statement, this.source, this.#context);
    if (isAgain) throw new DecodeError("Cannot open the portal: its columns change each time it is opened");
    this.#state = "new";
    yield* takeTurn();
    yield* this.open(true);
  }

  /** Whether its transaction is over. */
  get #isOver(): boolean {
    return this.#transaction?.finished ?? false;
  }

  /** There is no portal any more. */
  #release(): void {
    this.#state = "closed";
    this.#endChange(false);
    if (this.#conversation !== undefined) this.#context.session.vacate(this.#conversation);
    this.#conversation = undefined;
  }
}

/** Runs a function that fetches from a portal, and closes it. What the function gives or throws comes back unchanged. */
export function* iterate<T>(cursor: Cursor, fn: () => T | PromiseLike<T>): Op<T> {
  yield* cursor.open();
  let result: T;
  try {
    yield* passTurn();
    result = yield* call(fn);
  } catch (error) {
    try {
      yield* cursor.close();
    } catch {
      // The first error is the one that explains.
    }
    throw error;
  }
  yield* cursor.close();
  return result;
}

/** Closes a portal; with the connection it is gone anyway. */
export function* closeCursor(cursor: Cursor): Op<void> {
  try {
    yield* cursor.close();
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
  }
}
