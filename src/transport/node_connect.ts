/** Connects with `node:net`; the attempt can be aborted. */
import { connect, type Socket } from "node:net";
import type { Addresses, Endpoint } from "./transport.ts";

/** Connects. `connected` gets the socket immediately, before any other event of it. */
export function connectNode<T>(endpoint: Endpoint, signal: AbortSignal, connected: (socket: Socket) => T): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect(
      endpoint.kind === "unix" ? { path: endpoint.path } : {
        host: endpoint.host,
        port: endpoint.port,
        noDelay: true,
        keepAlive: endpoint.keepAlive,
      },
    );
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", reject);
      resolve(connected(socket));
    });
  });
}

/** The two ends of a connected socket. */
export function addressesOf(socket: Socket, endpoint: Endpoint): Addresses | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (endpoint.kind === "unix" || !localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return {
    local: { host: localAddress, port: localPort },
    remote: { host: remoteAddress, port: remotePort },
  };
}
