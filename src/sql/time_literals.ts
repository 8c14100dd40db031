/**
 * Finds literals that are times. The server computes their value when it parses a statement, and a prepared statement
 * keeps it: the next day, its `'today'` is yesterday, and in another time zone `'12:00'` is another time.
 *
 * Source: PostgreSQL manual, "Date/Time Types", section "Special Values".
 */
import { Lexer, TokenKind } from "./lexer.ts";

/** Whether a text has a string that may stand for a time which is relative to that of parsing. */
export function hasRelativeLiteral(sql: string): boolean {
  return hasLiteral(sql, RELATIVE);
}

/** Whether a text has a string that may be a time. */
export function hasTimeLiteral(sql: string): boolean {
  return hasLiteral(sql, DIGIT);
}

function hasLiteral(sql: string, pattern: RegExp): boolean {
  if (!QUOTE.test(sql) || !pattern.test(sql)) return false;
  const lexer = new Lexer(sql);
  while (lexer.next()) {
    if (lexer.kind !== TokenKind.String || lexer.end - lexer.start > MAX_LENGTH) continue;
    if (pattern.test(sql.slice(lexer.start, lexer.end))) return true;
  }
  return false;
}

const QUOTE = /'|\$[A-Za-z_]*\$/;
const RELATIVE = /\b(?:now|today|tomorrow|yesterday)\b/i;
const DIGIT = /\d/;
/** Longer strings are prose. The longest times have a time zone, and may be in an array or a range. */
const MAX_LENGTH = 200;
