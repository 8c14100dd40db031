/**
 * Makes of a row what a query selects: an object of columns, or objects in it for the tables of a join.
 *
 * What depends on the query alone is found out once. Drizzle's own drivers do it for each value.
 */
import { Column, getTableName, is, noopDecoder, SQL, Subquery } from "drizzle-orm";
import type { SelectedFieldsOrdered } from "drizzle-orm/pg-core";

/** Makes an object of a row, which is an array of the driver's values. */
export type RowMapper = (row: readonly unknown[]) => unknown;

/**
 * The mapper for what a query selects. `joins` says of which tables each row has a row; the object of another table is
 * null if its first column is. Without it, no object is null.
 */
export function rowMapper(fields: SelectedFieldsOrdered, joins?: Readonly<Record<string, boolean>>): RowMapper {
  return fields.every(({ path }) => path.length === 1) ? flatMapper(fields) : nestedMapper(fields, joins);
}

function flatMapper(fields: SelectedFieldsOrdered): RowMapper {
  const keys = fields.map(({ path }) => path[0]!);
  const decoders = fields.map(({ field }) => decoderOf(field));
  return (row) => {
    const result: Mapped = {};
    for (let i = 0; i < keys.length; i++) {
      const value = row[i];
      const decoder = decoders[i];
      result[keys[i]!] = value === null || decoder === undefined ? value : decoder.mapFromDriverValue(value);
    }
    return result;
  };
}

type Mapped = Record<string, unknown>;

/** An object in the result: its index among all of them, that of its parent, and its key there. */
interface NestedObject {
  readonly index: number;
  readonly parent: number;
  readonly key: string;
}

/** A column: the object that it is in, and those that are made before it. */
interface Leaf {
  readonly key: string;
  readonly object: number;
  readonly made: readonly NestedObject[];
  readonly decoder: Decoder | undefined;
}

function nestedMapper(fields: SelectedFieldsOrdered, joins: Readonly<Record<string, boolean>> | undefined): RowMapper {
  const leaves = leavesOf(fields);
  const optional = (joins === undefined ? [] : optionalObjects(fields, joins)).map(([name, column]) =>
    [name, leaves[column]!] as const
  );
  return (row) => {
    const result: Mapped = {};
    const objects = [result];
    for (let i = 0; i < leaves.length; i++) {
      const { key, object, made, decoder } = leaves[i]!;
      for (const { index, parent, key } of made) objects[parent]![key] = objects[index] = {};
      const value = row[i];
      objects[object]![key] = value === null || decoder === undefined ? value : decoder.mapFromDriverValue(value);
    }
    for (const [name, { key, object }] of optional) {
      if (objects[object]![key] === null) result[name] = null;
    }
    return result;
  };
}

function leavesOf(fields: SelectedFieldsOrdered): Leaf[] {
  const indexes = new Map([["[]", 0]]);
  return fields.map(({ path, field }) => {
    const made: NestedObject[] = [];
    let object = 0;
    for (let depth = 1; depth < path.length; depth++) {
      const name = JSON.stringify(path.slice(0, depth));
      let index = indexes.get(name);
      if (index === undefined) {
        indexes.set(name, index = indexes.size);
        made.push({ index, parent: object, key: path[depth - 1]! });
      }
      object = index;
    }
    return { key: path.at(-1)!, object, made, decoder: decoderOf(field) };
  });
}

/**
 * The objects that stand for tables of which a row may have no row: their names, each with the number of the first
 * column. An object with columns of several tables is none.
 */
function optionalObjects(
  fields: SelectedFieldsOrdered,
  joins: Readonly<Record<string, boolean>>,
): (readonly [name: string, column: number])[] {
  const tables = new Map<string, { readonly column: number; readonly names: Set<string> }>();
  for (const [column, { path, field }] of fields.entries()) {
    if (path.length !== 2 || !is(field, Column)) continue;
    const [name] = path as [string, string];
    if (!tables.has(name)) tables.set(name, { column, names: new Set() });
    tables.get(name)!.names.add(getTableName(field.table));
  }
  return [...tables].filter(([, { names }]) => names.size === 1 && !joins[[...names][0]!])
    .map(([name, { column }]) => [name, column]);
}

interface Decoder {
  mapFromDriverValue(value: unknown): unknown;
}

/** The decoder of a field's values; undefined if they stay as they are. */
function decoderOf(field: SelectedFieldsOrdered[number]["field"]): Decoder | undefined {
  const decoder = is(field, Column) ? field : sqlDecoder(field);
  const { mapFromDriverValue } = decoder;
  return mapFromDriverValue === noopDecoder.mapFromDriverValue ||
      mapFromDriverValue === Column.prototype.mapFromDriverValue
    ? undefined
    : decoder;
}

function sqlDecoder(field: Exclude<SelectedFieldsOrdered[number]["field"], Column>): Decoder {
  const sql = is(field, SQL) ? field : is(field, Subquery) ? field._.sql : field.sql;
  return (sql as unknown as { readonly decoder: Decoder }).decoder;
}
