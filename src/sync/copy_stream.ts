/** COPY TO STDOUT of connections that block. */
import type { Copy } from "../calls.ts";
import type { SyncLink } from "../drive/sync_link.ts";

/** The data of a COPY, to iterate over once, read from the server as it is asked for; made by `copyOut`. */
export class CopyStream implements IterableIterator<Uint8Array<ArrayBuffer>>, Disposable {
  readonly #link: SyncLink;
  readonly #copy: Copy;

  /** Not for callers: see {@linkcode CopyStream}. */
  constructor(link: SyncLink, copy: Copy) {
    this.#link = link;
    this.#copy = copy;
  }

  /** The next chunk. */
  next(): IteratorResult<Uint8Array<ArrayBuffer>, undefined> {
    const { source, given } = this.#copy;
    try {
      const value = this.#link.run({ op: source.next(), limit: given.limit });
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
    this.#link.run({ op: this.#copy.source.close(), limit: undefined });
  }

  /** Itself. */
  [Symbol.iterator](): this {
    return this;
  }
}
