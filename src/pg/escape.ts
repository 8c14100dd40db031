/**
 * Quotes names and texts for SQL text, as pg does.
 *
 * Source: PostgreSQL manual, "Lexical Structure", sections "Identifiers and Key Words" and "String Constants".
 */

/**
 * A name in double quotes.
 *
 * @example
 * ```ts
 * import { escapeIdentifier } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * assert.equal(escapeIdentifier('my "table"'), '"my ""table"""');
 * ```
 */
export function escapeIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * A text as a literal; `''` for what is no string. With a backslash in the text, it begins with a blank and `E`.
 *
 * @example
 * ```ts
 * import { escapeLiteral } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * assert.equal(escapeLiteral("it's"), "'it''s'");
 * assert.equal(escapeLiteral("a\\b"), " E'a\\\\b'");
 * ```
 */
export function escapeLiteral(text: string): string {
  if (typeof text !== "string") return "''";
  const quoted = `'${text.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return text.includes("\\") ? ` E${quoted}` : quoted;
}
