/**
 * Options of TCP sockets, where the runtime can set them. An option that it cannot set is refused, since a
 * caller that sets one relies on it.
 *
 * Source: Linux manual, tcp(7).
 */
import type { Socket } from "node:net";
import { UsageError } from "../errors.ts";
import { runtime } from "../runtime/runtime.ts";
import { IPPROTO_TCP, type LibC, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_USER_TIMEOUT } from "./libc.ts";
import { loadedLibrary } from "./library.ts";
import { setKeepAlive } from "./node_socket.ts";
import type { Endpoint, TcpOptions } from "./transport.ts";

/** Throws if an endpoint has options that the runtime's own sockets do not have. */
export function checkTcpOptions(endpoint: Endpoint): void {
  const options = tcpOptionsOf(endpoint);
  if (options === undefined) return;
  const able = ABLE[runtime]();
  const missing = NAMES.find(([name]) => options[name] !== undefined && !able.includes(name));
  if (missing === undefined) return;
  const [, keyword] = missing;
  throw new UsageError(`Cannot set ${keyword}: ${WHY[runtime]}; leave it out, or use ${OTHERS[runtime]}`);
}

/** The options of an endpoint; undefined if there are none. Unix sockets have none, as in libpq. */
export function tcpOptionsOf(endpoint: Endpoint): TcpOptions | undefined {
  return endpoint.kind === "tcp" ? endpoint.options : undefined;
}

/** Sets options of a socket by its descriptor. */
export function setTcpOptions(libc: LibC, fd: number, options: TcpOptions | undefined): void {
  for (const [name, keyword, option, unit] of NAMES) {
    const value = options?.[name];
    if (value === undefined) continue;
    const bytes = new Uint8Array(new Int32Array([value / unit]).buffer);
    if (libc.setsockopt(fd, IPPROTO_TCP, option, bytes, bytes.length) === 0) continue;
    throw new Error(`the system refuses ${keyword}`);
  }
}

/** Sets options of a connected socket of Node's or Bun's. Deno's gets them when it is dialled. */
export function setOptionsOf(socket: Socket, endpoint: Endpoint): void {
  const options = tcpOptionsOf(endpoint);
  if (options === undefined || runtime === "deno") return;
  if (runtime === "node") return setKeepAlive(socket, options);
  const { fd = -1 } = (socket as { readonly _handle?: { readonly fd?: number } })._handle ?? {};
  setByDescriptor(fd, options);
}

/** Sets options of one of Bun's sockets, which belongs to this thread or to another. */
export function setByDescriptor(fd: number, options: TcpOptions): void {
  const libc = loadedLibrary(false);
  if (libc === undefined || fd < 0) throw new Error("the socket's options cannot be set");
  setTcpOptions(libc, fd, options);
}

type Name = keyof TcpOptions;

/** The options: libpq's keyword, the number on Linux, and its unit in milliseconds. */
const NAMES: readonly (readonly [name: Name, keyword: string, option: number, unit: number])[] = [
  ["keepAliveIdle", "keepalives_idle", TCP_KEEPIDLE, 1000],
  ["keepAliveInterval", "keepalives_interval", TCP_KEEPINTVL, 1000],
  ["keepAliveCount", "keepalives_count", TCP_KEEPCNT, 1],
  ["userTimeout", "tcp_user_timeout", TCP_USER_TIMEOUT, 1],
];

/** The options that each runtime's sockets have. */
const ABLE: Readonly<Record<typeof runtime, () => readonly Name[]>> = {
  deno: () => ["keepAliveIdle"],
  node: () => ["keepAliveIdle", "keepAliveInterval", "keepAliveCount"],
  bun: () => loadedLibrary(false) === undefined ? [] : NAMES.map(([name]) => name),
};

const WHY: Readonly<Record<typeof runtime, string>> = {
  deno: "Deno's sockets do not have it",
  node: "Node's sockets do not have it",
  bun: "on Bun it needs 64-bit Linux with glibc",
};

const OTHERS: Readonly<Record<typeof runtime, string>> = {
  deno: "Bun, or a blocking connection without TLS that has --allow-ffi",
  node: "Bun, or a blocking connection without TLS and with blocking_transport=ffi",
  bun: "the system's defaults",
};
