/** Sockets of Node: `node:net`. */
import { connect, type Socket } from "node:net";
import { localSockets } from "./local_sockets.ts";
import { StreamTransport } from "./stream.ts";
import type { AsyncDialer, AsyncTransport, Endpoint, Ends } from "./transport.ts";

/** Dials with `node:net`. */
export const nodeDialer: AsyncDialer = {
  local: localSockets(false),
  dial(endpoint, signal): Promise<AsyncTransport> {
    return new Promise((resolve, reject) => {
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
        resolve(new StreamTransport(socket, endsOf(socket, endpoint)));
      });
    });
  },
};

function endsOf(socket: Socket, endpoint: Endpoint): Ends | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (endpoint.kind === "unix" || !localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return {
    local: { host: localAddress, port: localPort },
    remote: { host: remoteAddress, port: remotePort },
  };
}
