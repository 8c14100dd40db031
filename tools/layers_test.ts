import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { layerOf, LAYERS, layerTable, LEAVES } from "./layers.ts";

const root = join(import.meta.dirname!, "..");

/** What a layer may import, directly or through others; single files are what they are. */
function reachable(name: string, seen: Set<string> = new Set()): Set<string> {
  for (const target of LAYERS[name]?.imports ?? []) {
    if (seen.has(target)) continue;
    seen.add(target);
    reachable(target, seen);
  }
  return seen;
}

test("layers: none reaches itself", () => {
  for (const name of Object.keys(LAYERS)) assert.equal(reachable(name).has(name), false, name);
});

test("layers: what is pure reaches only what is pure, and the interface of transports", () => {
  for (const [name, { pure }] of Object.entries(LAYERS)) {
    if (!pure) continue;
    const impure = [...reachable(name)].filter((target) => !LAYERS[target]?.pure);
    assert.deepEqual(impure.filter((target) => target !== "transport/transport.ts"), [], name);
  }
});

test("layers: the files that a layer sees of another import only leaves", () => {
  const files = new Set(Object.values(LAYERS).flatMap(({ imports }) => imports).filter((name) => name.endsWith(".ts")));
  for (const file of [...files].filter((file) => !/native_a?sync\.ts$/.test(file))) {
    const imports = readFileSync(join(root, "src", file), "utf8").matchAll(/from "(\.[^"]*)"/g);
    for (const [, specifier] of imports) {
      const target = new URL(specifier!, `file:///src/${file}`).pathname.replace(/^\/src\//, "");
      assert.ok(LEAVES.includes(target), `${file} imports ${target}`);
    }
  }
});

test("layers: each folder of src is one, and nothing but leaves lies beside them", () => {
  const names = new Set<string>();
  for (const entry of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
    if (entry.endsWith(".ts")) names.add(layerOf(entry.replaceAll("\\", "/")));
  }
  assert.deepEqual([...names].sort(), [...Object.keys(LAYERS), ...LEAVES].sort());
});

test("layers: ARCHITECTURE.md shows the table", () => {
  const squeeze = (text: string): string => text.replaceAll(/ +/g, " ").replaceAll(/-+/g, "-");
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  assert.ok(squeeze(text).includes(squeeze(layerTable())), `ARCHITECTURE.md must contain\n${layerTable()}`);
});
