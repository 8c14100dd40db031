import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { groupsOf, writeGroups } from "./node_groups.ts";

test("groups: files are dealt out in turn", () => {
  assert.deepEqual(groupsOf(["a", "b", "c", "d", "e"], 2), [["a", "c", "e"], ["b", "d"]]);
  assert.deepEqual(groupsOf(["a"], 5), [["a"]]);
  assert.deepEqual(groupsOf([], 5), []);
});

test("groups: a file that starts something stays alone", () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro-groups-"));
  const modules = writeGroups(["tests/runtime"], directory);
  const grouped = modules.filter((module) => module.startsWith(directory)).map((path) => readFileSync(path, "utf8"));
  rmSync(directory, { recursive: true });
  assert.ok(modules.includes(join("tests", "runtime", "pglite_test.ts")));
  assert.ok(grouped.every((text) => !text.includes("pglite_test.ts")));
  assert.ok(grouped.some((text) => text.includes("failure_test.ts")));
});

test("groups: each test file is imported once", () => {
  const directory = mkdtempSync(join(tmpdir(), "pyro-groups-"));
  const imported = writeGroups(["tests/wire", "tests/sql"], directory).flatMap((module) =>
    readFileSync(module, "utf8").trim().split("\n").map((line) => JSON.parse(/"[^"]*"/.exec(line)![0]) as string)
  );
  rmSync(directory, { recursive: true });
  assert.ok(imported.length > 10);
  assert.equal(new Set(imported).size, imported.length);
  for (const file of imported) assert.ok(existsSync(file), file);
});
