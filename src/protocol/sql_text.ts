/** What can be told of SQL by its words, without reading it as the server does: suspicion, not knowledge. */

/**
 * Whether a string may contain a COPY. Nothing may be pipelined behind one: the server takes what
 * follows a COPY FROM STDIN for its data, and gives the connection up.
 */
export function couldCopy(sql: string): boolean {
  return /copy/i.test(sql);
}

/** What a string may do to what is known of types: change them, or end the transaction in which they were changed. */
export function effectOnTypes(sql: string): "alter" | "end" | "none" {
  const word = /\b(?:alter|commit|end|rollback|abort)\b/i.exec(sql)?.[0].toLowerCase();
  return word === undefined ? "none" : word === "alter" || /\balter\b/i.test(sql) ? "alter" : "end";
}

/** What a string may do to prepared statements: drop them all, or make their strings mean something else. */
export function effectOnStatements(sql: string): "drop" | "change" | "none" {
  if (!/\b(?:all|search_path|create|alter|drop)\b/i.test(sql)) return "none";
  if (/\b(?:discard|deallocate(?:\s+prepare)?)\s+all\b/i.test(sql)) return "drop";
  return /\b(?:search_path|create|alter|drop)\b/i.test(sql) ? "change" : "none";
}

/** Whether the only statement of a string is COPY: in the extended protocol, then, and nowhere else. */
export function isCopy(sql: string): boolean {
  return /^copy\b/i.test(sql.slice(beginOf(sql)));
}

/** Where the first word is, behind white space and comments, of which those in the style of C nest. */
function beginOf(sql: string): number {
  for (let at = 0;;) {
    const rest = sql.slice(at);
    const space = /^(?:\s+|--[^\n\r]*)/.exec(rest)?.[0].length ?? commentLength(rest);
    if (space === 0) return at;
    at += space;
  }
}

function commentLength(sql: string): number {
  if (!sql.startsWith("/*")) return 0;
  let depth = 0;
  for (const { 0: mark, index } of sql.matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return sql.length;
}
