/**
 * libpq's outcomes from a process of its own, since libpq reads the environment of its process, which is that of all
 * tests here.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { ConnectionCase } from "../../options/libpq/connection_case.ts";
import type { Outcome } from "../../options/libpq/recorded.ts";

/** The process, on Deno. It ends with this one. */
export class LibpqProcess {
  readonly #child = spawn(process.execPath, ["run", "-A", "--no-check", SCRIPT], { stdio: ["pipe", "pipe", "ignore"] });
  readonly #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  async outcomeOf(given: ConnectionCase): Promise<Outcome> {
    const { text, variables, files } = given;
    this.#child.stdin.write(lineOf({ text, variables, files }));
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("The process with libpq has ended");
    return JSON.parse(value);
  }

  /** Ends it. */
  stop(): void {
    this.#child.stdin.end();
  }
}

/** A value as a line of JSON in ASCII, since U+2028 would end a line. */
export function lineOf(value: unknown): string {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${JSON.stringify(value).replaceAll(/[\u0080-\uffff]/g, escaped)}\n`;
}

const SCRIPT = join(import.meta.dirname!, "../scripts/libpq.ts");
