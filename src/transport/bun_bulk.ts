/**
 * Receives long results on Bun: bytes that follow a long chunk are received through the C library.
 *
 * Bun allocates memory for every chunk, which is not in a cache and must be garbage-collected; received
 * directly into the buffer in which it is decoded, a long result takes a seventh less time. Bun has no
 * unread bytes of its own while our code runs, so the order is kept.
 */
import { MSG_DONTWAIT } from "./libc.ts";
import { loadedLibrary } from "./library.ts";

/** Receives bytes that have already arrived, after a long chunk. */
export class BulkReader {
  readonly #socket: { readonly fd?: number };
  /** How many bytes may be received before the event loop must run. */
  #left = 0;

  constructor(socket: { readonly fd?: number }) {
    this.#socket = socket;
  }

  /** Must be called with the length of each chunk from Bun. */
  seen(length: number): void {
    this.#left = length < LONG ? 0 : BURST;
  }

  /**
   * Receives bytes, if some are likely to have arrived, and returns how many, or 0. Bun itself detects
   * the end and errors.
   */
  read(into: Uint8Array): number {
    if (this.#left <= 0) return 0;
    // Undefined in old versions, -1 when Bun has closed the socket.
    const { fd = -1 } = this.#socket;
    const count = fd < 0 ? 0 : loadedLibrary(false)?.recv(fd, into, into.length, MSG_DONTWAIT) ?? 0;
    this.#left = count > 0 ? this.#left - count : 0;
    return Math.max(0, count);
  }
}

/** After a chunk of at least this many bytes, more have probably arrived. */
const LONG = 0x8000;
/** Bytes to receive before the event loop runs: some milliseconds of decoding. */
const BURST = 0x8_0000;
