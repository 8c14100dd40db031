/** Figures, as a table in Markdown. */
import type { Contestant } from "./contestants.ts";

/** How a contestant did: nanoseconds of an operation, undefined if it failed. */
export interface Outcome {
  readonly contestant: Contestant;
  readonly cost: number | undefined;
}

/** The value in the middle; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** A row per driver, a column per runtime: microseconds, and the ratio to `base` in C or on the same runtime. */
export function table(outcomes: readonly Outcome[], base: string): string {
  const costOf = (title: string, runtime: string): number | undefined =>
    outcomes.find((outcome) => titleOf(outcome) === title && outcome.contestant.runtime === runtime)?.cost;
  const baseTitle = outcomes.map(titleOf).find((title) => title.startsWith(base));
  const lines = ["| | Bun | Deno | Node | C |", "| --- | --- | --- | --- | --- |"];
  for (const title of new Set(outcomes.map(titleOf))) {
    const cells = (["Bun", "Deno", "Node", "C"] as const).map((runtime) => {
      const floor = baseTitle && (costOf(baseTitle, runtime) ?? costOf(baseTitle, "C"));
      return cell(costOf(title, runtime), floor || undefined);
    });
    lines.push(`| ${title} | ${cells.join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function titleOf({ contestant: { name, world } }: Outcome): string {
  return `${name}${world === undefined ? "" : `, ${world}`}`;
}

function cell(cost: number | undefined, floor: number | undefined): string {
  if (cost === undefined) return "";
  const ratio = floor === undefined ? "" : ` (${(cost / floor).toFixed(2)} ×)`;
  return `${(cost / 1000).toFixed(cost < 10_000 ? 2 : 1)} µs${ratio}`;
}
