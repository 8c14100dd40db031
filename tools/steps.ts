/** Running the project's checks one after the other, and counting what passed. */
import { spawn } from "node:child_process";
import process from "node:process";

/** How many passed and failed. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** A command to run, and how to read its output. */
export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the output counts; without it, the command itself is the one thing that passes or fails. */
  count?(output: string): Tally & { readonly skipped: number };
  /** How many tests are skipped, "some" if that depends. Default: none. */
  readonly skips?: number | "some";
}

/** Runs a step; its output is shown when it fails. */
export async function run(step: Step): Promise<Tally> {
  const begun = performance.now();
  const { code, output } = await execute(step);
  const seconds = Math.round((performance.now() - begun) / 1000);
  const counted = step.count?.(output) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  const problem = counted.failed > 0
    ? undefined
    : code !== 0
    ? `it ended with ${code}`
    : counted.passed === 0
    ? "nothing was run"
    : step.skips !== "some" && counted.skipped !== (step.skips ?? 0)
    ? `${counted.skipped} tests were skipped, tests/support/skips.ts lists ${step.skips ?? 0}`
    : undefined;
  const failed = counted.failed + (problem === undefined ? 0 : 1);
  if (failed > 0) console.log(excerpt(output));
  const skipped = counted.skipped === 0 ? "" : `, ${counted.skipped} skipped`;
  console.log(
    `${
      failed === 0 ? "ok    " : "FAILED"
    } ${step.name}: ${counted.passed} passed, ${failed} failed${skipped} (${seconds} s)`,
  );
  if (problem !== undefined) console.log(`       ${problem}`);
  return { passed: counted.passed, failed };
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

/** Says how it went, as the last line, and ends the process accordingly. */
export function finish(total: Tally): never {
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 ? 0 : 1);
}

/** What says why it failed: most runners list that at the end, Bun where it happened. */
function excerpt(output: string): string {
  const lines = output.split("\n");
  const shown = lines.flatMap((line, i) =>
    line.startsWith("(fail)") ? [...lines.slice(Math.max(0, i - 40), i + 1), ""] : []
  );
  return [...shown, ...lines.slice(-300)].join("\n");
}

function execute({ command: [program, ...args], env }: Step): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
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
    // A run that hangs is a failure with an output, not a job that is killed without one.
    let timer = setTimeout(() => {
      output += `\nIt did not end within ${LIMIT / 60_000} minutes\n`;
      // Test runners say what was running when they are interrupted.
      kill("SIGINT");
      timer = setTimeout(() => {
        kill("SIGKILL");
        // What has left the group may hold them open.
        child.stdout.destroy();
        child.stderr.destroy();
      }, GRACE);
    }, LIMIT);
    for (const signal of SIGNALS) process.on(signal, interrupted);
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.on("error", (error) => output += error.message);
    child.on("close", (code) => {
      clearTimeout(timer);
      for (const signal of SIGNALS) process.off(signal, interrupted);
      resolve({ code: code ?? 1, output });
    });
  });
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const LIMIT = 10 * 60_000;
const GRACE = 5_000;
