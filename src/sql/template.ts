/**
 * The `sql` tag: SQL with values, which are sent as parameters and never become text.
 *
 * The text of a template comes from the source code, from names that `sql.id` has quoted, and from what the caller
 * declares to be SQL, by `sql.raw` and `sql.file`.
 */
import { UsageError } from "../errors.ts";
import { printAs } from "../inspection.ts";
import { Lexer, TokenKind } from "./lexer.ts";
import { checkPieces, checkPlaces, checkStrings, faultOf, refuseAwait } from "./template_checks.ts";

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
 * As a string, and in logs, it is its text: values are not shown, since they may be secrets. It cannot be awaited:
 * only a connection or a pool executes it.
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
    // Not `text`, which may throw: the template must be visible when its error is examined.
    printAs<SqlTemplate>(this.prototype, (template) => `sql\`${numbered(template.#flattened().shape.pieces)}\``);
    Object.defineProperty(this.prototype, "then", { value: refuseAwait });
  }
}

/** Whether a value is a template. A Proxy that cannot be examined is none: its codec refuses it. */
export function isSqlTemplate(value: unknown): value is SqlTemplate {
  try {
    return value instanceof SqlTemplate;
  } catch {
    return false;
  }
}

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
export class Parts {
  readonly strings: string[] = [""];
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
      // Otherwise the comment would contain the text that follows.
      if (open.length > 0 && endsInLineComment(top.strings)) parts.sql("\n");
      continue;
    }
    const part = top.inserted[top.next++];
    if (isSqlTemplate(part)) open.push({ ...partsOf(part), next: 0 });
    else parts.insert(part);
  }
  return { shape: new Shape(parts.strings), values: parts.inserted };
}

/** Whether a template ends inside of a comment that the end of the line would end. */
function endsInLineComment(strings: readonly string[]): boolean {
  if (!strings.some((text) => text.includes("--"))) return false;
  // An insertion ends its own comments, but may stand at the end of a comment of the template.
  const text = strings.join("$1");
  const lexer = new Lexer(text);
  while (lexer.next()) if (lexer.end === text.length) break;
  return lexer.kind === TokenKind.Comment && text.startsWith("--", lexer.start);
}

/** The tag. */
export function template(strings: TemplateStringsArray, ...inserted: unknown[]): SqlTemplate {
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
    nested ||= isSqlTemplate(inserted[i]);
  }
  return make(strings, inserted, nested ? undefined : { shape, values: inserted });
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
