/**
 * Connection URLs: `pg://user:password@host:port,host:port/database?key=value`.
 *
 * Parsed without `URL`, which does not know lists of hosts. Errors name the malformed part and never
 * quote it: if a password is not percent-encoded, any part may be a piece of it.
 *
 * Source: PostgreSQL manual, libpq, "Connection URIs"; RFC 3986.
 */
import { UsageError } from "../errors.ts";
import { applyKeywords } from "./keywords.ts";
import { canonicalName } from "./aliases.ts";
import type { AllowedKeys } from "./allowed_keys.ts";
import { refusePlaceholder } from "./foreign_strings.ts";
import { checkText, parseHosts, parsePorts } from "./option_values.ts";
import type { Settings } from "./settings.ts";

/** Parses a connection URL. */
export function parseUrl(url: string, allowed?: AllowedKeys): Settings {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(url);
  if (!scheme || !SCHEMES.includes(scheme[1]!.toLowerCase())) {
    throw bad(`its scheme is none of ${SCHEMES.map((name) => `${name}://`).join(", ")}`);
  }
  const rest = url.slice(scheme[0].length);
  const [, authority, path, query, fragment] = /^([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest)!;
  if (fragment !== undefined) throw bad(`it has a fragment; ${ENCODE}`);
  if (path?.includes("/") || path?.includes("@")) throw bad(`its database contains "/" or "@"; ${ENCODE}`);
  if (/;[\w .-]+=/.test(`${path}?${query}`)) throw bad(`";" separates its parts, which must be "&"; ";" itself is %3B`);
  if (!authority!.includes("@") && query?.includes("@")) throw bad(`its query contains "@"; ${ENCODE}`);

  let settings = parseAuthority(authority!);
  if (path) settings = { ...settings, db: checkText("database", decode(path, "database")) };
  allowed?.checkParts(settings);
  return query ? applyKeywords(settings, parseQuery(query), allowed) : settings;
}

/** The pairs of a query, decoded. As in libpq, it may end with one "&". */
function parseQuery(query: string): [key: string, value: string][] {
  return query.replace(/&$/, "").split("&").map((pair) => {
    const [, key, value] = /^([^=]*)(?:=(.*))?$/s.exec(pair)!;
    if (value === undefined || key === "") throw bad(`its query is not key=value&key=value; ${ENCODE}`);
    const name = decode(key!, "query");
    if (!/^[\w.$]+$/.test(name) && canonicalName(name, "key") === undefined) {
      throw bad(`its query has a key that is no name; ${ENCODE}`);
    }
    // As in libpq: a value that goes on behind "=" may have lost its "&".
    if (value.includes("=")) throw bad(`the value of ${name} in its query contains "="; percent-encode it (%3D)`);
    return [name, decode(value, name)];
  });
}

function parseAuthority(authority: string): Settings {
  const at = authority.indexOf("@");
  if (authority.includes("@", at + 1)) throw bad(`it has a second "@"; ${ENCODE}`);
  const account = at < 0 ? "" : authority.slice(0, at);
  const colon = account.indexOf(":");
  const user = colon < 0 ? account : account.slice(0, colon);
  const password = colon < 0 ? "" : account.slice(colon + 1);
  refusePlaceholder(decode(password, "password"));
  return {
    // As in libpq, a part of spaces only is given, and empty.
    ...(user === "" ? {} : { user: checkText("user", decode(user, "user")) }),
    ...(password === "" ? {} : { password: checkText("password", decode(password, "password")) }),
    ...parseHostList(authority.slice(at + 1)),
  };
}

function parseHostList(list: string): Settings {
  if (list === "") return {};
  const entries = list.split(",").map((entry) => {
    const match = /^(\[[0-9A-Fa-f:.]+(?:%25[\w.~%-]+)?\]|[^:[\]]*)(?::([^:[\]]*))?$/.exec(entry);
    if (match === null) throw bad(MALFORMED_HOST);
    return { host: match[1]!, port: match[2] ?? "" };
  });
  // As in libpq, the lists are decoded, not their members.
  const hosts = entries.map(({ host }) => host).join(",");
  const ports = entries.map(({ port }) => port).join(",");
  return {
    ...(hosts === "" ? {} : { hosts: parseHosts("host", decode(hosts, "host")) }),
    // As in libpq, a list of hosts has its ports, if only the default ones, and PGPORT is not looked at.
    ...(ports === "" ? {} : { ports: portsOf(decode(ports, "port")) }),
  };
}

function portsOf(list: string): readonly (number | undefined)[] {
  if (!/^[+\d,-]*$/.test(list)) throw bad(MALFORMED_HOST);
  try {
    return parsePorts("port", list);
  } catch {
    throw bad(`a port is not a number from 1 to 65535; ${ENCODE}`);
  }
}

/** Decodes a part. As in libpq, spaces around it are dropped, and others must be percent-encoded. */
function decode(encoded: string, part: string): string {
  const trimmed = encoded.replace(/^ +| +$/g, "");
  if (trimmed.includes(" ")) throw bad(`its ${part} contains a space, which must be percent-encoded (%20)`);
  let text: string;
  try {
    text = decodeURIComponent(trimmed);
  } catch {
    throw bad(`its ${part} is not percent-encoded UTF-8; "%" itself is %25`);
  }
  // Also where a later value takes its place.
  if (text.includes("\0")) throw bad(`its ${part} contains a NUL character`);
  return text;
}

function bad(problem: string): UsageError {
  return new UsageError(`Cannot read the connection URL: ${problem}`);
}

const SCHEMES = ["pg", "postgres", "postgresql"];
const ENCODE = 'percent-encode "/", "?", "#", "@" and ":" inside user, password and database (%2F %3F %23 %40 %3A)';
const MALFORMED_HOST = `a host or its port is malformed; IPv6 addresses go in brackets; ${ENCODE}`;
