/** The runtimes' programs themselves: what npx does before it starts them is not to be measured. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { RUNTIMES } from "../tests/support/installed/versions.ts";

/** Paths. */
export interface Runtimes {
  readonly bun: string;
  readonly deno: string;
  readonly node: string;
}

/** Downloads those that are not there yet. */
export function findRuntimes(): Runtimes {
  return { bun: pathOf(RUNTIMES.bun), deno: process.execPath, node: pathOf(RUNTIMES.node) };
}

function pathOf(name: string): string {
  const script = "console.log(process.execPath)";
  const { stdout, stderr, status } = spawnSync("npx", ["-y", name, "-e", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`npx cannot run ${name}:\n${stderr}`);
  return stdout.trim();
}
