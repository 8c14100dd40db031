/**
 * Measures one driver at workloads, one after the other, in this process, and prints a {@linkcode Measurement}
 * for each as a line of JSON.
 *
 * Usage: measure.ts DRIVER TARGET SECONDS WORKLOAD:TRANSPORT …
 */
import process from "node:process";
import type { Driver } from "./driver.ts";
import { measureAll } from "./measuring.ts";

const [name, ...rest] = process.argv.slice(2);
const { driver } = await import(`./drivers/${name}.ts`) as { driver: Driver };
await measureAll(driver, rest);
process.exit();
