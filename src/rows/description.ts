/** What a statement's rows look like, and the readers made for them. */
import type { Column } from "../wire/backend.ts";
import type { Codec } from "../codecs/codec.ts";
import type { Registry } from "../codecs/registry.ts";
import { decodeError, RowReader, type RowShape } from "./row.ts";

/** Columns with their codecs and formats. */
export class Description {
  readonly columns: readonly Column[];
  readonly formats: readonly number[];
  readonly #codecs: readonly Codec[];
  /** The indexes of columns whose types are not loaded yet; their values are read as text until then. */
  readonly #unknown: readonly number[];
  /** The last column of each name, the one that is in an object; made where it is needed. */
  #lastOf: ReadonlyMap<string, number> | undefined = undefined;
  #objects: RowReader | undefined = undefined;
  #arrays: RowReader | undefined = undefined;

  /** `formats` are those the rows come in: 0 text, 1 binary, one per column. */
  constructor(columns: readonly Column[], formats: readonly number[], registry: Registry) {
    this.columns = columns;
    this.formats = formats;
    this.#codecs = columns.map((column) => registry.columnCodec(column));
    this.#unknown = [...columns.keys()].filter((index) => registry.isUnknown(columns[index]!));
  }

  /** Whether rows have values of types that are not loaded yet. */
  get isIncomplete(): boolean {
    return this.#unknown.length > 0;
  }

  /** The columns that have them. */
  get unknownColumns(): Column[] {
    return this.#unknown.map((index) => this.columns[index]!);
  }

  /** Makes values of the texts that a row has in columns of unknown types, now that these are loaded. */
  complete(row: object, shape: RowShape, registry: Registry): void {
    const lastOf = this.#lastOf ??= new Map(this.columns.map(({ name }, index) => [name, index]));
    for (const index of this.#unknown) {
      const column = this.columns[index]!;
      if (shape === "object" && lastOf.get(column.name) !== index) continue;
      const key = shape === "array" ? index : column.name;
      const text = Reflect.get(row, key) as string | null;
      if (text === null) continue;
      const codec = registry.columnCodec(column);
      try {
        Reflect.set(row, key, codec.parse(text));
      } catch (error) {
        throw decodeError(error, index, column, codec);
      }
    }
  }

  /** Whether these are the same columns, so that readers made for one read the other. */
  describes(columns: readonly Column[], formats: readonly number[]): boolean {
    return columns.length === this.columns.length && columns.every((column, i) => {
      const own = this.columns[i]!;
      return column.name === own.name && column.typeOid === own.typeOid && column.typeModifier === own.typeModifier &&
        column.tableOid === own.tableOid && column.columnNumber === own.columnNumber && formats[i] === this.formats[i];
    });
  }

  /** The reader of these rows in that shape. */
  reader(shape: RowShape): RowReader {
    return shape === "array"
      ? this.#arrays ??= new RowReader(this.columns, this.#codecs, this.formats, shape)
      : this.#objects ??= new RowReader(this.columns, this.#codecs, this.formats, shape);
  }
}
