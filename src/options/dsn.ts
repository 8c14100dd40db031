/**
 * libpq's keyword/value strings: `host=/run/postgresql dbname='my db'`.
 *
 * Read character by character as `conninfo_parse` in libpq's `fe-connect.c` does. A value that begins with
 * a quote ends with the next one, even if no blank follows; other quotes are part of a value.
 *
 * Source: PostgreSQL manual, libpq, "Keyword/Value Connection Strings".
 */
import { UsageError } from "../errors.ts";
import { canonicalName, keyOfAlias } from "./aliases.ts";
import type { AllowedKeys } from "./allowed_keys.ts";
import { isBlank } from "./option_values.ts";
import { refusePlaceholder } from "./foreign_strings.ts";
import { applyKeywords, isLibpqKey } from "./keywords.ts";
import type { Settings } from "./settings.ts";

/** Parses a keyword/value string. An empty value is set, as in libpq: the environment does not replace it. */
export function parseDsn(text: string, allowed?: AllowedKeys): Settings {
  if (hasSemicolons(text)) throw malformed(`pairs must be separated by spaces, not ";"${keysInstead(text)}`);
  const pairs: [key: string, value: string][] = [];
  for (let at = skipBlanks(text, 0); at < text.length;) {
    const { key, next } = readKey(text, at);
    const start = skipBlanks(text, next);
    const { value, end } = text[start] === "'" ? readQuoted(text, start + 1) : readBare(text, start);
    if (start > next && text[start] !== "'") refuseForgotten(key, value);
    if (key === "password") refusePlaceholder(value);
    pairs.push([key, value]);
    at = skipBlanks(text, end);
  }
  return applyKeywords({}, pairs, allowed);
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text[at])) at++;
  return at;
}

/** Reads a keyword and the `=` behind it. */
function readKey(text: string, at: number): { key: string; next: number } {
  const [pair, key] = KEY.exec(text.slice(at)) ?? [];
  if (pair !== undefined) return { key: key!, next: at + pair.length };
  // Text further on may be part of a password.
  const name = at === skipBlanks(text, 0) ? /^([A-Za-z_]\w*(?:[ -]\w+)+)\s*=/.exec(text.slice(at))?.[1] : undefined;
  const right = name === undefined ? undefined : canonicalName(name, "key");
  if (right !== undefined) throw new UsageError(`Cannot use key ${JSON.stringify(name)}: ${right}`);
  throw malformed("it must be keyword=value pairs separated by spaces");
}

/** Reads a value in quotes; `from` is behind the first one. */
function readQuoted(text: string, from: number): { value: string; end: number } {
  let value = "";
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") return { value, end: at + 1 };
    if (text[at] === "\\") at++;
    value += text[at] ?? "";
  }
  throw malformed("it must be keyword=value pairs separated by spaces, and a quote is not closed");
}

/** Reads a value up to the next blank. A backslash at the end of the string is dropped. */
function readBare(text: string, from: number): { value: string; end: number } {
  let value = "";
  let at = from;
  for (; at < text.length && !isBlank(text[at]); at++) {
    if (text[at] === "\\") at++;
    value += text[at] ?? "";
  }
  return { value, end: Math.min(at, text.length) };
}

/**
 * Blanks may stand behind `=`, so libpq reads `user= password=x` as a user named `password=x`. Such a value
 * was forgotten, as by an empty variable of a shell, and what follows may be a secret.
 */
function refuseForgotten(key: string, value: string): void {
  const equals = value.indexOf("=");
  if (equals > 0 && isLibpqKey(value.slice(0, equals))) {
    throw malformed(`${key} has no value; an empty value must be ''`);
  }
}

/**
 * Whether pairs are separated by semicolons, as in ADO.NET and ODBC. In quotes, and without a name and
 * `=` behind it, a semicolon is part of a value: `password=a;b host=c` is a libpq string.
 */
function hasSemicolons(text: string): boolean {
  const bare = text.replace(/=\s*'(?:[^'\\]|\\.)*'|\\./gs, "=");
  return Array.from(bare.matchAll(/;\s*([A-Za-z_][\w .-]*)=/g), ([, name]) => name!.trim())
    .some((name) => !name.includes(" ") || canonicalName(name, "key") !== undefined);
}

/** The keys to write for those of a string with semicolons. Only known names are shown, since others may be secrets. */
function keysInstead(text: string): string {
  const names = text.split(";").map((pair) => pair.split("=")[0]!.trim());
  const changes = names.flatMap((name) => {
    const key = keyOfAlias(name);
    return key === undefined ? [] : [`${key} for ${JSON.stringify(name)}`];
  });
  return changes.length === 0 ? "" : `, with libpq's keys: ${[...new Set(changes)].join(", ")}`;
}

function malformed(problem: string): UsageError {
  return new UsageError(
    `Cannot read the connection string: ${problem}; values with spaces or semicolons go in single quotes, ` +
      "and quotes and backslashes are escaped with a backslash",
  );
}

const KEY = /^([A-Za-z_][\w.$]*)[ \t\n\v\f\r]*=/;
