/**
 * Range and multirange types, and the class of a range.
 *
 * Source: PostgreSQL manual, "Range Types". The binary format of a range is that of `range_send`: flags,
 * then length and value of each bound, unless it is unbounded; of a multirange that of
 * `multirange_send`: count, then length and bytes of each range.
 */
import { UsageError } from "../errors.ts";
import { printAs } from "../inspection.ts";
import { printable } from "../printed.ts";
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, encodeInside, encodeTextInside, kindOf, mayBeText, textOf, wrongKind } from "./codec.ts";
import { quotedItem, QuotedItems } from "./composite.ts";

/** Which bounds are part of the range: `[` and `]` are inclusive, `(` and `)` exclusive. */
export type RangeBounds = "[)" | "(]" | "[]" | "()";

/**
 * A value of a PostgreSQL range type: all values between two bounds, or none. Two ranges are deeply equal
 * if their fields are. It can be a parameter of a range type, its bounds being parameters of the range's
 * subtype; a multirange is an array of ranges.
 *
 * The server converts ranges of whole numbers and of days to the form `[)`: `[1,5]` comes back as
 * `[1,6)`. For dates and timestamps, ±Infinity is a value, and not the same as unbounded.
 *
 * Source: PostgreSQL manual, "Range Types".
 *
 * @example
 * ```ts
 * import { Conn, Range } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const range = await conn.execValue("select $1::int4range * '[3,)'", [new Range(1, 5, "[]")]);
 * assert.deepEqual(range, new Range(3, 6));
 * assert.equal(String(range), "[3,6)");
 * ```
 *
 * @example Unbounded and empty
 * ```ts
 * import { Range } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const from2000 = new Range(Temporal.PlainDate.from("2000-01-01"), null);
 * assert.equal(from2000.upper, null);
 * assert.equal(String(from2000), "[2000-01-01,)");
 * assert.equal(Range.empty().empty, true);
 * ```
 */
export class Range<T = unknown> {
  /** The lower bound; null if the range has none, or is empty. */
  readonly lower: T | null;
  /** The upper bound; null if the range has none, or is empty. */
  readonly upper: T | null;
  /** Whether {@linkcode Range.lower} is part of the range; false if it is null. */
  readonly lowerInclusive: boolean;
  /** Whether {@linkcode Range.upper} is part of the range; false if it is null. */
  readonly upperInclusive: boolean;
  /**
   * Whether the range is empty. True only for {@linkcode Range.empty} and empty ranges from the server:
   * bounds are not compared.
   */
  readonly empty: boolean;

  /**
   * Makes the range between two bounds; null is unbounded. `bounds` says which are inclusive, by
   * default the lower one. Throws `UsageError` for other `bounds`, and for a bound that is undefined.
   */
  constructor(lower: T | null, upper: T | null, bounds: RangeBounds = "[)") {
    if (!BOUNDS.includes(bounds)) {
      const given = typeof bounds === "string" ? JSON.stringify(bounds) : kindOf(bounds);
      throw new UsageError(`Cannot set bounds to ${given}: it must be "[)", "(]", "[]" or "()"`);
    }
    if (lower === undefined || upper === undefined) {
      throw new UsageError(`Cannot set ${lower === undefined ? "lower" : "upper"} to undefined: null is unbounded`);
    }
    this.lower = lower;
    this.upper = upper;
    this.lowerInclusive = lower !== null && bounds[0] === "[";
    this.upperInclusive = upper !== null && bounds[1] === "]";
    this.empty = false;
  }

  /** The empty range. */
  static empty(): Range<never> {
    return Object.assign(new Range<never>(null, null), { empty: true });
  }

  /** The range in PostgreSQL's syntax: `[1,5)`, `(,"a b"]`, `empty`. The bounds are converted with `String`. */
  toString(): string {
    return rangeText(this, String);
  }

  /** The fields as a plain object. */
  toJSON(): Record<string, unknown> {
    const { lower, upper, lowerInclusive, upperInclusive, empty } = this;
    return { lower, upper, lowerInclusive, upperInclusive, empty };
  }

  static {
    printAs<Range>(this.prototype, (range) => `Range ${printable(range.toString())}`);
  }
}

/** The range type of a subtype. */
export function range(name: string, subtype: Codec): Codec {
  return {
    name,
    binary: subtype.binary,
    decode: (source, start, end) => decodeRange(source, start, end, subtype),
    parse: (text) => parseRange(text, subtype),
    encodeParts: (out, text) => encodeRangeText(out, text, subtype),
    encode: (out, value) => encodeRange(out, rangeFrom(value), subtype),
    ...(mayBeText(subtype) && { sendsText: true }),
    ...(subtype.textOnly && { textOnly: true }),
    text: (value) => rangeText(rangeFrom(value), (bound) => textOf(subtype, bound)),
  };
}

/** The multirange type of a range type, as an array of ranges. An empty array is the empty multirange. */
export function multirange(name: string, range: Codec): Codec {
  return {
    name,
    binary: range.binary,
    // So that `[[], []]` is an array of two empty multiranges.
    isValue: (array) => array.every((item) => item instanceof Range),
    decode: (source, start, end) => decodeMultirange(source, start, end, range),
    parse: (text) => rangeTexts(text).map((item) => range.parse(item)),
    encodeParts: (out, text) => encodeMultirangeText(out, text, range),
    encode: (out, value) => encodeMultirange(out, rangesFrom(value), range),
    ...(mayBeText(range) && { sendsText: true }),
    ...(range.textOnly && { textOnly: true }),
    text: (value) => `{${rangesFrom(value).map((item) => range.text(item)).join(",")}}`,
  };
}

function decodeRange(source: ByteSource, start: number, end: number, subtype: Codec): Range {
  const { view } = source;
  if (start === end) throw new BadValue("it is shorter than a range's flags");
  const flags = view.getUint8(start);
  let at = start + 1;

  const readBound = (infinite: number, inclusive: number): unknown => {
    if (flags & infinite) {
      if (flags & inclusive) throw badFlags(flags);
      return null;
    }
    if (at + 4 > end) throw new BadValue("it has fewer bounds than its flags say");
    const length = view.getInt32(at);
    at += 4;
    if (length < 0 || at + length > end) throw new BadValue("a bound's length is wrong");
    at += length;
    return checkedBound(subtype.decode(source, at - length, at));
  };
  if (flags & ~ALL_FLAGS || (flags & EMPTY && flags !== EMPTY)) throw badFlags(flags);
  const value = flags === EMPTY ? Range.empty() : new Range(
    readBound(LOWER_INFINITE, LOWER_INCLUSIVE),
    readBound(UPPER_INFINITE, UPPER_INCLUSIVE),
    boundsOf(flags),
  );
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return value;
}

function encodeRange(out: Outbox, value: Range, subtype: Codec): boolean {
  if (subtype.textOnly) return false;
  const start = out.mark;
  out.byte(flagsOf(value));
  for (const bound of [value.lower, value.upper]) {
    if (bound === null) continue;
    if (!encodeInside(subtype, out, bound)) {
      out.rewind(start);
      return false;
    }
  }
  return true;
}

/** Writes a range of its text. */
function encodeRangeText(out: Outbox, text: string, subtype: Codec): void {
  const range = rangeOfTexts(text);
  out.byte(flagsOf(range));
  for (const bound of [range.lower, range.upper]) if (bound !== null) encodeTextInside(subtype, out, bound);
}

function flagsOf(range: Range): number {
  if (range.empty) return EMPTY;
  return (range.lower === null ? LOWER_INFINITE : range.lowerInclusive ? LOWER_INCLUSIVE : 0) |
    (range.upper === null ? UPPER_INFINITE : range.upperInclusive ? UPPER_INCLUSIVE : 0);
}

function parseRange(text: string, subtype: Codec): Range {
  const { lower, upper, lowerInclusive, upperInclusive, empty } = rangeOfTexts(text);
  if (empty) return Range.empty();
  const valueOf = (bound: string | null): unknown => bound === null ? null : checkedBound(subtype.parse(bound));
  const bounds = BOUNDS[(lowerInclusive ? 1 : 0) + (upperInclusive ? 2 : 0)];
  return new Range(valueOf(lower), valueOf(upper), bounds);
}

/** The range with the texts of its bounds. */
function rangeOfTexts(text: string): Range<string> {
  if (text === "empty") return Range.empty();
  const items = new QuotedItems(text, SPECIAL);
  const opening = items.expect("[(");
  const lower = items.next();
  items.expect(",");
  const upper = items.next();
  const closing = items.expect("])");
  items.expectEnd();
  return new Range(lower, upper, opening + closing as RangeBounds);
}

/** The text of a range whose bounds have these texts. */
function rangeText(range: Range, textOf: (bound: unknown) => string): string {
  if (range.empty) return "empty";
  const lower = range.lower === null ? "" : quotedItem(textOf(range.lower));
  const upper = range.upper === null ? "" : quotedItem(textOf(range.upper));
  return `${range.lowerInclusive ? "[" : "("}${lower},${upper}${range.upperInclusive ? "]" : ")"}`;
}

function decodeMultirange(source: ByteSource, start: number, end: number, range: Codec): unknown[] {
  const { view } = source;
  if (end - start < 4) throw new BadValue("it is shorter than a multirange's header");
  const ranges: unknown[] = [];
  let at = start + 4;
  // Read range by range, so that a false count allocates no more than the bytes received.
  for (let left = view.getUint32(start); left > 0; left--) {
    if (at + 4 > end) throw new BadValue("it has fewer ranges than its header says");
    const length = view.getInt32(at);
    at += 4;
    if (length < 0 || at + length > end) throw new BadValue("a range's length is wrong");
    ranges.push(range.decode(source, at, at + length));
    at += length;
  }
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return ranges;
}

function encodeMultirange(out: Outbox, ranges: readonly Range[], range: Codec): boolean {
  if (range.textOnly) return false;
  const start = out.mark;
  out.int32(ranges.length);
  for (const item of ranges) {
    if (!encodeInside(range, out, item)) {
      out.rewind(start);
      return false;
    }
  }
  return true;
}

/** Writes a multirange of its text. */
function encodeMultirangeText(out: Outbox, text: string, range: Codec): void {
  const texts = rangeTexts(text);
  out.int32(texts.length);
  for (const item of texts) encodeTextInside(range, out, item);
}

/** The texts of a multirange's ranges. */
function rangeTexts(text: string): string[] {
  const ranges: string[] = [];
  if (text === "{}") return ranges;
  let at = 0;
  do {
    if (text[at] !== (at === 0 ? "{" : ",")) throw badMultirange(at);
    const end = rangeEnd(text, at + 1);
    ranges.push(text.slice(at + 1, end));
    at = end;
  } while (text[at] !== "}");
  if (at + 1 !== text.length) throw badMultirange(at);
  return ranges;
}

/** The end of the range that starts at `at`: behind the first closing bracket outside quotes. */
function rangeEnd(text: string, at: number): number {
  let quoted = false;
  for (; at < text.length; at++) {
    const character = text[at];
    if (character === "\\") at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && (character === ")" || character === "]")) return at + 1;
  }
  return text.length;
}

function rangeFrom(value: unknown): Range {
  if (value instanceof Range) return value;
  throw wrongKind(value, "a Range");
}

function rangesFrom(value: unknown): readonly Range[] {
  if (!Array.isArray(value)) throw wrongKind(value, "an array of Ranges");
  return Array.from(value, rangeFrom);
}

/** A bound for a Range, checked. */
function checkedBound(value: unknown): unknown {
  // A value may be read as null, as JSON's null is, which would mean unbounded.
  if (value === null || value === undefined) throw new BadValue(`a bound is ${value}, which a Range cannot have`);
  return value;
}

function boundsOf(flags: number): RangeBounds {
  return BOUNDS[(flags & (LOWER_INCLUSIVE | UPPER_INCLUSIVE)) / LOWER_INCLUSIVE]!;
}

function badMultirange(at: number): BadValue {
  return new BadValue(`it is not the text of a multirange (at character ${at})`);
}

function badFlags(flags: number): BadValue {
  return new BadValue(`0x${flags.toString(16).padStart(2, "0")} are no flags of a range`);
}

const EMPTY = 0x01;
const LOWER_INCLUSIVE = 0x02;
const UPPER_INCLUSIVE = 0x04;
const LOWER_INFINITE = 0x08;
const UPPER_INFINITE = 0x10;
const ALL_FLAGS = 0x1f;
/** The bounds by the two inclusive flags. */
const BOUNDS: readonly RangeBounds[] = ["()", "[)", "(]", "[]"];
const SPECIAL = '"\\()[],';
