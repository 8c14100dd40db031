/** The runtimes' programs themselves: what npx does before it starts them is not to be measured. */
import { spawnSync } from "node:child_process";
import process from "node:process";

/** Paths. */
export interface Runtimes {
  readonly bun: string;
  readonly deno: string;
  readonly node: string;
}

/** Downloads those that are not there yet. */
export function findRuntimes(): Runtimes {
  return { bun: pathOf("bun@1.4"), deno: process.execPath, node: pathOf("node@26") };
}

function pathOf(name: string): string {
  const script = "console.log(process.execPath)";
  const { stdout, stderr, status } = spawnSync("npx", ["-y", name, "-e", script], { encoding: "utf8" });
  if (status !== 0) throw new Error(`npx cannot run ${name}:\n${stderr}`);
  return stdout.trim();
}
