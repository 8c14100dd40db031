/** Programs whose arguments are wrong. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const ROOT = join(import.meta.dirname!, "..");
const PROGRAMS = [
  "bench/main.ts",
  "tests/soak/main.ts",
  ...["build", "compat", "derive", "docs", "fuzz", "soak", "test"].map((name) => `tools/${name}.ts`),
];

function run(program: string, option: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ["run", "-A", "--no-check", program, option], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 60_000,
  });
}

for (const program of PROGRAMS) {
  test(`arguments: ${program} refuses an option that it does not have in one line, and shows its usage`, () => {
    const refused = run(program, "--nope");
    assert.match(refused.stderr, /^Unknown option '--nope'; usage: .*\n$/);
    assert.deepEqual([refused.status, refused.stdout], [2, ""]);
    const helped = run(program, "--help");
    assert.match(helped.stdout, /^Usage: .*\n$/);
    assert.deepEqual([helped.status, helped.stderr], [0, ""]);
  });
}
