/**
 * `deno task fuzz`: the fuzz tests (`tests/fuzz`) for a long time, each with inputs of a fresh seed.
 *
 * Usage: deno task fuzz [--seconds=60] [--runtime=deno|bun|node] [--seed=number]
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { RUNTIMES } from "../tests/support/installed/versions.ts";
import { argumentsOf } from "./arguments.ts";

const USAGE = "deno task fuzz [--seconds=60] [--runtime=deno|bun|node] [--seed=number]";
const { values } = argumentsOf(USAGE, {
  options: {
    seconds: { type: "string", default: "60" },
    runtime: { type: "string", default: "deno" },
    seed: { type: "string" },
  },
});
const FOREVER = "100000000";
const commands: Readonly<Record<string, readonly [string, ...string[]]>> = {
  deno: [process.execPath, "test", "-A", "--no-check", "tests/fuzz"],
  bun: ["npx", "-y", RUNTIMES.bun, "test", `--timeout=${FOREVER}`, "./tests/fuzz"],
  node: ["npx", "-y", RUNTIMES.node, "--test", "tests/fuzz/**/*_test.ts"],
};
const command = commands[values.runtime];
if (command === undefined || !(Number(values.seconds) > 0)) {
  console.error(`Usage: ${USAGE}`);
  process.exit(2);
}
const [program, ...args] = command;
const { status } = spawnSync(program, args, {
  stdio: "inherit",
  env: {
    ...process.env,
    PYRO_FUZZ_SECONDS: values.seconds,
    ...(values.seed === undefined ? {} : { PYRO_FUZZ_SEED: values.seed }),
  },
});
process.exit(status ?? 1);
