/**
 * `deno task compat`: other projects' own tests on pg and on pyro in pg's place, side by side, and programs that use
 * pg through a library.
 *
 * Usage: deno task compat [suites] [programs] [types] [deno] [bun] [node] [--from=DIRECTORY] [--file=PATTERN] [--quick]
 *
 * A suite is named as in `tools/compat/suites.ts`; `programs` are those of `tests/compat/programs`, `types` those of
 * `tools/compat/types.ts`, which are only compiled. Without a name, all of them are run. A test that passes on pg and
 * not on pyro is a failure, unless `tests/compat/expected.ts` says why.
 *
 * `--from` names the folder that the suites' repositories are in, if they are not to be cloned. `--file` runs only the
 * test files and programs whose name matches that regular expression. `--quick` runs pg only on the
 * files in which something failed on pyro.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { EXPECTED } from "../tests/compat/expected.ts";
import { CACHE } from "../tests/support/installed/cache.ts";
import { Pglite } from "../tests/support/installed/pglite.ts";
import { COMPAT_LIBRARIES, COMPAT_SUITES } from "../tests/support/installed/versions.ts";
import { argumentsOf } from "./arguments.ts";
import { buildAll } from "./compat/build.ts";
import { checkout } from "./compat/checkouts.ts";
import { compare, fileOf, type Outcome, type Outcomes, readOutcomes } from "./compat/outcomes.ts";
import { programsIn } from "./compat/programs.ts";
import { describe, type Row, unexpected } from "./compat/report.ts";
import { runFile, type Runtime, RUNTIME_NAMES } from "./compat/run_file.ts";
import { startCompatServer } from "./compat/server.ts";
import { type Prepared, type Suite, SUITES } from "./compat/suites.ts";
import { compilePrograms } from "./compat/types.ts";
import { DRIVERS, makeTree, type Tree } from "./compat/trees.ts";

const USAGE =
  "deno task compat [suites] [programs] [types] [deno] [bun] [node] [--from=DIRECTORY] [--file=PATTERN] [--quick]";
const { values: { from, file = "", quick = false }, positionals } = argumentsOf(USAGE, {
  options: { from: { type: "string" }, file: { type: "string" }, quick: { type: "boolean" } },
  allowPositionals: true,
});
const pattern = new RegExp(file);
const runtimes = RUNTIME_NAMES.filter((name) => positionals.includes(name));
const names = positionals.filter((name) => !(RUNTIME_NAMES as readonly string[]).includes(name));
const known = [...SUITES.map(({ name }) => name), "programs", "types"];
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(", ")}: they are ${known.join(", ")}`);
  process.exit(2);
}
const isWanted = (name: string): boolean => names.length === 0 || names.includes(name);

/** Milliseconds that a test file may take. */
const LIMIT = 90_000;

mkdirSync(join(CACHE, "compat"), { recursive: true });
const built = await buildAll(join(CACHE, "compat", "built"));
const server = await startCompatServer();
const rows: Row[] = [];
let trees: readonly Tree[] | undefined;
try {
  for (const suite of SUITES.filter(({ name }) => isWanted(name))) {
    rows.push(...await runSuite(suite));
  }
  if (isWanted("programs")) rows.push(...await runPrograms());
  if (isWanted("types")) rows.push(compileTypes());
} finally {
  await server[Symbol.asyncDispose]();
}
console.log(describe(rows));
process.exit(unexpected(rows) === 0 ? 0 : 1);

/** Runs a suite with both drivers. */
async function runSuite(suite: Suite): Promise<Row[]> {
  const repository = checkout(suite.repository, from);
  trees ??= DRIVERS.map((driver) => makeTree("suites", driver, COMPAT_SUITES, built));
  const prepared = trees.map((tree) => suite.prepare(repository, tree, server.port));
  return await runBoth(suite.name, chosen(RUNTIME_NAMES), prepared);
}

/** Runs the programs with both drivers, where their libraries run too. */
async function runPrograms(): Promise<Row[]> {
  const prepared = libraries().map(programsIn);
  // No other server has pgvector.
  await using pglite = await Pglite.start();
  const env = { VECTOR_URL: `postgres://postgres@${new URL(pglite.url).host}/postgres?sslmode=disable` };
  return await runBoth("programs", chosen(["bun", "node"]), prepared.map((tree) => ({ ...tree, env })));
}

/** Compiles programs with the types of both drivers. */
function compileTypes(): Row {
  const [pg, pyro] = libraries().map(compilePrograms);
  return { suite: "types", runtime: "node", comparison: compare("types", "node", pg!, pyro!, EXPECTED) };
}

/** The trees with the libraries. */
function libraries(): Tree[] {
  return DRIVERS.map((driver) => makeTree("programs", driver, COMPAT_LIBRARIES, built));
}

async function runBoth(name: string, on: readonly Runtime[], [pg, pyro]: readonly Prepared[]): Promise<Row[]> {
  const rows: Row[] = [];
  for (const runtime of on) {
    const ofPyro = await runFiles(name, "pyro", runtime, pyro!);
    const failed = new Set([...ofPyro].filter(([, { state }]) => state === "failed").map(([test]) => fileOf(test)));
    const files = quick ? pg!.files.filter(({ name }) => failed.has(name)) : pg!.files;
    const ofPg = await runFiles(name, "pg", runtime, { ...pg!, files });
    const row = { suite: name, runtime, comparison: compare(name, runtime, ofPg, ofPyro, EXPECTED) };
    console.log(describe([row]));
    rows.push(row);
  }
  return rows;
}

/** Runs files in turn; the databases are new, for each file if the suite wants that. */
async function runFiles(
  suite: string,
  driver: string,
  runtime: Runtime,
  { cwd, files, env, areSeparate = false }: Prepared,
): Promise<Outcomes> {
  const outcomes = new Map<string, Outcome>();
  await server.reset();
  for (const { name, args } of files.filter(({ name }) => pattern.test(name))) {
    if (areSeparate) await server.reset();
    const { output, problem } = await runFile({ runtime, args, cwd, env: { ...server.env, ...env }, limit: LIMIT });
    const read = readOutcomes(name, output, problem);
    const failed = [...read.values()].filter(({ state }) => state === "failed");
    const first = failed[0]?.message?.split("\n", 1)[0];
    const verdict = failed.length === 0 ? "passed" : `${failed.length} failed: ${first}`;
    console.error(`${suite}, ${driver}, ${runtime}: ${name}: ${verdict}`);
    for (const [test, outcome] of read) outcomes.set(test, outcome);
  }
  return outcomes;
}

/** Those of the runtimes that were asked for, or all. */
function chosen(possible: readonly Runtime[]): readonly Runtime[] {
  return runtimes.length === 0 ? possible : possible.filter((runtime) => runtimes.includes(runtime));
}
