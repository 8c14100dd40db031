/**
 * SQL without the values that are written in it, for logs and traces: each literal becomes `?`, and
 * comments, in which anything may stand, become a space.
 *
 * Strings are read as with `standard_conforming_strings = on`, the default.
 *
 * Source: PostgreSQL manual, "Lexical Structure".
 */

/** The text with `?` for each literal. Parameters (`$1`), names and keywords stay. What is not closed is a literal to the end. */
export function redactedSql(sql: string): string {
  let redacted = "";
  let at = 0;
  while (at < sql.length) {
    const { end, text } = token(sql, at);
    redacted += text ?? sql.slice(at, end);
    at = end;
  }
  return redacted.trim();
}

/** Where a token ends, and what stands for it; itself if nothing does. */
interface Token {
  readonly end: number;
  readonly text?: string;
}

function token(sql: string, at: number): Token {
  const first = sql[at]!;
  if (first === "'") return { end: stringEnd(sql, at + 1), text: LITERAL };
  if (first === '"') return { end: closed(sql, '"', at + 1) };
  if (first === "-" && sql[at + 1] === "-") return { end: matched(LINE, sql, at), text: " " };
  if (first === "/" && sql[at + 1] === "*") return { end: commentEnd(sql, at), text: " " };
  if (first === "$") return dollar(sql, at);
  const word = matched(WORD, sql, at);
  if (word > at) return prefixed(sql, at, word);
  if (first === "." && sql[at + 1] === ".") return { end: at + 2 };
  const number = matched(NUMBER, sql, at);
  if (number > at) return { end: number, text: LITERAL };
  return { end: Math.max(matched(OTHER, sql, at), at + 1) };
}

/** A word, or a literal that begins with one: E'', B'', X'', N'', U&''. */
function prefixed(sql: string, at: number, end: number): Token {
  const word = sql.slice(at, end).toUpperCase();
  if (sql[end] === "'") {
    if (word === "E") return { end: escapedEnd(sql, end + 1), text: LITERAL };
    if (word === "B" || word === "X" || word === "N") return { end: stringEnd(sql, end + 1), text: LITERAL };
  }
  if (word === "U" && sql.startsWith("&'", end)) return { end: stringEnd(sql, end + 2), text: LITERAL };
  return { end };
}

/** A parameter, a dollar-quoted string, or an operator. */
function dollar(sql: string, at: number): Token {
  const parameter = matched(PARAMETER, sql, at);
  if (parameter > at) return { end: parameter };
  const opened = matched(TAG, sql, at);
  if (opened === at) return { end: at + 1 };
  const tag = sql.slice(at, opened);
  const closing = sql.indexOf(tag, opened);
  return { end: closing < 0 ? sql.length : closing + tag.length, text: LITERAL };
}

/** The end of a string whose quote is open; it may go on in another line. */
function stringEnd(sql: string, at: number): number {
  for (;;) {
    const end = closed(sql, "'", at);
    at = matched(CONTINUATION, sql, end);
    if (at === end) return end;
  }
}

/** The same for a string with backslashes. */
function escapedEnd(sql: string, at: number): number {
  for (let i = at; i < sql.length; i++) {
    if (sql[i] === "\\") i++;
    else if (sql[i] === "'") {
      const next = sql[i + 1] === "'" ? i + 2 : matched(CONTINUATION, sql, i + 1);
      if (next === i + 1) return next;
      i = next - 1;
    }
  }
  return sql.length;
}

/** Behind the quote that closes what is open; doubled it is a part of it. */
function closed(sql: string, quote: string, at: number): number {
  for (let end = sql.indexOf(quote, at); end >= 0; end = sql.indexOf(quote, end + 2)) {
    if (sql[end + 1] !== quote) return end + 1;
  }
  return sql.length;
}

/** Comments nest. */
function commentEnd(sql: string, at: number): number {
  let depth = 0;
  BOUNDARY.lastIndex = at;
  for (let found = BOUNDARY.exec(sql); found !== null; found = BOUNDARY.exec(sql)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return BOUNDARY.lastIndex;
  }
  return sql.length;
}

/** Where a match that begins there ends; there, if there is none. */
function matched(pattern: RegExp, sql: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(sql) ? pattern.lastIndex : at;
}

const LITERAL = "?";
const WORD = /[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*/y;
const NUMBER = /0[xXoObB]_?[0-9A-Fa-f_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y;
const PARAMETER = /\$\d+/y;
const TAG = /\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$/y;
const LINE = /--[^\r\n]*/y;
const BOUNDARY = /\/\*|\*\//g;
/** Another quote in another line, possibly behind comments, goes on with the string. */
const CONTINUATION = /[ \t\f\v]*(?:--[^\r\n]*)?[\r\n](?:\s|--[^\r\n]*[\r\n])*'/y;
/** What begins nothing. */
const OTHER = /[^'"$\w.\-/\x80-\uffff]+/y;
