/**
 * `deno task test`: the tests on Deno, Bun and Node.
 *
 * Usage: deno task test [--short] [deno] [deno-net] [bun] [node] [paths below tests]
 *
 * With `--short`, as much of them as `deno task ok` runs.
 */
import process from "node:process";
import { finish } from "./steps.ts";
import { runTests, RUNTIMES } from "./tests.ts";

const isShort = process.argv.includes("--short");
const given = process.argv.slice(2).filter((word) => word !== "--short");
const runtimes = given.filter((word) => (RUNTIMES as readonly string[]).includes(word));
const paths = given.filter((word) => !runtimes.includes(word));
finish(
  await runTests(
    runtimes.length > 0 ? runtimes : RUNTIMES,
    paths.length > 0 ? paths : ["tests"],
    isShort ? "short" : "whole",
  ),
);
