/**
 * tsvector and tsquery, as the text that the server prints.
 *
 * That text has one form per value, so it is made from the binary format too; no structure of
 * JavaScript's own would say more.
 *
 * Source: PostgreSQL manual, "Text Search Types". The binary formats are those of `tsvectorsend`
 * (count; then of each lexeme its text and a zero byte, how many positions, and the positions with
 * their weight in the two highest bits) and `tsquerysend` (count; then operators and operands in
 * prefix order, the right side of an operator before the left).
 */
import type { Bytes, ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec } from "./codec.ts";
import { ANY_TEXT, printed } from "./text.ts";

/** tsvector as its text: `'a':1A,2 'b'`. */
export const tsvector: Codec = printed("tsvector", ANY_TEXT, decodeVector);

/** tsquery as its text: `'a':* & !( 'b' | 'c' )`. */
export const tsquery: Codec = printed("tsquery", ANY_TEXT, decodeQuery);

function decodeVector({ bytes, view }: ByteSource, start: number, end: number): string {
  let at = start + 4;
  let text = "";
  // Counted down, so that a false count costs no more than the bytes that are there.
  for (let left = countOf(view, start, end); left > 0; left--) {
    const stop = endOfText(bytes, at, end);
    if (stop + 3 > end) throw cutShort();
    if (text !== "") text += " ";
    text += quoted(bytes.utf8Slice(at, stop));
    const positions = view.getUint16(stop + 1);
    at = stop + 3;
    if (at + 2 * positions > end) throw cutShort();
    for (let i = 0; i < positions; i++, at += 2) {
      const position = view.getUint16(at);
      text += `${i === 0 ? ":" : ","}${position & 0x3fff}${POSITION_WEIGHTS[position >> 14]!}`;
    }
  }
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return text;
}

/** A part of a query, and how tightly it is bound: what its parentheses depend on. */
interface Term {
  readonly text: string;
  readonly priority: number;
}

/** An operator that waits for its operands, of which the right one comes first. */
interface Operator {
  /** How it is printed, with its spaces. */
  readonly symbol: string;
  readonly priority: number;
  right?: Term;
}

function decodeQuery({ bytes, view }: ByteSource, start: number, end: number): string {
  let at = start + 4;
  // Not recursive: how deep a query is nested is up to who wrote it.
  const open: Operator[] = [];
  let whole: Term | undefined;
  for (let left = countOf(view, start, end); left > 0; left--) {
    if (whole !== undefined) throw new BadValue("it goes on behind its last operand");
    if (at + 2 > end) throw cutShort();
    const kind = bytes[at]!;
    if (kind === OPERATOR) {
      const operator = bytes[at + 1]!;
      at += 2;
      if (operator === PHRASE) {
        if (at + 2 > end) throw cutShort();
        open.push({ symbol: phraseSymbol(view.getInt16(at)), priority: PHRASE_PRIORITY });
        at += 2;
        continue;
      }
      const fixed = OPERATORS[operator];
      if (fixed === undefined) throw new BadValue(`${operator} is no operator of a tsquery`);
      open.push({ ...fixed });
    } else if (kind === OPERAND) {
      if (at + 3 > end) throw cutShort();
      const stop = endOfText(bytes, at + 3, end);
      const text = quoted(bytes.utf8Slice(at + 3, stop)) + flags(bytes[at + 1]!, bytes[at + 2]!);
      whole = complete(open, { text, priority: OPERAND_PRIORITY });
      at = stop + 1;
    } else {
      throw new BadValue(`${kind} is no kind of a tsquery's items`);
    }
  }
  if (open.length > 0) throw new BadValue("an operator is without its operands");
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return whole === undefined ? "" : whole.text;
}

/** Puts a finished term where it belongs, and finishes what that completes; the whole query if it was the last. */
function complete(open: Operator[], term: Term): Term | undefined {
  for (;;) {
    const operator = open.at(-1);
    if (operator === undefined) return term;
    const { symbol, priority, right } = operator;
    if (priority === NOT_PRIORITY) {
      term = { text: symbol + inside(term, priority), priority };
    } else if (right === undefined) {
      operator.right = term;
      return undefined;
    } else {
      // A phrase is not associative: its right side keeps the parentheses that it needs to be read alike.
      const least = priority === PHRASE_PRIORITY ? priority + 1 : priority;
      term = { text: inside(term, priority) + symbol + inside(right, least), priority };
    }
    open.pop();
  }
}

/** The text of a term inside another, where what binds less than `least` has parentheses. */
function inside(term: Term, least: number): string {
  return term.priority < least ? `( ${term.text} )` : term.text;
}

function phraseSymbol(distance: number): string {
  if (distance < 0) throw new BadValue("the distance in a phrase is negative");
  return distance === 1 ? " <-> " : ` <${distance}> `;
}

/** What stands behind an operand: `:*AB`. */
function flags(weights: number, prefix: number): string {
  if (weights > 0xf || prefix > 1) throw new BadValue("an operand has flags that pyro does not know");
  if (weights === 0 && prefix === 0) return "";
  let text = prefix === 1 ? ":*" : ":";
  if (weights & 8) text += "A";
  if (weights & 4) text += "B";
  if (weights & 2) text += "C";
  if (weights & 1) text += "D";
  return text;
}

function quoted(lexeme: string): string {
  return `'${lexeme.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
}

function countOf(view: DataView, start: number, end: number): number {
  if (end - start < 4) throw cutShort();
  const count = view.getInt32(start);
  if (count < 0) throw new BadValue(`it claims ${count} items`);
  return count;
}

/** Where the zero byte behind a text is. */
function endOfText(bytes: Bytes, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === 0) return at;
  }
  throw cutShort();
}

function cutShort(): BadValue {
  return new BadValue("it is cut short");
}

/** Of positions, by weight; D is the default and not printed. */
const POSITION_WEIGHTS = ["", "C", "B", "A"];

// Kinds of items in a tsquery.
const OPERAND = 1;
const OPERATOR = 2;

const PHRASE_PRIORITY = 3;
const NOT_PRIORITY = 4;
const OPERAND_PRIORITY = 5;

/** By their codes; a phrase operator has a distance besides. */
const OPERATORS: readonly (Operator | undefined)[] = [
  undefined,
  { symbol: "!", priority: NOT_PRIORITY },
  { symbol: " & ", priority: 2 },
  { symbol: " | ", priority: 1 },
];
const PHRASE = 4;
