/**
 * Reads the text of arrays.
 *
 * Source: PostgreSQL manual, "Arrays", input and output syntax.
 */
import type { TextParser } from "../codecs/column_codecs.ts";

/** A parser of arrays whose elements `parse` reads; NULL is null, and lower bounds are dropped. */
export function arrayParser(parse: TextParser): (text: string) => unknown[] {
  return (text) => readArray(text, parse);
}

function readArray(text: string, parse: TextParser): unknown[] {
  const outer: unknown[][] = [];
  let array: unknown[] | undefined;
  // Lower bounds other than 1 come first, as in [0:1]={1,2}.
  for (let at = text.indexOf("{"); at >= 0 && at < text.length;) {
    const code = text.charCodeAt(at);
    if (code === OPEN) {
      const inner: unknown[] = [];
      array?.push(inner);
      if (array !== undefined) outer.push(array);
      array = inner;
      at++;
    } else if (code === CLOSE) {
      const parent = outer.pop();
      if (parent === undefined) return array!;
      array = parent;
      at++;
    } else if (code === COMMA) {
      at++;
    } else if (code === QUOTE) {
      const end = endOfQuoted(text, at + 1);
      const element = text.slice(at + 1, end);
      array!.push(parse(element.includes("\\") ? element.replace(/\\(.)/gs, "$1") : element));
      at = end + 1;
    } else {
      const end = endOfPlain(text, at);
      const element = text.slice(at, end);
      array!.push(element === "NULL" ? null : parse(element));
      at = end;
    }
  }
  throw new SyntaxError("Cannot read an array: its text has no end");
}

/** Where the quote is that ends an element. */
function endOfQuoted(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

/** Where an element without quotes ends. */
function endOfPlain(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COMMA || code === CLOSE) return at;
  }
  return text.length;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
