/**
 * The interface to the C library's socket functions that the FFI of each runtime provides, and the
 * constants and structures of Linux.
 *
 * Only for 64-bit Linux: other systems have other numbers, and blocking connections use a worker there.
 *
 * Source: POSIX `<sys/socket.h>`, `<poll.h>`; Linux `<asm-generic/socket.h>`, the same on x86-64 and
 * arm64.
 */

import { wordsOf } from "./reason.ts";

/** Functions of the C library. Memory is passed as typed arrays; -1 means failure. */
export interface LibC {
  socket(domain: number, type: number, protocol: number): number;
  connect(fd: number, address: Uint8Array, length: number): number;
  close(fd: number): number;
  send(fd: number, bytes: Uint8Array, length: number, flags: number): number;
  recv(fd: number, into: Uint8Array, length: number, flags: number): number;
  poll(fds: Uint8Array, count: number, milliseconds: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockopt(fd: number, level: number, option: number, value: Uint8Array, length: Uint8Array): number;
  getsockname(fd: number, address: Uint8Array, length: Uint8Array): number;
  getpeername(fd: number, address: Uint8Array, length: Uint8Array): number;
  getaddrinfo(host: Uint8Array, port: Uint8Array, hints: Uint8Array, result: Uint8Array): number;
  freeaddrinfo(list: number): void;
  memcpy(into: Uint8Array, from: number, length: number): void;
  /** The last error. The runtime may make other calls in between, so it must be used for messages only. */
  errno(): number;
  /** Unloads the library, if the runtime treats it as an open resource. No function can be called after that. */
  unload?(): void;
}

/** The parameters and results of the functions, as Deno writes them. */
export const SIGNATURES = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  // ssize_t: the results of these calls fit into 32 bits, and so does -1.
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getaddrinfo: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
  // Pointers as numbers, since only copying reads from them. The results are not used.
  freeaddrinfo: { parameters: ["usize"], result: "i32" },
  memcpy: { parameters: ["buffer", "usize", "usize"], result: "i32" },
} as const;

/** The library's file name with glibc. With musl it differs, and the worker is used. */
export const LIBC_PATH = "libc.so.6";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x8_0000;
export const SOL_SOCKET = 1;
export const SO_ERROR = 4;
export const SO_KEEPALIVE = 9;
export const SO_PEERCRED = 17;
export const IPPROTO_TCP = 6;
export const TCP_NODELAY = 1;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_USER_TIMEOUT = 18;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const POLLIN = 0x1;
export const POLLOUT = 0x4;
/** Error and hang-up, which `poll` always reports. */
export const POLL_FAILURE = 0x18;
export const EAGAIN = 11;

/** Room for any socket address. */
export const ADDRESS_SIZE = 128;

/** The error for an error number, with its code. */
export function systemError(errno: number): Error {
  const code = CODES.get(errno);
  return code === undefined
    ? new Error(`system error ${errno}`)
    : Object.assign(new Error(wordsOf(code) ?? code), { code });
}

const CODES: ReadonlyMap<number, string> = new Map([
  [1, "EPERM"],
  [2, "ENOENT"],
  [13, "EACCES"],
  [20, "ENOTDIR"],
  [22, "EINVAL"],
  [24, "EMFILE"],
  [32, "EPIPE"],
  [40, "ELOOP"],
  [97, "EAFNOSUPPORT"],
  [99, "EADDRNOTAVAIL"],
  [101, "ENETUNREACH"],
  [104, "ECONNRESET"],
  [110, "ETIMEDOUT"],
  [111, "ECONNREFUSED"],
  [113, "EHOSTUNREACH"],
]);
