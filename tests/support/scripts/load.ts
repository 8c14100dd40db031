/**
 * Connects over TCP, with the upgrade to the Unix socket, and selects; prints which slow parts of the runtime have been
 * loaded for that. It needs a process of its own, and imports none of the runtime's modules, since they could load
 * others. Argument: URL.
 */
import { runtime } from "../suite/runtime.ts";

/** Modules of Node that take long to load. An import of `node:process` loads those whose names begin with `internal`. */
const SLOW: readonly string[] = ["perf_hooks", "internal/process/report", "internal/process/finalization"];
const slow = new Set<string>();

const [url] = runtime === "deno" ? Deno.args : process.argv.slice(2);
const before = runtime === "deno" ? [] : modules();
if (runtime === "deno") {
  // Deno loads it when it is first used.
  const own = Object.getOwnPropertyDescriptor(globalThis, "process")!;
  Object.defineProperty(globalThis, "process", {
    configurable: true,
    get(): unknown {
      slow.add("process");
      return own.get === undefined ? own.value : own.get.call(globalThis);
    },
  });
}
const { Conn } = await import("../../../mod.ts");
const conn = await Conn.connect(url!);
const value = await conn.execValue("select $1::int4", [7]);
const { transport } = conn;
await conn.close();
if (runtime !== "deno") {
  const now = modules();
  for (const name of SLOW) {
    if (now.includes(`NativeModule ${name}`) && !before.includes(`NativeModule ${name}`)) slow.add(name);
  }
}
console.log(JSON.stringify({ value, transport, slow: [...slow] }));

function modules(): readonly string[] {
  return [...(process as unknown as { readonly moduleLoadList: readonly string[] }).moduleLoadList];
}
