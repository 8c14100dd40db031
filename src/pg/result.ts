/** The result of a query. */
import { Buffer } from "node:buffer";
import type { CustomTypesConfig, FieldDef } from "./interfaces.ts";
import { type TypeParser, types as moduleTypes } from "./types.ts";

/**
 * Rows, columns and the command tag of one statement. Query classes of other packages fill it by its methods, from
 * messages as {@linkcode Connection} has them.
 */
// deno-lint-ignore no-explicit-any -- a result is that of any query
export class Result<R = any> {
  /** The first word of the command tag. */
  // deno-lint-ignore no-explicit-any -- pg declares a string, and gives null before the statement has completed
  command: any = null;
  /** The number of rows in the command tag; null if it has none. */
  rowCount: number | null = null;
  /** The OID in the command tag of INSERT. */
  // deno-lint-ignore no-explicit-any -- pg declares a number, and gives null for other statements
  oid: any = null;
  /** The rows. */
  rows: R[] = [];
  /** The columns. */
  fields: FieldDef[] = [];
  /** Internal, as is everything in pg that begins with `_`. */
  _parsers: TypeParser[] | undefined = undefined;
  /** Internal: the parsers. */
  _types: CustomTypesConfig | undefined;
  /** Internal, without a use. */
  RowCtor: unknown = null;
  /** Whether rows are arrays. */
  rowAsArray: boolean;
  /** Internal, without a use. */
  _prebuiltEmptyResultObject: Record<string, unknown> | null = null;

  /** An empty result; with `"array"`, of rows that are arrays. */
  constructor(rowMode?: string, types?: CustomTypesConfig) {
    this._types = types;
    this.rowAsArray = rowMode === "array";
    if (this.rowAsArray) this.parseRow = this._parseRowAsArray as this["parseRow"];
  }

  /** Takes the command tag of a CommandComplete: `INSERT 0 5`. */
  addCommandComplete(message: { readonly text?: string; readonly command?: string }): void {
    const [command = "", first, second] = (message.text || message.command || "").split(" ");
    if (!/^[A-Za-z]/.test(command)) return;
    this.command = command;
    if (!isNumber(first)) return;
    if (isNumber(second)) this.oid = Number(first);
    this.rowCount = Number(isNumber(second) ? second : first);
  }

  /** Makes a row of the texts of its values. */
  parseRow(values: readonly (string | Uint8Array | null)[]): R {
    return this.#rowAsObject(values) as R;
  }

  /** Internal: makes an array of the texts of a row. */
  _parseRowAsArray(values: readonly (string | Uint8Array | null)[]): unknown[] {
    return Array.from(values, (value, i) => this.#parse(value, i));
  }

  /** Adds a row. */
  addRow(row: R): void {
    this.rows.push(row);
  }

  /** Takes the columns of the rows that follow. */
  addFields(fields: FieldDef[]): void {
    this.fields = fields;
    const types = this._types ?? moduleTypes;
    this._parsers = fields.map(({ dataTypeID, format }) => types.getTypeParser(dataTypeID, format || "text"));
  }

  #rowAsObject(values: readonly (string | Uint8Array | null)[]): Record<string, unknown> {
    const row: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) {
      const { name } = this.fields[i]!;
      const value = this.#parse(values[i]!, i);
      // Assigning would replace the prototype.
      if (name === "__proto__") Object.defineProperty(row, name, { value, ...PROPERTY });
      else row[name] = value;
    }
    return row;
  }

  #parse(value: string | Uint8Array | null, index: number): unknown {
    if (value === null) return null;
    const isBinary = this.fields[index]!.format === "binary";
    return this._parsers![index]!(isBinary ? Buffer.from(value as Uint8Array) : value);
  }
}

function isNumber(word: string | undefined): word is string {
  return word !== undefined && /^\d+$/.test(word);
}

/** How a property is that was made by assigning. */
const PROPERTY = { enumerable: true, configurable: true, writable: true } as const;
