/**
 * Finds the user that listens on a TCP port of this machine.
 *
 * Source: Linux manual, proc_pid_net(5). The table begins with listening sockets. For the connections
 * behind them the kernel searches a large table, so lines are read one by one, and no more than needed.
 */
import { fileParts } from "../runtime/file_system.ts";
import { mayRead } from "../runtime/runtime.ts";
import { type Address, canonicalHost } from "./transport.ts";

/** The user that listens on an address, or why that is not known. Throws if the table cannot be read. */
export function listeningUser(address: Address): number | string {
  // A socket for IPv6 also accepts connections from IPv4, if there is no other.
  const paths = canonicalHost(address.host).includes(":") ? [IPV6] : [IPV4, IPV6];
  for (const path of paths) {
    const user = findListener(linesOf(path), address);
    if (user !== undefined) return user;
  }
  return `nobody is seen to listen on TCP port ${address.port}`;
}

/**
 * The user of the socket in a table that accepts connections to an address. There is only one: the system
 * lets only one user listen on a port of one address, and of all addresses.
 */
export function findListener(lines: Iterable<string>, { host, port }: Address): number | undefined {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const wanted = canonicalHost(host);
  for (const line of lines) {
    const [number, local, , state, , , , user] = line.trim().split(/\s+/);
    if (number === HEADING) continue;
    if (state !== LISTENING) return undefined;
    if (!local!.endsWith(suffix)) continue;
    const address = local!.slice(0, -suffix.length);
    if (/^0+$/.test(address) || canonicalHost(hostFrom(address)) === wanted) return Number(user);
  }
  return undefined;
}

/** The lines of a table, each read when it is requested. */
function* linesOf(path: string): Generator<string> {
  if (!mayRead(path)) throw new Error(`Deno's read permission is not granted for ${path}`);
  const decoder = new TextDecoder("latin1");
  let rest = "";
  let count = 0;
  for (const part of fileParts(path, LINE_LENGTH)) {
    if (count >= MAX_LINES) throw new Error("too many sockets listen");
    const lines = (rest + decoder.decode(part)).split("\n");
    rest = lines.pop()!;
    count += lines.length;
    yield* lines;
  }
}

/** An address from hexadecimal 32-bit words in this machine's byte order. */
function hostFrom(words: string): string {
  const numbers = Array.from(words.matchAll(/.{8}/g), ([word]) => parseInt(word, 16));
  const bytes = new Uint8Array(new Uint32Array(numbers).buffer);
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return groups.join(":");
}

const IPV4 = "/proc/net/tcp";
const IPV6 = "/proc/net/tcp6";
/** The first word of the first line. */
const HEADING = "sl";
const LISTENING = "0A";
/** The bytes of a line for IPv4. The kernel returns whole lines, up to at least the requested number of bytes. */
const LINE_LENGTH = 150;
/** The maximum number of sockets that are examined. */
const MAX_LINES = 10_000;
