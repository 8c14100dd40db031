/** What the client reads of the reply to a query, in the place of the query's own methods. */
import type { EventEmitter } from "node:events";
import { ProtocolError } from "../errors.ts";
import type { RowReader } from "../rows/row.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Columns } from "./columns.ts";
import { throwLater } from "./outside.ts";
import type { Query } from "./query.ts";

/** Collects the results of one query, from the messages of its reply. */
export class QuerySink {
  /** Why a row could not be read, or `undefined`. It is the outcome of the query, whatever the server says later. */
  failure: { readonly error: unknown } | undefined = undefined;
  readonly #query: Query;
  #reader: RowReader | undefined = undefined;
  /** Where rows are kept; undefined if they only go to listeners. */
  #rows: unknown[] | undefined = undefined;
  #hasListeners = false;

  constructor(query: Query) {
    this.#query = query;
  }

  /** Must be called before rows with these columns. Whoever makes them calls the user's `getTypeParser`. */
  begin(make: () => Columns): void {
    this.#query._checkForMultirow();
    let columns: Columns;
    try {
      columns = make();
    } catch (error) {
      this.failure ??= { error };
      return;
    }
    const query = this.#query;
    const result = query._result;
    result.fields = columns.fields.slice();
    this.#reader = columns.reader;
    this.#hasListeners = query.listenerCount("row") > 0;
    this.#rows = query.callback || !this.#hasListeners ? result.rows : undefined;
  }

  /** Reads the current message, a DataRow. */
  row(inbox: Inbox): void {
    if (this.failure !== undefined) return;
    if (this.#reader === undefined) throw inbox.unexpected("read rows");
    let row: unknown;
    try {
      row = this.#reader.read(inbox, inbox.pos, inbox.limit);
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      // A parser's error is wrapped by the reader; pg gives it to the caller as it is.
      this.failure = { error: (error as Error).cause ?? error };
      return;
    }
    this.#rows?.push(row);
    if (this.#hasListeners) this.#emit(row);
  }

  /** Reads the current message, a CommandComplete. */
  complete(inbox: Inbox): void {
    this.#query._checkForMultirow();
    const text = inbox.cstring();
    inbox.end();
    this.#reader = undefined;
    this.#query._result.addCommandComplete({ text });
  }

  /** Listeners are called while the reply is read, so what they throw must not reach the session. */
  #emit(row: unknown): void {
    try {
      (this.#query as EventEmitter).emit("row", row, this.#query._result);
    } catch (error) {
      throwLater(error);
    }
  }
}
