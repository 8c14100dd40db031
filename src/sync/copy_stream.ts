/** COPY TO STDOUT of connections that block. */
import * as copyCalls from "../connection/copy_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";

/**
 * The data of a COPY, to iterate over once; made by `copyOut`. Each chunk is read from the server when
 * it is requested.
 */
export class CopyStream implements IterableIterator<Uint8Array<ArrayBuffer>>, Disposable {
  readonly #link: SyncLink;
  readonly #copy: copyCalls.Copy;

  /** Internal: see {@linkcode CopyStream}. */
  constructor(link: SyncLink, copy: copyCalls.Copy) {
    this.#link = link;
    this.#copy = copy;
  }

  /** The next chunk. */
  next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    try {
      const value = this.#link.run(copyCalls.nextChunk(this.#copy));
      return value === undefined ? { done: true, value } : { done: false, value };
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Stops the statement; data that is left is dropped. */
  return(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  [Symbol.dispose](): void {
    this.#link.run(copyCalls.closeCopy(this.#copy));
  }

  /** Returns this object. */
  [Symbol.iterator](): this {
    return this;
  }
}
