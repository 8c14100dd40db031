/**
 * Connects with `node:net`; the attempt can be aborted.
 *
 * Names are looked up here, since `node:net` mixes the families of a name's addresses on Node, and dials
 * several addresses at once on Bun.
 */
import type { Abortable } from "../abort.ts";
import { builtin } from "../builtin.ts";
import { now } from "../runtime/clock.ts";
import type { IpcNetConnectOpts, Socket, TcpNetConnectOpts } from "node:net";
import { runtime } from "../runtime/runtime.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
import { lookUp } from "./look_up.ts";
import { endsOf } from "./node_socket.ts";
import { failureOfAddresses } from "./reason.ts";
import { ReceiveBuffer } from "./received.ts";
import { checkTcpOptions } from "./tcp_options.ts";
import { type Addresses, addressesToDial, attemptTime, type Endpoint, socketPath, timedOut } from "./transport.ts";

/** Gets a socket immediately, before any other event of it, and how many addresses of the name are left. */
export type Connected<T> = (socket: ConnectedSocket, addressesLeft?: number) => T;

/** A socket, and the buffer that gets its bytes; undefined if its events have them. */
export interface ConnectedSocket {
  readonly socket: Socket;
  readonly received: ReceiveBuffer | undefined;
}

/** Connects within `milliseconds`, to the first address that accepts. */
export async function connectNode<T>(
  endpoint: Endpoint,
  signal: Abortable,
  connected: Connected<T>,
  milliseconds: number = Infinity,
): Promise<T> {
  signal.throwIfAborted();
  if (endpoint.kind === "unix") {
    return await connectTo({ path: socketPath(endpoint.path) }, signal, connected, Infinity);
  }
  checkTcpOptions(endpoint);
  const { address, host, port, keepAlive, options } = endpoint;
  const until = now() + milliseconds;
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
      const time = attemptTime(until - now(), left) - (addresses.length > 1 ? MARGIN : 0);
      return await connectTo({ ...socket, host }, signal, (dialled) => connected(dialled, left - 1), time);
    } catch (error) {
      signal.throwIfAborted();
      failures.push([host, error]);
    }
  }
  throw failureOfAddresses(failures);
}

function connectTo<T>(
  address: TcpNetConnectOpts | IpcNetConnectOpts,
  signal: Abortable,
  connected: Connected<T>,
  milliseconds: number,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const dialled = runtime === "node"
      ? connectReceiving(address)
      : { socket: builtin.net.connect(address), received: undefined };
    const { socket } = dialled;
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
    signal.addEventListener("abort", abort);
    socket.once("error", (error) => {
      settle();
      reject(error);
    });
    socket.once("connect", () => {
      settle();
      socket.removeAllListeners("error");
      try {
        resolve(connected(dialled));
      } catch (error) {
        giveUp(error);
      }
    });
  });
}

/**
 * With `onread`, Node reads into memory that is given, and does not allocate 64 kB for each read, most of which it gives
 * back; nor do bytes go through a stream. Node reads and calls back in one go, so all sockets share the memory.
 */
function connectReceiving(address: TcpNetConnectOpts | IpcNetConnectOpts): ConnectedSocket {
  const callback = (count: number, bytes: Uint8Array): boolean => {
    received.pushCopy(bytes.subarray(0, count));
    return true;
  };
  const socket = builtin.net.connect({
    ...address,
    onread: { buffer: memory ??= new Uint8Array(READ_SIZE), callback },
  });
  const received = new ReceiveBuffer(socket);
  return { socket, received };
}
let memory: Uint8Array<ArrayBuffer> | undefined;

/** The two ends of a connected socket, and how many addresses of the name are left. */
export function addressesOf(socket: Socket, endpoint: Endpoint, left: number = 0): Addresses | undefined {
  return endpoint.kind === "unix" ? undefined : endsOf(socket, left);
}

/** Milliseconds. */
const MARGIN = 10;
/** As much as Node reads at once. */
const READ_SIZE = 0x1_0000;
