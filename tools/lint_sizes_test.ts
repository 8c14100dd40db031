import assert from "node:assert/strict";
import { test } from "node:test";
import plugin from "./lint_sizes.ts";

/** What the plugin says of a file with that content. */
function complaints(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `/somewhere/${file}`, source).map(({ message }) => message);
}

/** A file of so many lines. */
function lines(count: number): string {
  return "f();\n".repeat(count);
}

test("sizes: a file has at most 400 lines, but for what is not in src", () => {
  assert.deepEqual(complaints("src/wire/a.ts", lines(400)), []);
  assert.deepEqual(complaints("src/wire/a.ts", lines(401)), ["This file has 401 lines: it must have at most 400"]);
  assert.equal(complaints("src/wire/a.ts", `/*\n${lines(398)}*/\nf();\n`).length, 1);
  assert.deepEqual(complaints("tests/wire/a.ts", lines(401)), []);
});

test("sizes: a function has at most 60 lines, however it is written", () => {
  for (const head of ["function f() {", "const f = () => {", "const f = function () {", "class A { f() {"]) {
    const end = head.startsWith("class") ? "}}" : "}";
    assert.deepEqual(complaints("src/wire/a.ts", `${head}\n${lines(58)}${end}`), [], head);
    assert.match(
      complaints("src/wire/a.ts", `${head}\n${lines(59)}${end}`).join(),
      /^This function has 61 lines: it must have at most 60$/,
      head,
    );
  }
});
