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
import { DecodeError, ProtocolError, UsageError } from "../errors.ts";
import type { Column } from "../wire/backend.ts";
import type { ByteSource } from "../wire/bytes.ts";
import { BadValue, type Codec, Format } from "../codecs/codec.ts";
import { setOwn } from "../codecs/plain_object.ts";

/** Whether rows are objects by column name, or arrays. */
export type RowShape = "object" | "array";

/** The part of a codec that reads values. */
export type Decoder = Pick<Codec, "name" | "decode" | "parse">;

/** The shapes that the option `rows` has, and objects in which a dot in a column's name begins an object inside. */
export type RowLayout = RowShape | "nested";

/** The members of a row: the index of each one's column, or the members of the object that it is. */
export type Members = readonly (readonly [key: string, member: number | Members])[];

/** The path to the value of a column with that key. */
export function pathOf(key: string, layout: RowLayout): readonly string[] {
  return layout === "nested" ? key.split(".") : [key];
}

/** The members of rows with these columns' keys. Of equal keys the last one counts. */
export function membersOf(keys: readonly string[], layout: RowLayout): Members {
  const root: MemberTree = new Map();
  for (const [index, key] of keys.entries()) {
    const path = pathOf(key, layout);
    let tree = root;
    for (const part of path.slice(0, -1)) {
      const inner = tree.get(part) ?? new Map();
      if (typeof inner === "number") throw isBoth(path, part);
      tree.set(part, inner);
      tree = inner;
    }
    if (typeof tree.get(path.at(-1)!) === "object") throw isBoth(path, path.at(-1)!);
    tree.set(path.at(-1)!, index);
  }
  return listOf(root);
}

type MemberTree = Map<string, number | MemberTree>;

function listOf(tree: MemberTree): Members {
  const list: [key: string, member: number | Members][] = [];
  tree.forEach((member, key) => list.push([key, typeof member === "number" ? member : listOf(member)]));
  return list;
}

function isBoth(path: readonly string[], part: string): UsageError {
  return new UsageError(
    `Cannot nest column ${JSON.stringify(path.join("."))}: ${JSON.stringify(part)} is both a value and an object`,
  );
}

/** Makes values of rows with the same columns. */
export class RowReader {
  readonly #columns: readonly Pick<Column, "name">[];
  readonly #codecs: readonly Decoder[];
  readonly #formats: readonly number[];
  /** Undefined for rows that are arrays. */
  readonly #members: Members | undefined;
  #rowsRead = 0;
  #compiled: RowFunction | undefined;

  constructor(
    columns: readonly Pick<Column, "name">[],
    codecs: readonly Decoder[],
    formats: readonly number[],
    members: Members | undefined,
  ) {
    this.#columns = columns;
    this.#codecs = codecs;
    this.#formats = formats;
    this.#members = members;
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
    return this.#members === undefined ? values : objectOf(this.#members, values);
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
    if (this.#members !== undefined) return literalOf(this.#members);
    return `[${this.#columns.map((_, i) => `value${i}`).join(", ")}]`;
  }
}

function literalOf(members: Members): string {
  const texts = members.map(([name, member]) => {
    // As JSON text, a name cannot end the string that contains it.
    const key = JSON.stringify(name);
    const value = typeof member === "number" ? `value${member}` : literalOf(member);
    // As a computed name, it is an own property like any other.
    return `${name === "__proto__" ? `[${key}]` : key}: ${value}`;
  });
  return `{ ${texts.join(", ")} }`;
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

function objectOf(members: Members, values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [name, member] of members) {
    const value = typeof member === "number" ? values[member] : objectOf(member, values);
    setOwn(row, name, value);
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
