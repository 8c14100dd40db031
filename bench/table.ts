/** Figures, as tables in Markdown. */
import type { Contestant } from "./contestants.ts";
import type { Result } from "./report.ts";

/** How a contestant did: undefined if it failed. */
export interface Outcome {
  readonly contestant: Pick<Contestant, "name" | "world" | "runtime">;
  /** Nanoseconds of an operation. */
  readonly cost: number | undefined;
  /** Bytes by which its memory grew at most. */
  readonly growth: number | undefined;
}

/** The value in the middle; undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** A row per driver, a column per runtime: the time, and the ratio to `base` in C or on the same runtime. */
export function table(outcomes: readonly Outcome[], base: string): string {
  const costOf = (title: string, runtime: string): number | undefined =>
    outcomes.find((outcome) => titleOf(outcome.contestant) === title && outcome.contestant.runtime === runtime)?.cost;
  const baseTitle = baseOf(outcomes.map(({ contestant }) => titleOf(contestant)), base);
  return grid(outcomes, (title, runtime) => {
    const floor = baseTitle && (costOf(baseTitle, runtime) ?? costOf(baseTitle, "C"));
    return cell(costOf(title, runtime), floor || undefined);
  });
}

/** The same of growth of memory; empty where nobody measured it. */
export function growthTable(outcomes: readonly Outcome[]): string {
  if (outcomes.every(({ growth }) => growth === undefined)) return "";
  return grid(outcomes, (title, runtime) => {
    const growth = outcomes.find(({ contestant }) => titleOf(contestant) === title && contestant.runtime === runtime)
      ?.growth;
    return growth === undefined ? "" : `${(growth / 2 ** 20).toFixed(0)} MiB`;
  });
}

/** What was measured, in Markdown. */
export function headingOf({ title, transport, pinned }: Pick<Result, "title" | "transport" | "pinned">): string {
  const over = transport === "unix" ? ", over the Unix socket" : transport === "tcp" ? ", over TCP" : "";
  return `${title}${over}${pinned ? ", on one core" : ""}`;
}

/** How a contestant is called, on whichever runtime. */
export function titleOf({ name, world }: Pick<Contestant, "name" | "world">): string {
  return `${name}${world === undefined ? "" : `, ${world}`}`;
}

/** The title among them that others are compared with. */
export function baseOf(titles: readonly string[], base: string): string | undefined {
  return titles.find((title) => title.startsWith(base));
}

/** A time, in a unit that is readable. */
export function time(nanoseconds: number): string {
  if (nanoseconds >= 1e6) return `${(nanoseconds / 1e6).toFixed(nanoseconds < 1e7 ? 2 : 1)} ms`;
  return `${(nanoseconds / 1e3).toFixed(nanoseconds < 1e4 ? 2 : 1)} µs`;
}

function grid(outcomes: readonly Outcome[], content: (title: string, runtime: string) => string): string {
  const runtimes = ["Bun", "Deno", "Node", "C"] as const;
  const lines = [`| | ${runtimes.join(" | ")} |`, "| --- | --- | --- | --- | --- |"];
  for (const title of new Set(outcomes.map(({ contestant }) => titleOf(contestant)))) {
    lines.push(`| ${title} | ${runtimes.map((runtime) => content(title, runtime)).join(" | ")} |`);
  }
  return `${lines.join("\n")}\n`;
}

function cell(cost: number | undefined, floor: number | undefined): string {
  if (cost === undefined) return "";
  return floor === undefined ? time(cost) : `${time(cost)} (${(cost / floor).toFixed(2)} ×)`;
}
