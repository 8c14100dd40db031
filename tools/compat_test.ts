/** What `deno task compat` reads and compares, and three of its programs, with pyro in pg's place. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { COMPAT_LIBRARIES } from "../tests/support/installed/versions.ts";
import { buildAll } from "./compat/build.ts";
import { compare, ENDED_WITH_FAILURES, readOutcomes } from "./compat/outcomes.ts";
import { programsIn } from "./compat/programs.ts";
import { type Ended, runFile } from "./compat/run_file.ts";
import { startCompatServer } from "./compat/server.ts";
import { makeTree } from "./compat/trees.ts";

const line = (test: string, state: string, message?: string): string =>
  `##compat ${JSON.stringify({ test, state, message })}\n`;

test("compat: tests are known by file and name, and a file counts by how it ended", () => {
  const output = `noise\n${line("a", "passed")}more${"\n"}${line("b", "failed", "why")}${line("c", "skipped")}`;
  const states = (problem?: string) =>
    [...readOutcomes("x.js", output, problem)].map(([name, { state }]) => `${name}: ${state}`);
  const tests = ["x.js > a: passed", "x.js > b: failed", "x.js > c: skipped"];
  // A test that failed explains why its process did.
  assert.deepEqual(states(ENDED_WITH_FAILURES), [...tests, "x.js: passed"]);
  assert.deepEqual(states("it did not end within 90 s"), [...tests, "x.js: failed"]);
  assert.deepEqual([...readOutcomes("y.js", "lines\nof it", "it ended with 255")], [
    ["y.js", { state: "failed", message: "it ended with 255\nlines\nof it" }],
  ]);
  const twice = readOutcomes("z.js", line("a", "failed", "why") + line("a", "passed"), undefined);
  assert.equal(twice.get("z.js > a")?.state, "failed");
});

test("compat: what passes on pg alone is a difference, unless it is expected", () => {
  const pg = readOutcomes(
    "x.js",
    ["a", "b", "c", "d"].map((name) => line(name, "passed")).join("") + line("e", "failed"),
    ENDED_WITH_FAILURES,
  );
  const pyro = readOutcomes(
    "x.js",
    line("a", "passed") + line("b", "failed", "why") + line("c", "skipped"),
    "it ended with 255",
  );
  const expected = [
    { suite: "s", tests: ["x.js > b", "x.js > never"], reason: "that is so" },
    { suite: "s", tests: ["x.js > q*"], reason: "unneeded" },
    { suite: "s", tests: ["x.js*"], runtimes: ["deno"], reason: "elsewhere" },
    { suite: "other", tests: ["x.js*"], reason: "other" },
  ] as const;
  const { differences, unneeded, ...sides } = compare("s", "node", pg, pyro, expected);
  assert.deepEqual(differences.map(({ test, reason }) => [test, reason]), [
    ["x.js > b", "that is so"],
    ["x.js > c", undefined],
    ["x.js > d", undefined],
    ["x.js", undefined],
  ]);
  assert.deepEqual(unneeded, [expected[1]]);
  assert.deepEqual(sides, { pg: { files: 0, tests: 4 }, pyro: { files: 0, tests: 1 } });
  assert.deepEqual(
    compare("s", "deno", pg, pyro, expected).differences.filter(({ reason }) => reason === undefined),
    [],
  );
});

test("compat: a program that does not end is ended", async () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro-compat-"));
  try {
    const program = { runtime: "node", args: ["-e", "setInterval(() => {}, 1000)"], cwd: directory, env: {} } as const;
    assert.equal((await runFile({ ...program, limit: 500 })).problem, "it did not end within 0.5 s");
    assert.equal(
      (await runFile({ ...program, args: ["-e", "process.exit(3)"], limit: 60_000 })).problem,
      "it ended with 3",
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});

/** The programs that run here, which need little beside pg. */
const QUICK = ["connect_pg_simple", "knex", "node_pg_migrate"];
const PACKAGES = ["pg", "knex", "connect-pg-simple", "express-session", "node-pg-migrate", "pg-query-stream"];

test("compat: programs with pyro in pg's place, on Bun and Node", async () => {
  await using server = await startCompatServer();
  const directory = mkdtempSync(join(tmpdir(), "pyro-compat-"));
  try {
    const versions = Object.fromEntries(PACKAGES.map((name) => [name, COMPAT_LIBRARIES[name]!]));
    const { cwd, files } = programsIn(makeTree("quick", "pyro", versions, await buildAll(directory)));
    for (const runtime of ["bun", "node"] as const) {
      for (const { name, args } of files.filter(({ name }) => QUICK.includes(name))) {
        await server.reset();
        const ended: Ended = await runFile({ runtime, args, cwd, env: server.env, limit: 60_000 });
        assert.equal(ended.problem, undefined, `${name} on ${runtime}: ${ended.output}`);
        assert.equal(readOutcomes(name, ended.output, undefined).size > 2, true, ended.output);
      }
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
