/** Sockets of Node: `node:net`. */
import { localSockets } from "./local_sockets.ts";
import { addressesOf, type Connected, connectNode } from "./node_connect.ts";
import { StreamTransport } from "./stream.ts";
import { setOptionsOf } from "./tcp_options.ts";
import type { AsyncDialer, AsyncTransport } from "./transport.ts";

/** Dials with `node:net`. */
export const nodeDialer: AsyncDialer = {
  local: localSockets(false),
  dial(endpoint, signal, milliseconds): Promise<AsyncTransport> {
    const connected: Connected<AsyncTransport> = ({ socket, received }, left) => {
      setOptionsOf(socket, endpoint);
      return new StreamTransport(socket, addressesOf(socket, endpoint, left), received);
    };
    return connectNode(endpoint, signal, connected, milliseconds);
  },
};
