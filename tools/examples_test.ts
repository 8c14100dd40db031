/** How examples become tests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { examplesIn, moduleOf, withoutImports } from "./examples.ts";

test("examples: the blocks of a page, but for other languages and those that are ignored", () => {
  const page = ["text", "```ts", "a();", "b();", "```", "```sh", "c", "```", "```ts ignore", "d();", "```"].join("\n");
  assert.deepEqual(examplesIn("a.md", page), [{ code: "a();\nb();", line: 3 }]);
  assert.deepEqual(examplesIn("a.md", "- item\n\n  ```ts\n  if (a) {\n    b();\n  }\n  ```\n"), [
    { code: "if (a) {\n  b();\n}", line: 4 },
  ]);
});

test("examples: those in comments of a module, and none in its code", () => {
  const module = [
    "/**",
    " * Text.",
    " *",
    " * ```ts",
    " * a();",
    " *",
    " * b();",
    " * ```",
    " */",
    "const text = `",
    "```ts",
    "c();",
    "```",
    "`;",
    "class A {",
    "  /** Text. */",
    "  a = 1;",
    "  /**",
    "   * ```ts",
    "   * d();",
    "   * ```",
    "   */",
    "  b = 2;",
    "}",
  ].join("\n");
  assert.deepEqual(examplesIn("a.ts", module), [{ code: "a();\n\nb();", line: 5 }, { code: "d();", line: 20 }]);
});

test("examples: what they import are constants", () => {
  const cases: readonly (readonly [code: string, expected: string])[] = [
    [`import { a, type B, c as d } from "m";`, "const { a, c: d } = module0;"],
    [`import a from "m";`, "const { default: a } = module0;"],
    [`import a, { b } from "m";`, "const { default: a, b } = module0;"],
    [`import * as a from "m";`, "const a = module0;"],
    [`import type { A } from "m";`, ""],
    [`import "m";`, ""],
    [`import {\n  a,\n  type B,\n} from "m";`, "const { a } = module0;"],
    [
      `import { a } from "m"; import { b } from "n";`.replace("; ", ";\n"),
      "const { a } = module0;\nconst { b } = module1;",
    ],
    [`export function a() {}`, "function a() {}"],
  ];
  for (const [code, expected] of cases) assert.equal(withoutImports(code, []), expected);
  assert.equal(
    moduleOf("a.md", [{ code: `import { a } from "m";\na();`, line: 3 }, { code: `import { a } from "m";`, line: 9 }]),
    `import * as module0 from "m";

Deno.test("a.md#3", async () => {
const { a } = module0;
a();
});

Deno.test("a.md#9", async () => {
const { a } = module0;
});
`,
  );
});
