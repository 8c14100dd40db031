/**
 * Parses the value of `unix_socket_directories`, which may have any length: it is read once, from its
 * beginning, up to the maximum number of entries.
 *
 * Source: PostgreSQL manual, "Connections and Authentication"; it is a list like `search_path`, in which
 * names keep their case.
 */

/** The first entries, which are separated by commas, and may be quoted. */
export function parseDirectories(setting: string): string[] {
  const entries: string[] = [];
  for (let at = 0; at < setting.length && entries.length < MAX_DIRECTORIES;) {
    while (BLANKS.includes(setting[at] ?? "x")) at++;
    const isQuoted = setting[at] === '"';
    const end = isQuoted ? closingQuote(setting, at + 1) : elementEnd(setting, at);
    const entry = isQuoted ? setting.slice(at + 1, end).replaceAll('""', '"') : setting.slice(at, end).trimEnd();
    if (entry !== "") entries.push(entry);
    at = elementEnd(setting, end) + 1;
  }
  return entries;
}

/** The position of the closing quote. A doubled quote is part of the name. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at;
  }
  return text.length;
}

/** The position of the next comma. */
function elementEnd(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma < 0 ? text.length : comma;
}

/** The number of sockets on which PostgreSQL can listen. */
const MAX_DIRECTORIES = 64;
/** The server's white space. */
const BLANKS = " \t\n\r\f\v";
