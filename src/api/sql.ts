/** The tag `sql` with its functions. */
import { builtin } from "../builtin.ts";
import { UsageError } from "../errors.ts";
import * as functions from "../sql/sql_functions.ts";
import type { SqlNames, SqlTag } from "../sql/sql_tag.ts";
import { type SqlTemplate, template } from "../sql/template.ts";

/**
 * A tag for SQL: interpolated values become parameters, and interpolated templates become parts of the SQL. The same
 * template in the source code has the same text each time, so a connection prepares it once.
 *
 * Do not quote the values. {@linkcode SqlTag} says which values are refused, and has the functions of the tag.
 *
 * @example
 * ```ts
 * import { sql } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const name: string | undefined = "Ada";
 * const condition = name === undefined ? sql`` : sql`where name = ${name}`;
 * const template = sql`select * from person ${condition} limit ${10}`;
 * assert.equal(template.text, "select * from person where name = $1 limit $2");
 * assert.deepEqual(template.values, ["Ada", 10]);
 * ```
 */
export const sql: SqlTag = Object.assign(template, {
  ...namesSpelled(functions.asGiven),
  camel: namesSpelled(functions.fromCamel),
  join: functions.joined,
  unnest: functions.unnested,
  and: functions.conjunction,
  or: functions.disjunction,
  raw: functions.raw,
  file,
});

function namesSpelled(spelled: functions.Spelling): SqlNames {
  return {
    id: (...parts) => functions.identifier(parts, spelled),
    values: (rows, columns) => functions.rowList(rows, columns, spelled),
    set: (values, columns) => functions.assignments(values, columns, spelled),
  };
}

function file(path: string | URL): SqlTemplate {
  if (typeof path !== "string" && !(path instanceof URL)) {
    throw new UsageError('Cannot read the SQL file: give its path, or a URL such as new URL("a.sql", import.meta.url)');
  }
  const name = String(path);
  let made = FILES.get(name);
  if (made === undefined) FILES.set(name, made = functions.raw(contentOf(path)));
  return made;
}

function contentOf(path: string | URL): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(builtin.fs.readFileSync(path));
  } catch (error) {
    throw new UsageError(`Cannot read the SQL file ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** The files that were read, by path or URL. */
const FILES = new Map<string, SqlTemplate>();
