/**
 * Connections with something in the middle: a function for `Opts.dial` that opens the connection as the options say, and
 * passes the bytes of both sides through it. What is in the middle knows neither promises nor sockets, and stands above
 * the encryption.
 */
import type { BlockingBytes, ByteStreams, DialAddress, DialFunction, StartTlsOptions } from "../options/dial.ts";
import { type Opts, settingsOf } from "../options/opts.ts";
import { MAX_MILLISECONDS, now } from "../runtime/clock.ts";
import { nativeDialer as awaitingDialer } from "../transport/native_async.ts";
import { nativeDialer as blockingDialer } from "../transport/native_sync.ts";
import type { AsyncTransport, Endpoint, SyncTransport } from "../transport/transport.ts";
import { concat } from "../wire/framing.ts";

/** Passes bytes between a client and a server. It copies the bytes that it keeps, and throws if it fails. */
export interface Middle {
  fromClient(bytes: Uint8Array): void;
  fromServer(bytes: Uint8Array): void;
  /** The server has closed the connection. */
  serverEnded?(): void;
  /** What is to be sent next; whoever sends it takes it out. */
  readonly toServer: Uint8Array[];
  readonly toClient: Uint8Array[];
}

/** A function that dials as these options do, with a new `middle` for each connection. */
export function dialThrough(opts: Opts, middle: () => Middle, name: string): DialFunction {
  const { dial, blockingTransport = "auto" } = settingsOf(opts);
  return (address, { blocking, signal, timeout }) => {
    const endpoint = endpointOf(address);
    if (blocking) {
      const milliseconds = Math.min(timeout, MAX_MILLISECONDS);
      return blockingThrough(
        blockingDialer(blockingTransport, dial).dial(endpoint, false, milliseconds),
        middle(),
        name,
      );
    }
    return (async () => {
      const transport = await (await awaitingDialer(dial)).dial(endpoint, signal, timeout);
      return new Streams(transport, middle()).streams(name);
    })();
  };
}

function endpointOf({ host, port, path }: DialAddress): Endpoint {
  return path === undefined ? { kind: "tcp", host, address: host, port, keepAlive: true } : { kind: "unix", path };
}

/** A connection with promises. */
class Streams {
  readonly #transport: AsyncTransport;
  readonly #middle: Middle;
  /** The write under way: one at a time is allowed. */
  #writing: Promise<void> = Promise.resolve();
  readonly #buffer = new Uint8Array(READ_SIZE);

  constructor(transport: AsyncTransport, middle: Middle) {
    this.#transport = transport;
    this.#middle = middle;
  }

  streams(name: string): ByteStreams {
    return {
      ...this.#pair(),
      close: () => this.#transport.close(),
      name,
      ...(this.#transport.cannotEncrypt === undefined
        ? { startTls: async (options) => ({ ...await this.#startTls(options), ...this.#pair() }) }
        : {}),
    };
  }

  #pair(): Pick<ByteStreams, "readable" | "writable"> {
    return {
      // Nothing is read before it is asked for, so that TLS can start behind what was read.
      readable: new ReadableStream({ pull: (controller) => this.#pull(controller) }, { highWaterMark: 0 }),
      writable: new WritableStream({
        write: (chunk) => {
          this.#middle.fromClient(chunk);
          return this.#flush();
        },
      }),
    };
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { toClient } = this.#middle;
    while (toClient.length === 0) {
      const count = await this.#transport.read(this.#buffer);
      if (count === 0) {
        this.#middle.serverEnded?.();
        return controller.close();
      }
      this.#middle.fromServer(this.#buffer.subarray(0, count));
      // A failed write shows at the next one, or as the end of what is read.
      this.#flush().catch(() => {});
    }
    controller.enqueue(concat(toClient.splice(0)));
  }

  #flush(): Promise<void> {
    return this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    const bytes = concat(this.#middle.toServer.splice(0));
    for (let at = 0; at < bytes.length;) at += await this.#transport.write(bytes.subarray(at));
  }

  async #startTls({ host: _host, alpn: _alpn, ...options }: StartTlsOptions): Promise<{
    readonly chain: readonly Uint8Array[];
    readonly protocol: string;
    readonly cipher: string;
    readonly alpn: string | undefined;
  }> {
    const { chain, protocol, cipher, alpn } = await this.#transport.startTls(options);
    return { chain, protocol, cipher, alpn };
  }
}

/** A connection that blocks. */
function blockingThrough(transport: SyncTransport, middle: Middle, name: string): BlockingBytes {
  const buffer = new Uint8Array(READ_SIZE);
  let hasEnded = false;
  /** Sends what can be sent without waiting. */
  const flush = (): void => {
    const { toServer } = middle;
    for (let first = toServer[0]; first !== undefined; first = toServer[0]) {
      const count = transport.write(first as Uint8Array<ArrayBuffer>);
      if (count < first.length) return void (toServer[0] = first.subarray(count));
      toServer.shift();
    }
  };
  const receive = (): void => {
    const count = transport.read(buffer);
    if (count === 0) {
      hasEnded = true;
      middle.serverEnded?.();
    }
    if (count > 0) middle.fromServer(buffer.subarray(0, count));
    flush();
  };
  return {
    name,
    read(into): number {
      if (middle.toClient.length === 0 && !hasEnded) receive();
      const [first] = middle.toClient;
      if (first === undefined) return hasEnded ? 0 : -1;
      const count = Math.min(first.length, into.length);
      into.set(first.subarray(0, count));
      if (count < first.length) middle.toClient[0] = first.subarray(count);
      else middle.toClient.shift();
      return count;
    },
    write(bytes): number {
      flush();
      if (middle.toServer.length > 0) return 0;
      middle.fromClient(bytes);
      flush();
      return bytes.length;
    },
    wait(writable, milliseconds): boolean {
      const by = now() + milliseconds;
      for (;;) {
        flush();
        const isWritable = writable && middle.toServer.length === 0;
        if (middle.toClient.length > 0 || hasEnded || isWritable) return true;
        const left = milliseconds === Infinity ? Infinity : by - now();
        if (left <= 0 || !transport.wait(middle.toServer.length > 0, left)) return false;
        receive();
      }
    },
    close: () => transport.close(),
  };
}

const READ_SIZE = 0x4000;
