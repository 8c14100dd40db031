/** The codecs that users write. */

/**
 * Decodes and encodes the values of one type, for {@linkcode Opts.codec}.
 *
 * Only `parse` is required: rows can come as text (those of `query` always do), and values of a type
 * without `decode` are always requested as text. `parse` and `decode` must give equal values for the
 * same value. The functions are never called for NULL. Errors that they throw are the `cause` of a
 * `DecodeError` or `EncodeError`; the connection stays usable.
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
  /** Makes a value of PostgreSQL's text. */
  parse(text: string): T;
  /**
   * Makes PostgreSQL's text of a parameter. Strings are always sent as they are. Default: numbers,
   * bigints and booleans as text, others are an error; with `encode`, no value can be sent as text, as
   * `copyRows` does if another column's type has no binary format.
   */
  format?(value: unknown): string;
  /** Makes a value of the binary format. The function may keep the bytes. */
  decode?(bytes: Uint8Array<ArrayBuffer>): T;
  /**
   * Makes the binary format of a parameter. Default: parameters are sent as text; see
   * {@linkcode TypeCodec.format}.
   */
  encode?(value: unknown): Uint8Array;
  /**
   * Whether a JavaScript array is one value of this type, and not an array of values, as an element of
   * an array of this type. Default: false.
   */
  isValue?(array: readonly unknown[]): boolean;
}
