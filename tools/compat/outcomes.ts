/** Reads what tests report, and compares what pg and pyro passed. */
import type { Expected } from "../../tests/compat/expected.ts";
import type { Runtime } from "./run_file.ts";

/** How a test ended. */
export interface Outcome {
  readonly state: "passed" | "failed" | "skipped";
  /** Why it failed. */
  readonly message?: string | undefined;
}

/** Tests by their full names. */
export type Outcomes = ReadonlyMap<string, Outcome>;

/** A test that passes on pg, and not on pyro. */
export interface Difference {
  readonly test: string;
  readonly message: string;
  /** Why that is expected; undefined if it is not. */
  readonly reason: string | undefined;
}

/** What one side passed of a suite. */
export interface Side {
  /** The files in which nothing failed. */
  readonly files: number;
  readonly tests: number;
}

/** The two sides of a suite on one runtime. */
export interface Comparison {
  readonly pg: Side;
  readonly pyro: Side;
  readonly differences: readonly Difference[];
  /** Entries of the list of expected differences that no test needs any more. */
  readonly unneeded: readonly Expected[];
}

/**
 * Reads the reports in the output of a test file. The file itself is a test too, by its name: it fails if its process
 * did not end in time, or ended with a failure that no test in it explains.
 */
export function readOutcomes(file: string, output: string, problem: string | undefined): Outcomes {
  const outcomes = new Map<string, Outcome>();
  const reports = output.split("\n").filter((line) => line.startsWith(MARK));
  for (const line of reports) {
    const { test, state, message } = JSON.parse(line.slice(MARK.length)) as Outcome & { readonly test: string };
    const name = `${file}${SEPARATOR}${test}`;
    // A test with the name of another counts once: it has passed if both have.
    if (outcomes.get(name)?.state !== "failed") outcomes.set(name, { state, message });
  }
  const explained = problem === ENDED_WITH_FAILURES && [...outcomes.values()].some(({ state }) => state === "failed");
  outcomes.set(
    file,
    problem === undefined || explained
      ? { state: "passed" }
      : { state: "failed", message: `${problem}\n${lastLines(output)}` },
  );
  return outcomes;
}

/** Compares two runs of the same suite on one runtime. */
export function compare(
  suite: string,
  runtime: Runtime,
  pg: Outcomes,
  pyro: Outcomes,
  list: readonly Expected[],
): Comparison {
  const entries = list.filter((entry) => entry.suite === suite && (entry.runtimes ?? [runtime]).includes(runtime));
  const needed = new Set<Expected>();
  const differences: Difference[] = [];
  for (const [test, { state }] of pg) {
    const other = pyro.get(test);
    if (state !== "passed" || other?.state === "passed") continue;
    const entry = entries.find(({ tests }) => tests.some((pattern) => matches(pattern, test)));
    if (entry !== undefined) needed.add(entry);
    differences.push({ test, message: other?.message ?? "it was not run", reason: entry?.reason });
  }
  return {
    pg: count(pg),
    pyro: count(pyro),
    differences,
    unneeded: entries.filter((entry) => !needed.has(entry)),
  };
}

/** The file that a test is in. */
export function fileOf(test: string): string {
  return test.split(SEPARATOR, 1)[0]!;
}

/** A pattern is a test's name, or the beginning of names with `*` after it. */
function matches(pattern: string, test: string): boolean {
  return pattern.endsWith("*") ? test.startsWith(pattern.slice(0, -1)) : test === pattern;
}

function count(outcomes: Outcomes): Side {
  const files = new Map<string, boolean>();
  let tests = 0;
  for (const [test, { state }] of outcomes) {
    const [file, name] = test.split(SEPARATOR, 2) as [string, string | undefined];
    files.set(file, (files.get(file) ?? true) && state !== "failed");
    if (name !== undefined && state === "passed") tests++;
  }
  return { files: [...files.values()].filter((passed) => passed).length, tests };
}

function lastLines(output: string): string {
  return output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith(MARK)).slice(-12).join("\n");
}

/** Between a file and the test in it. */
const SEPARATOR = " > ";
/** The exit status of a runner whose tests failed. */
export const ENDED_WITH_FAILURES = "it ended with 1";
/** What a line with a report begins with; `tools/compat/in_tree` writes them. */
const MARK = "##compat ";
