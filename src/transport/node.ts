/** Sockets of Node: `node:net`. */
import type { Socket } from "node:net";
import { localSockets } from "./local_sockets.ts";
import { connectNode } from "./node_connect.ts";
import { StreamTransport } from "./stream.ts";
import type { AsyncDialer, AsyncTransport, Endpoint, Ends } from "./transport.ts";

/** Dials with `node:net`. */
export const nodeDialer: AsyncDialer = {
  local: localSockets(false),
  dial: (endpoint, signal): Promise<AsyncTransport> =>
    connectNode(endpoint, signal, (socket) => new StreamTransport(socket, endsOf(socket, endpoint))),
};

function endsOf(socket: Socket, endpoint: Endpoint): Ends | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (endpoint.kind === "unix" || !localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return {
    local: { host: localAddress, port: localPort },
    remote: { host: remoteAddress, port: remotePort },
  };
}
