/**
 * Finds literals such as `'today'`. The server computes their value when it parses a statement, and a prepared statement
 * keeps it: the next day, that is yesterday.
 *
 * Source: PostgreSQL manual, "Date/Time Types", section "Special Values".
 */
import { Lexer, TokenKind } from "./lexer.ts";

/** Whether a text has a string that may stand for a time which is relative to that of parsing. */
export function hasRelativeLiteral(sql: string): boolean {
  if (!RELATIVE.test(sql)) return false;
  const lexer = new Lexer(sql);
  while (lexer.next()) {
    if (lexer.kind !== TokenKind.String || lexer.end - lexer.start > MAX_LENGTH) continue;
    if (RELATIVE.test(sql.slice(lexer.start, lexer.end))) return true;
  }
  return false;
}

const RELATIVE = /\b(?:now|today|tomorrow|yesterday)\b/i;
/** Longer strings are prose. The longest times have a time zone, and may be in an array or a range. */
const MAX_LENGTH = 200;
