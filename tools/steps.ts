/** Running the project's checks one after the other, and counting what passed. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { CACHE } from "../tests/support/installed/cache.ts";
import { type FailedTest, readReport } from "./junit.ts";

/** How many passed and failed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** A command to run. Without `skips` the command itself is the one thing that passes or fails. */
export interface Step {
  readonly name: string;
  /** The program and its arguments; {@linkcode REPORT} stands for the path of the JUnit report that a test runner is to write. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** For a test runner: how many tests are skipped, "some" if that depends. */
  readonly skips?: number | "some";
}

/** Stands for the path of the report in a command. */
export const REPORT = "{report}";

/** Runs a step, and shows why it failed if it did. */
export async function run(step: Step): Promise<Tally> {
  const directory = mkdtempSync(join(tmpdir(), "pyro-step-"));
  try {
    const report = join(directory, "report.xml");
    const command = step.command.map((word) => word.replace(REPORT, report));
    const started = performance.now();
    const { code, output } = await execute(step.name, command, step.env ?? {});
    const { passed, skipped, failures, problem } = outcome(step, code, report);
    const failed = failures.length + (problem === undefined ? 0 : 1);
    const log = keep(step.name, output);
    if (failed > 0) explain(failures, output, log);
    const skips = skipped === 0 ? "" : `, ${skipped} skipped`;
    const verdict = failed === 0 ? "ok    " : "FAILED";
    console.log(`${verdict} ${step.name}: ${passed} passed, ${failed} failed${skips} (${seconds(started)} s)`);
    if (problem !== undefined) console.log(`       ${problem}`);
    return { passed, failed };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs steps in turn; the sum of their tallies. */
export async function runAll(steps: readonly Step[]): Promise<Tally> {
  let total: Tally = { passed: 0, failed: 0 };
  for (const step of steps) total = add(total, await run(step));
  return total;
}

/** The sum of two tallies. */
export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}

/** Prints the tally as the last line, and ends the process accordingly. */
export function finish(total: Tally): never {
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 ? 0 : 1);
}

interface Outcome {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly FailedTest[];
  /** What is wrong beyond the tests that failed. */
  readonly problem: string | undefined;
}

function outcome({ skips }: Step, code: number, path: string): Outcome {
  const ended = code === 0 ? undefined : `it ended with ${code}`;
  if (skips === undefined) return { passed: code === 0 ? 1 : 0, skipped: 0, failures: [], problem: ended };
  const report = readReport(path);
  if (report === undefined) {
    return { passed: 0, skipped: 0, failures: [], problem: ended ?? "it has written no report" };
  }
  const problem = report.failures.length > 0
    ? undefined
    : ended ?? (report.passed === 0 ? "no test was run" : undefined) ??
      (skips !== "some" && report.skipped !== skips
        ? `${report.skipped} tests were skipped, tests/support/suite/skips.ts lists ${skips}`
        : undefined);
  return { ...report, problem };
}

/** Keeps the whole output of a step; in which file. */
function keep(name: string, output: string): string {
  mkdirSync(CACHE, { recursive: true });
  const log = join(CACHE, `${name.replaceAll(/\W+/g, "-")}.log`);
  writeFileSync(log, output);
  return log;
}

/** Shows the tests that failed and the end of the output. */
function explain(failures: readonly FailedTest[], output: string, log: string): void {
  for (const { name, file, message } of failures) console.log(`--- ${name}\n    ${file}\n${message}\n`);
  const lines = output.split("\n");
  console.log(lines.slice(failures.length > 0 ? -40 : -300).join("\n"));
  console.log(`The whole output is in ${log}`);
}

function execute(
  name: string,
  [program, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(program!, args, {
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what the command starts can be ended with it.
      detached: true,
    });
    const kill = (signal: NodeJS.Signals): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has ended.
      }
    };
    const interrupted = (): never => {
      kill("SIGKILL");
      process.exit(1);
    };
    let output = "";
    let heard = started;
    let ending = false;
    const hear = (chunk: Uint8Array): void => {
      output += chunk;
      heard = performance.now();
    };
    const end = (reason: string): void => {
      ending = true;
      output += `\n${reason}\n`;
      // Test runners say what was running when they are interrupted.
      kill("SIGINT");
      setTimeout(() => {
        kill("SIGKILL");
        // What has left the group may hold them open.
        child.stdout.destroy();
        child.stderr.destroy();
      }, GRACE).unref();
    };
    const progress = setInterval(() => console.log(`       ${name}: ${seconds(started)} s, ${lastLine(output)}`), TOLD);
    // A run that hangs is a failure with an output, not a job that is killed without one. A slow machine is none.
    const watch = setInterval(() => {
      if (ending) return;
      const now = performance.now();
      if (now - heard > SILENCE) end(`It has printed nothing for ${SILENCE / 60_000} minutes`);
      else if (now - started > LIMIT) end(`It did not end within ${LIMIT / 60_000} minutes`);
      else if (now > DEADLINE) end(`All checks together did not end within ${DEADLINE / 60_000} minutes`);
    }, 1000);
    for (const signal of SIGNALS) process.on(signal, interrupted);
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", (error) => output += error.message);
    child.on("close", (code) => {
      clearInterval(progress);
      clearInterval(watch);
      for (const signal of SIGNALS) process.off(signal, interrupted);
      resolve({ code: code ?? 1, output });
    });
  });
}

/** The last line with something in it, from the end of a text of any length. */
function lastLine(output: string): string {
  const line = output.slice(-2000).split("\n").findLast((line) => line.trim() !== "") ?? "nothing printed yet";
  return line.trim().slice(0, 120);
}

function seconds(started: number): number {
  return Math.round((performance.now() - started) / 1000);
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** Milliseconds between two lines that tell how far a step is. */
const TOLD = 20_000;
/** Runners give a test two minutes, so they are silent for longer only when they hang. */
const SILENCE = 6 * 60_000;
const LIMIT = 40 * 60_000;
/** Since the process began: a run of all checks is given 90 minutes by who has started it, and has to say first why it failed. */
const DEADLINE = 80 * 60_000;
const GRACE = 5_000;
