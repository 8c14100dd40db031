/** The description of a statement's rows, and their readers. */
import type { Column } from "../wire/backend.ts";
import type { Codec } from "../codecs/codec.ts";
import type { ColumnCodecs } from "../codecs/column_codecs.ts";
import type { Registry } from "../codecs/registry.ts";
import { propertyOf } from "../names.ts";
import { decodeError, membersOf, pathOf, type RowLayout, RowReader } from "./row.ts";

/** Columns with their codecs and formats. */
export class Description {
  readonly columns: readonly Column[];
  readonly formats: readonly number[];
  readonly #codecs: readonly Codec[];
  /** The indexes of columns whose types have not been looked up yet; their values are read as text. */
  readonly #unknown: readonly number[];
  readonly #names: ColumnCodecs["names"];
  /** The last column of each key, which is the one in an object; made when it is needed. */
  #lastOf: ReadonlyMap<string, number> | undefined = undefined;
  #objects: RowReader | undefined = undefined;
  #arrays: RowReader | undefined = undefined;
  #nested: RowReader | undefined = undefined;

  /** `formats` are the formats of the columns: 0 text, 1 binary. */
  constructor(columns: readonly Column[], formats: readonly number[], codecs: ColumnCodecs) {
    this.columns = columns;
    this.formats = formats;
    this.#names = codecs.names;
    this.#codecs = columns.map((column) => codecs.columnCodec(column));
    this.#unknown = [...columns.keys()].filter((index) => codecs.isUnknown(columns[index]!));
  }

  /** Whether rows have values whose types have not been looked up yet. */
  get isIncomplete(): boolean {
    return this.#unknown.length > 0;
  }

  /** The columns with these types. */
  get unknownColumns(): Column[] {
    return this.#unknown.map((index) => this.columns[index]!);
  }

  /** Decodes the texts in a row's columns of unknown types, after these were looked up. */
  complete(row: object, layout: RowLayout, registry: Registry): void {
    const lastOf = this.#lastOf ??= new Map(this.keys.map((key, index) => [key, index]));
    for (const index of this.#unknown) {
      const column = this.columns[index]!;
      const key = propertyOf(column.name, this.#names);
      if (layout !== "array" && lastOf.get(key) !== index) continue;
      const path = layout === "array" ? [index] : pathOf(key, layout);
      const holder = path.slice(0, -1).reduce((holder: object, part) => Reflect.get(holder, part) as object, row);
      const text = Reflect.get(holder, path.at(-1)!) as string | null;
      if (text === null) continue;
      const codec = registry.columnCodec(column);
      try {
        Reflect.set(holder, path.at(-1)!, codec.parse(text));
      } catch (error) {
        throw decodeError(error, index, column, codec);
      }
    }
  }

  /** Whether it describes these columns, so that its readers can read their rows. */
  describes(columns: readonly Column[], formats: readonly number[]): boolean {
    return columns.length === this.columns.length && columns.every((column, i) => {
      const own = this.columns[i]!;
      return column.name === own.name && column.typeOid === own.typeOid && column.typeModifier === own.typeModifier &&
        column.tableOid === own.tableOid && column.columnNumber === own.columnNumber && formats[i] === this.formats[i];
    });
  }

  /** The names of the columns in objects. */
  get keys(): string[] {
    return this.columns.map(({ name }) => propertyOf(name, this.#names));
  }

  /** The row reader for a layout. */
  reader(layout: RowLayout): RowReader {
    switch (layout) {
      case "array":
        return this.#arrays ??= this.#reader(layout);
      case "object":
        return this.#objects ??= this.#reader(layout);
      case "nested":
        return this.#nested ??= this.#reader(layout);
    }
  }

  #reader(layout: RowLayout): RowReader {
    const members = layout === "array" ? undefined : membersOf(this.keys, layout);
    return new RowReader(this.columns, this.#codecs, this.formats, members);
  }
}
