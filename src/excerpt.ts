/**
 * Where in its SQL text an error is: the line, and a caret below the place, as psql shows it.
 *
 * Source: PostgreSQL manual, "Error and Notice Message Fields": a position counts characters, from 1.
 */
import { printable } from "./printed.ts";
import { columnsOf } from "./text_width.ts";

/** The line at that position with a caret below; undefined if the text has no such position. */
export function excerptOf(sql: string, position: number): string | undefined {
  const at = indexOfPosition(sql, position);
  if (at === undefined) return undefined;
  const lines = sql.slice(0, at).split(LINE_BREAK);
  const [rest = ""] = sql.slice(at).split(LINE_BREAK, 1);
  const before = lastColumns(shown(lines.at(-1)!), BEFORE);
  const label = `LINE ${lines.length}: `;
  const line = `${label}${before}${firstColumns(shown(rest), AFTER)}`.trimEnd();
  return `${line}\n${" ".repeat(label.length + columnsOf(before))}^`;
}

/** The index of a character; the one behind the last is allowed, where the server expected more. */
export function indexOfPosition(sql: string, position: number): number | undefined {
  if (position < 1) return undefined;
  let at = 0;
  for (let number = 1; number < position; number++) {
    const code = sql.codePointAt(at);
    if (code === undefined) return undefined;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

function shown(text: string): string {
  return printable(text).replaceAll("\t", " ");
}

function firstColumns(text: string, most: number): string {
  let kept = "";
  let columns = 0;
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > most) return `${kept}…`;
    kept += character;
  }
  return kept;
}

function lastColumns(text: string, most: number): string {
  let kept = "";
  let columns = 0;
  for (const character of Array.from(text).reverse()) {
    columns += columnsOf(character);
    if (columns > most) return `…${kept}`;
    kept = character + kept;
  }
  return kept;
}

const LINE_BREAK = /\r\n|\r|\n/;
/** How many columns of a long line are shown on each side of the place. */
const BEFORE = 50;
const AFTER = 30;
