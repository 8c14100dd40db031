/**
 * Looks host names up as the C library does, for sockets that do not do so themselves in a way that is the
 * same everywhere: every address, in the order of the system's resolver.
 *
 * Source: Linux manual, getaddrinfo(3).
 */
import { isAddress } from "../options/ip_address.ts";
import { granted, runtime } from "../runtime/runtime.ts";
import { resolve } from "./node_socket.ts";
import { ADDRESS_SIZE, AF_INET, AF_INET6, type LibC, SOCK_STREAM } from "./libc.ts";

/** What must be dialled for a host: its addresses, or itself if it is one. */
export async function lookUp(host: string): Promise<readonly string[]> {
  if (isAddress(host)) return [host];
  // With permission for the name only, Deno permits its addresses only if they are looked up while it is dialled.
  if (runtime === "deno" && !granted({ name: "net" })) return [host];
  return await resolve(host);
}

/** The socket addresses of a host and a port (`struct sockaddr_in` or `sockaddr_in6`), with their families. */
export function lookUpBlocking(
  libc: LibC,
  host: string,
  port: number,
): readonly (readonly [family: number, address: Uint8Array])[] {
  const result = new Uint8Array(8);
  const failure = libc.getaddrinfo(text(host), text(String(port)), HINTS, result);
  if (failure !== 0) throw Object.assign(new Error("the host name cannot be resolved"), { code: "ENOTFOUND" });
  const first = pointerAt(result, 0);
  const found: [number, Uint8Array][] = [];
  try {
    for (let info = first; info !== 0;) {
      const entry = read(libc, info, INFO_SIZE);
      const [family, length] = [int32At(entry, INFO_FAMILY), int32At(entry, INFO_LENGTH)];
      const isUsable = (family === AF_INET || family === AF_INET6) && length <= ADDRESS_SIZE;
      if (isUsable) found.push([family, read(libc, pointerAt(entry, INFO_ADDRESS), length)]);
      info = pointerAt(entry, INFO_NEXT);
    }
  } finally {
    libc.freeaddrinfo(first);
  }
  return found;
}

/** A copy of memory of the library's. */
function read(libc: LibC, pointer: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  libc.memcpy(bytes, pointer, length);
  return bytes;
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(`${value}\0`);
}

function int32At(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer).getInt32(offset, true);
}

/** A pointer. Those of a process have 48 bits. */
function pointerAt(bytes: Uint8Array, offset: number): number {
  return Number(new DataView(bytes.buffer).getBigUint64(offset, true));
}

/** `struct addrinfo` of 64-bit Linux: its size, and the offsets of its members. */
const INFO_SIZE = 48;
const INFO_FAMILY = 4;
const INFO_TYPE = 8;
const INFO_LENGTH = 16;
const INFO_ADDRESS = 24;
const INFO_NEXT = 40;

/** Any family, as libpq asks for. */
const HINTS = new Uint8Array(INFO_SIZE);
HINTS[INFO_TYPE] = SOCK_STREAM;
