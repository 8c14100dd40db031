/** Streams of rows of connections that block. */
import type { Calls, Stream } from "../calls.ts";
import type { SyncLink } from "../drive/sync_link.ts";

/** The rows of a statement, to iterate over once; made by `stream`. It begins when the first row is asked for. */
export class RowStream<R> implements IterableIterator<R>, Disposable {
  readonly #calls: Calls;
  readonly #link: SyncLink;
  readonly #stream: Stream;
  #rows: (R | undefined)[] = [];
  #at = 0;
  /** Whether these rows are the last. The connection is held until they were taken, however many there are. */
  #isLast = false;
  #ended = false;

  /** Not for callers: see {@linkcode RowStream}. */
  constructor(calls: Calls, link: SyncLink, stream: Stream) {
    this.#calls = calls;
    this.#link = link;
    this.#stream = stream;
  }

  /** The next row. */
  next(): IteratorResult<R, undefined> {
    while (this.#at >= this.#rows.length) {
      if (this.#ended) return { done: true, value: undefined };
      if (this.#isLast) this.#end();
      else this.#fill();
    }
    return { done: false, value: this.#take() };
  }

  /** Gives up the rows that are left. */
  return(): IteratorResult<R, undefined> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  [Symbol.dispose](): void {
    this.#ended = true;
    this.#rows = [];
    this.#link.run(this.#calls.closeStream(this.#stream));
  }

  /** Itself. */
  [Symbol.iterator](): this {
    return this;
  }

  /** The next row that is here. It is forgotten at once: the fewer rows live, the less memory collectors take. */
  #take(): R {
    const row = this.#rows[this.#at] as R;
    this.#rows[this.#at++] = undefined;
    return row;
  }

  #end(): void {
    this.#ended = true;
    this.#link.run(this.#calls.endStream(this.#stream));
  }

  #fill(): void {
    try {
      const { rows, hasMore } = this.#link.run(this.#calls.nextRows<R>(this.#stream));
      this.#rows = rows;
      this.#at = 0;
      this.#isLast = !hasMore;
    } catch (error) {
      try {
        this[Symbol.dispose]();
      } catch {
        // The first error is the one that explains.
      }
      throw error;
    }
  }
}
