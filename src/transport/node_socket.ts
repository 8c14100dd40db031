/** What is asked of the sockets and the resolver of `node:net`, also in a worker: this file needs no other modules. */
import type { Socket } from "node:net";
import { builtin } from "../builtin.ts";
import type { Addresses, TcpOptions } from "./transport.ts";

/** The addresses of a host, in the order of the system's resolver. */
export async function resolve(host: string): Promise<readonly string[]> {
  const { Bun } = globalThis as { readonly Bun?: BunDns };
  if (Bun !== undefined) {
    // Otherwise Bun asks a resolver of its own, whose order differs.
    return (await Bun.dns.lookup(host, { backend: "getaddrinfo" })).map(({ address }) => address);
  }
  return await new Promise((resolve, reject) => {
    builtin.dns.lookup(host, { all: true, order: "verbatim" }, (error, found) => {
      if (error) reject(error);
      else resolve(found.map(({ address }) => address));
    });
  });
}

/** The part of Bun that is used here. */
interface BunDns {
  readonly dns: {
    lookup(host: string, options: { backend: "getaddrinfo" }): Promise<readonly { readonly address: string }[]>;
  };
}

/** The two ends of a connected TCP socket, and how many addresses of the name are left. */
export function endsOf(socket: Socket, left: number): Addresses | undefined {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return {
    local: { host: localAddress, port: localPort },
    remote: { host: remoteAddress, port: remotePort },
    ...(left > 0 ? { left } : {}),
  };
}

/** Node's own method sets all three values at once. Those that are not given are Linux's defaults. */
export function setKeepAlive(socket: Socket, options: TcpOptions): void {
  const { keepAliveIdle = 7_200_000, keepAliveInterval = 75_000, keepAliveCount = 9 } = options;
  type SetKeepAlive = (enable: boolean, idle: number, interval: number, count: number) => void;
  (socket.setKeepAlive as SetKeepAlive).call(socket, true, keepAliveIdle, keepAliveInterval, keepAliveCount);
}
