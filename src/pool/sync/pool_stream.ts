/** The streams of pools that block. */
import { BlockingIterator } from "../../api/blocking_iterator.ts";
import type { StreamDescription } from "../../rows/fetched_rows.ts";
import type { Column } from "../../wire/backend.ts";
import type { Lease } from "../lease.ts";

/** The source of a stream's items. */
export interface PoolSource<T> {
  readonly items: IterableIterator<T, undefined> & Disposable & Partial<StreamDescription>;
  /** Garbage-collected if the user forgets the stream. */
  readonly lease: Lease;
  /** Releases the connection. */
  end(): void;
}

/**
 * The rows of a statement, to iterate over once; made by `Pool.stream`. A connection is taken when the
 * first row is requested, and released after the last one, when the loop is left, or by disposal.
 */
export class PoolStream<T> extends BlockingIterator<T> implements Disposable {
  readonly #begin: () => PoolSource<T>;
  #source: PoolSource<T> | undefined = undefined;
  #ended = false;

  /** Internal: see {@linkcode PoolStream}. */
  constructor(begin: () => PoolSource<T>) {
    super();
    this.#begin = begin;
  }

  /** The columns; `undefined` until the first row was requested, empty for a statement that returns no rows. */
  get columns(): readonly Column[] | undefined {
    return this.#source?.items.columns;
  }

  /** The command tag without numbers, such as `SELECT`; `undefined` until the statement has completed. */
  get command(): string | undefined {
    return this.#source?.items.command;
  }

  /** The number of rows; `undefined` until the statement has completed. */
  get affected(): number | undefined {
    return this.#source?.items.affected;
  }

  /** The next row. */
  override next(): IteratorResult<T, undefined> {
    if (this.#ended) return DONE;
    try {
      this.#source ??= this.#begin();
      const result = this.#source.items.next();
      if (!result.done) return result;
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#end();
    return DONE;
  }

  /** Ends the stream; rows that are left are dropped. */
  override return(): IteratorResult<T, undefined> {
    this[Symbol.dispose]();
    return DONE;
  }

  /** The same as {@linkcode return}. */
  override [Symbol.dispose](): void {
    if (this.#ended) return;
    try {
      this.#source?.items[Symbol.dispose]();
    } finally {
      this.#end();
    }
  }

  #end(): void {
    this.#ended = true;
    this.#source?.end();
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
