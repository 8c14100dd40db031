/** COPY TO STDOUT of connections that block. */
import { BlockingIterator } from "../api/blocking_iterator.ts";
import * as copyCalls from "../connection/copy_calls.ts";
import type { SyncLink } from "../run/sync_link.ts";

/**
 * The data of a COPY, to iterate over once; made by `copyOut`. Each chunk is read from the server when
 * it is requested.
 */
export class CopyStream extends BlockingIterator<Uint8Array<ArrayBuffer>> implements Disposable {
  readonly #link: SyncLink;
  readonly #copy: copyCalls.Copy;

  /** Internal: see {@linkcode CopyStream}. */
  constructor(link: SyncLink, copy: copyCalls.Copy) {
    super();
    this.#link = link;
    this.#copy = copy;
  }

  /** The next chunk. */
  override next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    try {
      const value = this.#link.run(copyCalls.nextChunk(this.#copy));
      return value === undefined ? { done: true, value } : { done: false, value };
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Stops the statement; data that is left is dropped. */
  override return(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    this[Symbol.dispose]();
    return { done: true, value: undefined };
  }

  /** The same as {@linkcode return}. */
  override [Symbol.dispose](): void {
    this.#link.run(copyCalls.closeCopy(this.#copy));
  }
}
