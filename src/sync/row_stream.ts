/** Streams of rows of connections that block. */
import { BlockingIterator } from "../api/blocking_iterator.ts";
import type { CallContext } from "../connection/call_context.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";
import { FetchedRows } from "../rows/fetched_rows.ts";
import type { Column } from "../wire/backend.ts";

/**
 * The rows of a statement, to iterate over once; made by `stream`. The statement is executed when the
 * first row is requested.
 */
export class RowStream<R> extends BlockingIterator<R> implements Disposable {
  readonly #context: CallContext;
  readonly #link: SyncLink;
  readonly #stream: portalCalls.Stream;
  /** The stream stays open until all rows are taken, even if all have been fetched. */
  readonly #fetched = new FetchedRows<R>();
  #ended = false;

  /** Internal: see {@linkcode RowStream}. */
  constructor(context: CallContext, link: SyncLink, stream: portalCalls.Stream) {
    super();
    this.#context = context;
    this.#link = link;
    this.#stream = stream;
  }

  /** The columns; `undefined` until the first row was requested, empty for a statement that returns no rows. */
  get columns(): readonly Column[] | undefined {
    return this.#stream.cursor.columns;
  }

  /** The command tag without numbers, such as `SELECT`; `undefined` until the statement has completed. */
  get command(): string | undefined {
    return this.#stream.cursor.tag?.command;
  }

  /** The number of rows; `undefined` until the statement has completed. */
  get affected(): number | undefined {
    return this.#stream.cursor.tag?.affected;
  }

  /** The next row. */
  override next(): IteratorResult<R, undefined> {
    while (this.#fetched.isEmpty) {
      if (this.#ended) return { done: true, value: undefined };
      if (this.#fetched.isLast) this.#end();
      else this.#fill();
    }
    return { done: false, value: this.#fetched.take() };
  }

  /** Closes the stream; rows that are left are dropped. */
  override return(): IteratorResult<R, undefined> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  override [Symbol.dispose](): void {
    this.#ended = true;
    this.#fetched.clear();
    this.#link.run(portalCalls.closeStream(this.#stream));
  }

  #end(): void {
    this.#ended = true;
    this.#link.run(portalCalls.endStream(this.#stream));
  }

  #fill(): void {
    try {
      this.#fetched.put(this.#link.run(portalCalls.nextRows<R>(this.#context, this.#stream)));
    } catch (error) {
      try {
        this[Symbol.dispose]();
      } catch {
        // The first error is the cause.
      }
      throw error;
    }
  }
}
