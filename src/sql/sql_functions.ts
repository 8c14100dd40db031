/**
 * The functions of the tag `sql`: they make the parts of a template that are not values. Each mistake has a message
 * that says what to write instead.
 */
import { UsageError } from "../errors.ts";
import { lazy } from "../lazy.ts";
import { columnOf } from "../names.ts";
import { quotedIdentifier } from "./identifier.ts";
import { arrayReader, columnList, namesOf, objectReader } from "./row_readers.ts";
import type { SqlTypes } from "./sql_tag.ts";
import { isSqlTemplate, Parts, SqlTemplate, template } from "./template.ts";
import { checkList, faultOf, kindOf } from "./template_checks.ts";

/** The name in the database of one that a program gives. */
export type Spelling = (name: string) => string;

/** The names are those of the database. */
export function asGiven(name: string): string {
  return name;
}

/** Names in camel case are those of the database with underscores. */
export function fromCamel(name: string): string {
  return typeof name === "string" ? columnOf(name, "camel") : name;
}

/** Quotes a name, or several joined by dots. */
export function identifier(parts: readonly string[], spelled: Spelling = asGiven): SqlTemplate {
  if (parts.length === 0) throw new UsageError("Cannot quote an identifier of no parts: give its name");
  if (parts.length === 3 && Array.isArray(parts[2])) {
    throw new UsageError(
      "Cannot quote an identifier of an item, its index and its array: write names.map((name) => sql.id(name))",
    );
  }
  return text(
    parts.map((part, i) => quotedIdentifier(spelled(part), `quote part ${i + 1} of an identifier`)).join("."),
  );
}

/** Joins the items of a list. */
export function joined(list: Iterable<unknown>, separator: SqlTemplate = comma()): SqlTemplate {
  checkList(list, "join");
  if (!(separator instanceof SqlTemplate)) {
    throw new UsageError(
      `Cannot join with ${kindOf(separator)}: write the separator as a template, as in sql\` and \``,
    );
  }
  const parts = new Parts();
  let count = 0;
  for (const item of list) {
    const fault = faultOf(item);
    if (fault !== undefined) throw new UsageError(`Cannot join item ${count + 1} of a list: ${fault}`);
    if (count++ > 0) parts.insert(separator);
    parts.insert(item);
  }
  if (count === 0) {
    throw new UsageError(
      "Cannot join an empty list, which leaves no valid SQL: instead of in (…) write = any(${array}), " +
        "which may be empty, and leave other clauses out",
    );
  }
  return parts.finish();
}

/** Rows for `values`. */
export function rowList(
  rows: Iterable<object>,
  columns?: readonly string[] | SqlTypes,
  spelled: Spelling = asGiven,
): SqlTemplate {
  checkList(rows, "make values of");
  const types = typeof columns === "object" && columns !== null && !Array.isArray(columns)
    ? columns as SqlTypes
    : undefined;
  const given = types === undefined ? columns as readonly string[] | undefined : namesOf(types);
  const parts = new Parts();
  let reader: RowReader | undefined;
  let number = 0;
  for (const row of rows) {
    number++;
    checkRow(row, number);
    if (reader === undefined) {
      const names = given ?? (Array.isArray(row) ? undefined : Object.keys(row));
      if (names !== undefined && types === undefined) parts.sql(columnList(names, spelled));
      reader = readerOf(row, names, given === undefined);
    }
    parts.sql(number === 1 ? "values (" : ", (");
    for (const [i, value] of reader(row, number).entries()) {
      if (i > 0) parts.sql(", ");
      if (number === 1 && types !== undefined) cast(parts, value, types[given![i]!]!);
      else parts.insert(value);
    }
    parts.sql(")");
  }
  if (number === 0) {
    throw new UsageError("Cannot make values of no rows: SQL has no empty list of values, so send nothing");
  }
  return parts.finish();
}

/** Rows as one array a column, for `from`. */
export function unnested(rows: Iterable<object>, types: SqlTypes): SqlTemplate {
  checkList(rows, "unnest");
  const names = namesOf(types);
  const columns: unknown[][] = names.map(() => []);
  let reader: RowReader | undefined;
  let number = 0;
  for (const row of rows) {
    number++;
    checkRow(row, number);
    reader ??= readerOf(row, names, false);
    for (const [i, value] of reader(row, number).entries()) {
      if (isSqlTemplate(value)) {
        throw new UsageError(
          `Cannot unnest column ${JSON.stringify(names[i])} of row ${number}: a template is no value`,
        );
      }
      columns[i]!.push(value);
    }
  }
  const parts = new Parts();
  for (const [i, values] of columns.entries()) {
    const type = types[names[i]!]!;
    if (typeof type === "string" && /\]\s*$/.test(type)) {
      throw new UsageError(
        `Cannot unnest column ${JSON.stringify(names[i])}: its type must be no array, of which unnest makes rows; ` +
          "write sql.values with the types",
      );
    }
    parts.sql(i === 0 ? "unnest(" : ", ");
    cast(parts, values, type);
    parts.sql("[]");
  }
  parts.sql(")");
  return parts.finish();
}

/** Assignments, for `set`. */
export function assignments(
  values: object,
  columns?: readonly string[],
  spelled: Spelling = asGiven,
): SqlTemplate {
  if (typeof values !== "object" || values === null || Array.isArray(values)) {
    throw new UsageError(`Cannot set columns to ${kindOf(values)}: it must be an object of columns and their values`);
  }
  if (columns !== undefined && !Array.isArray(columns)) {
    throw new UsageError(`Cannot set columns to ${kindOf(columns)}: it must be an array of names`);
  }
  const names = columns ?? Object.keys(values);
  if (names.length === 0) throw new UsageError("Cannot set no columns: an update changes at least one");
  const parts = new Parts();
  for (const [i, name] of names.entries()) {
    const quoted = quotedIdentifier(spelled(name), `quote column ${i + 1}`);
    const value = Object.hasOwn(values, name) ? (values as Record<string, unknown>)[name] : undefined;
    const fault = value === undefined
      ? "it must not be missing or undefined; NULL is null, the default sql`default`"
      : faultOf(value);
    if (fault !== undefined) throw new UsageError(`Cannot set column ${JSON.stringify(name)}: ${fault}`);
    parts.sql(`${i === 0 ? "" : ", "}${quoted} = `);
    parts.insert(value);
  }
  return parts.finish();
}

/** Conditions that all hold. */
export function conjunction(conditions: Iterable<SqlTemplate>): SqlTemplate {
  return junction(conditions, "and", "true");
}

/** Conditions of which one holds. */
export function disjunction(conditions: Iterable<SqlTemplate>): SqlTemplate {
  return junction(conditions, "or", "false");
}

/** SQL of a text, as it is. */
export function raw(sql: string): SqlTemplate {
  if (typeof sql === "string") return text(sql);
  throw new UsageError(`Cannot make SQL of ${kindOf(sql)}: sql.raw takes a string`);
}

function junction(conditions: Iterable<SqlTemplate>, word: string, ofNone: string): SqlTemplate {
  checkList(conditions, `join by ${word}`);
  const parts = new Parts();
  let count = 0;
  for (const condition of conditions) {
    if (!(condition instanceof SqlTemplate)) {
      throw new UsageError(
        `Cannot join condition ${count + 1} by ${word}: it must be a template, not ${kindOf(condition)}; ` +
          "leave a condition out that does not apply",
      );
    }
    parts.sql(count++ === 0 ? "(" : `) ${word} (`);
    parts.insert(condition);
  }
  if (count === 0) return text(ofNone);
  parts.sql(")");
  const all = parts.finish();
  return count === 1 ? all : template`(${all})`;
}

function cast(parts: Parts, value: unknown, type: string | SqlTemplate): void {
  if (isSqlTemplate(value)) {
    parts.sql("(");
    parts.insert(value);
    parts.sql(")::");
  } else {
    parts.insert(value);
    parts.sql("::");
  }
  if (type instanceof SqlTemplate) parts.insert(type);
  else parts.sql(type);
}

function text(sql: string): SqlTemplate {
  const parts = new Parts();
  parts.sql(sql);
  return parts.finish();
}

function checkRow(row: unknown, number: number): void {
  if (typeof row === "object" && row !== null) return;
  throw new UsageError(`Cannot make values of row ${number}: it must be an object or an array, not ${kindOf(row)}`);
}

type RowReader = (row: object, number: number) => readonly unknown[];

/** The reader for rows of the kind of the first one; `all` says that they have no other keys. */
function readerOf(row: object, names: readonly string[] | undefined, all: boolean): RowReader {
  return Array.isArray(row) ? arrayReader(names?.length ?? row.length) : objectReader(names!, all);
}

const comma = lazy((): SqlTemplate => template`, `);
