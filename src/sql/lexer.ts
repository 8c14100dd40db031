/**
 * The lexical structure of SQL: where literals, names, comments and statements begin and end.
 *
 * Reading a token takes time in proportion to its length and no memory, whatever the text. An unclosed
 * token reaches to the end of the text. Code units above 127 are letters, as bytes above 127 are for
 * the server.
 *
 * Source: PostgreSQL manual, "Lexical Structure".
 */

/** The kinds of tokens. */
export const TokenKind = {
  Space: 0,
  Comment: 1,
  /** A keyword, or a name without quotes. */
  Word: 2,
  /** A name in quotes. */
  QuotedName: 3,
  /** A string constant of any kind, with all lines that continue it. */
  String: 4,
  Number: 5,
  /** `$1`. */
  Parameter: 6,
  /** Any other character: punctuation, a part of an operator. */
  Symbol: 7,
} as const;

/** One of {@linkcode TokenKind}. */
export type TokenKind = typeof TokenKind[keyof typeof TokenKind];

/** Reads tokens, one after the other. */
export class Lexer {
  readonly text: string;
  /** The kind of the current token. */
  kind: TokenKind = TokenKind.Space;
  /** Where the current token begins. */
  start = 0;
  /** Where the current token ends. */
  end = 0;
  readonly #backslashes: boolean;

  /** `backslashes`: whether `'…'` has escapes, as with `standard_conforming_strings = off`. */
  constructor(text: string, backslashes: boolean = false) {
    this.text = text;
    this.#backslashes = backslashes;
  }

  /** Goes to the next token; false at the end. */
  next(): boolean {
    const { text } = this;
    const at = this.start = this.end;
    if (at >= text.length) return false;
    const code = text.charCodeAt(at);
    if (isSpace(code)) this.#token(TokenKind.Space, spaceEnd(text, at + 1));
    else if (isLetter(code)) this.#word(at, code);
    else if (isDigit(code)) this.#token(TokenKind.Number, numberEnd(text, at));
    else this.#other(at, code);
    return true;
  }

  /** Goes to the next token that is neither white space nor a comment; false at the end. */
  nextSolid(): boolean {
    while (this.next()) if (this.kind > TokenKind.Comment) return true;
    return false;
  }

  /** Whether the current token is this character. */
  isSymbol(character: string): boolean {
    return this.kind === TokenKind.Symbol && this.text[this.start] === character;
  }

  /** The current token in capitals if it can be a keyword, "" otherwise. */
  get keyword(): string {
    if (this.kind !== TokenKind.Word || this.end - this.start > LONGEST_KEYWORD) return "";
    const word = this.text.slice(this.start, this.end);
    // Some letters that are not ASCII have capitals that are.
    return KEYWORD.test(word) ? word.toUpperCase() : "";
  }

  #token(kind: TokenKind, end: number): void {
    this.kind = kind;
    this.end = end;
  }

  #word(at: number, first: number): void {
    const { text } = this;
    const end = wordEnd(text, at + 1);
    const quote = text.charCodeAt(end);
    if (end === at + 1) {
      const letter = first | LOWER_CASE;
      if (quote === QUOTE && letter === SMALL_E) return this.#token(TokenKind.String, stringEnd(text, end + 1, true));
      if (quote === QUOTE && (letter === SMALL_B || letter === SMALL_X)) {
        return this.#token(TokenKind.String, stringEnd(text, end + 1, false));
      }
      if (quote === QUOTE && letter === SMALL_N) {
        return this.#token(TokenKind.String, stringEnd(text, end + 1, this.#backslashes));
      }
      if (quote === AMPERSAND && letter === SMALL_U) {
        const next = text.charCodeAt(end + 1);
        if (next === QUOTE) return this.#token(TokenKind.String, stringEnd(text, end + 2, false));
        if (next === DOUBLE_QUOTE) return this.#token(TokenKind.QuotedName, nameEnd(text, end + 2));
      }
    }
    this.#token(TokenKind.Word, end);
  }

  #other(at: number, code: number): void {
    const { text } = this;
    const next = text.charCodeAt(at + 1);
    if (code === QUOTE) this.#token(TokenKind.String, stringEnd(text, at + 1, this.#backslashes));
    else if (code === DOUBLE_QUOTE) this.#token(TokenKind.QuotedName, nameEnd(text, at + 1));
    else if (code === DASH && next === DASH) this.#token(TokenKind.Comment, lineEnd(text, at + 2));
    else if (code === SLASH && next === STAR) this.#token(TokenKind.Comment, commentEnd(text, at));
    else if (code === DOLLAR) this.#dollar(at, next);
    // Two dots are a range, not part of a number.
    else if (code === DOT && isDigit(next) && text.charCodeAt(at - 1) !== DOT) {
      this.#token(TokenKind.Number, numberEnd(text, at));
    } else this.#token(TokenKind.Symbol, at + 1);
  }

  /** A parameter, a string between tags, or an operator. */
  #dollar(at: number, next: number): void {
    const { text } = this;
    if (isDigit(next)) return this.#token(TokenKind.Parameter, digitsEnd(text, at + 1));
    let opened = at + 1;
    if (isLetter(next)) {
      do opened++; while (isLetter(text.charCodeAt(opened)) || isDigit(text.charCodeAt(opened)));
    }
    if (text.charCodeAt(opened) !== DOLLAR) return this.#token(TokenKind.Symbol, at + 1);
    const tag = text.slice(at, opened + 1);
    const closing = text.indexOf(tag, opened + 1);
    this.#token(TokenKind.String, closing < 0 ? text.length : closing + tag.length);
  }
}

function spaceEnd(text: string, at: number): number {
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

function wordEnd(text: string, at: number): number {
  for (;; at++) {
    const code = text.charCodeAt(at);
    if (!isLetter(code) && !isDigit(code) && code !== DOLLAR) return at;
  }
}

function digitsEnd(text: string, at: number): number {
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function numberEnd(text: string, at: number): number {
  NUMBER.lastIndex = at;
  return NUMBER.test(text) ? NUMBER.lastIndex : at + 1;
}

function lineEnd(text: string, at: number): number {
  for (; at < text.length; at++) if (isNewline(text.charCodeAt(at))) return at;
  return at;
}

/** Comments nest. */
function commentEnd(text: string, at: number): number {
  let depth = 1;
  for (let i = at + 2; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === STAR && text.charCodeAt(i + 1) === SLASH) {
      i++;
      if (--depth === 0) return i + 1;
    } else if (code === SLASH && text.charCodeAt(i + 1) === STAR) {
      i++;
      depth++;
    }
  }
  return text.length;
}

/** The position behind the quote that closes a name. A doubled quote is part of the name. */
function nameEnd(text: string, at: number): number {
  for (let end = text.indexOf('"', at); end >= 0; end = text.indexOf('"', end + 2)) {
    if (text.charCodeAt(end + 1) !== DOUBLE_QUOTE) return end + 1;
  }
  return text.length;
}

/** The position behind the quote that closes a string, continuations in other lines included. */
function stringEnd(text: string, at: number, backslashes: boolean): number {
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH && backslashes) i++;
    else if (code === QUOTE) {
      if (text.charCodeAt(i + 1) === QUOTE) i++;
      else {
        const next = continuation(text, i + 1);
        if (next < 0) return i + 1;
        i = next;
      }
    }
  }
  return text.length;
}

/** Where a string continues: at a quote in another line, with only white space and line comments before it. */
function continuation(text: string, at: number): number {
  let isOtherLine = false;
  for (let i = at; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isNewline(code)) isOtherLine = true;
    else if (code === DASH && text.charCodeAt(i + 1) === DASH) i = lineEnd(text, i + 2) - 1;
    else if (!isSpace(code)) return code === QUOTE && isOtherLine ? i : -1;
  }
  return -1;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}

function isNewline(code: number): boolean {
  return code === 0x0a || code === 0x0d;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  const lower = code | LOWER_CASE;
  return (lower >= 0x61 && lower <= 0x7a) || code === 0x5f || code >= 0x80;
}

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const AMPERSAND = 0x26;
const STAR = 0x2a;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const SMALL_B = 0x62;
const SMALL_E = 0x65;
const SMALL_N = 0x6e;
const SMALL_U = 0x75;
const SMALL_X = 0x78;
/** The bit that makes an ASCII letter lower case. */
const LOWER_CASE = 0x20;
const NUMBER = /0[xXoObB]_?[0-9A-Fa-f_]+|(?:\d[\d_]*(?:\.(?!\.)[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?/y;
const KEYWORD = /^[A-Za-z_]+$/;
/** No keyword is longer. */
const LONGEST_KEYWORD = 32;
