/**
 * inet, cidr, macaddr and macaddr8, as the text that the server prints.
 *
 * Source: PostgreSQL manual, "Network Address Types". Binary formats: `inet_send` and `cidr_send` give
 * address family, length of the netmask, whether it is a cidr, count of address bytes and those
 * bytes; `macaddr_send` and `macaddr8_send` the bytes alone.
 */
import type { Bytes, ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, expectLength } from "./codec.ts";
import { hexOfBytes, printed } from "./text.ts";

/** inet: an address, with the length of its netmask unless it is a single host's. */
export const inet: Codec = printed(
  "inet",
  /^[\da-f:.]{2,39}(?:\/\d{1,3})?$/,
  (source, start, end) => decodeNetwork(source, start, end, 0),
);

/** cidr: a network, always with the length of its netmask. */
export const cidr: Codec = printed(
  "cidr",
  /^[\da-f:.]{2,39}\/\d{1,3}$/,
  (source, start, end) => decodeNetwork(source, start, end, 1),
);

/** macaddr: six bytes, `08:00:2b:01:02:03`. */
export const macaddr: Codec = mac("macaddr", 6);

/** macaddr8: eight bytes, `08:00:2b:ff:fe:01:02:03`. */
export const macaddr8: Codec = mac("macaddr8", 8);

function mac(name: string, size: number): Codec {
  return printed(name, new RegExp(`^[\\da-f]{2}(?::[\\da-f]{2}){${size - 1}}$`), (source, start, end) => {
    expectLength(start, end, size);
    return macText(source.bytes, start, end);
  });
}

function decodeNetwork(source: ByteSource, start: number, end: number, isCidr: 0 | 1): string {
  const { bytes } = source;
  if (end - start < HEADER) throw new BadValue("it is shorter than a network address's header");
  const family = bytes[start]!;
  const bits = bytes[start + 1]!;
  const size = family === IPV4 ? 4 : family === IPV6 ? 16 : 0;
  if (size === 0) throw new BadValue(`${family} is no address family`);
  if (bits > 8 * size) throw new BadValue(`its netmask has ${bits} bits`);
  if (bytes[start + 2] !== isCidr) throw new BadValue("its flag for inet or cidr does not match its type");
  if (bytes[start + 3] !== size) {
    throw new BadValue(`it claims ${bytes[start + 3]} bytes of address instead of ${size}`);
  }
  expectLength(start + HEADER, end, size);
  const address = family === IPV4 ? ipv4Text(bytes, start + HEADER) : ipv6Text(bytes, start + HEADER);
  return bits === 8 * size && isCidr === 0 ? address : `${address}/${bits}`;
}

function ipv4Text(bytes: Bytes, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/**
 * The text of an IPv6 address: the first of its longest runs of zeros is "::", and an embedded IPv4
 * address is in IPv4's notation.
 */
function ipv6Text(bytes: Bytes, at: number): string {
  let gap = -1;
  let gapLength = 1; // A single zero is not a run.
  for (let i = 0, run = 0; i < 8; i++) {
    run = wordAt(bytes, at, i) === 0 ? run + 1 : 0;
    if (run > gapLength) {
      gap = i - run + 1;
      gapLength = run;
    }
  }
  const embedsIpv4 = gap === 0 && (gapLength === 6 || (gapLength === 5 && wordAt(bytes, at, 5) === 0xffff));

  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === gap) {
      text += "::";
      i += gapLength - 1;
      continue;
    }
    if (i > 0 && i !== gap + gapLength) text += ":";
    if (i === 6 && embedsIpv4) return text + ipv4Text(bytes, at + 12);
    text += wordAt(bytes, at, i).toString(16);
  }
  return text;
}

function wordAt(bytes: Bytes, at: number, index: number): number {
  return bytes[at + 2 * index]! << 8 | bytes[at + 2 * index + 1]!;
}

function macText(bytes: Bytes, start: number, end: number): string {
  const hex = hexOfBytes();
  let text = hex[bytes[start]!]!;
  for (let at = start + 1; at < end; at++) text += `:${hex[bytes[at]!]!}`;
  return text;
}

/** Bytes before an address. */
const HEADER = 4;
/** PGSQL_AF_INET and PGSQL_AF_INET6: the server's own numbers, on every operating system. */
const IPV4 = 2;
const IPV6 = 3;
