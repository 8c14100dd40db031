/** COPY TO STDOUT of connections that block. */
import * as copyCalls from "../connection/copy_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";

/** The data of a COPY, to iterate over once, read from the server as it is asked for; made by `copyOut`. */
export class CopyStream implements IterableIterator<Uint8Array<ArrayBuffer>>, Disposable {
  readonly #link: SyncLink;
  readonly #copy: copyCalls.Copy;

  /** Not for callers: see {@linkcode CopyStream}. */
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

  /** Stops the server; what is left is dropped. */
  return(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  [Symbol.dispose](): void {
    this.#link.run(copyCalls.closeCopy(this.#copy));
  }

  /** Itself. */
  [Symbol.iterator](): this {
    return this;
  }
}
