/** Connections that a user's function dials, whose reads and writes return at once. */
import { UsageError } from "../errors.ts";
import type { BlockingBytes, DialFunction } from "../options/dial.ts";
import { block, now } from "../runtime/clock.ts";
import { broken, checkDialled, dialAddress, nameOf, UNKNOWN_SOCKETS } from "./custom.ts";
import { callUnheeded, isPromise, silence } from "../unheeded.ts";
import { textOf } from "./reason.ts";
import type { SyncDialer, SyncTransport, TlsSession } from "./transport.ts";

/** A dialer that calls the function. */
export function customDialer(dial: DialFunction): SyncDialer {
  return {
    local: UNKNOWN_SOCKETS,
    dial(endpoint, _tls, timeout): SyncTransport {
      const { signal } = new AbortController();
      const given = dial(dialAddress(endpoint), { signal, timeout, blocking: true });
      const bytes: Partial<BlockingBytes> = checkDialled(given, EXPECTED);
      try {
        return new BytesTransport(bytes);
      } catch (error) {
        closeAnyway(bytes);
        throw error;
      }
    },
  };
}

/** A connection of synchronous functions. */
class BytesTransport implements SyncTransport {
  readonly addresses = undefined;
  readonly canStartTls = false;
  readonly cannotEncrypt = "a blocking connection of dial cannot be encrypted";
  readonly name: string;
  readonly #bytes: BlockingBytes;
  /** What was read in order to find out whether anything can be. */
  #received: Uint8Array = EMPTY;
  #hasEnded = false;
  #buffer: Uint8Array | undefined = undefined;
  /** Milliseconds until the next attempt, if the connection cannot wait by itself. */
  #pause = MIN_PAUSE;
  #isClosed = false;

  constructor(given: Partial<BlockingBytes>) {
    if (isPromise(given)) {
      silence(given);
      throw new UsageError("Cannot connect: dial gave a promise, and for a blocking connection must return at once");
    }
    for (const name of ["read", "write", "close"] as const) {
      if (typeof given[name] !== "function") throw noFunction(name);
    }
    if (given.wait !== undefined && typeof given.wait !== "function") throw noFunction("wait");
    this.#bytes = given as BlockingBytes;
    this.name = nameOf(given);
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    if (this.#received.length === 0) return this.#hasEnded ? 0 : this.#read(into);
    const count = Math.min(this.#received.length, into.length);
    into.set(this.#received.subarray(0, count));
    this.#received = this.#received.subarray(count);
    return count;
  }

  #read(into: Uint8Array): number {
    const count: unknown = this.#bytes.read(into);
    if (isCount(count, into.length) || count === -1) return count as number;
    throw broken(
      `read gave ${shown(count)}, and must give a number of bytes up to ${into.length}, or -1 for none yet`,
    );
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const count: unknown = this.#bytes.write(bytes);
    if (isCount(count, bytes.length)) return count;
    throw broken(`write gave ${shown(count)}, and must give a number of bytes up to ${bytes.length}`);
  }

  wait(writable: boolean, milliseconds: number): boolean {
    if (this.#received.length > 0 || this.#hasEnded) return true;
    if (this.#bytes.wait === undefined) return this.#poll(writable, milliseconds);
    const isReady: unknown = this.#bytes.wait(writable, milliseconds);
    if (typeof isReady === "boolean") return isReady;
    throw broken(`wait gave ${shown(isReady)}, and must give whether anything can be read or written`);
  }

  /** Reads again and again, with pauses that become longer. */
  #poll(writable: boolean, milliseconds: number): boolean {
    const by = milliseconds === Infinity ? Infinity : now() + milliseconds;
    const buffer = this.#buffer ??= new Uint8Array(POLL_SIZE);
    for (;;) {
      const count = this.#read(buffer);
      if (count >= 0) {
        this.#received = buffer.subarray(0, count);
        this.#hasEnded = count === 0;
        this.#pause = MIN_PAUSE;
        return true;
      }
      const left = by - now();
      if (left <= 0) return false;
      block(Math.min(this.#pause, left));
      this.#pause = Math.min(this.#pause * 2, MAX_PAUSE);
      // The caller tries to write, and waits again if it cannot.
      if (writable) return true;
    }
  }

  startTls(): TlsSession {
    throw new TypeError(this.cannotEncrypt);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeAnyway(this.#bytes);
  }
}

/** Closes a connection, as far as it is one. A failure changes nothing, also one that comes later. */
function closeAnyway(bytes: Partial<BlockingBytes>): void {
  callUnheeded(() => bytes.close?.());
}

function isCount(count: unknown, max: number): count is number {
  return Number.isInteger(count) && (count as number) >= 0 && (count as number) <= max;
}

function shown(value: unknown): string {
  if (!isPromise(value)) return textOf(value);
  silence(value);
  return "a promise";
}

function noFunction(name: string): UsageError {
  return new UsageError(`Cannot connect: ${name} of dial's connection is no function; dial must give ${EXPECTED}`);
}

const EXPECTED = "{ read, write, wait?, close } to a blocking connection";
const EMPTY = new Uint8Array(0);
/** Milliseconds between two reads of a connection that cannot wait. */
const MIN_PAUSE = 0.05;
const MAX_PAUSE = 10;
const POLL_SIZE = 0x4000;
