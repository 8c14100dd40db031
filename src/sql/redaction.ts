/**
 * SQL without its literal values, for logs and traces: each literal becomes `?`, and each comment a
 * space, since it may contain anything.
 *
 * Strings are read as with `standard_conforming_strings = on`, the default.
 */
import { Lexer, TokenKind } from "./lexer.ts";

/**
 * The text with `?` for each literal. Parameters (`$1`), names and keywords stay. An unclosed token is
 * a literal to the end of the text.
 */
export function redactedSql(sql: string): string {
  const lexer = new Lexer(sql);
  let redacted = "";
  let kept = 0;
  while (lexer.next()) {
    const { kind, start, end } = lexer;
    const isLiteral = kind === TokenKind.String || kind === TokenKind.Number;
    if (!isLiteral && kind !== TokenKind.Comment) continue;
    redacted += sql.slice(kept, start) + (isLiteral ? "?" : " ");
    kept = end;
  }
  return (redacted + sql.slice(kept)).trim();
}
