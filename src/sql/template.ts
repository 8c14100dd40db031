/**
 * The `sql` tag: SQL with values, which are sent as parameters and never become text.
 *
 * The text of a template comes from the source code, and from names that {@linkcode SqlTag.id} has
 * quoted. No function here makes SQL of a string.
 */
import { lazy } from "../lazy.ts";
import { UsageError } from "../errors.ts";
import { quotedIdentifier } from "./identifier.ts";
import { checkList, checkPieces, checkPlaces, checkStrings, faultOf, kindOf } from "./template_checks.ts";
import { arrayReader, columnList, objectReader } from "./row_readers.ts";

/**
 * {@linkcode SqlTemplate.values} for modules that only read them. The array is not frozen, since that takes
 * Bun longer than all the rest of a template.
 */
export let valuesOf: (template: SqlTemplate) => readonly unknown[];

/**
 * Makes a template of pieces of SQL and the values and templates between them, one less. `flat` is the
 * same without templates.
 */
let make: (strings: readonly string[], inserted: readonly unknown[], flat?: Flat) => SqlTemplate;

/** The arguments of {@linkcode make}. */
let partsOf: (template: SqlTemplate) => { readonly strings: readonly string[]; readonly inserted: readonly unknown[] };

/**
 * SQL and the values of its parameters, made by the tag {@linkcode sql}. It is immutable, and can be
 * executed or inserted into other templates any number of times.
 *
 * As a string, and in logs, it is its text: values are not shown, since they may be secrets.
 *
 * @example
 * ```ts
 * import { sql } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * const template = sql`select * from person where token = ${"secret"}`;
 * assert.equal(template.text, "select * from person where token = $1");
 * assert.deepEqual(template.values, ["secret"]);
 * assert.equal(`${template}`, "select * from person where token = $1");
 * ```
 */
export class SqlTemplate {
  readonly #strings: readonly string[];
  readonly #inserted: readonly unknown[];
  #flat: Flat | undefined;

  /** Internal: the tag `sql` makes templates. */
  private constructor(key: symbol, strings: readonly string[], inserted: readonly unknown[], flat: Flat | undefined) {
    // `private` has no effect at run time, but only this file has the key.
    if (key !== KEY) {
      throw new UsageError("Cannot construct a SqlTemplate: the tag makes them, as in sql`select ${value}`");
    }
    this.#strings = strings;
    this.#inserted = inserted;
    this.#flat = flat;
  }

  /**
   * The SQL, with `$1`, `$2`, … in place of the values.
   *
   * Throws `UsageError` for more than 65,535 values, the protocol's limit, and for a value where the
   * server would not see a parameter: in a string, a quoted name or a comment, or next to a quote, a
   * name or a number.
   */
  get text(): string {
    return this.#flattened().shape.text;
  }

  /** The values, beginning with that of `$1`. The array is frozen. */
  get values(): readonly unknown[] {
    return Object.freeze(valuesOf(this));
  }

  /** The same as {@linkcode SqlTemplate.text}. */
  toString(): string {
    return this.text;
  }

  #flattened(): Flat {
    return this.#flat ??= flatten(this);
  }

  static {
    valuesOf = (template) => template.#flattened().values;
    make = (strings, inserted, flat) => new SqlTemplate(KEY, strings, inserted, flat);
    partsOf = (template) => ({ strings: template.#strings, inserted: template.#inserted });
    for (const inspect of ["nodejs.util.inspect.custom", "Deno.customInspect"]) {
      Object.defineProperty(this.prototype, Symbol.for(inspect), {
        value(this: SqlTemplate): string {
          // Not `text`, which may throw: the template must be visible when its error is examined.
          return `sql\`${numbered(this.#flattened().shape.pieces)}\``;
        },
      });
    }
  }
}

/** The type of {@linkcode sql}: a tag for templates, and functions for parts of SQL that are not values. */
export interface SqlTag {
  /**
   * Makes a template. An interpolated value becomes a parameter, also an array or `null`; another
   * template becomes a part of this one. Escapes are those of any template: `\\` is one backslash.
   *
   * Throws `UsageError` if it is called as a function, for an invalid escape such as `\u`, and if
   * undefined, a promise, a function or a symbol is interpolated.
   */
  (strings: TemplateStringsArray, ...values: unknown[]): SqlTemplate;

  /**
   * Quotes the name of a table, a column or a channel. Several strings are joined by dots; a dot inside
   * of one is part of the name. The name is case-sensitive, as always in quotes: a table created as
   * `Person` without quotes is called `person`.
   *
   * Throws `UsageError` for anything but strings, for an empty one, for one with a NUL character or a
   * lone surrogate, and for more than 63 bytes of UTF-8, which the server would truncate: two names
   * could become the same.
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
   * Makes rows for `insert into person …`. Objects give a list of columns and the values:
   * `("name", "age") values ($1, $2), ($3, $4)`. The columns are the first row's own enumerable keys, or
   * `columns`; other keys are then left out.
   *
   * For arrays, `columns` names the columns in the same order. Without it there is no list of columns:
   * `values ($1, $2), ($3, $4)`, which is also allowed in a `from`.
   *
   * A value may be a template: ``sql`default` ``, ``sql`now()` ``.
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
  values(rows: Iterable<object>, columns?: readonly string[]): SqlTemplate;
}

/**
 * Makes SQL of a template: interpolated values become parameters, and other templates become parts of
 * it. The same template in the source code gives the same text each time, so it is prepared once per
 * connection.
 *
 * Values never need quotes. See {@linkcode SqlTag} for values that it refuses.
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
export const sql: SqlTag = Object.assign(template, { id: identifier, join: joined, values: rowList });

/** A template whose parts are values only. */
interface Flat {
  readonly shape: Shape;
  readonly values: readonly unknown[];
}

/**
 * SQL with places for values. All templates from one place in the source code share it, so that the
 * text is made once.
 */
class Shape {
  /** The SQL before, between and after the values. */
  readonly pieces: readonly string[];
  #text: string | undefined;

  constructor(pieces: readonly string[]) {
    this.pieces = pieces;
  }

  get text(): string {
    if (this.#text === undefined) {
      checkPieces(this.pieces);
      const text = numbered(this.pieces);
      checkPlaces(this.pieces, text);
      this.#text = text;
    }
    return this.#text;
  }
}

/** Collects SQL, and the values and templates between it. */
class Parts {
  readonly strings = [""];
  readonly inserted: unknown[] = [];

  /** Appends SQL. */
  sql(text: string): void {
    this.strings[this.strings.length - 1] += text;
  }

  /** Appends a value or a template. */
  insert(part: unknown): void {
    this.inserted.push(part);
    this.strings.push("");
  }

  finish(): SqlTemplate {
    return make(this.strings, this.inserted);
  }
}

/** Not recursive, since a template that is built in a loop is as deep as the loop is long. */
function flatten(template: SqlTemplate): Flat {
  const parts = new Parts();
  const open = [{ ...partsOf(template), next: 0 }];
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    parts.sql(top.strings[top.next]!);
    if (top.next === top.inserted.length) {
      open.pop();
      continue;
    }
    const part = top.inserted[top.next++];
    if (part instanceof SqlTemplate) open.push({ ...partsOf(part), next: 0 });
    else parts.insert(part);
  }
  return { shape: new Shape(parts.strings), values: parts.inserted };
}

function template(strings: TemplateStringsArray, ...inserted: unknown[]): SqlTemplate {
  const shape = shapeOf(strings);
  if (inserted.length !== strings.length - 1) {
    throw new UsageError(
      `Cannot make a template with ${strings.length - 1} interpolations of ${inserted.length} values`,
    );
  }
  let nested = false;
  for (let i = 0; i < inserted.length; i++) {
    const fault = faultOf(inserted[i]);
    if (fault !== undefined) throw new UsageError(`Cannot use interpolation ${i + 1} of a template: ${fault}`);
    nested ||= inserted[i] instanceof SqlTemplate;
  }
  return make(strings, inserted, nested ? undefined : { shape, values: inserted });
}

function identifier(...parts: string[]): SqlTemplate {
  if (parts.length === 0) throw new UsageError("Cannot quote an identifier of no parts: give its name");
  return make([parts.map((part, i) => quotedIdentifier(part, `quote part ${i + 1} of an identifier`)).join(".")], []);
}

function joined(list: Iterable<unknown>, separator: SqlTemplate = comma()): SqlTemplate {
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

function rowList(rows: Iterable<object>, columns?: readonly string[]): SqlTemplate {
  checkList(rows, "make values of");
  const parts = new Parts();
  let reader: ((row: object, number: number) => readonly unknown[]) | undefined;
  let number = 0;
  for (const row of rows) {
    number++;
    if (typeof row !== "object" || row === null) {
      throw new UsageError(`Cannot make values of row ${number}: it must be an object or an array, not ${kindOf(row)}`);
    }
    if (reader === undefined) {
      const names = columns ?? (Array.isArray(row) ? undefined : Object.keys(row));
      if (names !== undefined) parts.sql(columnList(names));
      reader = Array.isArray(row)
        ? arrayReader(names?.length ?? row.length)
        : objectReader(names!, columns === undefined);
    }
    parts.sql(number === 1 ? "values (" : ", (");
    for (const [i, value] of reader(row, number).entries()) {
      if (i > 0) parts.sql(", ");
      parts.insert(value);
    }
    parts.sql(")");
  }
  if (number === 0) {
    throw new UsageError("Cannot make values of no rows: SQL has no empty list of values, so send nothing");
  }
  return parts.finish();
}

/** The shape of a template. The first template from a place in the source code is checked. */
function shapeOf(strings: TemplateStringsArray): Shape {
  let shape = SHAPES.get(strings);
  if (shape === undefined) {
    checkStrings(strings);
    shape = new Shape(strings);
    SHAPES.set(strings, shape);
  }
  return shape;
}

function numbered(pieces: readonly string[]): string {
  return pieces.reduce((text, piece, i) => `${text}$${i}${piece}`);
}

/**
 * Shapes by the strings that the runtime passes to the tag: the same object each time for one place in
 * the source code.
 */
const SHAPES = new WeakMap<TemplateStringsArray, Shape>();

/** The key that only this file has, to construct templates. */
const KEY = Symbol("SqlTemplate");

const comma = lazy((): SqlTemplate => sql`, `);
