/**
 * `deno task soak`: a pool of 10 under 64 callers for a long time, while backends are killed, the server
 * restarts and the network stalls; half of the time over TCP, the other over the Unix socket. Each round
 * of 30 seconds has two restarts and three stalls.
 *
 * With `--cluster`: a pool over a primary and two standbys of each version, while servers are switched over, restarted,
 * killed and cut off; a round of all that takes about a minute.
 *
 * Usage: deno task soak [--minutes=10] [--runtime=deno|bun|node] [--seed=number] [--cluster]
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { RUNTIMES } from "../tests/support/installed/versions.ts";
import { argumentsOf } from "./arguments.ts";

const USAGE = "deno task soak [--minutes=10] [--runtime=deno|bun|node] [--seed=number] [--cluster]";
const { values } = argumentsOf(USAGE, {
  options: {
    minutes: { type: "string", default: "10" },
    runtime: { type: "string", default: "deno" },
    seed: { type: "string" },
    cluster: { type: "boolean" },
  },
});
const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
  deno: [process.execPath, "run", "-A", "--no-check"],
  bun: ["npx", "-y", RUNTIMES.bun],
  node: ["npx", "-y", RUNTIMES.node],
};
const command = commands[values.runtime];
const seconds = Number(values.minutes) * 30;
if (command === undefined || !(seconds > 0)) {
  console.error(`Usage: ${USAGE}`);
  process.exit(2);
}
const [program, ...args] = command;
const seed = values.seed === undefined ? [] : [`--seed=${values.seed}`];
const runs = values.cluster
  ? [14, 18].map((major) => ["--cluster", `--rounds=${Math.ceil(seconds / 60)}`, `--major=${major}`])
  : ["tcp", "unix"].map((way) => [`--seconds=${seconds}`, `--way=${way}`, ...seed]);
let failed = false;
for (const run of runs) {
  const script = [...args, "tests/soak/main.ts", ...run];
  failed = spawnSync(program, script, { stdio: "inherit" }).status !== 0 || failed;
}
process.exit(failed ? 1 : 0);
