/**
 * Connects with `node:net`; the attempt can be aborted.
 *
 * Names are looked up here, since `node:net` mixes the families of a name's addresses on Node, and dials
 * several addresses at once on Bun.
 */
import { builtin } from "../builtin.ts";
import type { IpcNetConnectOpts, Socket, TcpNetConnectOpts } from "node:net";
import { runtime } from "../runtime/runtime.ts";
import { lookUp } from "./look_up.ts";
import { failureOfAddresses } from "./reason.ts";
import { checkTcpOptions } from "./tcp_options.ts";
import { type Addresses, addressesToDial, attemptTime, type Endpoint, socketPath, timedOut } from "./transport.ts";

/**
 * Connects within `milliseconds`, to the first address that accepts. `connected` gets the socket
 * immediately, before any other event of it, and how many addresses of the name are left.
 */
export async function connectNode<T>(
  endpoint: Endpoint,
  signal: AbortSignal,
  connected: (socket: Socket, addressesLeft?: number) => T,
  milliseconds: number = Infinity,
): Promise<T> {
  signal.throwIfAborted();
  if (endpoint.kind === "unix") {
    return await connectTo({ path: socketPath(endpoint.path) }, signal, connected, Infinity);
  }
  checkTcpOptions(endpoint);
  const { address, host, port, keepAlive, options } = endpoint;
  const until = performance.now() + milliseconds;
  const addresses = address === undefined ? addressesToDial(await lookUp(host), endpoint, String) : [address];
  signal.throwIfAborted();
  // Node and Bun would also set the other times. Their sockets get options when they are connected.
  const keepAliveInitialDelay = runtime === "deno" ? options?.keepAliveIdle : undefined;
  const socket = { port, noDelay: true, keepAlive, keepAliveInitialDelay };
  const failures: [address: string, error: unknown][] = [];
  for (const [i, host] of addresses.entries()) {
    try {
      const left = addresses.length - i;
      // The last one ends before the signal aborts, so that the error can name all of them.
      const time = attemptTime(until - performance.now(), left) - (addresses.length > 1 ? MARGIN : 0);
      return await connectTo({ ...socket, host }, signal, (socket) => connected(socket, left - 1), time);
    } catch (error) {
      signal.throwIfAborted();
      failures.push([host, error]);
    }
  }
  throw failureOfAddresses(failures);
}

function connectTo<T>(
  address: TcpNetConnectOpts | IpcNetConnectOpts,
  signal: AbortSignal,
  connected: (socket: Socket) => T,
  milliseconds: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = builtin.net.connect(address);
    const giveUp = (reason: unknown): void => {
      settle();
      socket.destroy();
      reject(reason);
    };
    const abort = (): void => giveUp(signal.reason);
    const timer = milliseconds === Infinity ? undefined : setTimeout(() => giveUp(timedOut()), milliseconds);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", (error) => {
      settle();
      reject(error);
    });
    socket.once("connect", () => {
      settle();
      socket.removeAllListeners("error");
      try {
        resolve(connected(socket));
      } catch (error) {
        giveUp(error);
      }
    });
  });
}

/** The two ends of a connected socket, and how many addresses of the name are left. */
export function addressesOf(socket: Socket, endpoint: Endpoint, left: number = 0): Addresses | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (endpoint.kind === "unix" || !localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return {
    local: { host: localAddress, port: localPort },
    remote: { host: remoteAddress, port: remotePort },
    ...(left > 0 ? { left } : {}),
  };
}

/** Milliseconds. */
const MARGIN = 10;
