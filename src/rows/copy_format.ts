/**
 * Encodes rows for COPY FROM: in its binary format, or in text if a column's type, or some of its
 * values, have no binary format.
 *
 * The types of the columns decide the format, never the rows. So in the binary format, strings for
 * values of other types are parsed here, in the forms that do not depend on the session's settings.
 *
 * Source: PostgreSQL manual, "COPY", sections "Text Format" and "Binary Format".
 */
import { EncodeError, UsageError } from "../errors.ts";
import { Outbox } from "../wire/outbox.ts";
import { type Codec, encodeFailure, encodeInside, encodeTextInside, kindOf, textOf } from "../codecs/codec.ts";

/** Encodes rows for columns of these types. */
export class CopyRows {
  readonly format: "binary" | "text";
  readonly #names: readonly string[];
  readonly #codecs: readonly Codec[];
  readonly #out = new Outbox();
  #count = 0;

  constructor(names: readonly string[], codecs: readonly Codec[]) {
    this.#names = names;
    this.#codecs = codecs;
    const isBinary = codecs.every(({ binary, sendsText }) => binary && !sendsText);
    this.format = isBinary ? "binary" : "text";
    if (this.format === "binary") this.#begin();
  }

  /** The number of bytes to send. */
  get size(): number {
    return this.#out.size;
  }

  /** Encodes a row: an array in the order of the columns, or an object with their names. */
  add(row: unknown): void {
    const values = this.#valuesOf(row);
    const { mark } = this.#out;
    try {
      if (this.format === "binary") this.#addBinary(values);
      else this.#addText(values);
    } catch (error) {
      this.#out.rewind(mark);
      throw error;
    }
    this.#count++;
  }

  /** Must be called after the last row. */
  end(): void {
    if (this.format === "binary") this.#out.int16(-1);
  }

  /** The bytes encoded so far. They are valid until the next row is added. */
  take(): Uint8Array {
    const bytes = this.#out.pending();
    this.#out.sent(bytes.length);
    return bytes;
  }

  #begin(): void {
    this.#out.bytes(SIGNATURE);
    this.#out.int32(0); // flags
    this.#out.int32(0); // length of the header's extension
  }

  #valuesOf(row: unknown): readonly unknown[] {
    if (Array.isArray(row)) {
      if (row.length === this.#names.length) return row;
      throw new UsageError(
        `Cannot copy row ${this.#count}: it has ${row.length} values, there are ${this.#names.length} columns`,
      );
    }
    if (typeof row !== "object" || row === null) {
      throw new UsageError(`Cannot copy row ${this.#count}: it must be an array or an object, not ${kindOf(row)}`);
    }
    return this.#names.map((name) => {
      if (Object.hasOwn(row, name)) return Reflect.get(row, name);
      throw new UsageError(`Cannot copy row ${this.#count}: it has no value for column ${JSON.stringify(name)}`);
    });
  }

  #addBinary(values: readonly unknown[]): void {
    this.#out.int16(values.length);
    for (let column = 0; column < values.length; column++) {
      const value = values[column];
      try {
        this.#addValue(this.#codecs[column]!, value);
      } catch (error) {
        throw this.#withRowAndColumn(error, column, value);
      }
    }
  }

  #addValue(codec: Codec, value: unknown): void {
    const out = this.#out;
    if (value === null) return out.int32(-1);
    const { mark } = out;
    if (encodeInside(codec, out, value)) return;
    out.rewind(mark);
    // Texts that Bind would send as text, such as a date in a string, are parsed here, since COPY has one format
    // only.
    encodeTextInside(codec, out, textOf(codec, value));
  }

  #addText(values: readonly unknown[]): void {
    const texts = Array.from(values, (value, column) => {
      try {
        return value === null ? "\\N" : escaped(textOf(this.#codecs[column]!, value));
      } catch (error) {
        throw this.#withRowAndColumn(error, column, value);
      }
    });
    this.#out.text(`${texts.join("\t")}\n`);
  }

  #withRowAndColumn(error: unknown, column: number, value: unknown): EncodeError {
    const { reason, options } = encodeFailure(error, value);
    return new EncodeError(
      `Cannot encode row ${this.#count}, column ${JSON.stringify(this.#names[column])} as ${
        this.#codecs[column]!.name
      }: ${reason}`,
      options,
    );
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character]!);
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
/** The beginning of a binary COPY. */
const SIGNATURE = new Uint8Array([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00]);
