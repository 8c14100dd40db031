/** The checks of `sql` templates: each mistake has a message that says what to write instead. */
import { otherCopyNote } from "../copies.ts";
import { UsageError } from "../errors.ts";
import { Lexer, TokenKind } from "./lexer.ts";

/** Checks that the strings come from a template in source code. Those are frozen, so their text can be kept. */
export function checkStrings(strings: TemplateStringsArray): void {
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

/** Checks that the server sees each parameter. */
export function checkPieces(pieces: readonly string[]): void {
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
          "values need no quotes, the % of a pattern is a part of the value, names are made by sql.id, and between " +
          "words there is a space",
      );
    }
    if (DIGIT.test(pieces[i]!)) {
      throw new UsageError(`Cannot place parameter ${i} right before a digit: it would become a part of its number`);
    }
  }
  if (count > 0) refuseOwn(pieces);
}

/** Refuses parameters in the text itself, whose numbers would be those of the values too. */
function refuseOwn(pieces: readonly string[]): void {
  for (const piece of pieces.filter((text) => OWN_PARAMETER.test(text))) {
    const lexer = new Lexer(piece);
    while (lexer.next()) {
      if (lexer.kind !== TokenKind.Parameter) continue;
      throw new UsageError(
        `Cannot number the parameters of a template: its text has ${piece.slice(lexer.start, lexer.end)} already; ` +
          "write values in its place, or leave all parameters to the second argument of exec",
      );
    }
  }
}

/** Checks that no parameter is in a string, a quoted name or a comment. */
export function checkPlaces(pieces: readonly string[], text: string): void {
  if (pieces.length === 1 || !MAY_HIDE.test(text)) return;
  const lexer = new Lexer(text);
  let number = 1;
  for (let place = pieces[0]!.length; lexer.next();) {
    if (lexer.end <= place) continue;
    if (lexer.kind !== TokenKind.Parameter) {
      throw new UsageError(
        `Cannot place parameter ${number} inside of a text, a quoted name or a comment: the server would not see it; ` +
          "values need no quotes, the % of a pattern is a part of the value, and a text can be put together by ||",
      );
    }
    if (number === pieces.length - 1) return;
    place = lexer.end + pieces[number++]!.length;
  }
}

/** Checks that something can be iterated over; `purpose` is what for, to follow "Cannot". */
export function checkList(list: unknown, purpose: string): void {
  if (typeof list === "object" && list !== null && Symbol.iterator in list) return;
  throw new UsageError(`Cannot ${purpose} ${kindOf(list)}: it must be an array or another iterable`);
}

/** Why something cannot be interpolated; undefined if it can. These are kinds that are always a mistake. */
export function faultOf(value: unknown): string | undefined {
  switch (typeof value) {
    case "undefined":
      return "it must not be undefined; NULL is null";
    case "object":
      try {
        return value === null ? undefined : faultOfObject(value);
      } catch {
        // A Proxy that cannot be examined: its codec refuses it.
        return undefined;
      }
    case "function":
    case "symbol":
      return `it is ${kindOf(value)}, which SQL has no value for`;
    default:
      return undefined;
  }
}

function faultOfObject(value: object): string | undefined {
  if (isTemplate(value)) return undefined;
  if (Array.isArray(value)) {
    return isTemplate(value[0]) ? "it is an array of templates; sql.join, sql.and and sql.or join them" : undefined;
  }
  if (!("then" in value) || typeof value.then !== "function") return undefined;
  const note = otherCopyNote(value, "SqlTemplate");
  return note === "" ? "it is a promise, which must be awaited first" : `it is an sql template${note}`;
}

/** The method `then` of templates: `await` calls it, as if the template were a promise. */
export function refuseAwait(): never {
  throw new UsageError(
    "Cannot await an sql template: nothing was executed; give it to a method, as in await conn.exec(sql`…`); " +
      "an async function returns one inside of an array or an object",
  );
}

/** Whether a value is a template. */
export function isTemplate(value: unknown): boolean {
  return (value as { readonly then?: unknown } | null | undefined)?.then === refuseAwait;
}

/** The kind of a value, in words that do not show the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "an object";
}

/** Checks a value of a row; `column` is its name, or its index. */
export function checkField(value: unknown, number: number, column: string | number): void {
  const fault = value === undefined
    ? "it must not be missing or undefined; NULL is null, the default sql`default`"
    : faultOf(value);
  if (fault === undefined) return;
  const place = typeof column === "string" ? `column ${JSON.stringify(column)}` : `value ${column + 1}`;
  throw new UsageError(`Cannot make a value of ${place} in row ${number}: ${fault}`);
}

/** Bind counts parameters in 16 bits. */
const MAX_PARAMETERS = 65_535;

/**
 * After one of these, `$1` belongs to a name or a number, or is in quotes. Source: PostgreSQL manual,
 * "Lexical Structure".
 */
const HIDES_PARAMETER = /[\w$'"\u0080-\uffff]/;

const DIGIT = /^[0-9]/;

const OWN_PARAMETER = /\$[0-9]/;

/** The beginnings of strings, quoted names and comments. */
const MAY_HIDE = /['"]|--|\/\*|\$[^0-9]/;
