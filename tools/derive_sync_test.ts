import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveSync } from "./derive_sync.ts";

/** What becomes of a text, without the header. */
function derived(text: string, edits: readonly [string, string][] = []): string {
  const [header, ...lines] = deriveSync(text, edits, "src/async/a.ts").split("\n");
  assert.match(header!, /^\/\/ Derived from src\/async\/a\.ts /);
  return lines.join("\n");
}

test("promises become their values, however deep they stand", () => {
  assert.equal(derived("f(): Promise<Map<string, Result<R>[]>> {}"), "f(): Map<string, Result<R>[]> {}");
  assert.equal(derived("f(): Promise<() => Promise<A>> {}"), "f(): () => A {}");
});

test("what only the promise world takes leaves the union", () => {
  assert.equal(derived("rows: Iterable<A<B>> | AsyncIterable<A<B>>,"), "rows: Iterable<A<B>>,");
  assert.equal(derived("fn: (tx: Tx) => T | Promise<T>"), "fn: (tx: Tx) => T");
});

test("awaiting goes, in code and in examples", () => {
  assert.equal(
    derived(`/** await using c = await Conn.connect("pg://"); */ async close(): Promise<void> { await this.x(); }`),
    `/** using c = new Conn("pg://"); */ close(): void { this.x(); }`,
  );
  assert.equal(derived("tx(async (tx) => {})"), "tx((tx) => {})");
  assert.equal(derived("/** asynchronous, awaiting */"), "/** asynchronous, awaiting */");
});

test("imports of types from one module are one import", () => {
  assert.equal(
    derived(`import type { B } from "../connection/call_options.ts";\nimport type { A } from "./options.ts";\n`),
    `import type { A, B } from "../connection/call_options.ts";\n`,
  );
});

test("an edit is applied, and must apply", () => {
  assert.equal(derived("const a = 1;", [["1", "2"]]), "const a = 2;");
  assert.throws(() => derived("const a = 1;", [["3", "2"]]), /no longer contains what an edit replaces: 3/);
});
