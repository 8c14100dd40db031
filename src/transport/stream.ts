/**
 * Node's streams as transports: sockets, and TLS on them and on Deno's.
 *
 * Only `node:tls` lets all three runtimes encrypt without verifying, as libpq's `prefer` and `require`
 * do.
 */
import type { Duplex } from "node:stream";
import { builtin } from "../builtin.ts";
import { setImmediate } from "../timers.ts";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ReceiveBuffer } from "./received.ts";
import { startTlsOn, tlsSessionOf } from "./tls_socket.ts";
import type { Addresses, AsyncTransport, TlsOptions, TlsSession } from "./transport.ts";

/** Reads from and writes to a connected stream. */
export class StreamTransport implements AsyncTransport {
  readonly addresses: Addresses | undefined;
  #stream: Socket | TLSSocket;
  #received: ReceiveBuffer;

  /** `received` gets the stream's bytes; undefined for a stream whose events have them. */
  constructor(stream: Socket, addresses: Addresses | undefined, received?: ReceiveBuffer) {
    this.#stream = stream;
    this.addresses = addresses;
    this.#received = received ?? receiveData(stream);
    receiveEnd(stream, this.#received);
  }

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    return this.#received.read(into);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    const stream = this.#stream;
    let written: ((error?: Error | null) => void) | undefined;
    stream.write(bytes, (error) => written?.(error));
    // If the stream is empty, the system has taken all bytes already.
    if (stream.writableLength === 0 && !stream.destroyed) return bytes.length;
    return new Promise((resolve, reject) => {
      written = (error) => error ? reject(error) : resolve(bytes.length);
    });
  }

  async startTls(options: TlsOptions): Promise<TlsSession> {
    if (this.#received.size > 0) {
      throw new Error("the server sent unencrypted data behind its answer to the TLS request");
    }
    const plain = this.#stream;
    plain.removeAllListeners("data").removeAllListeners("end");
    const secure = await encrypt(plain, options);
    this.#stream = secure;
    this.#received = receiveData(secure);
    receiveEnd(secure, this.#received);
    return tlsSessionOf(secure);
  }

  keepProcess(alive: boolean): void {
    if (alive) this.#stream.ref();
    else this.#stream.unref();
  }

  close(): void {
    this.#received.finish();
    // A stream calls back for what it has written in the next tick. If it is destroyed before, it makes an error for that.
    setImmediate(() => this.#stream.destroy());
  }
}

/**
 * An encrypted connection over one of Deno's, since `Deno.startTls` refuses every certificate that it
 * cannot verify.
 */
export async function encryptedTransport(
  conn: ByteConn,
  addresses: Addresses | undefined,
  options: TlsOptions,
): Promise<{ readonly transport: AsyncTransport; readonly session: TlsSession }> {
  const secure = await encrypt(duplexOf(conn), options);
  return { transport: new StreamTransport(secure, addresses), session: tlsSessionOf(secure) };
}

/** The members of Deno's connections that are used. */
interface ByteConn {
  read(into: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

/** Starts TLS on a stream that both sides agreed to encrypt. The certificate is not verified. */
function encrypt(plain: Duplex, options: TlsOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = startTlsOn(plain, options);
    secure.once("secureConnect", () => resolve(secure));
    secure.once("error", reject);
    secure.once("close", () => reject(new Error("the server closed the connection during the TLS handshake")));
  });
}

/** Collects the bytes of a stream. */
function receiveData(stream: Duplex): ReceiveBuffer {
  const received = new ReceiveBuffer(stream);
  stream.on("data", (chunk: Uint8Array) => received.push(chunk));
  return received;
}

/** Notes the end of a stream. */
function receiveEnd(stream: Duplex, received: ReceiveBuffer): void {
  stream.on("end", () => received.finish());
  stream.on("error", (error) => received.finish(error));
  stream.on("close", () => received.finish());
}

/** A connection of Deno's as a stream, which `node:tls` needs. */
function duplexOf(conn: ByteConn): Duplex {
  return new builtin.stream.Duplex({
    read(): void {
      const buffer = new Uint8Array(CHUNK);
      conn.read(buffer).then(
        (count) => this.push(count === null ? null : buffer.subarray(0, count)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done): void {
      writeAll(conn, chunk).then(() => done(), done);
    },
    final(done): void {
      conn.closeWrite().then(() => done(), () => done());
    },
    destroy(error, done): void {
      try {
        conn.close();
      } catch {
        // It is closed already.
      }
      done(error);
    },
  });
}

async function writeAll(conn: ByteConn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

const CHUNK = 0x1_0000;
