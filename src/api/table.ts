/**
 * Rows as a table of text, as psql shows them.
 *
 * Source: PostgreSQL manual, "psql", `\pset format aligned` and `\pset expanded`.
 */
import { hexText } from "../codecs/bytes.ts";
import { UsageError } from "../errors.ts";
import { bad, checkOptions } from "../options/option_values.ts";
import { printable } from "../printed.ts";
import type { Result } from "../rows/collectors.ts";
import { columnsOf, cutToColumns } from "../text_width.ts";
import { toJson } from "./to_json.ts";

/** How {@linkcode table} shows rows. */
export interface TableOptions {
  /** The columns to show, in this order; of rows that are arrays, their names. Default: all. */
  readonly columns?: readonly string[] | undefined;
  /** The text for NULL. Default: `∅`. */
  readonly null?: string | undefined;
  /** How many columns of the terminal a value may take; what is longer is cut. Default: 60. */
  readonly maxWidth?: number | undefined;
  /** Whether each value has a line of its own, as after psql's `\x`. Default: false. */
  readonly expanded?: boolean | undefined;
}

/** What {@linkcode table} shows: rows, or the result of `run`, which knows its columns even without rows. */
export type TableRows = readonly object[] | Pick<Result<object>, "rows" | "columns">;

/**
 * Shows rows as a table of text, as psql does: numbers to the right, NULL marked, dates and times in ISO 8601, bytea
 * in hexadecimal, json, arrays and composite values as JSON, long values cut, control characters escaped.
 *
 * The text is for people; programs use {@linkcode toJson}.
 *
 * @throws {UsageError} If that are no rows, or for an unknown option.
 *
 * @example
 * ```ts
 * import { Conn, table } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.query("values (1, 'Ada', '1815-12-10'::date), (2, 'Anonymous', null)");
 * assert.equal(table(rows, { columns: ["column1", "column2", "column3"] }), `
 *  column1 |  column2  |  column3
 * ---------+-----------+------------
 *        1 | Ada       | 1815-12-10
 *        2 | Anonymous | ∅
 * (2 rows)
 * `.slice(1));
 * ```
 */
export function table(rows: TableRows, options: TableOptions = {}): string {
  const { names, cells, alignments } = cellsOf(rows, options);
  if (cells.length === 0 && names.length === 0) return "(0 rows)\n";
  const lines = options.expanded ? recordLines(names, cells) : tableLines(names, cells, alignments);
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/**
 * Rows as an object that Deno's notebooks, and other kernels that know `Symbol.for("Jupyter.display")`, show as a table
 * if it is the last expression of a cell. Elsewhere it is the text of {@linkcode table}.
 *
 * @example
 * ```ts
 * import { Conn, notebookTable } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const shown = notebookTable(await conn.query("select 1 as n"));
 * assert.equal(String(shown), " n\n---\n 1\n(1 row)\n");
 * ```
 */
export function notebookTable(rows: TableRows, options: TableOptions = {}): { toString(): string } {
  const text = table(rows, options);
  return {
    toString: () => text,
    [Symbol.for("Jupyter.display")]: () => ({ "text/plain": text, "text/html": htmlOf(rows, options) }),
  };
}

/** The cells of a table, as text. */
interface Cells {
  readonly names: readonly string[];
  readonly cells: readonly (readonly string[])[];
  /** Of each column, whether its values are numbers, which stand to the right. */
  readonly alignments: readonly boolean[];
}

function cellsOf(given: TableRows, options: TableOptions): Cells {
  checkOptions(options, ["columns", "null", "maxWidth", "expanded"], "{ maxWidth: 40 }");
  const { columns, null: nullText = "∅", maxWidth = MAX_WIDTH } = options;
  if (typeof maxWidth !== "number" || !(maxWidth >= 1)) {
    throw bad("maxWidth", maxWidth, "it must be a number of columns of the terminal, at least 1");
  }
  if (columns !== undefined && !Array.isArray(columns)) {
    throw bad("columns", columns, "it must be an array of names");
  }
  const rows = Array.isArray(given) ? given as readonly object[] : (given as Partial<Result<object>> | null)?.rows;
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== "object" || row === null)) {
    throw new UsageError("Cannot show a table: give an array of rows, or the result of run");
  }
  const described = Array.isArray(given) ? undefined : (given as Result<object>).columns;
  const names = columns ?? namesOf(rows, described);
  const values = rows.map((row) => valuesOf(row, names));
  return {
    names: names.map((name) => cutToColumns(line(name), maxWidth)),
    cells: values.map((row) => row.map((value) => cutToColumns(textOf(value, nullText), maxWidth))),
    alignments: names.map((name, i) =>
      NUMERIC.has(described?.find((column) => column.name === name)?.typeOid ?? 0) ||
      (values.length > 0 && values.every((row) => isNumber(row[i]) || row[i] === null) &&
        values.some((row) => row[i] !== null))
    ),
  };
}

/** The names of all columns, in the order in which they come. */
function namesOf(rows: readonly object[], described: Result["columns"] | undefined): readonly string[] {
  const [first] = rows;
  if (Array.isArray(first)) {
    return described?.map(({ name }) => name) ?? Array.from(first, (_, i) => `column${i + 1}`);
  }
  const names = new Set(described?.map(({ name }) => name));
  for (const row of rows) for (const name of Object.keys(row)) names.add(name);
  return [...names];
}

function valuesOf(row: object, names: readonly string[]): readonly unknown[] {
  return Array.isArray(row)
    ? names.map((_, i) => row[i])
    : names.map((name) => Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || typeof value === "bigint";
}

function textOf(value: unknown, nullText: string): string {
  if (value === null) return nullText;
  if (value === undefined) return "";
  return line(typeof value === "object" ? textOfObject(value) : String(value));
}

function textOfObject(value: object): string {
  if (value instanceof Uint8Array) return hexText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
  // Temporal's values, intervals and ranges have a text of their own.
  const hasText = !Array.isArray(value) && typeof value.toString === "function" &&
    value.toString !== Object.prototype.toString;
  return hasText ? String(value) : toJson(value, { int8: "number", bytea: "hex" });
}

/** The text on one line, with what would move the cursor escaped. */
function line(text: string): string {
  return printable(text.replaceAll("\n", "\\n").replaceAll("\t", "\\t"));
}

function tableLines(names: readonly string[], cells: Cells["cells"], alignments: readonly boolean[]): string[] {
  const widths = names.map((name, i) => widest([name, ...cells.map((row) => row[i]!)]));
  return [
    ` ${names.map((name, i) => centred(name, widths[i]!)).join(" | ")}`,
    widths.map((width) => "-".repeat(width + 2)).join("+"),
    ...cells.map((row) => ` ${row.map((cell, i) => aligned(cell, widths[i]!, alignments[i]!)).join(" | ")}`),
    cells.length === 1 ? "(1 row)" : `(${cells.length} rows)`,
  ];
}

function recordLines(names: readonly string[], cells: Cells["cells"]): string[] {
  if (cells.length === 0) return ["(0 rows)"];
  const width = widest(names);
  const rule = `${"-".repeat(width + 1)}+${"-".repeat(widest(cells.flat()) + 1)}`;
  return cells.flatMap((row, number) => {
    const label = `-[ RECORD ${number + 1} ]`;
    const values = row.map((cell, i) => `${aligned(names[i]!, width, false)} | ${cell}`);
    return [label + rule.slice(label.length), ...values];
  });
}

function widest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, columnsOf(text)), 0);
}

function aligned(text: string, width: number, toTheRight: boolean): string {
  const padding = " ".repeat(width - columnsOf(text));
  return toTheRight ? padding + text : text + padding;
}

function centred(text: string, width: number): string {
  const missing = width - columnsOf(text);
  const left = Math.floor(missing / 2);
  return " ".repeat(left) + text + " ".repeat(missing - left);
}

function htmlOf(rows: TableRows, options: TableOptions): string {
  const { names, cells, alignments } = cellsOf(rows, options);
  const head = names.map((name) => `<th>${escaped(name)}</th>`).join("");
  const body = cells.map((row) =>
    `<tr>${
      row.map((cell, i) => `<td${alignments[i] ? ' style="text-align: right"' : ""}>${escaped(cell)}</td>`).join("")
    }</tr>`
  ).join("");
  return `<table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** int8, int2, int4, oid, float4, float8, money, numeric. */
const NUMERIC: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 790, 1700]);
const MAX_WIDTH = 60;
