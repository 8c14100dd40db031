/** Streams of rows of connections that await. */
import type { Calls, Stream } from "../calls.ts";
import type { AsyncLink } from "../drive/async_link.ts";

/** The rows of a statement, to iterate over once; made by `stream`. It begins when the first row is asked for. */
export class RowStream<R> implements AsyncIterableIterator<R>, AsyncDisposable {
  readonly #calls: Calls;
  readonly #link: AsyncLink;
  readonly #stream: Stream;
  #rows: (R | undefined)[] = [];
  #at = 0;
  /** Whether these rows are the last. The connection is held until they were taken, however many there are. */
  #isLast = false;
  #ended = false;
  #filling: Promise<void> | undefined = undefined;

  /** Not for callers: see {@linkcode RowStream}. */
  constructor(calls: Calls, link: AsyncLink, stream: Stream) {
    this.#calls = calls;
    this.#link = link;
    this.#stream = stream;
  }

  /** The next row. */
  next(): Promise<IteratorResult<R, undefined>> {
    if (this.#at < this.#rows.length) return Promise.resolve({ done: false, value: this.#take() });
    return this.#nextAfterFetch();
  }

  /** Gives up the rows that are left. */
  async return(): Promise<IteratorResult<R, undefined>> {
    await this[Symbol.asyncDispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#rows = [];
    await this.#link.run(this.#calls.closeStream(this.#stream));
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next row that is here. It is forgotten at once: the fewer rows live, the less memory collectors take. */
  #take(): R {
    const row = this.#rows[this.#at] as R;
    this.#rows[this.#at++] = undefined;
    return row;
  }

  async #nextAfterFetch(): Promise<IteratorResult<R, undefined>> {
    while (this.#at >= this.#rows.length) {
      if (this.#ended) return { done: true, value: undefined };
      this.#filling ??= this.#isLast ? this.#end() : this.#fill();
      await this.#filling;
    }
    return { done: false, value: this.#take() };
  }

  async #end(): Promise<void> {
    this.#ended = true;
    try {
      await this.#link.run(this.#calls.endStream(this.#stream));
    } finally {
      this.#filling = undefined;
    }
  }

  async #fill(): Promise<void> {
    try {
      const { rows, hasMore } = await this.#link.run(this.#calls.nextRows<R>(this.#stream));
      if (this.#ended) return;
      this.#rows = rows;
      this.#at = 0;
      this.#isLast = !hasMore;
    } catch (error) {
      this.#ended = true;
      await this.#link.run(this.#calls.closeStream(this.#stream)).catch(() => {});
      throw error;
    } finally {
      this.#filling = undefined;
    }
  }
}
