/** The rows of `sql.values`: objects or arrays, read column by column. */
import { UsageError } from "../errors.ts";
import { lazy } from "../lazy.ts";
import { quotedIdentifier } from "./identifier.ts";
import type { SqlTypes } from "./sql_tag.ts";
import { checkField, isTemplate, kindOf } from "./template_checks.ts";

/** Reads the values of rows that are objects. */
export function objectReader(
  columns: readonly string[],
  all: boolean,
): (row: object, number: number) => readonly unknown[] {
  const known = new Set(columns);
  return (row, number) => {
    if (Array.isArray(row)) {
      throw new UsageError(
        `Cannot make values of row ${number}: it must be an object as the first one is, not an array`,
      );
    }
    const unknown = all ? Object.keys(row).find((key) => !known.has(key)) : undefined;
    if (unknown !== undefined) {
      throw new UsageError(
        `Cannot make values of row ${number}: it has ${JSON.stringify(unknown)}, which the first row does not have; ` +
          "give the columns to choose among keys",
      );
    }
    return columns.map((column) => {
      // Inherited properties are not data: each object has a `constructor`.
      const value = Object.hasOwn(row, column) ? (row as Record<string, unknown>)[column] : undefined;
      checkField(value, number, column);
      return value;
    });
  };
}

/** Reads the values of rows that are arrays. */
export function arrayReader(length: number): (row: object, number: number) => readonly unknown[] {
  if (length === 0) throw new UsageError("Cannot make values of row 1: it must not be an empty array");
  return (row, number) => {
    if (!Array.isArray(row)) {
      throw new UsageError(
        `Cannot make values of row ${number}: it must be an array as the first one is, not an object`,
      );
    }
    if (row.length !== length) {
      throw new UsageError(`Cannot make values of row ${number}: it has ${row.length} values instead of ${length}`);
    }
    for (const [i, value] of row.entries()) checkField(value, number, i);
    return row;
  };
}

export function columnList(columns: readonly string[], spelled: (name: string) => string): string {
  if (!Array.isArray(columns)) {
    throw new UsageError(`Cannot set columns to ${kindOf(columns)}: it must be an array of names`);
  }
  if (columns.length === 0) {
    throw new UsageError("Cannot make values of rows without columns: for one row of defaults write default values");
  }
  return `(${
    Array.from(columns, (column, i) => quotedIdentifier(spelled(column), `quote column ${i + 1}`)).join(", ")
  }) `;
}

/** The names of columns that have types. */
export function namesOf(types: SqlTypes): readonly string[] {
  if (typeof types !== "object" || types === null || Array.isArray(types)) {
    throw new UsageError(
      `Cannot set the types of columns to ${kindOf(types)}: it must be an object, as { id: "int4" }`,
    );
  }
  const names = Object.keys(types);
  if (names.length === 0) throw new UsageError("Cannot make values of rows without columns: give their types");
  for (const name of names) {
    const type: unknown = types[name];
    if (isTemplate(type) || (typeof type === "string" && typeName().test(type))) continue;
    throw new UsageError(
      `Cannot set the type of column ${JSON.stringify(name)} to ${
        typeof type === "string" ? JSON.stringify(type) : kindOf(type)
      }: it must be a type's name as in SQL, such as "numeric(10, 2)", or a template`,
    );
  }
  return names;
}

/**
 * A type's name: words and quoted names with dots, the further words of SQL's own names, and modifiers.
 *
 * Source: PostgreSQL manual, "Data Types".
 */
const typeName = lazy(() => {
  const name = String.raw`(?:[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|"(?:[^"\0]|"")+")`;
  const words = "(?: (?:varying|precision|with|without|time|zone|year|month|day|hour|minute|second|to))*";
  return new RegExp(
    String.raw`^${name}(?:\.${name})*${words}(?:\(-?\d+(?:, ?-?\d+)?\))?${words}(?:\[\])*$`,
    "i",
  );
});
