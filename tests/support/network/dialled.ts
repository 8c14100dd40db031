/** Functions for `Opts.dial` over real sockets: Web streams over `node:net`, with TLS, and pyro's own blocking sockets. */
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { BlockingBytes, ByteStreams, DialFunction, StartTlsOptions } from "../../../mod.ts";
import { nativeDialer } from "../../../src/transport/native_sync.ts";
import { tlsConnectionOptions, tlsSessionOf } from "../../../src/transport/tls_socket.ts";
import { MAX_MILLISECONDS } from "../../../src/runtime/clock.ts";

/** What a dialled connection can do beyond reading and writing. */
export interface DialledOptions {
  /** Encrypts it; what it tells of the server: the certificates, or that they are verified. */
  readonly tls?: "chain" | "verified" | "nothing";
  readonly name?: string;
  /** Whether blocking connections wait by themselves. */
  readonly waits?: boolean;
}

/** A function that dials in both worlds. */
export function dialling(options: DialledOptions = {}): DialFunction {
  return (address, { blocking, signal, timeout }) => {
    if (blocking) return dialBlocking(address.host!, address.port!, timeout, options);
    return dialStreams(address.host!, address.port!, signal, options);
  };
}

async function dialStreams(
  host: string,
  port: number,
  signal: AbortSignal,
  { tls, name }: DialledOptions,
): Promise<ByteStreams> {
  const socket = connectTcp({ host, port, noDelay: true });
  signal.addEventListener("abort", () => socket.destroy(signal.reason), { once: true });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const { streams, detach } = streamsOf(socket);
  const startTls = (options: StartTlsOptions): Promise<ByteStreams> => {
    detach();
    return encrypt(socket, options, tls);
  };
  return { ...streams, ...(tls === undefined ? {} : { startTls }), ...(name === undefined ? {} : { name }) };
}

function encrypt(socket: Duplex, options: StartTlsOptions, tells: DialledOptions["tls"]): Promise<ByteStreams> {
  return new Promise((resolve, reject) => {
    const secure = connectTls({ socket, ...tlsConnectionOptions(options) });
    secure.once("error", reject);
    secure.once("secureConnect", () => {
      const session = tlsSessionOf(secure);
      const told = tells === "chain" ? session : tells === "verified" ? { verified: true } : {};
      resolve({ ...streamsOf(secure).streams, ...told });
    });
  });
}

/** A socket as Web streams; `detach` leaves the socket to another. */
function streamsOf(socket: Duplex): { readonly streams: ByteStreams; readonly detach: () => void } {
  let onData = (_chunk: Uint8Array): void => {};
  let onEnd = (): void => {};
  let onError = (_error: Error): void => {};
  const readable = new ReadableStream<Uint8Array>({
    start(controller): void {
      onData = (chunk) => {
        controller.enqueue(chunk);
        if (controller.desiredSize! <= 0) socket.pause();
      };
      onEnd = () => {
        try {
          controller.close();
        } catch {
          // It has ended.
        }
      };
      onError = (error) => controller.error(error);
      socket.on("data", onData).on("end", onEnd).on("close", onEnd).on("error", onError);
    },
    pull: () => void socket.resume(),
    cancel: () => void socket.destroy(),
  });
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) =>
      new Promise((resolve, reject) => socket.write(chunk, (error) => error ? reject(error) : resolve())),
    close: () => void socket.destroy(),
    abort: () => void socket.destroy(),
  });
  const detach = (): void => {
    socket.off("data", onData).off("end", onEnd).off("close", onEnd).off("error", onError);
  };
  return { streams: { readable, writable }, detach };
}

function dialBlocking(host: string, port: number, timeout: number, options: DialledOptions): BlockingBytes {
  const { name, waits = true } = options;
  const endpoint = { kind: "tcp", host, address: host, port, keepAlive: true } as const;
  const transport = nativeDialer("auto").dial(endpoint, false, Math.min(timeout, MAX_MILLISECONDS));
  return {
    read: (into) => transport.read(into as Uint8Array<ArrayBuffer>),
    write: (bytes) => transport.write(bytes as Uint8Array<ArrayBuffer>),
    ...(waits ? { wait: (writable, milliseconds) => transport.wait(writable, milliseconds) } : {}),
    close: () => transport.close(),
    ...(name === undefined ? {} : { name }),
  };
}
