/** Sockets of Node: `node:net`. */
import { localSockets } from "./local_sockets.ts";
import { addressesOf, connectNode } from "./node_connect.ts";
import { StreamTransport } from "./stream.ts";
import type { AsyncDialer, AsyncTransport } from "./transport.ts";

/** Dials with `node:net`. */
export const nodeDialer: AsyncDialer = {
  local: localSockets(false),
  dial: (endpoint, signal): Promise<AsyncTransport> =>
    connectNode(endpoint, signal, (socket) => new StreamTransport(socket, addressesOf(socket, endpoint))),
};
