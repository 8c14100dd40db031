/** The streams of pools that await. */
import type { StreamDescription } from "../../rows/fetched_rows.ts";
import type { Column } from "../../wire/backend.ts";
import type { Lease } from "../lease.ts";

/** The source of a stream's items. */
export interface PoolSource<T> {
  readonly items: AsyncIterator<T, undefined> & Partial<StreamDescription>;
  /** Garbage-collected if the user forgets the stream. */
  readonly lease: Lease;
  /** Releases the connection. */
  end(): Promise<void> | undefined;
}

/**
 * The rows of a statement, to iterate over once; made by `Pool.stream`. A connection is taken when the
 * first row is requested, and released after the last one, when the loop is left, or by disposal.
 */
export class PoolStream<T> implements AsyncIterableIterator<T>, AsyncDisposable {
  readonly #begin: () => Promise<PoolSource<T>>;
  #source: Promise<PoolSource<T>> | undefined = undefined;
  #items: Partial<StreamDescription> | undefined = undefined;
  #ended = false;

  /** Internal: see {@linkcode PoolStream}. */
  constructor(begin: () => Promise<PoolSource<T>>) {
    this.#begin = begin;
  }

  /** The columns; `undefined` until the first row was requested, empty for a statement that returns no rows. */
  get columns(): readonly Column[] | undefined {
    return this.#items?.columns;
  }

  /** The command tag without numbers, such as `SELECT`; `undefined` until the statement has completed. */
  get command(): string | undefined {
    return this.#items?.command;
  }

  /** The number of rows; `undefined` until the statement has completed. */
  get affected(): number | undefined {
    return this.#items?.affected;
  }

  /** The next row. */
  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.#ended) return DONE;
    try {
      const { items } = await (this.#source ??= this.#begin());
      this.#items = items;
      const result = await items.next();
      if (!result.done) return result;
    } catch (error) {
      await this.#end();
      throw error;
    }
    await this.#end();
    return DONE;
  }

  /** Ends the stream; rows that are left are dropped. */
  async return(): Promise<IteratorResult<T, undefined>> {
    await this[Symbol.asyncDispose]();
    return DONE;
  }

  /** The same as {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The pool closes open operations, with a timeout.
    await this.#end();
  }

  /** Returns this object. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const source = await this.#source?.catch(() => undefined);
    await source?.end();
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
