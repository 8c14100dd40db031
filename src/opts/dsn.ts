/**
 * libpq's keyword/value strings: `host=/run/postgresql dbname='my db'`.
 *
 * Source: PostgreSQL manual, libpq, "Keyword/Value Connection Strings".
 */
import { UsageError } from "../errors.ts";
import { applyKeyword } from "./keywords.ts";
import type { Settings } from "./settings.ts";

/** What a keyword/value string sets. Empty values set nothing, as in libpq. */
export function parseDsn(text: string): Settings {
  let settings: Settings = {};
  let rest = text.trimStart();
  while (rest !== "") {
    const pair = /^([A-Za-z_][\w.$]*)\s*=\s*('(?:[^'\\]|\\.)*'(?=\s|$)|(?!')(?:[^\s\\]|\\.)*(?=\s|$))/s.exec(rest);
    if (!pair) {
      // What stands there may be a piece of a password.
      throw new UsageError(
        "Cannot read the connection string: it is not keyword=value pairs separated by spaces; " +
          "values with spaces go in single quotes, and quotes and backslashes are escaped with a backslash",
      );
    }
    const raw = pair[2]!;
    const value = (raw.startsWith("'") ? raw.slice(1, -1) : raw).replace(/\\(.)/gs, "$1");
    if (value !== "") settings = applyKeyword(settings, pair[1]!, value);
    rest = rest.slice(pair[0].length).trimStart();
  }
  return settings;
}
