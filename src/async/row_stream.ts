/** Streams of rows of connections that await. */
import type { CallContext } from "../connection/call_context.ts";
import * as portalCalls from "../connection/portal_calls.ts";
import { TimeoutError } from "../errors.ts";
import type { AsyncLink } from "../run/async_link.ts";
import { FetchedRows } from "../rows/fetched_rows.ts";
import type { Column } from "../wire/backend.ts";

/**
 * The rows of a statement, to iterate over once; made by `stream`. The statement is executed when the
 * first row is requested.
 */
export class RowStream<R> implements AsyncIterableIterator<R>, AsyncDisposable {
  readonly #context: CallContext;
  readonly #link: AsyncLink;
  readonly #stream: portalCalls.Stream;
  /** The stream stays open until all rows are taken, even if all have been fetched. */
  readonly #fetched = new FetchedRows<R>();
  #ended = false;
  #filling: Promise<void> | undefined = undefined;

  /** Internal: see {@linkcode RowStream}. */
  constructor(context: CallContext, link: AsyncLink, stream: portalCalls.Stream) {
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
  next(): Promise<IteratorResult<R, undefined>> {
    if (!this.#fetched.isEmpty) return Promise.resolve({ done: false, value: this.#fetched.take() });
    return this.#nextAfterFetch();
  }

  /** Closes the stream; rows that are left are dropped. */
  async return(): Promise<IteratorResult<R, undefined>> {
    await this[Symbol.asyncDispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#fetched.clear();
    const { isExclusive } = this.#stream.cursor;
    try {
      await this.#link.run(portalCalls.closeStream(this.#stream));
    } catch (error) {
      // In a transaction, the portal is closed later, when other calls are over.
      if (isExclusive || !(error instanceof TimeoutError)) throw error;
    }
  }

  /** Returns this object. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  async #nextAfterFetch(): Promise<IteratorResult<R, undefined>> {
    while (this.#fetched.isEmpty) {
      if (this.#ended) return { done: true, value: undefined };
      this.#filling ??= this.#fetched.isLast ? this.#end() : this.#fill();
      await this.#filling;
    }
    return { done: false, value: this.#fetched.take() };
  }

  async #end(): Promise<void> {
    this.#ended = true;
    try {
      await this.#link.run(portalCalls.endStream(this.#stream));
    } finally {
      this.#filling = undefined;
    }
  }

  async #fill(): Promise<void> {
    try {
      const batch = await this.#link.run(portalCalls.nextRows<R>(this.#context, this.#stream));
      if (!this.#ended) this.#fetched.put(batch);
    } catch (error) {
      this.#ended = true;
      const { isExclusive } = this.#stream.cursor;
      const closing = this.#link.run(portalCalls.closeStream(this.#stream)).catch(() => {});
      // Otherwise it may have to wait for other calls.
      if (isExclusive) await closing;
      throw error;
    } finally {
      this.#filling = undefined;
    }
  }
}
