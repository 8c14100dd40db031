/**
 * Measures what importing a driver takes in a process that has done nothing else.
 *
 * Usage: start.ts NAME-OR-FILE TARGET SECONDS import:none
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type Measurement, version } from "./measuring.ts";
import type { PEERS } from "../tests/support/installed/versions.ts";
import { importPeer } from "./peers.ts";

const name = process.argv[2]!;
const begun = performance.now();
const module = await load(name) as { Conn?: unknown; default?: unknown };
const nanoseconds = (performance.now() - begun) * 1e6;
if (module.Conn === undefined && module.default === undefined) throw new Error(`${name} exports nothing`);
const measurement: Measurement = { workload: "import", transport: "none", nanoseconds, version: version() };
console.log(JSON.stringify(measurement));

function load(name: string): Promise<unknown> {
  if (name.endsWith(".js")) return import(pathToFileURL(name).href);
  if (name === "pyro") return import("../mod.ts");
  if (name === "pyro/sync") return import("../sync.ts");
  return importPeer(name as keyof typeof PEERS);
}
