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
