/**
 * `deno task bench:plot`: a bar chart (SVG) of each workload, from what `deno task bench --json=FILE` wrote.
 *
 * Usage: deno task bench:plot FILE DIRECTORY
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { chart } from "./chart.ts";
import type { Report, Result } from "./report.ts";

const [file, directory] = process.argv.slice(2);
if (file === undefined || directory === undefined) throw new Error("Usage: deno task bench:plot FILE DIRECTORY");

const report = JSON.parse(readFileSync(file, "utf8")) as Report;
const groups = new Map<string, Result[]>();
for (const result of report.results) {
  const name = `${result.workload}${result.transport === "none" ? "" : `_${result.transport}`}`;
  groups.set(name, [...groups.get(name) ?? [], result]);
}
mkdirSync(directory, { recursive: true });
for (const [name, results] of groups) writeFileSync(join(directory, `${name}.svg`), chart(results));
console.log(`${groups.size} charts in ${directory}`);
