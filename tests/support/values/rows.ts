/** Encodes rows for row readers, without a server. */
import { DEFAULT_CHOICES, type TypeChoices } from "../../../src/options/choices.ts";
import { Registry } from "../../../src/codecs/registry.ts";
import { membersOf, type RowLayout, RowReader } from "../../../src/rows/row.ts";
import { allocate, type ByteSource, viewOf } from "../../../src/wire/bytes.ts";
import { dataRow } from "../scripted/backend.ts";

/** The values of a DataRow: text, bytes or NULL. */
export type Cells = readonly (string | Uint8Array | null)[];

/** Reads the body of a DataRow. All calls use the same reader. */
export type Read = (body: Uint8Array) => unknown;

/** How rows are read. */
export interface RowsOptions {
  readonly shape?: RowLayout;
  readonly formats?: readonly number[];
  readonly choices?: Partial<TypeChoices>;
}

/** A new reader of rows with these columns; all are text unless `formats` says otherwise. */
export function readerOf(columns: readonly (readonly [name: string, oid: number])[], options: RowsOptions = {}): Read {
  const { shape = "object", formats = columns.map(() => 0), choices = {} } = options;
  const registry = new Registry({ ...DEFAULT_CHOICES, ...choices });
  const reader = new RowReader(
    columns.map(([name, typeOid]) => ({ name, typeOid, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 })),
    columns.map(([, oid]) => registry.codec(oid)),
    formats,
    shape === "array" ? undefined : membersOf(columns.map(([name]) => name), shape),
  );
  return (body) => {
    const source = sourceOf(body);
    return reader.read(source, BEFORE, BEFORE + body.length);
  };
}

/** A reader that has read enough rows to be compiled. */
export function warmReaderOf(
  columns: readonly (readonly [name: string, oid: number])[],
  options: RowsOptions = {},
): Read {
  const read = readerOf(columns, options);
  const nulls = bodyOf(columns.map(() => null));
  for (let i = 0; i < 100; i++) read(nulls);
  return read;
}

/** The body of a DataRow. */
export function bodyOf(cells: Cells): Uint8Array {
  return dataRow(...cells).slice(5);
}

/** The bytes, surrounded by others that the reader must not read. */
function sourceOf(body: Uint8Array): ByteSource {
  const bytes = allocate(BEFORE + body.length + 8).fill(0x2a);
  bytes.set(body, BEFORE);
  return { bytes, view: viewOf(bytes) };
}

const BEFORE = 5;
