/**
 * Measures whole processes: from the start of a program of `programs.ts` to its end.
 *
 * Usage: script.ts COMMAND PROGRAM TARGET SECONDS script:tcp
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import type { Target } from "./driver.ts";
import { USER } from "./driver.ts";
import type { Measurement } from "./measuring.ts";

const [command, program, target, seconds] = process.argv.slice(2) as [string, string, string, string];
const [executable, ...flags] = JSON.parse(command) as string[];
const { port } = JSON.parse(target) as Target;
const env = { ...process.env, URL: `postgres://${USER}@127.0.0.1:${port}/postgres?sslmode=disable` };
const times: number[] = [];
const until = performance.now() + 1000 * Number(seconds);
do {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(executable!, [...flags, program], { env, encoding: "utf8" });
  times.push(performance.now() - begun);
  if (status !== 0 || stdout.trim() !== "9") throw new Error(`${program} has failed:\n${stderr || stdout}`);
} while (performance.now() < until);
times.sort((a, b) => a - b);
const measurement: Measurement = {
  workload: "script",
  transport: "tcp",
  nanoseconds: times[times.length >> 1]! * 1e6,
  version: versionOf(executable!),
};
console.log(JSON.stringify(measurement));

/** The runtime and its version. */
function versionOf(executable: string): string {
  const print = "const { deno, bun, node } = process.versions;" +
    "console.log(deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`);";
  const args = executable.includes("deno") ? ["eval", print] : ["-e", print];
  return spawnSync(executable, args, { encoding: "utf8" }).stdout.trim();
}
