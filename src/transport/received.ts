/** Keeps the bytes that a socket delivers until they are read, for runtimes that deliver by events. */
import { Fifo } from "../backlog.ts";

/** A socket that can be told to deliver nothing for a while. */
export interface Pausable {
  pause(): unknown;
  resume(): unknown;
}

/** Received chunks, and the read that may wait for them. The socket is paused while too many bytes are unread. */
export class ReceiveBuffer {
  readonly #socket: Pausable;
  #isPaused = false;
  readonly #chunks = new Fifo<Uint8Array>();
  /** How many bytes of the first chunk were read. */
  #offset = 0;
  #size = 0;
  #end: { readonly error: Error | undefined } | undefined = undefined;
  #reader: { into: Uint8Array; resolve(count: number): void; reject(error: Error): void } | undefined = undefined;

  constructor(socket: Pausable) {
    this.#socket = socket;
  }

  /** The number of unread bytes. */
  get size(): number {
    return this.#size;
  }

  /** Adds received bytes. The chunk is kept, not copied, unless a read takes all of it. */
  push(chunk: Uint8Array): void {
    const reader = this.#reader;
    if (reader !== undefined && chunk.length <= reader.into.length) {
      this.#reader = undefined;
      reader.into.set(chunk);
      reader.resolve(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(this.#take(reader.into));
    }
    if (this.#size <= HIGH_WATER_MARK || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  /** As {@linkcode push}, for memory that is used again: a chunk that is kept is copied. */
  pushCopy(chunk: Uint8Array): void {
    const isTaken = this.#reader !== undefined && chunk.length <= this.#reader.into.length;
    this.push(isTaken ? chunk : new Uint8Array(chunk));
  }

  /** Notes the end. With an error, reads fail with it once all bytes are read. */
  finish(error?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined) reader?.resolve(0);
    else reader?.reject(error);
  }

  /** As `AsyncTransport.read`. */
  read(into: Uint8Array): number | Promise<number> {
    if (this.#size > 0) {
      const count = this.#take(into);
      if (this.#isPaused && this.#size === 0) {
        this.#isPaused = false;
        this.#socket.resume();
      }
      return count;
    }
    if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
    if (this.#end !== undefined) return 0;
    return new Promise((resolve, reject) => {
      this.#reader = { into, resolve, reject };
    });
  }

  #take(into: Uint8Array): number {
    let taken = 0;
    while (taken < into.length && this.#size > 0) {
      const chunk = this.#chunks.first!;
      const count = Math.min(chunk.length - this.#offset, into.length - taken);
      into.set(chunk.subarray(this.#offset, this.#offset + count), taken);
      taken += count;
      this.#size -= count;
      this.#offset += count;
      if (this.#offset === chunk.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    return taken;
  }
}

/** Sockets are paused while more than this number of bytes is unread. */
const HIGH_WATER_MARK = 0x10_0000;
