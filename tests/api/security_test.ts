/** The tests that SECURITY.md names exist. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "../support/suite/test.ts";

const root = new URL("../../", import.meta.url);

test("SECURITY.md: every vulnerability has a test, and every test that is named exists", () => {
  const rows = readFileSync(new URL("SECURITY.md", root), "utf8").split("\n").filter((line) =>
    /^\| (CVE|GHSA)-/.test(line)
  );
  assert.ok(rows.length >= 16);
  for (const row of rows) {
    const [, file, name] = /`(tests\/[a-z_/]+_test\.ts)`: "(.+?)" *\|$/.exec(row) ?? assert.fail(`no test: ${row}`);
    assert.ok(readFileSync(new URL(file!, root), "utf8").includes(`"${name}"`), `${file} has no "${name}"`);
  }
});
