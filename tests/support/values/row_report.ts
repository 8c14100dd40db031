/**
 * Reports how row readers decode rows with unusual names, values and faults, as JSON, to compare a
 * process that may make code from strings with one that may not. Run by itself, it prints the report.
 */
import { PyroError } from "../../../src/errors.ts";
import { codec, encode, oidOf } from "./codecs.ts";
import { bodyOf, readerOf, type RowsOptions } from "./rows.ts";

/** Names that are awkward in objects, in JSON and in source code. */
export const HOSTILE_NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  " ",
  "a b",
  "'",
  '"',
  "`",
  "\\",
  '"]: 1, "x',
  "${1}",
  "*/",
  "//",
  "\n",
  "\r\n",
  "\u2028",
  "\u2029",
  "\ufeff",
  "🎉",
  "10",
  "2",
  "-1",
  "01",
  "1.5",
  "4294967295",
  "value0",
  "length",
  "codecs",
  "source",
  "arguments",
  "eval",
  "await",
  "?column?",
];

/** Whether code can be made from strings in this process. */
export function canCompile(): boolean {
  try {
    return new Function("return true")() === true;
  } catch {
    return false;
  }
}

/** The report. */
export function rowReport(): string {
  const columns = [...HOSTILE_NAMES, "2", "__proto__", ""].map((name) => [name, oidOf("int4")] as const);
  const formats = columns.map((_, i) => i % 2);
  const cells = columns.map((_, i) => i % 5 === 0 ? null : i % 2 === 0 ? String(i) : encode(codec("int4"), i)!);
  const report: unknown[] = [];
  for (const shape of ["object", "array"] as const) {
    const read = readerOf(columns, { shape, formats });
    for (let i = 0; i < 70; i++) report.push(Object.entries(read(bodyOf(cells)) as object));
    report.push(faults(columns, { shape, formats }, bodyOf(cells)));
  }
  return JSON.stringify(report);
}

/** The errors of a reader for malformed rows, on its first row and after many. */
function faults(
  columns: readonly (readonly [name: string, oid: number])[],
  options: RowsOptions,
  good: Uint8Array,
): string[] {
  const read = readerOf(columns, options);
  const complaints: string[] = [];
  for (let i = 0; i < 70; i++) {
    read(good);
    for (const bad of [good.slice(0, -1), Uint8Array.of(...good, 0), good.with(1, 1), new Uint8Array(1)]) {
      try {
        complaints.push(JSON.stringify(read(bad)));
      } catch (error) {
        complaints.push(error instanceof PyroError ? `${error.name}: ${error.message}` : `unexpected ${error}`);
      }
    }
  }
  return complaints;
}

if (import.meta.main) console.log(JSON.stringify({ canCompile: canCompile(), report: rowReport() }));
