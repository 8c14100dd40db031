/**
 * The `sql` tag: SQL with values in it, which travel as parameters and never become text.
 *
 * What is text in the end is what stands in the source code, and names that {@linkcode SqlTag.id} has
 * quoted. Nothing else is: there is no function here that takes a string for SQL.
 */
import { UsageError } from "../errors.ts";
import { quotedIdentifier } from "./identifier.ts";
import { Lexer, TokenKind } from "./lexer.ts";

/**
 * {@linkcode SqlTemplate.values} for those who only read them: not frozen, since that takes Bun longer than
 * all the rest of a template.
 */
export let valuesOf: (template: SqlTemplate) => readonly unknown[];

/** A template of SQL and what stands between it, one less: values and templates. `flat` is the same without templates. */
let make: (strings: readonly string[], inserted: readonly unknown[], flat?: Flat) => SqlTemplate;

/** What {@linkcode make} was given. */
let partsOf: (template: SqlTemplate) => { readonly strings: readonly string[]; readonly inserted: readonly unknown[] };

/**
 * SQL and the values of its parameters, made by the tag {@linkcode sql}. It cannot be changed, and can
 * be executed or put into other templates any number of times.
 *
 * As a string, and when it is logged, it is its text: values do not show, since they may be secrets.
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

  /** Not for callers: the tag `sql` makes templates. */
  private constructor(key: symbol, strings: readonly string[], inserted: readonly unknown[], flat: Flat | undefined) {
    // At run time nothing is private, but the key is nowhere to be had.
    if (key !== KEY) {
      throw new UsageError("Cannot construct a SqlTemplate: the tag makes them, as in sql`select ${value}`");
    }
    this.#strings = strings;
    this.#inserted = inserted;
    this.#flat = flat;
  }

  /**
   * The SQL, with `$1`, `$2`, … where the values belong.
   *
   * Throws `UsageError` for more than 65,535 values, the protocol's limit, and where the server
   * would not see a parameter: inside of a text or a comment, or close to a quote, a name or a number.
   */
  get text(): string {
    return this.#flattened().shape.text;
  }

  /** The values: that of `$1` is the first. The array is frozen. */
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
          // Not `text`, which may throw: whoever looks for the reason has to see the template.
          return `sql\`${numbered(this.#flattened().shape.pieces)}\``;
        },
      });
    }
  }
}

/** What {@linkcode sql} is: a tag for templates, and functions for what is no value in SQL. */
export interface SqlTag {
  /**
   * The template: what is interpolated becomes a parameter, also an array and `null`, and another
   * template becomes a part of this one. Escapes are those of any template: `\\` is one backslash.
   *
   * Throws `UsageError` when it is called as a function, for an invalid escape such as `\u`, and when
   * undefined, a promise, a function or a symbol is interpolated.
   */
  (strings: TemplateStringsArray, ...values: unknown[]): SqlTemplate;

  /**
   * A name, quoted: of a table, a column, a channel. Several strings are joined by dots; a dot inside of
   * one is a part of the name. Upper and lower case differ, as always in quotes: what was created as
   * `Person` without quotes is called `person`.
   *
   * Throws `UsageError` for anything but strings, for an empty one, for one with a NUL character or a
   * lone surrogate, and for more than 63 bytes of UTF-8, which the server would cut off: two names could
   * become the same.
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
   * The items of a list, with a separator between them, by default a comma. Templates among them are
   * spliced in, anything else becomes a parameter.
   *
   * Throws `UsageError` for an empty list, for a separator that is no template, and for items that
   * could not be interpolated either.
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
   * Rows for `insert into person …`. Of objects, it is a list of columns and the values:
   * `("name", "age") values ($1, $2), ($3, $4)`. The columns are the first row's own enumerable keys, or
   * those that are given; then other keys are left out.
   *
   * Of arrays, the columns are those that are given, in the same order. Without them there is no list of
   * columns: `values ($1, $2), ($3, $4)`, which may also stand in a `from`.
   *
   * A value may be a template: ``sql`default` ``, ``sql`now()` ``.
   *
   * Throws `UsageError` when there are no rows or no columns; when a row lacks a column, has undefined
   * there, has a key that the first row has not, or is longer or shorter than the others; and for values
   * that could not be interpolated either.
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
 * Makes SQL of a template: what is interpolated becomes a parameter, and other templates become parts
 * of it. The same template of the source code gives the same text each time, so that it is prepared
 * once per connection.
 *
 * Quotes are never needed around a value. See {@linkcode SqlTag} for what it refuses.
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

/** SQL with places for values. Templates of one place in the source share it, so that the text is made once. */
class Shape {
  /** The SQL before, between and behind the values. */
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

/** SQL and what stands between it, as it grows. */
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

/** Without recursion, since a template that grew in a loop is as deep as the loop was long. */
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

function joined(list: Iterable<unknown>, separator: SqlTemplate = COMMA): SqlTemplate {
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

/** Takes the values of rows that are objects. */
function objectReader(columns: readonly string[], all: boolean): (row: object, number: number) => readonly unknown[] {
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
        `Cannot make values of row ${number}: it has ${JSON.stringify(unknown)}, which the first one has not; ` +
          "give the columns to choose among keys",
      );
    }
    return columns.map((column) => {
      // What is inherited is no data: each object has a `constructor`.
      const value = Object.hasOwn(row, column) ? (row as Record<string, unknown>)[column] : undefined;
      checkField(value, number, column);
      return value;
    });
  };
}

/** Takes the values of rows that are arrays. */
function arrayReader(length: number): (row: object, number: number) => readonly unknown[] {
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

function checkField(value: unknown, number: number, column: string | number): void {
  const fault = value === undefined
    ? "it must not be missing or undefined; NULL is null, the default sql`default`"
    : faultOf(value);
  if (fault === undefined) return;
  const place = typeof column === "string" ? `column ${JSON.stringify(column)}` : `value ${column + 1}`;
  throw new UsageError(`Cannot make a value of ${place} in row ${number}: ${fault}`);
}

function columnList(columns: readonly string[]): string {
  if (!Array.isArray(columns)) {
    throw new UsageError(`Cannot set columns to ${kindOf(columns)}: it must be an array of names`);
  }
  if (columns.length === 0) {
    throw new UsageError("Cannot make values of rows without columns: for one row of defaults write default values");
  }
  return `(${Array.from(columns, (column, i) => quotedIdentifier(column, `quote column ${i + 1}`)).join(", ")}) `;
}

/** The shape of a template, which the first one of its kind is checked for. */
function shapeOf(strings: TemplateStringsArray): Shape {
  let shape = SHAPES.get(strings);
  if (shape === undefined) {
    checkStrings(strings);
    shape = new Shape(strings);
    SHAPES.set(strings, shape);
  }
  return shape;
}

/** Whether it comes from a template in source code. Those are frozen, which is why their texts can be kept. */
function checkStrings(strings: TemplateStringsArray): void {
  if (!Array.isArray(strings) || !Array.isArray(strings.raw) || !Object.isFrozen(strings)) {
    throw new UsageError(
      `Cannot make a template of ${kindOf(strings)}: write sql directly before the backtick, as in ` +
        "sql`select ${value}`, without parentheses",
    );
  }
  const invalid = strings.findIndex((cooked?: string) => cooked === undefined);
  if (invalid !== -1) {
    throw new UsageError(
      `Cannot read ${invalid === 0 ? "the start of a template" : `a template behind interpolation ${invalid}`}: ` +
        "a backslash there begins no valid escape; \\\\ is one backslash",
    );
  }
}

/** Whether each parameter is one for the server, too. */
function checkPieces(pieces: readonly string[]): void {
  const count = pieces.length - 1;
  if (count > MAX_PARAMETERS) {
    throw new UsageError(
      `Cannot use ${count} parameters in one statement: the protocol allows ${MAX_PARAMETERS}; for many rows there are ` +
        "execBatch and copyRows, and insert … select * from unnest(${array}, …)",
    );
  }
  for (let i = 1; i <= count; i++) {
    const before = pieces[i - 1]!.slice(-1);
    if (HIDES_PARAMETER.test(before)) {
      throw new UsageError(
        `Cannot place parameter ${i} right behind ${before}: it would be a part of that name or text; ` +
          "values need no quotes, names are made by sql.id, and between words there is a space",
      );
    }
    if (DIGIT.test(pieces[i]!)) {
      throw new UsageError(`Cannot place parameter ${i} right before a digit: it would become a part of its number`);
    }
  }
}

/** Whether the server sees each parameter: in a text, a quoted name or a comment there is none. */
function checkPlaces(pieces: readonly string[], text: string): void {
  if (pieces.length === 1 || !MAY_HIDE.test(text)) return;
  const lexer = new Lexer(text);
  let number = 1;
  for (let place = pieces[0]!.length; lexer.next();) {
    if (lexer.end <= place) continue;
    if (lexer.kind !== TokenKind.Parameter) {
      throw new UsageError(
        `Cannot place parameter ${number} inside of a text, a quoted name or a comment: the server would not see it; ` +
          "values need no quotes, and a text can be put together by ||",
      );
    }
    if (number === pieces.length - 1) return;
    place = lexer.end + pieces[number++]!.length;
  }
}

function checkList(list: unknown, purpose: string): void {
  if (typeof list === "object" && list !== null && Symbol.iterator in list) return;
  throw new UsageError(`Cannot ${purpose} ${kindOf(list)}: it must be an array or another iterable`);
}

/** Why something cannot be interpolated: nobody can have meant it as a value. */
function faultOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
      return "it must not be undefined; NULL is null";
    case "object":
      if (value === null || !("then" in value) || typeof value.then !== "function") return undefined;
      return "it is a promise, which must be awaited first";
    case "function":
    case "symbol":
      return `it is ${kindOf(value)}, which SQL has no value for`;
    default:
      return undefined;
  }
}

/** What a value is, in words that show nothing of it. */
function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function numbered(pieces: readonly string[]): string {
  return pieces.reduce((text, piece, i) => `${text}$${i}${piece}`);
}

/** Shapes by what the runtime hands to a tag, which is the same object each time for one place in the source. */
const SHAPES = new WeakMap<TemplateStringsArray, Shape>();

/** What only this file can construct templates with. */
const KEY = Symbol("SqlTemplate");

/** Bind counts parameters in 16 bits. */
const MAX_PARAMETERS = 65_535;

/** Behind these, `$1` belongs to a name or a number, or stands in quotes. Source: PostgreSQL manual, "Lexical Structure". */
const HIDES_PARAMETER = /[\w$'"\u0080-\uffff]/;

const DIGIT = /^[0-9]/;

/** What can begin a text, a quoted name or a comment. */
const MAY_HIDE = /['"]|--|\/\*|\$[^0-9]/;

const COMMA = sql`, `;
