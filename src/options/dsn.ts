/**
 * libpq's keyword/value strings: `host=/run/postgresql dbname='my db'`.
 *
 * Source: PostgreSQL manual, libpq, "Keyword/Value Connection Strings".
 */
import { UsageError } from "../errors.ts";
import { applyKeyword } from "./keywords.ts";
import { canonicalName } from "./aliases.ts";
import type { Settings } from "./settings.ts";

/** Parses a keyword/value string. Empty values set nothing, as in libpq. */
export function parseDsn(text: string): Settings {
  if (hasSemicolons(text)) throw malformed('pairs must be separated by spaces, not ";"');
  let settings: Settings = {};
  for (let at = 0; at < text.length; at = PAIR.lastIndex) {
    PAIR.lastIndex = at;
    const pair = PAIR.exec(text);
    if (pair === null) {
      // Text further on may be part of a password.
      const name = at === 0 ? /^\s*([A-Za-z_]\w*(?:[ -]\w+)+)\s*=/.exec(text)?.[1] : undefined;
      const right = name === undefined ? undefined : canonicalName(name, "key");
      if (right !== undefined) throw new UsageError(`Cannot use key ${JSON.stringify(name)}: ${right}`);
      throw malformed("it must be keyword=value pairs separated by spaces");
    }
    const raw = pair[2]!;
    const value = (raw.startsWith("'") ? raw.slice(1, -1) : raw).replace(/\\(.)/gs, "$1");
    if (value !== "") settings = applyKeyword(settings, pair[1]!, value);
  }
  return settings;
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

function malformed(problem: string): UsageError {
  return new UsageError(
    `Cannot read the connection string: ${problem}; values with spaces or semicolons go in single quotes, ` +
      "and quotes and backslashes are escaped with a backslash",
  );
}

const PAIR = /\s*([A-Za-z_][\w.$]*)\s*=\s*('(?:[^'\\]|\\.)*'(?=\s|$)|(?!')(?:[^\s\\]|\\.)*(?=\s|$))\s*/sy;
