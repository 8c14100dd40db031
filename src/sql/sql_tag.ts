/** The type of the tag `sql`, and of its functions. */
import type { SqlTemplate } from "./template.ts";

/**
 * Columns with their types as in SQL (`"int4"`, `"numeric(10, 2)"`, `"public.mood"`), or as templates, such as those of
 * `sql.id`.
 */
export type SqlTypes = Readonly<Record<string, string | SqlTemplate>>;

/** Functions of {@linkcode sql} for parts of SQL that contain names of columns and tables. */
export interface SqlNames {
  /**
   * Quotes the name of a table, a column or a channel. Several strings are joined by dots; a dot inside
   * of one is part of the name. The name is case-sensitive, as always in quotes: a table created as
   * `Person` without quotes is called `person`.
   *
   * Throws `UsageError` for anything but strings, for an empty one, for one with a NUL character or a lone surrogate,
   * and for more than 63 bytes of UTF-8: the server would truncate such a name, so that two names could become the
   * same.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const column = "age";
   * const template = sql`select * from ${sql.id("public", "person")} order by ${sql.id(column)}`;
   * assert.equal(template.text, 'select * from "public"."person" order by "age"');
   * ```
   */
  id(...parts: string[]): SqlTemplate;

  /**
   * Makes the part of `insert into person …` after the name of the table. Rows that are objects give a list of
   * columns and the values: `("name", "age") values ($1, $2), ($3, $4)`. The columns are the first row's own
   * enumerable keys, or `columns`; other keys are then left out.
   *
   * For rows that are arrays, `columns` has the names in the same order. Without it, there is no list of columns:
   * `values ($1, $2), ($3, $4)`, which is also allowed in a `from`.
   *
   * A value may be a template: ``sql`default` ``, ``sql`now()` ``.
   *
   * If `columns` are names with their types, there is no list of columns, and the first row has casts:
   * `values ($1::int4, $2::text), ($3, $4)`. Use this where the server cannot infer the types from a table, as in
   * `from (values …) as v (id, name)`.
   *
   * Throws `UsageError` if there are no rows or no columns; if a row lacks a column, has undefined there, has a
   * key that the first row does not have, or is longer or shorter than the others; and for values that could not
   * be interpolated.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const people = [{ name: "Ada", age: 36 }, { name: "Alan", age: sql`default` }];
   * const template = sql`insert into person ${sql.values(people)} returning id`;
   * assert.equal(template.text, 'insert into person ("name", "age") values ($1, $2), ($3, default) returning id');
   * assert.deepEqual(template.values, ["Ada", 36, "Alan"]);
   * ```
   *
   * @example Some of the columns, and arrays
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const people = [{ name: "Ada", age: 36 }];
   * assert.equal(sql.values(people, ["name"]).text, '("name") values ($1)');
   * assert.equal(sql.values([["Ada", 36]], ["name", "age"]).text, '("name", "age") values ($1, $2)');
   * assert.equal(sql.values([["Ada", 36], ["Alan", 41]]).text, "values ($1, $2), ($3, $4)");
   * ```
   */
  values(rows: Iterable<object>, columns?: readonly string[] | SqlTypes): SqlTemplate;

  /**
   * Makes a `set` list for an update: `"name" = $1, "age" = $2`, of the own enumerable keys of an object, or of those
   * in `columns`. A value may be a template: ``sql`age + 1` ``.
   *
   * Throws `UsageError` if there are no columns, if a value is missing or undefined, and for values that could not be
   * interpolated.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const changes = { name: "Ada", visits: sql`visits + 1` };
   * const template = sql`update person set ${sql.set(changes)} where id = ${7}`;
   * assert.equal(template.text, 'update person set "name" = $1, "visits" = visits + 1 where id = $2');
   * assert.deepEqual(template.values, ["Ada", 7]);
   * ```
   */
  set(values: object, columns?: readonly string[]): SqlTemplate;
}

/** The type of {@linkcode sql}: a tag for templates, and functions for parts of SQL that are not values. */
export interface SqlTag extends SqlNames {
  /**
   * Makes a template. An interpolated value becomes a parameter, even an array or `null`; another template becomes a
   * part of this one. As in any template literal, `\\` is one backslash.
   *
   * Throws `UsageError` if it is called as a function, for an invalid escape such as `\u`, and if
   * undefined, a promise, a function, a symbol or an array of templates is interpolated.
   */
  (strings: TemplateStringsArray, ...values: unknown[]): SqlTemplate;

  /**
   * Joins the items of a list with a separator, by default a comma. Items that are templates are inserted,
   * others become parameters.
   *
   * Throws `UsageError` for an empty list, for a separator that is not a template, and for items that could not
   * be interpolated.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const conditions = [sql`age >= ${18}`, sql`name like ${"A%"}`];
   * const template = sql`select ${sql.join(["a", "b"])} from person where ${sql.join(conditions, sql` and `)}`;
   * assert.equal(template.text, "select $1, $2 from person where age >= $3 and name like $4");
   * assert.deepEqual(template.values, ["a", "b", 18, "A%"]);
   * ```
   */
  join(list: Iterable<unknown>, separator?: SqlTemplate): SqlTemplate;

  /**
   * The same functions for names in camel case: `userId` is column `user_id`, as with {@linkcode Opts.names}.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const template = sql`update person set ${sql.camel.set({ firstName: "Ada" })} where ${sql.camel.id("personId")} = ${7}`;
   * assert.equal(template.text, 'update person set "first_name" = $1 where "person_id" = $2');
   * assert.equal(sql.camel.values([{ firstName: "Ada" }]).text, '("first_name") values ($1)');
   * ```
   */
  readonly camel: SqlNames;

  /**
   * Joins conditions by `and`: `((a) and (b))`. For an empty list it is `true`, as is `every` of an empty array.
   *
   * Throws `UsageError` if something in the list is not a template.
   *
   * @example
   * ```ts
   * import { sql, type SqlTemplate } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const conditions: SqlTemplate[] = [sql`age >= ${18}`];
   * conditions.push(sql.or([sql`city = ${"London"}`, sql`city is null`]));
   * const template = sql`select * from person where ${sql.and(conditions)}`;
   * assert.equal(template.text, "select * from person where ((age >= $1) and (((city = $2) or (city is null))))");
   * assert.equal(sql.and([]).text, "true");
   * ```
   */
  and(conditions: Iterable<SqlTemplate>): SqlTemplate;

  /** Joins conditions by `or`, as {@linkcode SqlTag.and} does by `and`. For an empty list it is `false`. */
  or(conditions: Iterable<SqlTemplate>): SqlTemplate;

  /**
   * Makes a call of `unnest` for a `from`, with any number of rows, even none. It sends one array per column, so the
   * text is the same for any number of rows. `types` has the names of the columns and their types in SQL.
   *
   * Rows are objects, whose other keys are ignored, or arrays in the order of the columns.
   *
   * Throws `UsageError` if there are no columns, if a type is not the name of a type, or is an array type (`unnest`
   * would make rows of its elements), if a row lacks a column, and for templates as values.
   *
   * @example
   * ```ts
   * import { Conn, sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * await using conn = await Conn.connect("pg://");
   * await conn.queryDrop("create temporary table person (id int primary key, name text)");
   * const people = [{ id: 1, name: "Ada" }, { id: 2, name: "Alan" }];
   * const rows = sql.unnest(people, { id: "int4", name: "text" });
   * assert.equal(rows.text, "unnest($1::int4[], $2::text[])");
   * assert.equal(await conn.execDrop(sql`insert into person select * from ${rows}`), 2);
   * ```
   */
  unnest(rows: Iterable<object>, types: SqlTypes): SqlTemplate;

  /**
   * Makes a template of a string, which becomes SQL unchanged. **The string is executed: it must come from your
   * program**, never from a user or another system. Look up what a user chooses in a list, or quote it with
   * {@linkcode SqlTag.id}.
   *
   * Throws `UsageError` for anything but a string.
   *
   * @example
   * ```ts
   * import { sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   *
   * const ORDERS = { newest: "born desc", oldest: "born asc" } as const;
   * const order = (name: keyof typeof ORDERS) => sql.raw(ORDERS[name]);
   * assert.equal(sql`select * from person order by ${order("oldest")}`.text, "select * from person order by born asc");
   * ```
   */
  raw(text: string): SqlTemplate;

  /**
   * Makes a template of a file in UTF-8, whose text becomes SQL unchanged. The file is read synchronously when it is
   * first used, and kept, as modules are. For a file in the directory of your module, give a URL
   * (`new URL("report.sql", import.meta.url)`); a path is relative to the working directory. On Deno, reading needs
   * its permission.
   *
   * The values for `$1`, `$2`, … in the file are the second argument of `exec` and of the other methods with
   * parameters.
   *
   * Throws `UsageError` if the file cannot be read, or is not UTF-8.
   *
   * @example
   * ```ts
   * import { Conn, sql } from "@x/pyro";
   * import assert from "node:assert/strict";
   * import { tmpdir } from "node:os";
   * import { writeFileSync } from "node:fs";
   *
   * const path = `${tmpdir()}/pyro_example.sql`;
   * writeFileSync(path, "-- The square of a number.\nselect $1::int4 * $1");
   * await using conn = await Conn.connect("pg://");
   * assert.equal(await conn.execValue(sql.file(path), [7]), 49);
   * ```
   */
  file(path: string | URL): SqlTemplate;
}
