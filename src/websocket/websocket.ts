/**
 * A WebSocket as a transport: what is sent and received in binary messages are the bytes of the connection; where
 * messages begin and end has no meaning.
 *
 * Source: WHATWG, WebSockets; the proxies of Neon (`wsproxy`), which take the server's address in the URL.
 */
import { UsageError } from "../errors.ts";
import { setTimeout } from "../timers.ts";
import type { ByteStreams, DialFunction } from "../options/dial.ts";

/** The server that a proxy is to connect to. */
export interface WebSocketAddress {
  /** A name, or an IP address without brackets. */
  readonly host: string;
  /** From 1 to 65535. */
  readonly port: number;
}

/** Options of {@linkcode webSocket}. */
export interface WebSocketOptions {
  /** The subprotocols to ask for. Default: none. */
  readonly protocols?: string | string[] | undefined;
}

/**
 * A function for `Opts.dial` that connects through a WebSocket proxy. For connections with promises only: a WebSocket
 * tells what it receives by events, which a blocking program does not get.
 *
 * The WebSocket encrypts (`wss:`), between the program and the proxy, and the runtime verifies the proxy; the connection
 * inside of it is not encrypted once more. So `sslmode` must not be `require` or stricter.
 *
 * @param proxy The URL of the proxy, to which `address=host:port` is added; or a function that gives the whole URL.
 * @throws {UsageError} If the proxy is neither, or its URL is not one of `ws:` or `wss:`.
 *
 * @example Neon's own proxies
 * ```ts
 * import { Opts } from "@x/pyro";
 * import { webSocket } from "@x/pyro/websocket";
 *
 * const neon = new Opts("pg://ada:secret@ep-cool-1234.us-east-2.aws.neon.tech/neondb").sslMode("disable")
 *   .dial(webSocket(({ host }) => `wss://${host}/v2`));
 * console.log(String(neon));
 * ```
 */
export function webSocket(
  proxy: string | URL | ((address: WebSocketAddress) => string | URL),
  options: WebSocketOptions = {},
): DialFunction {
  if (typeof proxy !== "function") checkUrl(proxy);
  return ({ host, port, path }, { signal, blocking }) => {
    if (blocking) {
      throw new UsageError("Cannot connect through a WebSocket: it needs promises, and this connection blocks");
    }
    if (path !== undefined) throw new UsageError("Cannot connect through a WebSocket to a Unix socket: give a host");
    const url = checkUrl(typeof proxy === "function" ? proxy({ host, port }) : withAddress(proxy, host, port));
    return connect(url, options, signal);
  };
}

async function connect(url: URL, { protocols = [] }: WebSocketOptions, signal: AbortSignal): Promise<ByteStreams> {
  signal.throwIfAborted();
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  const streams = streamsOf(socket);
  await opened(socket, signal);
  return streams;
}

function checkUrl(given: string | URL): URL {
  const url = URL.parse(String(given));
  if (url !== null && /^wss?:$/.test(url.protocol)) return url;
  throw new UsageError("Cannot connect through a WebSocket: the proxy must be a URL that begins with wss: or ws:");
}

function withAddress(proxy: string | URL, host: string, port: number): URL {
  const url = new URL(proxy);
  url.searchParams.append("address", host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  return url;
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.close();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    const settle = (outcome: () => void): () => void => () => {
      signal.removeEventListener("abort", abort);
      outcome();
    };
    socket.addEventListener("open", settle(resolve), { once: true });
    const failed = settle(() => reject(new Error("the WebSocket could not be opened")));
    for (const event of ["error", "close"]) socket.addEventListener(event, failed, { once: true });
  });
}

function streamsOf(socket: WebSocket): ByteStreams {
  let isOver = false;
  const readable = new ReadableStream<Uint8Array>({
    start(controller): void {
      const end = (problem?: string): void => {
        if (isOver) return;
        isOver = true;
        if (problem === undefined) controller.close();
        else controller.error(new Error(problem));
      };
      socket.addEventListener("message", ({ data }) => {
        if (isOver) return;
        if (data instanceof ArrayBuffer) return controller.enqueue(new Uint8Array(data));
        end("the WebSocket proxy has sent a text message, and must send binary ones");
        socket.close();
      });
      socket.addEventListener("close", ({ code, reason }) => {
        end(NORMAL.includes(code) ? undefined : `the WebSocket was closed with ${code}${reason && `: ${reason}`}`);
      });
    },
    cancel: () => void (isOver = true),
  });
  const writable = new WritableStream<Uint8Array<ArrayBuffer>>({
    async write(chunk): Promise<void> {
      if (socket.readyState !== WebSocket.OPEN) throw new Error("the WebSocket is closed");
      socket.send(chunk);
      // Nothing tells when it has been sent.
      while (socket.bufferedAmount > MAX_BUFFERED && socket.readyState === WebSocket.OPEN) await pause();
    },
  });
  return { readable, writable, close: () => socket.close(), name: "websocket" };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}

/** The codes of an end without a problem. */
const NORMAL: readonly number[] = [1000, 1001, 1005];
/** How many bytes may wait to be sent before the next ones do. */
const MAX_BUFFERED = 0x4_0000;
/** Milliseconds between two looks at them. */
const PAUSE = 5;
