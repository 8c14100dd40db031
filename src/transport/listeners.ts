/**
 * Who listens on a TCP port of this machine.
 *
 * Source: Linux manual, proc_pid_net(5). Listening sockets come first in the table, so that reading
 * ends with them, however many connections there are.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { type Address, canonicalHost } from "./transport.ts";

/** The user that listens on that address, or why that is not known. Throws where the table cannot be read. */
export function listeningUser(address: Address): number | string {
  // A socket for IPv6 can take connections from IPv4 too, if there is no other.
  const files = canonicalHost(address.host).includes(":") ? [IPV6] : [IPV4, IPV6];
  for (const file of files) {
    const users = usersIn(readListening(file), address);
    if (users.size > 1) return `several users listen on TCP port ${address.port}`;
    for (const user of users) return user;
  }
  return `nobody is seen to listen on TCP port ${address.port}`;
}

/** The users whose sockets in that table may have taken a connection to the address. */
export function usersIn(table: string, { host, port }: Address): Set<number> {
  const users = new Set<number>();
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const wanted = canonicalHost(host);
  for (const line of table.split("\n")) {
    const [, local, , state, , , , user] = line.trim().split(/\s+/);
    if (state !== LISTENING || !local!.endsWith(suffix)) continue;
    const address = local!.slice(0, -suffix.length);
    if (/^0+$/.test(address) || canonicalHost(hostFrom(address)) === wanted) users.add(Number(user));
  }
  return users;
}

/** The beginning of a table, with all sockets that listen. */
function readListening(path: string): string {
  const fd = openSync(path, "r");
  try {
    const chunk = new Uint8Array(0x1_0000);
    let text = "";
    while (text.length < MAX_LENGTH) {
      const count = readSync(fd, chunk);
      if (count === 0) return text;
      const from = Math.max(0, text.lastIndexOf("\n"));
      text += new TextDecoder("latin1").decode(chunk.subarray(0, count));
      if (OTHER_STATE.test(text.slice(from))) return text;
    }
    throw new Error("too many sockets listen");
  } finally {
    closeSync(fd);
  }
}

/** An address from 32-bit words in hexadecimal, each in this machine's order of bytes. */
function hostFrom(words: string): string {
  const numbers = Array.from(words.matchAll(/.{8}/g), ([word]) => parseInt(word, 16));
  const bytes = new Uint8Array(new Uint32Array(numbers).buffer);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return groups.join(":");
}

const IPV4 = "/proc/net/tcp";
const IPV6 = "/proc/net/tcp6";
const LISTENING = "0A";
/** A whole line of a socket that does not listen. */
const OTHER_STATE = /^ *\d+: [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ (?!0A)[0-9A-F]{2} .*\n/m;
/** Characters that are read at most: thousands of listening sockets. */
const MAX_LENGTH = 0x10_0000;
