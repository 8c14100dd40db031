/**
 * pgvector's types: vector and halfvec as a Float32Array, sparsevec as a {@linkcode SparseVector}.
 *
 * A Float32Array holds every half-precision number exactly. Numbers are rounded once, to the nearest
 * (of two, to the even one), before they are sent in either format.
 *
 * Source: pgvector's README; the binary formats are those of `vector_send` and `halfvec_send`
 * (dimensions, zero, elements) and `sparsevec_send` (dimensions, count, zero, all indices counted
 * from 0, all values).
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, wrongKind } from "./codec.ts";
import { originalOf } from "./instance.ts";
import { floatText } from "./number.ts";
import { parseSingle } from "./single.ts";

/**
 * A value of pgvector's sparsevec: its elements other than zero.
 *
 * In a parameter, `indices` must ascend without duplicates, from 1 to `dimensions`, and `values` must
 * be as many finite numbers. These are rounded to single precision; zeros are left out, as by the
 * server. Anything else is an `EncodeError`. The maximum is 16000 elements.
 *
 * Source: pgvector's README, "Sparse Vectors".
 *
 * @example
 * ```ts
 * import type { SparseVector } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * // What select '{1:1.5,3:2}/5'::sparsevec gives.
 * const sparse: SparseVector = { dimensions: 5, indices: [1, 3], values: [1.5, 2] };
 * const dense = new Float32Array(sparse.dimensions);
 * sparse.indices.forEach((index, i) => dense[index - 1] = sparse.values[i]!);
 * assert.deepEqual(dense, Float32Array.of(1.5, 0, 2, 0, 0));
 * ```
 */
export interface SparseVector {
  /** The number of elements, zeros included: 1 to 1000000000. */
  readonly dimensions: number;
  /** The indices of the elements other than zero, counted from 1 as in pgvector's text, ascending. */
  readonly indices: readonly number[];
  /** The elements at those indices, single-precision numbers. */
  readonly values: readonly number[];
}

/** vector. */
export const vector: Codec = dense({
  name: "vector",
  size: 4,
  read: (view, at) => view.getFloat32(at),
  write: (out, element) => out.float32(element),
  round: Math.fround,
});

/** halfvec. */
export const halfvec: Codec = dense({
  name: "halfvec",
  size: 2,
  read: (view, at) => fromHalf(view.getUint16(at)),
  write: (out, element) => out.int16(toHalf(element)),
  round: (number) => fromHalf(toHalf(number)),
});

/** sparsevec. */
export const sparsevec: Codec = {
  name: "sparsevec",
  binary: true,
  decode: decodeSparse,
  parse: parseSparse,
  encode(out, value) {
    const { dimensions, indices, values } = sparse(value);
    out.int32(dimensions);
    out.int32(indices.length);
    out.int32(0);
    for (const index of indices) out.int32(index - 1);
    for (const element of values) out.float32(element);
    return true;
  },
  text(value) {
    const { dimensions, indices, values } = sparse(value);
    return `{${indices.map((index, i) => `${index}:${floatText(values[i]!)}`).join(",")}}/${dimensions}`;
  },
};

/** The differences between vector and halfvec. */
interface Precision {
  readonly name: string;
  /** Bytes of an element. */
  readonly size: number;
  read(view: DataView, at: number): number;
  /** Writes a rounded element. */
  write(out: Outbox, element: number): void;
  /** Rounds to the nearest number that an element can be; to an infinity if it is out of range. */
  round(number: number): number;
}

function dense(precision: Precision): Codec {
  return {
    name: precision.name,
    binary: true,
    isValue: (array) => array.length === 0 || typeof array[0] === "number",
    decode: (source, start, end) => decodeDense(source, start, end, precision),
    parse: parseDense,
    encode(out, value) {
      const elements = elementsOf(value, precision);
      out.int16(elements.length);
      out.int16(0);
      for (const element of elements) precision.write(out, element);
      return true;
    },
    text: (value) => `[${Array.from(elementsOf(value, precision), floatText).join(",")}]`,
  };
}

function decodeDense({ view }: ByteSource, start: number, end: number, { name, size, read }: Precision): Float32Array {
  if (end - start < 4) throw new BadValue(`it is shorter than a ${name}'s header`);
  const dimensions = view.getUint16(start);
  if (dimensions === 0) throw new BadValue("it has no dimensions");
  if (view.getUint16(start + 2) !== 0) throw notZero();
  expectElements(end - start - 4, size * dimensions);
  const elements = new Float32Array(dimensions);
  for (let i = 0, at = start + 4; i < dimensions; i++, at += size) elements[i] = finite(read(view, at));
  return elements;
}

function decodeSparse({ view }: ByteSource, start: number, end: number): SparseVector {
  if (end - start < 12) throw new BadValue("it is shorter than a sparsevec's header");
  const dimensions = view.getInt32(start);
  const count = view.getInt32(start + 4);
  if (view.getInt32(start + 8) !== 0) throw notZero();
  expectElements(end - start - 12, 8 * count);
  const builder = new SparseBuilder(dimensions);
  for (let at = start + 12; at < start + 12 + 4 * count; at += 4) {
    builder.add(view.getInt32(at) + 1, view.getFloat32(at + 4 * count));
  }
  return builder.built;
}

/** Reads `[1,2.5]`. */
function parseDense(text: string): Float32Array {
  const inner = text.length - 1;
  if (inner < 2 || text[0] !== "[" || text[inner] !== "]") throw new BadValue("it is not the text of a vector");
  const elements: number[] = [];
  for (let at = 1; at <= inner;) {
    const comma = text.indexOf(",", at);
    const stop = comma === -1 ? inner : comma;
    elements.push(parseElement(text.slice(at, stop)));
    at = stop + 1;
  }
  return Float32Array.from(elements);
}

/** Reads `{1:1.5,3:2}/5`. */
function parseSparse(text: string): SparseVector {
  const match = SPARSE.exec(text);
  if (!match) throw new BadValue("it is not the text of a sparsevec");
  const builder = new SparseBuilder(Number(match[2]));
  if (match[1] === "") return builder.built;
  for (const element of match[1]!.split(",")) {
    const colon = element.indexOf(":");
    const index = element.slice(0, colon);
    if (colon === -1 || !INDEX.test(index)) throw new BadValue("it is not the text of a sparsevec");
    builder.add(Number(index), parseElement(element.slice(colon + 1)));
  }
  return builder.built;
}

function parseElement(text: string): number {
  if (!NUMBER.test(text)) throw new BadValue("an element is not a number");
  return finite(parseSingle(text));
}

/** Makes a sparse vector. Checks its elements as the server does. */
class SparseBuilder {
  readonly built: { dimensions: number; indices: number[]; values: number[] };
  #last = 0;

  constructor(dimensions: number) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_SPARSE_DIMENSIONS) {
      throw new BadValue(`a sparsevec must have 1 to ${MAX_SPARSE_DIMENSIONS} dimensions`);
    }
    this.built = { dimensions, indices: [], values: [] };
  }

  add(index: number, value: number): void {
    this.check(index);
    if (finite(value) === 0) throw new BadValue("an element must not be zero");
    this.built.indices.push(index);
    this.built.values.push(value);
  }

  /** Checks that an element, zero or not, may have this index. */
  check(index: number): void {
    if (!Number.isInteger(index) || index < 1 || index > this.built.dimensions) {
      throw new BadValue("an index must be an integer from 1 to the number of dimensions");
    }
    if (index <= this.#last) throw new BadValue("the indices must ascend");
    this.#last = index;
  }
}

// Parameters.

/** A dense vector's elements, rounded to the type's precision. */
function elementsOf(value: unknown, { name, round }: Precision): Float32Array {
  if (!(value instanceof Float32Array) && !Array.isArray(value)) {
    throw wrongKind(value, "a Float32Array, an array of numbers or a string");
  }
  const { length } = value;
  if (length < 1 || length > MAX_ELEMENTS) {
    throw new BadValue(`it has ${length} elements, a ${name} must have 1 to ${MAX_ELEMENTS}`);
  }
  const elements = new Float32Array(length);
  for (let i = 0; i < length; i++) elements[i] = rounded(value[i], name, round);
  return elements;
}

/** A sparse vector, checked and without zeros. */
function sparse(given: unknown): SparseVector {
  const value = originalOf(given);
  if (!isSparse(value)) throw wrongKind(value, "a SparseVector { dimensions, indices, values } or a string");
  const { dimensions, indices, values } = value;
  if (indices.length !== values.length) throw new BadValue("there must be as many indices as values");
  const builder = new SparseBuilder(dimensions);
  for (let i = 0; i < indices.length; i++) {
    const element = rounded(values[i], "sparsevec", Math.fround);
    if (element === 0) builder.check(indices[i]!);
    else builder.add(indices[i]!, element);
  }
  if (builder.built.indices.length > MAX_ELEMENTS) {
    throw new BadValue(`a sparsevec must have at most ${MAX_ELEMENTS} elements that are not zero`);
  }
  return builder.built;
}

function isSparse(value: unknown): value is SparseVector {
  return typeof value === "object" && value !== null && "dimensions" in value &&
    "indices" in value && Array.isArray(value.indices) && "values" in value && Array.isArray(value.values);
}

function rounded(value: unknown, name: string, round: (number: number) => number): number {
  if (typeof value !== "number") throw wrongKind(value, "a number for each element");
  if (!Number.isFinite(value)) throw new BadValue("an element must be finite");
  const element = round(value);
  if (!Number.isFinite(element)) throw new BadValue(`an element is out of ${name}'s range`);
  return element;
}

// Halves: IEEE 754's binary16, of a sign, 5 bits of exponent and 10 of fraction.

function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const magnitude = exponent === 0 ? fraction * SMALLEST_HALF : (0x400 + fraction) * HALF_UNITS[exponent]!;
  return bits & 0x8000 ? -magnitude : magnitude;
}

/** The bits of the nearest half; beyond the largest, those of an infinity. */
function toHalf(number: number): number {
  SCRATCH.setFloat64(0, number);
  const high = SCRATCH.getUint16(0);
  // Subnormal halves have the unit of the smallest normal one.
  const exponent = Math.max(((high >> 4) & 0x7ff) - 1023, -14);
  if (exponent > 15) return (high & 0x8000) | HALF_INFINITY;
  const units = Math.abs(number) / HALF_UNITS[exponent + 15]!;
  // Adding WHOLE rounds to a whole number. A carry goes into the exponent.
  return (high & 0x8000) | (((exponent + 14) << 10) + (units + WHOLE - WHOLE));
}

function finite(element: number): number {
  if (!Number.isFinite(element)) throw new BadValue("an element must be finite");
  return element;
}

function expectElements(length: number, expected: number): void {
  if (length !== expected) throw new BadValue(`it has ${length} bytes of elements instead of ${expected}`);
}

function notZero(): BadValue {
  return new BadValue("the reserved part of its header is not zero");
}

const SPARSE = /^\{([^{}]*)\}\/([1-9]\d*)$/;
const INDEX = /^[1-9]\d*$/;
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]\d+)?$/;

const SCRATCH = new DataView(new ArrayBuffer(8));
const SMALLEST_HALF = 2 ** -24;
/** The distance between neighbours by the exponent's bits; the last one is for the infinities. */
const HALF_UNITS: readonly number[] = Array.from({ length: 32 }, (_, exponent) => {
  return exponent === 31 ? Infinity : 2 ** (Math.max(exponent, 1) - 25);
});
const HALF_INFINITY = 0x7c00;
/** From this number on, doubles have no fraction. */
const WHOLE = 2 ** 52;

/** pgvector's limit on the elements that it stores. */
const MAX_ELEMENTS = 16_000;
const MAX_SPARSE_DIMENSIONS = 1_000_000_000;
