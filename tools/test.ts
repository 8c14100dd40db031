/**
 * `deno task test`: the tests on Deno, Bun and Node.
 *
 * Usage: deno task test [--short] [deno] [deno-net] [bun] [node] [paths below tests]
 *
 * With `--short`, as much of them as `deno task ok` runs.
 */
import { argumentsOf } from "./arguments.ts";
import { finish } from "./steps.ts";
import { runTests, RUNTIMES } from "./tests.ts";

const USAGE = "deno task test [--short] [deno] [deno-net] [bun] [node] [paths below tests]";
const { values: { short: isShort = false }, positionals: given } = argumentsOf(USAGE, {
  options: { short: { type: "boolean" } },
  allowPositionals: true,
});
const runtimes = given.filter((word) => (RUNTIMES as readonly string[]).includes(word));
const paths = given.filter((word) => !runtimes.includes(word));
finish(
  await runTests(
    runtimes.length > 0 ? runtimes : RUNTIMES,
    paths.length > 0 ? paths : ["tests"],
    isShort ? "short" : "whole",
  ),
);
