import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { RUNTIMES } from "../tests/support/installed/versions.ts";
import { readReport, reportOf } from "./junit.ts";

const SUITE = `
import assert from "node:assert/strict";
import { test } from "node:test";
test("passes", () => {});
test("passes <too> & \\"quoted\\"", () => {});
test("is skipped", { skip: "for a reason" }, () => {});
test("fails <here>", () => assert.equal("given & <found>", "expected"));
`;

const RUNNERS: Readonly<Record<string, (report: string, file: string) => readonly string[]>> = {
  deno: (report, file) => [process.execPath, "test", "-A", "--no-check", `--junit-path=${report}`, file],
  bun: (report, file) => [
    ...["npx", "-y", RUNTIMES.bun, "test", "--reporter=junit"],
    ...[`--reporter-outfile=${report}`, file],
  ],
  node: (report, file) => [
    ...["npx", "-y", RUNTIMES.node, "--test", "--test-reporter=junit"],
    ...[`--test-reporter-destination=${report}`, file],
  ],
};

for (const [runtime, command] of Object.entries(RUNNERS)) {
  test(`the report of ${runtime}'s runner counts what passed, failed and was skipped`, () => {
    const directory = mkdtempSync(join(tmpdir(), "pyro-junit-"));
    try {
      const file = join(directory, "a_test.ts");
      writeFileSync(file, SUITE);
      writeFileSync(join(directory, "package.json"), `{ "type": "module" }`);
      const report = join(directory, "report.xml");
      const [program, ...args] = command(report, file);
      assert.notEqual(spawnSync(program!, args, { cwd: directory, stdio: "ignore" }).status, 0);
      const { passed, skipped, failures } = readReport(report)!;
      assert.deepEqual([passed, skipped, failures.length], [2, 1, 1]);
      assert.equal(failures[0]!.name, "fails <here>");
      assert.match(failures[0]!.file, /a_test\.ts$/);
      assert.match(failures[0]!.message, /given & <found>/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

test("a runner that has written nothing has no report", () => {
  assert.equal(readReport("/nowhere/report.xml"), undefined);
});

test("an empty report counts nothing", () => {
  const nothing = { passed: 0, skipped: 0, failures: [] };
  assert.deepEqual(reportOf(`<?xml version="1.0"?><testsuites></testsuites>`), nothing);
  assert.deepEqual(reportOf(`<testsuites><testsuite name="a" tests="0"></testsuite></testsuites>`), nothing);
});
