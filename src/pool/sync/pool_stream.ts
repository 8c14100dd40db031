/** What pools that block give bit by bit. */
import type { Lease } from "../lease.ts";

/** Where it comes from. */
export interface PoolSource<T> {
  readonly items: IterableIterator<T, undefined> & Disposable;
  /** Tells, when it is collected as garbage, that the source was forgotten. */
  readonly lease: Lease;
  /** Gives the connection back. */
  end(): void;
}

/**
 * The rows of a statement, to iterate over once; made by `Pool.stream`. A connection is taken when the
 * first row is asked for, and given back after the last one, when the loop is left, or by disposal.
 */
export class PoolStream<T> implements IterableIterator<T>, Disposable {
  readonly #begin: () => PoolSource<T>;
  #source: PoolSource<T> | undefined = undefined;
  #ended = false;

  /** Internal: see {@linkcode PoolStream}. */
  constructor(begin: () => PoolSource<T>) {
    this.#begin = begin;
  }

  /** The next row. */
  next(): IteratorResult<T, undefined> {
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

  /** Gives up the rows that are left. */
  return(): IteratorResult<T, undefined> {
    this[Symbol.dispose]();
    return DONE;
  }

  /** The same as {@linkcode return}. */
  [Symbol.dispose](): void {
    if (this.#ended) return;
    try {
      this.#source?.items[Symbol.dispose]();
    } finally {
      this.#end();
    }
  }

  /** Returns this object. */
  [Symbol.iterator](): this {
    return this;
  }

  #end(): void {
    this.#ended = true;
    this.#source?.end();
  }
}

const DONE: { readonly done: true; readonly value: undefined } = { done: true, value: undefined };
