/**
 * libpq's password file: lines of `host:port:database:user:password`. The first line that matches is used.
 *
 * Source: PostgreSQL manual, libpq, "The Password File"; `passwordFromFile` in libpq's `fe-connect.c`.
 */
import type { Environment } from "./environment.ts";
import { lazy } from "../lazy.ts";
import { type FileContent, isGarbled, readNamedFile } from "./files.ts";
import type { Settings } from "./settings.ts";

/** The connection that a password is for. */
export interface PasswordKey {
  /** The host as it was given, or the directory of a Unix socket; empty for the default. */
  readonly host: string;
  readonly port: number;
  readonly db: string;
  readonly user: string;
}

/** A password file, and where it is. */
interface PasswordFile extends FileContent {
  readonly path: string;
}

/** Looks a password up; undefined if there is none. */
export type PasswordLookup = () => string | undefined;

/**
 * Looks up the passwords that the password file has for each of the keys. The file is read once, when it is first needed,
 * since many servers ask for no password; one that the user named is read at once.
 */
export function filePasswords(
  { passfile }: Settings,
  keys: readonly PasswordKey[],
  environment: Environment,
): PasswordLookup[] {
  const read = lazy(() => readPasswordFile(passfile, environment) ?? NO_FILE);
  if (passfile) read();
  return keys.map((key) => () => {
    const file = read();
    const password = findPassword(file.text, key);
    if (password === undefined || !isGarbled(password, file)) return password;
    environment.warn(`The password in the password file ${JSON.stringify(file.path)} is not used: it must be in UTF-8`);
    return undefined;
  });
}

/** The password of the first line that matches; undefined if none does. */
export function findPassword(text: string, { host, port, db, user }: PasswordKey): string | undefined {
  const hosts = host === "" ? ["localhost"] : DEFAULT_DIRECTORIES.includes(host) ? ["localhost", host] : [host];
  for (const line of text.split("\n")) {
    // The line's end is a line feed, and the carriage returns before it.
    const entry = line.replace(/\r+$/, "");
    if (entry === "" || entry.startsWith("#")) continue;
    for (const name of hosts) {
      const rest = [name, String(port), db, user].reduce(matchField, entry as string | undefined);
      if (rest !== undefined) return unescapeField(rest);
    }
  }
  return undefined;
}

/** The password file; undefined if there is none, or it must not be used. */
function readPasswordFile(
  named: string | undefined,
  environment: Environment,
): PasswordFile | undefined {
  const home = environment.homeDirectory();
  const path = named || (home && `${home}/.pgpass`);
  if (!path) return undefined;
  const file = named ? readNamedFile("password file", path, environment) : environment.readFile(path);
  if (file.state === "special") {
    environment.warn(`The password file ${JSON.stringify(path)} is not used: it must be a plain file`);
  } else if (file.state === "read" && !file.isPrivate) {
    environment.warn(
      `The password file ${JSON.stringify(path)} is not used: its group or others have access; ` +
        "its permissions must be u=rw (0600) or less",
    );
  } else if (file.state === "read") {
    return { ...file, path };
  }
  return undefined;
}

/** What follows a field of a line, if the field is `*` or, without its backslashes, equals `expected`. */
function matchField(line: string | undefined, expected: string): string | undefined {
  if (line === undefined) return undefined;
  if (line.startsWith("*:")) return line.slice(2);
  let at = 0;
  let matched = 0;
  for (; at < line.length; at++, matched++) {
    if (line[at] === ":" && matched === expected.length) return line.slice(at + 1);
    if (line[at] === "\\") at++;
    if (matched === expected.length || line[at] !== expected[matched]) return undefined;
  }
  return undefined;
}

/** The last field, up to a colon, without its backslashes. */
function unescapeField(text: string): string {
  let field = "";
  for (let at = 0; at < text.length && text[at] !== ":"; at++) {
    if (text[at] === "\\" && at + 1 < text.length) at++;
    field += text[at];
  }
  return field;
}

/**
 * Socket directories that a libpq has as its default: PostgreSQL's own, and those of distributions. A
 * connection through the default one matches `localhost`.
 */
const DEFAULT_DIRECTORIES = ["/run/postgresql", "/var/run/postgresql", "/tmp"];
const NO_FILE: PasswordFile = { state: "read", path: "", text: "", isPrivate: true };
