/** `deno task ok`: everything that has to hold before a change is good. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { add, finish, REPORT, runAll } from "./steps.ts";
import { runDocTests, runTests, RUNTIMES } from "./tests.ts";

const deno = process.execPath;
const { exports } = JSON.parse(readFileSync("deno.json", "utf8")) as { exports: Record<string, string> };
const ENTRY_POINTS = Object.values(exports);

/** By name: Deno takes `test.ts` for a test too. */
const TOOL_TESTS = readdirSync(import.meta.dirname!).filter((name) => name.endsWith("_test.ts"))
  .map((name) => join("tools", name));

const before = await runAll([
  { name: "format", command: [deno, "fmt", "--check"] },
  { name: "lint, with the layers", command: [deno, "lint"] },
  { name: "types", command: [deno, "check", ...ENTRY_POINTS, "src", "tests", "tools", "bench", "docs/examples"] },
  { name: "documentation of what is exported", command: [deno, "run", "-A", "tools/lint_docs.ts", ...ENTRY_POINTS] },
  { name: "what is derived", command: [deno, "run", "-A", "tools/derive.ts", "--check"] },
  {
    name: "tests of the tools",
    command: [deno, "test", "-A", "--no-check", "--parallel", `--junit-path=${REPORT}`, ...TOOL_TESTS],
    skips: 0,
  },
]);
const documentation = await runDocTests();
const tests = await runTests(RUNTIMES, ["tests"], "short");
const directory = mkdtempSync(join(tmpdir(), "pyro-bench-"));
const figures = join(directory, "quick.json");
const after = await runAll([
  { name: "benchmarks, each once", command: [deno, "run", "-A", "bench/main.ts", "--quick", `--json=${figures}`] },
  { name: "charts of them", command: [deno, "run", "-A", "bench/plot.ts", figures, directory] },
  { name: "publishing, as a trial", command: [deno, "publish", "--dry-run", "--allow-dirty"] },
]);
rmSync(directory, { recursive: true });
finish([documentation, tests, after].reduce(add, before));
