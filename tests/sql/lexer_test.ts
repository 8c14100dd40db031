/** The lexer against one of another build. */
import assert from "node:assert/strict";
import { Lexer, TokenKind } from "../../src/sql/lexer.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const { Space, Comment, Word, QuotedName, String: Text, Number, Parameter, Symbol } = TokenKind;

interface Piece {
  readonly kind: TokenKind;
  readonly text: string;
}

function tokens(sql: string, backslashes = false): Piece[] {
  const lexer = new Lexer(sql, backslashes);
  const found: Piece[] = [];
  while (lexer.next()) found.push({ kind: lexer.kind, text: sql.slice(lexer.start, lexer.end) });
  return found;
}

/** The same by patterns, tried one after the other: slow, and plain to see. */
const PATTERNS: readonly (readonly [kind: TokenKind, pattern: RegExp])[] = [
  [Space, /^[ \t\n\r\f\v]+/],
  [Comment, /^--[^\n\r]*/],
  [Text, /^[eE]'(?:[^'\\]|''|\\[^]|'[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*')*(?:'|\\?$)/],
  [
    Text,
    /^(?:[bBxXnN]|[uU]&)?'(?:[^']|''|'[ \t\f\v]*(?:--[^\n\r]*)?[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*')*(?:'|$)/,
  ],
  [Text, /^(\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[^]*?(?:\1|$)/],
  [QuotedName, /^(?:[uU]&)?"(?:[^"]|"")*(?:"|$)/],
  [Parameter, /^\$\d+/],
  [Word, /^[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/],
  [Symbol, /^\.(?=\.)/],
  [Number, /^(?:0[xXoObB]_?[0-9A-Fa-f_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|(?<!\.)\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/],
  [Symbol, /^[^]/],
];

function modelTokens(sql: string): Piece[] {
  const found: Piece[] = [];
  for (let at = 0; at < sql.length;) {
    const rest = sql.slice(at);
    let token: Piece | undefined;
    if (rest.startsWith("/*")) token = { kind: Comment, text: nested(rest) };
    for (const [kind, pattern] of PATTERNS) {
      if (token !== undefined) break;
      // What comes before decides whether a dot begins a number.
      if (kind === Number && rest[0] === "." && sql[at - 1] === ".") continue;
      const match = pattern.exec(rest)?.[0];
      if (match !== undefined && match !== "") token = { kind, text: match };
    }
    found.push(token!);
    at += token!.text.length;
  }
  return found;
}

function nested(text: string): string {
  let depth = 0;
  for (const { 0: mark, index } of text.matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return text.slice(0, index + 2);
  }
  return text;
}

test("lexer: any heap of characters is read as by patterns", () => {
  const random = new Random(5);
  const scraps = [
    "'",
    "''",
    '"',
    "$",
    "$$",
    "$a$",
    "$1",
    "\\",
    "-",
    "--",
    "/*",
    "*/",
    "/",
    "*",
    "\n",
    "\r",
    " ",
    "\t",
    "E",
    "e'",
    "U&",
    "&",
    "x",
    "N'",
    "copy",
    "é",
    "_",
    "1",
    ".",
    "..",
    "0x",
    "e5",
    ";",
    "(",
    ")",
    "a",
  ];
  for (let round = 0; round < 20_000; round++) {
    const sql = Array.from({ length: random.below(14) }, () => random.pick(scraps)).join("");
    assert.deepEqual(tokens(sql), modelTokens(sql), JSON.stringify(sql));
  }
});

test("lexer: strings with backslashes, where these are escapes", () => {
  assert.deepEqual(tokens("'a\\'b' 'c'", true).map(({ text }) => text), ["'a\\'b'", " ", "'c'"]);
  assert.deepEqual(tokens("N'a\\'b'", true).map(({ text }) => text), ["N'a\\'b'"]);
  assert.deepEqual(tokens("'a\\'b", false).map(({ text }) => text), ["'a\\'", "b"]);
});
