/** What a statement's rows look like, and the readers made for them. */
import type { Column } from "../wire/backend.ts";
import type { Codec } from "./codec.ts";
import type { Registry } from "./registry.ts";
import { RowReader, type RowShape } from "./row.ts";

/** Columns with their codecs and formats. */
export class Description {
  readonly columns: readonly Column[];
  readonly formats: readonly number[];
  readonly #codecs: readonly Codec[];
  #objects: RowReader | undefined = undefined;
  #arrays: RowReader | undefined = undefined;

  /** `formats` are those the rows come in: 0 text, 1 binary, one per column. */
  constructor(columns: readonly Column[], formats: readonly number[], registry: Registry) {
    this.columns = columns;
    this.formats = formats;
    this.#codecs = columns.map(({ typeOid }) => registry.codec(typeOid));
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
