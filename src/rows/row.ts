/**
 * Row readers: make objects or arrays of DataRow messages.
 *
 * A reader is made once per statement, for its columns' names and types. If the runtime allows it, a
 * reader that has read enough rows is compiled to a function: one object literal with a decoder call
 * for each column, which is as fast as hand-written code. Otherwise, and for wide rows, it reads column
 * by column, with the same results.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats", DataRow.
 */
import { DecodeError, ProtocolError } from "../errors.ts";
import type { Column } from "../wire/backend.ts";
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, Format } from "../codecs/codec.ts";

/** Whether rows are objects by column name, or arrays. */
export type RowShape = "object" | "array";

/** The part of a codec that reads values. */
export type Decoder = Pick<Codec, "name" | "decode" | "parse">;

/** Makes values of rows with the same columns. */
export class RowReader {
  readonly #columns: readonly Pick<Column, "name">[];
  readonly #codecs: readonly Decoder[];
  readonly #formats: readonly number[];
  readonly #shape: RowShape;
  #rowsRead = 0;
  #compiled: RowFunction | undefined;

  constructor(
    columns: readonly Pick<Column, "name">[],
    codecs: readonly Decoder[],
    formats: readonly number[],
    shape: RowShape,
  ) {
    this.#columns = columns;
    this.#codecs = codecs;
    this.#formats = formats;
    this.#shape = shape;
  }

  /** The row whose DataRow body is `[start, end)` of `source`. Does not keep the bytes. */
  read(source: ByteSource, start: number, end: number): unknown {
    if (this.#compiled === undefined) {
      if (++this.#rowsRead < COMPILE_AFTER) return this.#readEach(source, start, end);
      const compiled = this.#columns.length > MAX_COMPILED ? undefined : this.#compile();
      this.#compiled = compiled ?? ((source, start, end) => this.#readEach(source, start, end));
    }
    return this.#compiled(source, start, end);
  }

  #readEach(source: ByteSource, start: number, end: number): unknown {
    const { view } = source;
    const count = this.#columns.length;
    if (end - start < 2 || view.getUint16(start) !== count) throw wrongCount(source, start, end, count);
    const values: unknown[] = [];
    let at = start + 2;
    for (let i = 0; i < count; i++) {
      if (at + 4 > end) throw cutShort();
      const length = view.getInt32(at);
      at += 4;
      if (length < -1 || at + length > end) throw badLength(length);
      values.push(length === -1 ? null : this.#readValue(i, source, at, at + length));
      if (length > 0) at += length;
    }
    if (at !== end) throw leftOver(end - at);
    return this.#shape === "array" ? values : objectOf(this.#columns, values);
  }

  #readValue(index: number, source: ByteSource, start: number, end: number): unknown {
    const codec = this.#codecs[index]!;
    try {
      return this.#formats[index] === Format.Binary
        ? codec.decode(source, start, end)
        : codec.parse(source.bytes.utf8Slice(start, end));
    } catch (error) {
      throw this.#failed(error, index);
    }
  }

  #failed(error: unknown, index: number): DecodeError {
    return decodeError(error, index, this.#columns[index]!, this.#codecs[index]!);
  }

  #compile(): RowFunction | undefined {
    const count = this.#columns.length;
    const lines = [
      "const { view } = source;",
      `if (end - start < 2 || view.getUint16(start) !== ${count}) throw wrongCount(source, start, end, ${count});`,
      "let at = start + 2, length = 0, column = -1;",
      "try {",
    ];
    for (let i = 0; i < count; i++) {
      const decode = this.#formats[i] === Format.Binary
        ? `codec${i}.decode(source, at, at + length)`
        : `codec${i}.parse(source.bytes.utf8Slice(at, at + length))`;
      lines.push(
        "if (at + 4 > end) { column = -1; throw cutShort(); }",
        "length = view.getInt32(at); at += 4;",
        "if (length < -1 || at + length > end) { column = -1; throw badLength(length); }",
        `let value${i} = null;`,
        `if (length !== -1) { column = ${i}; value${i} = ${decode}; at += length; }`,
      );
    }
    lines.push(
      "if (at !== end) { column = -1; throw leftOver(end - at); }",
      `return ${this.#literal()};`,
      // A codec may throw anything, so only `column` shows whether a codec has failed.
      "} catch (error) { throw column === -1 ? error : failed(error, column); }",
    );
    const codecs = this.#codecs.map((_, i) => `codec${i} = codecs[${i}]`);
    const constants = codecs.length === 0 ? "" : `const ${codecs.join(", ")};`;
    try {
      const make = new Function(
        "codecs",
        "wrongCount",
        "cutShort",
        "badLength",
        "leftOver",
        "failed",
        `"use strict"; ${constants}\nreturn (source, start, end) => {\n${lines.join("\n")}\n};`,
      );
      const failed = (error: unknown, index: number): DecodeError => this.#failed(error, index);
      return make(this.#codecs, wrongCount, cutShort, badLength, leftOver, failed);
    } catch (error) {
      // A runtime can be configured to refuse code made from strings.
      if (error instanceof EvalError) return undefined;
      throw error;
    }
  }

  #literal(): string {
    if (this.#shape === "array") return `[${this.#columns.map((_, i) => `value${i}`).join(", ")}]`;
    const members = this.#columns.map(({ name }, i) => {
      // As JSON text, a name cannot end the string that contains it.
      const key = JSON.stringify(name);
      // As a computed name, it is an own property like any other.
      return `${name === "__proto__" ? `[${key}]` : key}: value${i}`;
    });
    return `{ ${members.join(", ")} }`;
  }
}

/** The error for a column's value that its codec refuses. */
export function decodeError(
  error: unknown,
  index: number,
  { name }: Pick<Column, "name">,
  codec: Pick<Codec, "name">,
): DecodeError {
  const reason = error instanceof BadValue ? error.message : "its codec failed";
  return new DecodeError(`Cannot decode column ${index + 1} ${JSON.stringify(name)} as ${codec.name}: ${reason}`, {
    cause: error instanceof BadValue ? undefined : error,
  });
}

type RowFunction = (source: ByteSource, start: number, end: number) => unknown;

function objectOf(columns: readonly Pick<Column, "name">[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < values.length; i++) {
    const { name } = columns[i]!;
    if (name === "__proto__") {
      Object.defineProperty(row, name, { value: values[i], configurable: true, enumerable: true, writable: true });
    } else {
      row[name] = values[i];
    }
  }
  return row;
}

function wrongCount(source: ByteSource, start: number, end: number, expected: number): ProtocolError {
  return end - start < 2
    ? cutShort()
    : malformed(`it has ${source.view.getUint16(start)} columns, RowDescription announced ${expected}`);
}

function cutShort(): ProtocolError {
  return malformed("it is cut short");
}

function badLength(length: number): ProtocolError {
  return malformed(`a value claims a length of ${length} bytes`);
}

function leftOver(count: number): ProtocolError {
  return malformed(`${count} bytes are left over`);
}

function malformed(problem: string): ProtocolError {
  return new ProtocolError(`Cannot read the server's DataRow: ${problem}`);
}

/** Compiling costs about as much as reading this many rows. */
const COMPILE_AFTER = 64;
/**
 * With more columns, engines do not optimize the function: it is slower than reading column by column,
 * and takes long to compile.
 */
const MAX_COMPILED = 100;
