/**
 * Arrays of numbers as typed arrays, by choice.
 *
 * Source: PostgreSQL manual, "Arrays"; the binary format is that of `array_send`.
 */
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, expectLength } from "./codec.ts";

/** A typed array, and how its elements are read. */
interface Kind {
  readonly size: number;
  make(length: number): TypedArray;
  read(view: DataView, at: number): number | bigint;
}

type TypedArray = Float32Array | Float64Array | Int16Array | Int32Array | Uint32Array | BigInt64Array;

/** The kinds by the name of the elements' type. */
const KINDS: Readonly<Record<string, Kind>> = {
  float4: { size: 4, make: (length) => new Float32Array(length), read: (view, at) => view.getFloat32(at) },
  float8: { size: 8, make: (length) => new Float64Array(length), read: (view, at) => view.getFloat64(at) },
  int2: { size: 2, make: (length) => new Int16Array(length), read: (view, at) => view.getInt16(at) },
  int4: { size: 4, make: (length) => new Int32Array(length), read: (view, at) => view.getInt32(at) },
  int8: { size: 8, make: (length) => new BigInt64Array(length), read: (view, at) => view.getBigInt64(at) },
  oid: { size: 4, make: (length) => new Uint32Array(length), read: (view, at) => view.getUint32(at) },
};

/** The array codec, with values that are typed arrays if there is a kind for its elements, which have that OID. */
export function withTypedArrays(array: Codec, elementName: string, elementOid: number): Codec {
  const kind = KINDS[elementName];
  if (kind === undefined) return array;
  return {
    ...array,
    decode: (source, start, end) => decodeTyped(source, start, end, kind, array, elementOid),
    parse: (text) => typedOf(array.parse(text) as unknown[], kind),
  };
}

function decodeTyped(
  source: ByteSource,
  start: number,
  end: number,
  kind: Kind,
  array: Codec,
  elementOid: number,
): TypedArray {
  const { view } = source;
  const isUsual = end - start >= HEADER && view.getInt32(start) === 1 && view.getInt32(start + FLAGS) === 0 &&
    view.getUint32(start + ELEMENT_OID) === elementOid;
  // The other codec finds what is wrong with it.
  if (!isUsual) return typedOf(array.decode(source, start, end) as unknown[], kind);
  const count = view.getInt32(start + DIMENSION);
  const step = 4 + kind.size;
  expectLength(start, end, HEADER + count * step);
  const values = kind.make(count);
  for (let i = 0, at = start + HEADER; i < count; i++, at += step) {
    expectLength(0, view.getInt32(at), kind.size);
    values[i] = kind.read(view, at + 4);
  }
  return values;
}

function typedOf(values: readonly unknown[], kind: Kind): TypedArray {
  const typed = kind.make(values.length);
  for (const [i, value] of values.entries()) {
    if (Array.isArray(value)) throw unsuitable("it has several dimensions");
    if (value === null) throw unsuitable("it contains NULL");
    typed[i] = value as number;
  }
  return typed;
}

function unsuitable(problem: string): BadValue {
  return new BadValue(`${problem}, which a typed array cannot have; choose numberArrays("array"), or another query`);
}

/** The length of the header of an array of one dimension, and where its fields are. */
const HEADER = 20;
const FLAGS = 4;
const ELEMENT_OID = 8;
const DIMENSION = 12;
