/**
 * Long results on Bun: what follows a long chunk is received through the C library.
 *
 * Bun gives every chunk in memory of its own, which is in no cache and which the garbage collector has
 * to free; received into the buffer where it is decoded, a long result takes a seventh less time.
 * Bun has nothing half read while our code runs, so that the order stays.
 */
import { MSG_DONTWAIT } from "./libc.ts";
import { loadedLibrary } from "./library.ts";

/** Receives what is there already, after a long chunk. */
export class BulkReader {
  readonly #socket: { readonly fd?: number };
  /** How much may still be received before others have their turn. */
  #left = 0;

  constructor(socket: { readonly fd?: number }) {
    this.#socket = socket;
  }

  /** Bun has given a chunk. */
  seen(length: number): void {
    this.#left = length < LONG ? 0 : BURST;
  }

  /** Receives, if it is likely that there is something; how much, 0 for nothing. The end and errors are left for Bun to find. */
  read(into: Uint8Array): number {
    if (this.#left <= 0) return 0;
    // Undefined in old versions, -1 when Bun has closed the socket.
    const { fd = -1 } = this.#socket;
    const count = fd < 0 ? 0 : loadedLibrary(false)?.recv(fd, into, into.length, MSG_DONTWAIT) ?? 0;
    this.#left = count > 0 ? this.#left - count : 0;
    return Math.max(0, count);
  }
}

/** Bytes of a chunk behind which more is likely to be there. */
const LONG = 0x8000;
/** Bytes to receive before the event loop goes on: some milliseconds of decoding. */
const BURST = 0x8_0000;
