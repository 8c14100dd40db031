/**
 * tsvector and tsquery, as the text that the server prints.
 *
 * Each value has only one text, so it is made from the binary format too; a JavaScript structure would
 * add nothing.
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
  // Read lexeme by lexeme, so that a false count allocates no more than the bytes received.
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

/** A part of a query, and its priority, which decides about parentheses. */
interface Term {
  readonly text: string;
  readonly priority: number;
}

/** An operator whose operands have not been read yet; the right one comes first. */
interface Operator {
  /** The printed form, with its spaces. */
  readonly symbol: string;
  readonly priority: number;
  right?: Term;
}

function decodeQuery({ bytes, view }: ByteSource, start: number, end: number): string {
  let at = start + 4;
  // Not recursive, since the query decides how deep it is nested.
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

/**
 * Adds a term to the innermost operator, and completes operators that then have all operands. Returns
 * the whole query after its last term.
 */
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
      // A phrase operator is not associative: its right operand keeps its parentheses.
      const least = priority === PHRASE_PRIORITY ? priority + 1 : priority;
      term = { text: inside(term, priority) + symbol + inside(right, least), priority };
    }
    open.pop();
  }
}

/** The text of a term inside another: in parentheses if its priority is below `least`. */
function inside(term: Term, least: number): string {
  return term.priority < least ? `( ${term.text} )` : term.text;
}

function phraseSymbol(distance: number): string {
  if (distance < 0) throw new BadValue("the distance in a phrase is negative");
  return distance === 1 ? " <-> " : ` <${distance}> `;
}

/** The flags behind an operand: `:*AB`. */
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

/** The position of the zero byte behind a text. */
function endOfText(bytes: Bytes, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === 0) return at;
  }
  throw cutShort();
}

function cutShort(): BadValue {
  return new BadValue("it is cut short");
}

/** The letters of weights in positions; D is the default and not printed. */
const POSITION_WEIGHTS = ["", "C", "B", "A"];

// Kinds of items in a tsquery.
const OPERAND = 1;
const OPERATOR = 2;

const PHRASE_PRIORITY = 3;
const NOT_PRIORITY = 4;
const OPERAND_PRIORITY = 5;

/** The operators by code; a phrase operator also has a distance. */
const OPERATORS: readonly (Operator | undefined)[] = [
  undefined,
  { symbol: "!", priority: NOT_PRIORITY },
  { symbol: " & ", priority: 2 },
  { symbol: " | ", priority: 1 },
];
const PHRASE = 4;
