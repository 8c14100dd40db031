/** What users give for a type that pyro is to treat their way. */

/**
 * How values of one type are read and sent, for {@linkcode Opts.codec}.
 *
 * Only `parse` is required: rows can come as text (those of `query` always do), and a type without
 * `decode` is always asked for as text. With `decode`, both must give equal values for the same
 * value. NULL reaches none of the functions. What they throw is the `cause` of a `DecodeError` or
 * `EncodeError`, and the connection stays usable.
 *
 * @example Decimals with exact arithmetic: here a class of our own stands for a library's
 * ```ts
 * import { Conn, Opts, type TypeCodec } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * class Money {
 *   readonly cents: bigint;
 *   constructor(cents: bigint) {
 *     this.cents = cents;
 *   }
 *   plus(other: Money): Money {
 *     return new Money(this.cents + other.cents);
 *   }
 * }
 *
 * const decimal: TypeCodec<Money> = {
 *   parse: (text) => {
 *     const [whole, part = ""] = text.split(".");
 *     return new Money(BigInt(whole + part.slice(0, 2).padEnd(2, "0")));
 *   },
 *   format: (value) => value instanceof Money ? `${value.cents}e-2` : String(value),
 * };
 *
 * await using conn = await Conn.connect(new Opts("pg://").codec("numeric", decimal));
 * const price = await conn.execValue<Money>("select $1::numeric + 0.99", [new Money(1000n)]);
 * assert.equal(price!.plus(new Money(1n)).cents, 1100n);
 * ```
 *
 * @example A type of an extension in its binary format, as PostGIS's geometry is
 * ```ts
 * import { Conn, Opts, type TypeCodec } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * interface Place { x: number; y: number }
 *
 * const place: TypeCodec<Place> = {
 *   parse: (text) => {
 *     const [x, y] = text.slice(1, -1).split(",").map(Number);
 *     return { x: x!, y: y! };
 *   },
 *   decode: (bytes) => {
 *     const view = new DataView(bytes.buffer, bytes.byteOffset);
 *     return { x: view.getFloat64(0), y: view.getFloat64(8) };
 *   },
 *   encode: (value) => {
 *     const { x, y } = value as Place;
 *     const view = new DataView(new ArrayBuffer(16));
 *     view.setFloat64(0, x);
 *     view.setFloat64(8, y);
 *     return new Uint8Array(view.buffer);
 *   },
 * };
 *
 * await using conn = await Conn.connect(new Opts("pg://").codec("point", place));
 * assert.deepEqual(await conn.execValue("select $1::point", [{ x: 1, y: 2 }]), { x: 1, y: 2 });
 * ```
 */
export interface TypeCodec<T = unknown> {
  /** The value of PostgreSQL's text for it. */
  parse(text: string): T;
  /** PostgreSQL's text of a parameter's value. Strings are always sent as they are. Default: numbers, bigints and booleans as text, anything else is an error; with `encode`, nothing can be sent as text, which `copyRows` needs beside a type that has no binary format. */
  format?(value: unknown): string;
  /** The value of the binary format. The bytes are the caller's to keep. */
  decode?(bytes: Uint8Array<ArrayBuffer>): T;
  /** The binary format of a parameter's value. Default: parameters are sent as {@linkcode TypeCodec.format} says. */
  encode?(value: unknown): Uint8Array;
  /** Whether a JavaScript array is one value of this type, and not an array of values, for arrays of the type. Default: it is not. */
  isValue?(array: readonly unknown[]): boolean;
}
