/**
 * Blocking sockets of the C library, the same on every runtime with FFI.
 *
 * The sockets are non-blocking, and `poll` waits: for reading and writing at once, and with a timeout.
 * `poll` decides what is ready, not `errno`, which the runtime may change before it is read.
 */
import { isAddress } from "../options/ip_address.ts";
import { now } from "../runtime/clock.ts";
import {
  ADDRESS_SIZE,
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EAGAIN,
  IPPROTO_TCP,
  type LibC,
  MSG_NOSIGNAL,
  POLL_FAILURE,
  POLLIN,
  POLLOUT,
  SO_ERROR,
  SO_KEEPALIVE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  systemError,
  TCP_NODELAY,
} from "./libc.ts";
import { lookUpBlocking } from "./look_up.ts";
import { failureOfAddresses } from "./reason.ts";
import { setTcpOptions } from "./tcp_options.ts";
import { peerUser } from "./peer_user.ts";
import {
  type Address,
  type Addresses,
  addressesToDial,
  attemptTime,
  type Endpoint,
  socketPath,
  type SyncTransport,
  timedOut,
} from "./transport.ts";

/**
 * Whether an endpoint can be dialled through FFI. Looking up a name has no timeout there, so `localhost` is
 * the only one: systems have it in a file, and do not ask the network.
 */
export function ffiCanDial(endpoint: Endpoint): boolean {
  if (endpoint.kind === "unix") return true;
  const { address: host = endpoint.host } = endpoint;
  return host === "localhost" || (isAddress(host) && !host.includes("%"));
}

/** Connects within `milliseconds`. Calls `closed` when the connection is closed. */
export function dialFfi(libc: LibC, endpoint: Endpoint, milliseconds: number, closed: () => void): SyncTransport {
  const until = now() + milliseconds;
  if (endpoint.kind === "unix") return open(libc, AF_UNIX, unixAddress(endpoint.path), until, endpoint, closed);
  const { address: host = endpoint.host, port } = endpoint;
  const found = lookUpBlocking(libc, host, port);
  const addresses = addressesToDial(found, endpoint, ([, address]) => addressIn(address)?.host ?? "");
  const failures: [address: string, error: unknown][] = [];
  for (const [i, [family, address]] of addresses.entries()) {
    try {
      const time = now();
      const attemptUntil = time + attemptTime(until - time, addresses.length - i);
      return open(libc, family, address, attemptUntil, endpoint, closed, addresses.length - i - 1);
    } catch (error) {
      failures.push([addressIn(address)?.host ?? host, error]);
    }
  }
  throw failureOfAddresses(failures);
}

class FfiTransport implements SyncTransport {
  readonly canStartTls = false;
  readonly addresses: Addresses | undefined;
  readonly #libc: LibC;
  readonly #fd: number;
  readonly #onClose: () => void;
  /** `struct pollfd`: descriptor, requested events, returned events. */
  readonly #poll = new Uint8Array(8);
  #closed = false;
  /** The events that the last `poll` reported, until a read or write finds it outdated. */
  #readable = false;
  #writable = false;

  constructor(libc: LibC, fd: number, addresses: Addresses | undefined, onClose: () => void) {
    this.#libc = libc;
    this.#onClose = onClose;
    this.#fd = fd;
    this.addresses = addresses;
    new DataView(this.#poll.buffer).setInt32(0, fd, true);
  }

  get peerUser(): number | undefined {
    return peerUser(this.#libc, this.#fd);
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    this.#check();
    let count = this.#libc.recv(this.#fd, into, into.length, 0);
    if (count < 0 && this.#readable) {
      const error = socketError(this.#libc, this.#fd);
      count = this.#libc.recv(this.#fd, into, into.length, 0);
      if (count < 0 && error !== 0) throw systemError(error);
    }
    this.#readable = false;
    return count < 0 ? -1 : count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    this.#check();
    let count = this.#libc.send(this.#fd, bytes, bytes.length, MSG_NOSIGNAL);
    if (count < 0 && this.#writable) {
      const error = socketError(this.#libc, this.#fd);
      count = this.#libc.send(this.#fd, bytes, bytes.length, MSG_NOSIGNAL);
      if (count < 0) throw error === 0 ? new Error("the socket cannot be written to") : systemError(error);
    }
    this.#writable = false;
    return count < 0 ? 0 : count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    this.#check();
    const poll = this.#poll;
    poll[4] = writable ? POLLIN | POLLOUT : POLLIN;
    const limit = milliseconds === Infinity ? -1 : Math.min(Math.max(0, Math.ceil(milliseconds)), MAX_INT32);
    const ready = this.#libc.poll(poll, 1, limit);
    if (ready === 0) return false;
    // If a signal interrupted it, nothing is ready, and the caller polls again.
    const happened = ready < 0 ? 0 : poll[6]!;
    this.#readable = (happened & (POLLIN | POLL_FAILURE)) !== 0;
    this.#writable = (happened & (POLLOUT | POLL_FAILURE)) !== 0;
    return true;
  }

  startTls(): never {
    throw new Error("FFI transports cannot start TLS");
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#libc.close(this.#fd);
    this.#onClose();
  }

  /** After closing, the descriptor may belong to another socket, and the library may be unloaded. */
  #check(): void {
    if (this.#closed) throw new Error("the connection is closed");
  }
}

function open(
  libc: LibC,
  family: number,
  address: Uint8Array,
  until: number,
  endpoint: Endpoint,
  closed: () => void,
  left: number = 0,
): FfiTransport {
  const fd = libc.socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw systemError(libc.errno());
  try {
    connect(libc, fd, address, until);
    if (endpoint.kind === "tcp") {
      setFlag(libc, fd, IPPROTO_TCP, TCP_NODELAY);
      setTcpOptions(libc, fd, endpoint.options);
      if (endpoint.keepAlive) setFlag(libc, fd, SOL_SOCKET, SO_KEEPALIVE);
    }
    return new FfiTransport(libc, fd, addressesOf(libc, fd, left), closed);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function connect(libc: LibC, fd: number, address: Uint8Array, until: number): void {
  const poll = new Uint8Array(8);
  new DataView(poll.buffer).setInt32(0, fd, true);
  poll[4] = POLLOUT;
  for (;;) {
    if (libc.connect(fd, address, address.length) === 0) return;
    const errno = libc.errno();
    const left = until - now();
    if (left <= 0) throw timedOut();
    if (errno === EAGAIN) {
      // The queue of a Unix socket is full. Polling no descriptor is a sleep.
      libc.poll(poll, 0, Math.min(RETRY_INTERVAL, Math.ceil(left)));
      continue;
    }
    // The connection is being made, or has failed: a failed socket is writable at once.
    const ready = libc.poll(poll, 1, left === Infinity ? -1 : Math.min(Math.ceil(left), MAX_INT32));
    if (ready === 0) throw timedOut();
    const error = socketError(libc, fd);
    if (error !== 0) throw systemError(error);
    if (ready > 0) {
      if (isConnected(libc, fd)) return;
      throw systemError(errno);
    }
  }
}

function socketError(libc: LibC, fd: number): number {
  const value = new Int32Array(1);
  const bytes = new Uint8Array(value.buffer);
  if (libc.getsockopt(fd, SOL_SOCKET, SO_ERROR, bytes, new Uint8Array(new Uint32Array([4]).buffer)) !== 0) return 0;
  return value[0]!;
}

function isConnected(libc: LibC, fd: number): boolean {
  return libc.getpeername(fd, new Uint8Array(ADDRESS_SIZE), new Uint8Array(new Uint32Array([ADDRESS_SIZE]).buffer)) ===
    0;
}

function setFlag(libc: LibC, fd: number, level: number, option: number): void {
  libc.setsockopt(fd, level, option, new Uint8Array(new Int32Array([1]).buffer), 4);
}

/** `struct sockaddr_un`. The length of an abstract name tells where it ends. */
function unixAddress(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(socketPath(path));
  if (bytes.length > 107) throw new Error("the path is longer than 107 bytes");
  const address = new Uint8Array(bytes[0] === 0 ? 2 + bytes.length : 110);
  address[0] = AF_UNIX;
  address.set(bytes, 2);
  return address;
}

function addressesOf(libc: LibC, fd: number, left: number): Addresses | undefined {
  const local = addressFrom((address, length) => libc.getsockname(fd, address, length));
  const remote = addressFrom((address, length) => libc.getpeername(fd, address, length));
  return local && remote && { local, remote, ...(left > 0 ? { left } : {}) };
}

function addressFrom(call: (address: Uint8Array, length: Uint8Array) => number): Address | undefined {
  const bytes = new Uint8Array(ADDRESS_SIZE);
  return call(bytes, new Uint8Array(new Uint32Array([ADDRESS_SIZE]).buffer)) === 0 ? addressIn(bytes) : undefined;
}

/** The address in a `struct sockaddr_in` or `sockaddr_in6`. */
function addressIn(bytes: Uint8Array): Address | undefined {
  const port = new DataView(bytes.buffer, bytes.byteOffset).getUint16(2);
  if (bytes[0] === AF_INET) return { host: bytes.subarray(4, 8).join("."), port };
  if (bytes[0] !== AF_INET6) return undefined;
  return { host: ipv6Text(bytes.subarray(8, 24)), port };
}

/** The text of an IPv6 address: `::1` for the loopback address, otherwise in full. */
function ipv6Text(bytes: Uint8Array): string {
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  const text = groups.join(":");
  return text === "0:0:0:0:0:0:0:1" ? "::1" : text;
}

/** The longest timeout that `poll` accepts, in milliseconds. */
const MAX_INT32 = 0x7fff_ffff;
/** Milliseconds between attempts to connect to a socket whose queue is full. */
const RETRY_INTERVAL = 5;
