import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { canCompile, rowReport } from "../support/values/row_report.ts";
import { runtime } from "../support/suite/runtime.ts";
import { test } from "../support/suite/test.ts";

const REFUSING = "--disallow-code-generation-from-strings";
const FLAGS =
  { deno: ["run", "-A", "--no-check", `--v8-flags=${REFUSING}`], node: [REFUSING], bun: undefined }[runtime];

// Bun knows no such mode.
if (FLAGS !== undefined) {
  test("rows: where code cannot be made from strings, rows and complaints are the same", () => {
    const script = fileURLToPath(new URL("../support/values/row_report.ts", import.meta.url));
    const output = execFileSync(process.execPath, [...FLAGS, script], { encoding: "utf8", maxBuffer: 2 ** 26 });
    const { canCompile: childCanCompile, report } = JSON.parse(output);
    assert.deepEqual([canCompile(), childCanCompile], [true, false]);
    const own = rowReport();
    assert.ok(!own.includes("unexpected"));
    assert.ok(report === own, "the reports are equal");
  });
}
