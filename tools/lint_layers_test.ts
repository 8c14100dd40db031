import assert from "node:assert/strict";
import { test } from "node:test";
import plugin from "./lint_layers.ts";

/** What the plugin says of a file with that content. */
function complaints(file: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `/somewhere/src/${file}`, source).map(({ id, message }) => `${id}: ${message}`);
}

test("layers: imports that point downwards are fine", () => {
  assert.deepEqual(
    complaints("features/a.ts", `import { b } from "../protocol/b.ts"; import type { C } from "../errors.ts";`),
    [],
  );
  assert.deepEqual(complaints("wire/a.ts", `import { Buffer } from "node:buffer"; export * from "./b.ts";`), []);
  assert.deepEqual(complaints("protocol/a.ts", "builtin.crypto.createHash(name);"), []);
  assert.deepEqual(complaints("drizzle/a.ts", `import { PgDialect } from "drizzle-orm/pg-core";`), []);
  assert.deepEqual(complaints("run/a.ts", `import type { T } from "../transport/transport.ts";`), []);
  assert.deepEqual(complaints("pg/a.ts", `import { parse } from "pg-connection-string";`), []);
});

test("layers: imports that point upwards, sideways or outside are not", () => {
  for (
    const [file, source] of [
      ["wire/a.ts", `import { b } from "../protocol/b.ts";`],
      ["wire/a.ts", `import type { b } from "../protocol/b.ts";`],
      ["wire/a.ts", `export * from "../codecs/b.ts";`],
      ["wire/a.ts", `export { b } from "../codecs/b.ts";`],
      ["wire/a.ts", `import net from "node:net";`],
      ["sync/a.ts", `import { Conn } from "../async/conn.ts";`],
      ["async/a.ts", `await import("../transport/native_sync.ts");`],
      ["transport/a.ts", `import { Inbox } from "../wire/inbox.ts";`],
      ["run/a.ts", `import { denoDialer } from "../transport/deno.ts";`],
      ["errors.ts", `import { Opts } from "./options/opts.ts";`],
      ["connection/connection_state.ts", `import pg from "npm:pg";`],
      ["pg/a.ts", `import pg from "pg";`],
      ["kysely/driver.ts", `import pg from "pg";`],
      ["drizzle/driver.ts", `import { Kysely } from "kysely";`],
      ["async/conn.ts", `import { Kysely } from "kysely";`],
      ["pool/pool_state.ts", `import { PoolManager } from "./async/pool_manager.ts";`],
      ["nowhere/a.ts", `import { b } from "../errors.ts";`],
    ] as const
  ) {
    assert.equal(complaints(file, source).length, 1, `${file}: ${source}`);
    assert.match(complaints(file, source)[0]!, /^layers\/imports: /);
  }
});

test("layers: in pure layers there is no time and no runtime", () => {
  for (
    const source of [
      "async function f() {}",
      "const f = async () => {};",
      "setTimeout(f, 1);",
      "function f(): Promise<void> {}",
      "globalThis.x = Deno;",
      "console.log(1);",
      "new Promise(f);",
      "builtin.fs.readFileSync(path);",
      "const { net } = builtin;",
    ]
  ) assert.ok(complaints("protocol/a.ts", source).length > 0, source);
  assert.deepEqual(complaints("protocol/a.ts", "const x = { process: 1 }; x.process;"), []);
  assert.deepEqual(complaints("run/a.ts", "async function f() { await g(); console.log(1); }"), []);
});

test("layers: timers are those of timers.ts, not the global ones", () => {
  for (
    const source of [
      "setTimeout(f, 1);",
      "clearTimeout(timer);",
      "setImmediate(f);",
      "queueMicrotask(f);",
      "process.nextTick(f);",
      "const time = performance.now();",
      "const time = Date.now();",
      `import { clearTimeout } from "../timers.ts"; setTimeout(f, 1);`,
    ]
  ) assert.match(complaints("run/a.ts", source).join(), /^layers\/timers: /, source);
  const imports = `import { now, setTimeout } from "../timers.ts";`;
  assert.deepEqual(complaints("run/a.ts", `${imports} setTimeout(f, now());`), []);
  assert.deepEqual(complaints("transport/worker_main.ts", "setTimeout(f, 1);"), []);
});
