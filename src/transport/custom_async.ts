/** Connections that a user's function dials, as Web streams of bytes. */
import { abortSignalOf } from "../abort.ts";
import { UsageError } from "../errors.ts";
import type { ByteStreams, DialFunction, EncryptedStreams } from "../options/dial.ts";
import { eventLoopTurn } from "../runtime/clock.ts";
import { callUnheeded } from "../unheeded.ts";
import { broken, checkDialled, dialAddress, nameOf, UNKNOWN_SOCKETS } from "./custom.ts";
import type { AsyncDialer, AsyncTransport, Endpoint, TlsOptions, TlsSession } from "./transport.ts";

/** A dialer that calls the function. */
export function customDialer(dial: DialFunction): AsyncDialer {
  return {
    local: UNKNOWN_SOCKETS,
    async dial(endpoint, signal, timeout = Infinity): Promise<AsyncTransport> {
      const given = await dial(dialAddress(endpoint), { signal: abortSignalOf(signal), timeout, blocking: false });
      const streams: Partial<ByteStreams> = checkDialled(given, EXPECTED);
      try {
        return new StreamsTransport(streams, endpoint);
      } catch (error) {
        closeUnused(streams);
        throw error;
      }
    },
  };
}

/** A connection as two Web streams. */
class StreamsTransport implements AsyncTransport {
  readonly addresses = undefined;
  readonly name: string;
  readonly cannotEncrypt: string | undefined;
  readonly #endpoint: Endpoint;
  readonly #startTls: ByteStreams["startTls"];
  #locked: Locked;
  /** Whether `startTls` has the streams. */
  #isLent = false;
  #close: ByteStreams["close"];
  /** The part of the last chunk that was not read yet. */
  #rest: Uint8Array = EMPTY;
  /** How many chunks were asked for. */
  #chunks = 0;
  #isWriting = false;
  #isClosed = false;

  constructor(given: Partial<ByteStreams>, endpoint: Endpoint) {
    this.name = nameOf(given);
    this.#endpoint = endpoint;
    this.#close = optional(given, "close");
    this.#startTls = optional(given, "startTls");
    this.cannotEncrypt = this.#startTls === undefined ? "the connection of dial has no startTls" : undefined;
    // Last, since what is refused is closed, which needs streams that are not locked.
    this.#locked = lock(given);
  }

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    return this.#rest.length > 0 ? this.#take(into) : this.#read(into);
  }

  async #read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    // An empty chunk is not the end.
    while (this.#rest.length === 0) {
      // Chunks that are there already leave no time to timers, without which no limit would end.
      if (++this.#chunks % MAX_BURST === 0) await eventLoopTurn();
      const { done, value } = await this.#locked.reader.read();
      if (done || this.#isClosed) return 0;
      if (!(value instanceof Uint8Array)) throw broken(`readable gave ${kindOf(value)}, and must give Uint8Arrays`);
      this.#rest = value;
    }
    return this.#take(into);
  }

  #take(into: Uint8Array): number {
    const count = Math.min(this.#rest.length, into.length);
    into.set(count === this.#rest.length ? this.#rest : this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }

  async write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    // A stream may keep the chunk, or transfer its memory, and may have accepted it before it has passed it on.
    // `slice` does not copy a Buffer.
    const chunk = new Uint8Array(bytes.subarray(0, MAX_CHUNK));
    const { length } = chunk;
    this.#isWriting = true;
    await this.#locked.writer.write(chunk);
    this.#isWriting = false;
    return length;
  }

  async startTls({ serverName, certificate, privateKey, minVersion, maxVersion }: TlsOptions): Promise<TlsSession> {
    if (this.#rest.length > 0) {
      throw new Error("the server sent unencrypted data behind its answer to the TLS request");
    }
    this.#locked.reader.releaseLock();
    this.#locked.writer.releaseLock();
    this.#isLent = true;
    const endpoint = this.#endpoint;
    const host = endpoint.kind === "tcp" && !endpoint.isOnlyAddress ? endpoint.host : undefined;
    const given = await this.#startTls!({
      host,
      serverName,
      certificate,
      privateKey,
      minVersion,
      maxVersion,
      alpn: ALPN,
    });
    const streams: Partial<EncryptedStreams> = checkDialled(given, EXPECTED, "startTls");
    try {
      const session = sessionOf(streams);
      const close = optional(streams, "close");
      this.#locked = lock(streams);
      this.#isLent = false;
      // The connection may have been closed meanwhile, without these streams.
      this.#close = this.#isClosed ? close : close ?? this.#close;
      if (this.#isClosed) this.#closeStreams();
      return session;
    } catch (error) {
      // As if it had been used: it is closed in place of the connection before.
      if (typeof streams.close === "function") this.#close = undefined;
      closeUnused(streams);
      throw error;
    }
  }

  /** Whether it keeps the process alive is up to the streams. */
  keepProcess(): void {}

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeStreams();
  }

  #closeStreams(): void {
    const close = this.#close;
    const { reader, writer, readable, writable } = this.#locked;
    const [source, sink] = this.#isLent ? [readable, writable] : [reader, writer];
    callUnheeded(() => source.cancel());
    callUnheeded(() => this.#isWriting ? sink.abort() : sink.close());
    callUnheeded(() => close?.());
  }
}

/** Takes hold of both streams. */
function lock({ readable, writable }: Partial<ByteStreams>): Locked {
  const isReadable = typeof readable?.getReader === "function";
  if (!isReadable || typeof writable?.getWriter !== "function") {
    throw new UsageError(
      `Cannot connect: the ${isReadable ? "writable" : "readable"} of dial's connection is ${
        kindOf(isReadable ? writable : readable)
      }, and must be a ${isReadable ? "WritableStream" : "ReadableStream"}`,
    );
  }
  if (readable!.locked || writable.locked) {
    throw new UsageError("Cannot connect: the streams of dial's connection are locked by another reader or writer");
  }
  const reader = readable!.getReader();
  const writer = writable.getWriter();
  // Reads and writes report the same failure.
  for (const promise of [reader.closed, writer.closed, writer.ready]) promise.catch(() => {});
  return { reader, writer, readable: readable!, writable };
}

interface Locked extends Pick<ByteStreams, "readable" | "writable"> {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
}

/** A method that the connection may have, bound to it. */
function optional<K extends "close" | "startTls">(given: Partial<ByteStreams>, name: K): ByteStreams[K] {
  const method: unknown = given[name];
  if (method === undefined) return undefined;
  if (typeof method === "function") return method.bind(given);
  throw new UsageError(`Cannot connect: ${name} of dial's connection is ${kindOf(method)}, and must be a function`);
}

function sessionOf({ protocol, cipher, alpn, chain = [], verified = false }: Partial<EncryptedStreams>): TlsSession {
  if (!Array.isArray(chain) || !chain.every((part) => part instanceof Uint8Array)) {
    throw new UsageError("Cannot connect: chain of startTls must be an array of certificates in DER, as Uint8Arrays");
  }
  return {
    protocol: protocol ?? "unknown",
    cipher: cipher ?? "unknown",
    alpn,
    chain: chain.map((part) => part.slice()),
    isVerified: verified === true,
  };
}

/** Closes a connection that is not used, as far as it is one. */
function closeUnused(given: Partial<ByteStreams>): void {
  callUnheeded(() => given.readable?.cancel());
  callUnheeded(() => given.writable?.close());
  callUnheeded(() => given.close?.());
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value;
}

const EXPECTED = "{ readable, writable } with streams of bytes";
const ALPN = "postgresql";
const EMPTY = new Uint8Array(0);
/** The number of bytes of a write: a large outbox is not copied as a whole. */
const MAX_CHUNK = 0x1_0000;
/** How many chunks are read before other work runs. */
const MAX_BURST = 64;
