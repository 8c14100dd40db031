/** What `deno task compat` prints. */
import type { Comparison } from "./outcomes.ts";
import type { Runtime } from "./run_file.ts";

/** A suite's comparison on a runtime. */
export interface Row {
  readonly suite: string;
  readonly runtime: Runtime;
  readonly comparison: Comparison;
}

/** A table of what passed, and below it each test that passes on pg alone. */
export function describe(rows: readonly Row[]): string {
  return [table(rows), ...rows.flatMap(differences), ...rows.flatMap(unneeded)].join("\n");
}

/** The number of tests that pass on pg alone, and are not in the list of those expected. */
export function unexpected(rows: readonly Row[]): number {
  return rows.flatMap(({ comparison }) => comparison.differences).filter(({ reason }) => reason === undefined).length;
}

function table(rows: readonly Row[]): string {
  const cells = rows.map(({ suite, runtime, comparison: { pg, pyro, differences } }) => [
    suite,
    runtime,
    `${pg.files} / ${pg.tests}`,
    `${pyro.files} / ${pyro.tests}`,
    String(differences.filter(({ reason }) => reason !== undefined).length),
    String(differences.filter(({ reason }) => reason === undefined).length),
  ]);
  const lines = [["suite", "runtime", "pg: files / tests", "pyro: files / tests", "expected", "unexpected"], ...cells];
  const widths = lines[0]!.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines.map((line) => line.map((cell, index) => cell.padEnd(widths[index]!)).join("  ").trimEnd()).join("\n");
}

function differences({ suite, runtime, comparison }: Row): string[] {
  const reasons = new Map<string, string[]>();
  const failures: string[] = [];
  for (const { test, message, reason } of comparison.differences) {
    if (reason === undefined) failures.push(`\nFAILED on pyro: ${suite}, ${runtime}: ${test}`, indented(message));
    else reasons.set(reason, [...reasons.get(reason) ?? [], test]);
  }
  const expected = [...reasons].map(([reason, tests]) =>
    `\nas expected: ${suite}, ${runtime}: ${reason}\n${indented(tests.join("\n"))}`
  );
  return [...expected, ...failures];
}

function unneeded({ suite, runtime, comparison }: Row): string[] {
  return comparison.unneeded.map(({ tests }) => `not needed: ${suite}, ${runtime}: ${tests.join(", ")}`);
}

/** The beginning of a message, as part of a list. */
function indented(text: string): string {
  return text.split("\n").slice(0, MAX_LINES).map((line) => `    ${line}`).join("\n");
}

const MAX_LINES = 14;
