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

/** A row per driver, a column per runtime: microseconds, and the ratio to libpq in C. */
export function table(outcomes: readonly Outcome[]): string {
  const floor = outcomes.find(({ contestant }) => contestant.runtime === "C")?.cost;
  const lines = ["| | Bun | Deno | Node |", "| --- | --- | --- | --- |"];
  if (floor !== undefined) lines.push(`| libpq in C, blocking | ${cell(floor, floor)} | | |`);
  const drivers = new Set(outcomes.filter(({ contestant }) => contestant.runtime !== "C").map(titleOf));
  for (const title of drivers) {
    const costs = (["Bun", "Deno", "Node"] as const).map((runtime) =>
      outcomes.find((outcome) => titleOf(outcome) === title && outcome.contestant.runtime === runtime)?.cost
    );
    lines.push(`| ${title} | ${costs.map((cost) => cell(cost, floor)).join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function titleOf({ contestant }: Outcome): string {
  return `${contestant.name}, ${contestant.world}`;
}

function cell(cost: number | undefined, floor: number | undefined): string {
  if (cost === undefined) return "";
  const ratio = floor === undefined ? "" : ` (${(cost / floor).toFixed(2)} ×)`;
  return `${(cost / 1000).toFixed(1)} µs${ratio}`;
}
