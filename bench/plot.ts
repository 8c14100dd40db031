/**
 * `deno task bench:plot`: a page with all tables and a bar chart (SVG) of each workload, from what
 * `deno task bench --json=FILE` wrote.
 *
 * Usage: deno task bench:plot FILE DIRECTORY
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { chart } from "./chart.ts";
import { page } from "./page.ts";
import type { Report, Result } from "./report.ts";

const [given, directory] = process.argv.slice(2);
if (given === undefined || directory === undefined) throw new Error("Usage: deno task bench:plot FILE DIRECTORY");

const report = JSON.parse(readFileSync(given, "utf8")) as Report;
const groups = new Map<string, Result[]>();
for (const result of report.results) {
  const name = `${result.workload}${result.transport === "none" ? "" : `_${result.transport}`}`;
  groups.set(name, [...groups.get(name) ?? [], result]);
}
mkdirSync(directory, { recursive: true });
for (const [name, results] of groups) writeFileSync(join(directory, `${name}.svg`), chart(results));
writeFileSync(join(directory, "README.md"), page(report, groups));
const { status, stderr } = spawnSync(process.execPath, ["fmt", directory], { encoding: "utf8" });
if (status !== 0) throw new Error(`They could not be formatted:\n${stderr}`);
console.log(`A page with ${groups.size} charts in ${directory}`);
