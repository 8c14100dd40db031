/** Why pyro may differ from libpq: the only list of reasons. `docs/options.md` has them for users. */
import { isDeepStrictEqual } from "node:util";
import type { ConnectionCase } from "./connection_case.ts";
import { meaningOf } from "./other_options.ts";
import type { Connected, Outcome } from "./recorded.ts";

/** Tells which strings are meant. */
type Strings = Pick<RegExp, "test">;

/** What comparing the outcomes of a case has shown; with `reason`, they may differ. */
export type Comparison = "equal" | "different" | { readonly reason: string };

/** Compares what libpq 18 and pyro make of a case. */
export function compare({ text }: ConnectionCase, libpq: Outcome, pyro: Outcome): Comparison {
  const isMeant = ({ string = ANY }: { readonly string?: Strings }): boolean => string.test(text);
  const meaning = (): Comparison => MEANINGS.find(isMeant) ?? "different";
  if ("refused" in pyro) {
    if ("refused" in libpq) return "equal";
    return REFUSALS.filter(isMeant).find(({ message }) => message.test(pyro.refused)) ?? meaning();
  }
  if ("refused" in libpq) {
    return ADDITIONS.filter(isMeant).find(({ refusal }) => refusal.test(libpq.refused)) ?? meaning();
  }
  return isDeepStrictEqual(pyro, expected(libpq, pyro)) ? "equal" : meaning();
}

/** The record in pyro's terms: what differs in every case is replaced here, and nothing else. */
function expected({ others = {}, settings = {}, ...libpq }: Connected, pyro: Connected): Connected {
  const { connect_timeout, addresses, passwords } = libpq;
  // libpq stops where it has no password, or no encryption.
  const reached = pyro.addresses.length;
  const meaning = meaningOf(others);
  // It is the server's default.
  const { replication: _, ...sent } = settings;
  return {
    ...libpq,
    // libpq's default host is a directory that was chosen when it was built, and pyro's is localhost.
    addresses: [
      ...addresses.map((address) =>
        address
          .replace(/^default /, "tcp localhost ")
          // An IPv6 address may be in brackets everywhere.
          .replace(/^tcp \[(.*)\] /, "tcp $1 ")
          .replace(/^unix (\/.*?)\/+(\/\.s\.PGSQL\.\d+)$/s, "unix $1$2")
          .replace(/^unix \/+(\/\.s\.PGSQL\.\d+)$/, "unix $1")
      ),
      ...pyro.addresses.slice(addresses.length, reached),
    ],
    passwords: [...passwords, ...pyro.passwords.slice(passwords.length, reached)],
    // libpq has no limit by default, and pyro 30 seconds; milliseconds are a timer's at most.
    connect_timeout: connect_timeout === undefined
      ? "30000"
      : String(Math.min(Math.max(Number(connect_timeout), 0), 2_147_483) * 1000),
    ...(Object.keys(sent).length === 0 ? {} : { settings: sent }),
    ...(Object.keys(meaning).length === 0 ? {} : { others: meaning }),
  };
}

const ANY = /^/;

/** What pyro refuses and libpq takes, by pyro's message, and the strings that may be meant. */
export const REFUSALS: readonly { readonly reason: string; readonly message: RegExp; readonly string?: Strings }[] = [
  {
    reason: "an empty list allows no method but none, which nobody means",
    message: /^Cannot set (?:require_auth|PGREQUIREAUTH) to ""/,
  },
  { reason: "a name in brackets is no IPv6 address", message: /IPv6 addresses go in brackets/ },
  { reason: "pyro reads and writes UTF-8 only", message: /UTF8 only|not percent-encoded UTF-8/ },
  { reason: "what may be a piece of a password must be percent-encoded", message: /percent-encode "|";" separates/ },
  { reason: "pairs of other clients are separated by semicolons", message: /separated by spaces, not ";"/ },
  { reason: "a forgotten value must not make the next pair a value", message: /has no value; an empty value/ },
  {
    reason: "an empty string is a mistake, such as an unset variable",
    message: /left of a variable that is not set/,
    string: /^[ \t\n\v\f\r]*$/,
  },
  { reason: "a host must be able to be one", message: /Cannot set (?:PGHOST|host(?: in .*)?): it must be/ },
  {
    reason: "an address must be written out, since octal numbers and short forms are read in several ways",
    message: /^Cannot set (?:hostaddr|PGHOSTADDR) to "[\dA-Fa-fx.]+": /,
  },
  {
    reason: "each value is checked before connecting, also those of other kinds of sockets and of later hosts",
    message: /^Cannot set (?:port|PGPORT|keepalives(?:_\w+)?|tcp_user_timeout|hostaddr|PGHOSTADDR)\b/,
  },
  {
    reason: "libpq reads a directory as an empty service file",
    message: /^Cannot use service .*: the service file .* does not exist, or cannot be read/s,
  },
  { reason: "it is not implemented", message: /is a connection parameter of libpq's that is not implemented/ },
  {
    reason: "libpq ignores revocation lists with sslrootcert=system",
    message: /^Cannot connect: revocation lists .* are not used with sslrootcert=system/,
  },
  {
    reason: "no runtime tells whether the server has asked for a certificate",
    message: /^Cannot set (?:sslcertmode|PGSSLCERTMODE) to require/,
  },
];

/** Strings that libpq refuses and pyro takes, by libpq's message, and the strings that may be meant. */
export const ADDITIONS: readonly { readonly reason: string; readonly refusal: RegExp; readonly string?: Strings }[] = [
  {
    reason: "schemes are in any case, pg:// is one, and blanks may be around a URL",
    // libpq reads them as keyword/value strings.
    refusal: ANY,
    string: { test: (text) => /^\s*(?:pg|postgres|postgresql):\/\//i.test(text) && !/^postgres(?:ql)?:/.test(text) },
  },
  {
    reason: "JDBC's ssl is a boolean in keyword/value strings and URLs",
    refusal: /^invalid (?:connection option|URI query parameter:) "ssl"/,
  },
  {
    reason: "any key that libpq does not have is a server setting",
    refusal: /^invalid (?:connection option|URI query parameter:) "[A-Za-z_][\w.$]*"/,
  },
  {
    reason: "keepalives may be any boolean",
    refusal: /invalid integer value "(?:true|yes|on|false|no|off)" for connection option "keepalives"/i,
  },
  {
    reason: "whether an address has the zone that is given shows when it is dialled",
    refusal: /^could not parse network address ".*%/,
  },
  {
    reason: "0 is the system's default, as libpq's manual says; libpq gives it to the system, which refuses it",
    refusal: /setsockopt\(TCP_KEEP\w+\) failed/,
  },
];

/** What means something else, by the strings. */
export const MEANINGS: readonly { readonly reason: string; readonly string: Strings }[] = [
  { reason: "blanks around a URL are not part of it", string: /^\s*\w+:\/\/.*\s$/s },
];
