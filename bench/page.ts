/** What a run found, as a page in Markdown: a summary, and each workload's table with its chart. */
import { conditions, type Report, type Result } from "./report.ts";
import { sizeTable } from "./size.ts";
import { growthTable, headingOf, type Outcome, table, time } from "./table.ts";

/** The page. `groups` are the results by the names of the charts beside it. */
export function page(report: Report, groups: ReadonlyMap<string, readonly Result[]>): string {
  const sections = [...groups].map(([name, results]) => {
    const outcomes = results.map(outcomeOf);
    const growth = growthTable(outcomes);
    return [
      `## ${headingOf(results[0]!)}`,
      "",
      table(outcomes, results[0]!.base),
      ...(growth === "" ? [] : ["Growth of memory at its peak:", "", growth]),
      `![The same as a chart](${name}.svg)`,
      "",
    ].join("\n");
  });
  const code = report.code.length === 0
    ? []
    : [`## Size of the code that an import brings\n\n${sizeTable(report.code)}`];
  return [
    "# How fast",
    "",
    "Made by `deno task bench --json=FILE` and `deno task bench:plot FILE docs/benchmarks`; the notes in " +
    "[bench/NOTES.md](../../bench/NOTES.md) say how it is measured and what is fair about it.",
    "",
    conditions(report),
    "",
    "## In short",
    "",
    "pyro's time, and its ratio to the fastest other driver of the same runtime; with promises:",
    "",
    summary(report.results, "promises"),
    "Blocking, beside libpq in C:",
    "",
    summary(report.results, "blocking"),
    ...sections,
    ...code,
  ].join("\n");
}

/** A row for each workload and each of pyro's ways to do it. */
function summary(results: readonly Result[], world: "promises" | "blocking"): string {
  const own = results.filter((result) => result.world === world && isPyro(result));
  const rows = new Map(own.map((result) => [rowOf(result), result]));
  const lines = [...rows].map(([row, { workload, transport, title, contestant }]) => {
    const way = contestant.replace(/^\*\*pyro\*\*(, )?/, "");
    const over = transport === "tcp" ? ", over TCP" : "";
    const cells = RUNTIMES.map((runtime) => {
      const ours = own.find((result) => rowOf(result) === row && result.runtime === runtime);
      if (ours === undefined) return "";
      const others = results.filter((result) =>
        result.workload === workload && result.transport === transport && isRival(result, ours)
      );
      const best = others.toSorted((a, b) => a.median - b.median)[0];
      if (best === undefined) return time(ours.median);
      return `${time(ours.median)}, ${(ours.median / best.median).toFixed(2)} × ${nameOf(best)}`;
    });
    return `| ${title}${over}${way === "" ? "" : ` (${way})`} | ${cells.join(" | ")} |`;
  });
  return [`| | ${RUNTIMES.join(" | ")} |`, "| --- | --- | --- | --- |", ...lines, ""].join("\n");
}

function outcomeOf({ contestant: name, world, runtime, median: cost, growth }: Result): Outcome {
  return { contestant: { name, world: world ?? undefined, runtime }, cost, growth };
}

function isPyro({ contestant }: Result): boolean {
  return contestant.startsWith("**pyro**");
}

/** Whether it is another driver that is compared with: of the same runtime, or in C where both block. */
function isRival(result: Result, { world, runtime }: Result): boolean {
  if (isPyro(result) || result.contestant.startsWith("raw loop")) return false;
  return world === "blocking" ? result.runtime === "C" && result.world === "blocking" : result.runtime === runtime &&
    result.world === world;
}

function nameOf({ contestant }: Result): string {
  return contestant.replaceAll("**", "");
}

function rowOf({ workload, transport, contestant }: Result): string {
  return `${workload} ${transport} ${contestant}`;
}

const RUNTIMES = ["Bun", "Deno", "Node"] as const;
