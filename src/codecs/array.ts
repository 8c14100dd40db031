/**
 * Arrays of any type, of any number of dimensions.
 *
 * Source: PostgreSQL manual, "Arrays", section "Array Input and Output Syntax"; the binary format is
 * that of `array_send`: dimensions, whether there are NULLs, element type, then length and lower bound
 * of each dimension and the elements, rightmost index fastest.
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, encodeInside, encodeTextInside, mayBeText, textOf, wrongKind } from "./codec.ts";

/** Arrays of `element`, whose OID goes into the header. Lower bounds other than 1 are dropped. */
export function array(name: string, element: Codec, elementOid: number): Codec {
  return {
    name,
    binary: element.binary,
    decode: (source, start, end) => decodeArray(source, start, end, element, elementOid),
    parse: (text) => new ArrayText(text, element.delimiter, (item) => element.parse(item)).read(),
    encodeParts: (out, text) => encodeArrayText(out, text, element, elementOid),
    encode: (out, value) => encodeArray(out, value, element, elementOid),
    ...(mayBeText(element) && { sendsText: true }),
    ...(element.textOnly && { textOnly: true }),
    text: (value) => arrayText(value, element),
  };
}

function decodeArray(source: ByteSource, start: number, end: number, element: Codec, elementOid: number): unknown[] {
  const { view } = source;
  if (end - start < 12) throw new BadValue("it is shorter than an array's header");
  const dimensions = view.getInt32(start);
  const oid = view.getUint32(start + 8);
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS) throw new BadValue(`it claims ${dimensions} dimensions`);
  if (oid !== elementOid) throw new BadValue(`its elements have type ${oid} instead of ${elementOid}`);
  let at = start + 12;
  if (dimensions === 0) {
    if (at !== end) throw new BadValue("an empty array has elements");
    return [];
  }
  if (at + 8 * dimensions > end) throw new BadValue("its dimensions are cut short");
  let count = 1;
  for (let i = 0; i < dimensions; i++, at += 8) {
    const length = view.getInt32(at);
    if (length <= 0) throw new BadValue(`dimension ${i + 1} has ${length} elements`);
    count *= length;
  }
  // Each element has at least a length, so a false count allocates no more than the bytes received.
  if (count > (end - at) / 4) throw new BadValue("it has fewer elements than its dimensions say");
  // A growing array reserves room for a dozen more elements; an array made with a large length is stored as sparse.
  const values: unknown[] = count < LONG ? new Array(count) : [];
  for (let i = 0; i < count; i++) {
    if (at + 4 > end) throw new BadValue("it has fewer elements than its dimensions say");
    const length = view.getInt32(at);
    at += 4;
    if (length === -1) {
      values[i] = null;
      continue;
    }
    if (length < 0 || at + length > end) throw new BadValue("an element's length is wrong");
    values[i] = element.decode(source, at, at + length);
    at += length;
  }
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return dimensions === 1 ? values : nested(values, view, start + 12, dimensions);
}

/** Elements in storage order, in arrays of arrays as the dimensions at `header` say. */
function nested(items: unknown[], view: DataView, header: number, dimensions: number): unknown[] {
  let level = items;
  for (let dimension = dimensions - 1; dimension > 0; dimension--) {
    const length = view.getInt32(header + 8 * dimension);
    const outer: unknown[] = [];
    for (let i = 0; i < level.length; i += length) outer.push(level.slice(i, i + length));
    level = outer;
  }
  return level;
}

function encodeArray(out: Outbox, value: unknown, element: Codec, elementOid: number): boolean {
  const { lengths, items } = flatten(value, element);
  if (element.textOnly) return false;
  const start = out.mark;
  writeHeader(out, lengths, [], items, elementOid);
  for (const item of items) {
    if (item === null) {
      out.int32(-1);
      continue;
    }
    if (!encodeInside(element, out, item)) {
      out.rewind(start);
      return false;
    }
  }
  return true;
}

/** Writes an array of its text. Each element is written by its own text, and lower bounds are kept. */
function encodeArrayText(out: Outbox, text: string, element: Codec, elementOid: number): void {
  const reader = new ArrayText(text, element.delimiter, (item) => item, true);
  const { lengths, items } = flatten(reader.read());
  writeHeader(out, lengths, reader.lowerBounds(lengths), items, elementOid);
  for (const item of items) {
    if (item === null) out.int32(-1);
    else encodeTextInside(element, out, item as string);
  }
}

/** The header of an array; a missing lower bound is 1. */
function writeHeader(
  out: Outbox,
  lengths: readonly number[],
  lowerBounds: readonly number[],
  items: readonly unknown[],
  elementOid: number,
): void {
  out.int32(lengths.length);
  out.int32(items.includes(null) ? 1 : 0);
  out.int32(elementOid | 0);
  for (const [dimension, length] of lengths.entries()) {
    out.int32(length);
    out.int32(lowerBounds[dimension] ?? 1);
  }
}

function arrayText(value: unknown, element: Codec): string {
  const { lengths, items } = flatten(value, element);
  if (items.length === 0) return "{}";
  let texts = items.map((item) => item === null ? "NULL" : quoted(textOf(element, item)));
  for (const length of lengths.reverse()) {
    const level: string[] = [];
    for (let i = 0; i < texts.length; i += length) {
      level.push(`{${texts.slice(i, i + length).join(element.delimiter ?? ",")}}`);
    }
    texts = level;
  }
  return texts[0]!;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Whether it is a typed array of numbers: not of bytes, which are a value of bytea. */
function isNumbers(value: unknown): value is Iterable<number | bigint> & { readonly length: number } {
  return ArrayBuffer.isView(value) && !(value instanceof DataView) && !(value instanceof Uint8Array);
}

/** The length of each dimension, which all arrays of a level must share, and the elements in storage order. */
function flatten(value: unknown, element: Pick<Codec, "isValue"> = {}): { lengths: number[]; items: unknown[] } {
  if (isNumbers(value)) return { lengths: value.length === 0 ? [] : [value.length], items: Array.from<unknown>(value) };
  if (!Array.isArray(value)) throw wrongKind(value, "an array");
  const isDimension = (item: unknown): item is unknown[] => Array.isArray(item) && !element.isValue?.(item);
  const lengths: number[] = [];
  let items: unknown[] = [value];
  // The outermost array is a dimension, even if an element can be an array.
  for (let arrays: unknown[][] = [value]; arrays.length > 0; arrays = items.filter(isDimension)) {
    if (arrays.length !== items.length || arrays.some((array) => array.length !== arrays[0]!.length)) {
      throw new BadValue(
        "the arrays inside differ in length or depth, while PostgreSQL's have one length per dimension",
      );
    }
    lengths.push(arrays[0]!.length);
    if (lengths.length > MAX_DIMENSIONS) {
      throw new BadValue(`the array has more than ${MAX_DIMENSIONS} dimensions, PostgreSQL's limit`);
    }
    items = itemsOf(arrays);
  }
  return items.length === 0 ? { lengths: [], items } : { lengths, items };
}

/** The items of all arrays, one behind the other. A missing item is undefined, which no element type accepts. */
function itemsOf(arrays: readonly unknown[][]): unknown[] {
  if (arrays.length === 1) return Array.from(arrays[0]!);
  const items: unknown[] = [];
  for (const array of arrays) {
    for (const item of array) items.push(item);
  }
  return items;
}

/**
 * Reads the text of an array: `{1,NULL,"a b"}`, `[2:3]={…}`, `{{1,2},{3,4}}`; one that people may have written also
 * with white space between its elements, and with NULL in lower case.
 */
class ArrayText {
  readonly #text: string;
  readonly #delimiter: string;
  readonly #parse: (item: string) => unknown;
  readonly #isWritten: boolean;
  #at = 0;

  constructor(text: string, delimiter: string = ",", parse: (item: string) => unknown, isWritten: boolean = false) {
    this.#text = text;
    this.#delimiter = delimiter;
    this.#parse = parse;
    this.#isWritten = isWritten;
  }

  /** The lower bounds before the elements, which must be those of an array with these lengths; none if all are 1. */
  lowerBounds(lengths: readonly number[]): number[] {
    if (!this.#text.startsWith("[")) return [];
    const given = BOUNDS.exec(this.#text)?.[1];
    if (given === undefined) throw new BadValue("its bounds are not as PostgreSQL prints them");
    const bounds = Array.from(given.matchAll(/(-?\d+):(-?\d+)/g), ([, lower, upper]) => [Number(lower), Number(upper)]);
    const fits = bounds.length === lengths.length &&
      bounds.every(([lower, upper], i) => lower === (lower! | 0) && upper! - lower! + 1 === lengths[i]);
    if (!fits) throw new BadValue("its bounds are not those of its elements");
    return bounds.map(([lower]) => lower!);
  }

  read(): unknown[] {
    if (this.#text.startsWith("[")) {
      this.#at = this.#text.indexOf("=") + 1;
      if (this.#at === 0) throw this.#bad();
    }
    const values = this.#level(1);
    if (this.#at !== this.#text.length) throw this.#bad();
    return values;
  }

  #level(depth: number): unknown[] {
    if (this.#text[this.#at++] !== "{" || depth > MAX_DIMENSIONS) throw this.#bad();
    const values: unknown[] = [];
    this.#skipSpace();
    if (this.#text[this.#at] === "}") {
      this.#at += 1;
      return values;
    }
    for (;;) {
      values.push(this.#text[this.#at] === "{" ? this.#level(depth + 1) : this.#item());
      this.#skipSpace();
      const next = this.#text[this.#at++];
      if (next === "}") return values;
      if (next !== this.#delimiter) throw this.#bad();
      this.#skipSpace();
    }
  }

  #skipSpace(): void {
    if (this.#isWritten) { while (SPACE.includes(this.#text[this.#at] ?? "none")) this.#at += 1; }
  }

  #item(): unknown {
    if (this.#text[this.#at] === '"') return this.#parse(this.#quotedItem());
    const start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === this.#delimiter || character === "}") break;
    }
    const item = this.#text.slice(start, this.#isWritten ? this.#endOfItem(start) : this.#at);
    if (item === "") throw this.#bad();
    return item === "NULL" || (this.#isWritten && item.toUpperCase() === "NULL") ? null : this.#parse(item);
  }

  /** Where an item without quotes ends that begins at `start`, without the white space behind it. */
  #endOfItem(start: number): number {
    let end = this.#at;
    while (end > start && SPACE.includes(this.#text[end - 1]!)) end--;
    // The server reads a backslash as an escape here, and no version prints one.
    for (let i = start; i < end; i++) if ('"\\{'.includes(this.#text[i]!)) throw this.#bad();
    return end;
  }

  #quotedItem(): string {
    let item = "";
    let start = this.#at + 1;
    for (this.#at = start; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') {
        item += this.#text.slice(start, this.#at++);
        return item;
      }
      if (character === "\\") {
        item += this.#text.slice(start, this.#at++);
        start = this.#at;
      }
    }
    throw this.#bad();
  }

  #bad(): BadValue {
    return new BadValue(`it is not the text of an array (at character ${this.#at})`);
  }
}

/** The bounds of each dimension before an array. */
const BOUNDS = /^((?:\[-?\d+:-?\d+\])+)=/;
/** The white space that the server skips between elements. */
const SPACE = " \t\n\v\f\r";
/** PostgreSQL's MAXDIM. */
const MAX_DIMENSIONS = 6;
/** Arrays from this length on may grow: the reserved room does not matter. */
const LONG = 1000;
