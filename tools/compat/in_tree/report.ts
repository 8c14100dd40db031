/** Tells `deno task compat` how a test has ended: one line of standard output, as `tools/compat/outcomes.ts` reads it. */
import process from "node:process";

/** Reports a test by its full name; with the error if it has failed. */
export function report(test: string, state: "passed" | "failed" | "skipped", error?: unknown): void {
  const message = error === undefined
    ? undefined
    : error instanceof Error
    ? error.stack ?? error.message
    : String(error);
  process.stdout.write(`\n##compat ${JSON.stringify({ test, state, message })}\n`);
}
