/**
 * The value of `unix_socket_directories`, which a server may have made as long as it likes: it is read
 * once, from its beginning, and no further than the entries that are worth trying.
 *
 * Source: PostgreSQL manual, "Connections and Authentication"; it is a list as `search_path` is, in which
 * names keep their case.
 */

/** The first entries: separated by commas, quoted where need be. */
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

/** Where the quote is that closes what is open; doubled it is a part of it. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2)) {
    if (text[at + 1] !== '"') return at;
  }
  return text.length;
}

/** Where the next comma is. */
function elementEnd(text: string, from: number): number {
  const comma = text.indexOf(",", from);
  return comma < 0 ? text.length : comma;
}

/** PostgreSQL itself can listen on so many sockets. */
const MAX_DIRECTORIES = 64;
/** What the server takes for blank. */
const BLANKS = " \t\n\r\f\v";
