/**
 * Measures one driver at one workload in this process, and prints the nanoseconds of an operation:
 * the median of slices of 20 ms.
 *
 * Usage: measure.ts DRIVER WORKLOAD TARGET SECONDS
 */
import process from "node:process";
import { type Driver, type Operation, type Target, type Workload, type WorkloadName, WORKLOADS } from "./driver.ts";

const [name, workloadName, target, seconds] = process.argv.slice(2);
const { driver } = await import(`./drivers/${name}.ts`) as { driver: Driver };
const workload = WORKLOADS[workloadName as WorkloadName];
/** How many operations go by between looks at the clock. */
const BATCH = workload.units === 1 ? 20 : 1;
const operation = (await driver(JSON.parse(target!) as Target))[workloadName as WorkloadName]!;
// Compilers work on the same core, so it takes them a while.
await slicesOf(operation, workload, Number(seconds));
const costs = await slicesOf(operation, workload, Number(seconds));
console.log(JSON.stringify({ nanoseconds: costs.sort((a, b) => a - b)[costs.length >> 1], version: version() }));
process.exit();

async function slicesOf(operation: Operation, workload: Workload, seconds: number): Promise<number[]> {
  const costs: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let begun = performance.now(); begun < end;) {
    let count = 0;
    let now: number;
    do {
      for (let k = 0; k < BATCH; k++, count++) {
        const given = operation(count);
        // Drivers that block are not to pay for an await.
        const result = isThenable(given) ? await given : given;
        if (!workload.check(count, result)) throw new Error(`${name} answers ${result} to ${count}`);
      }
      now = performance.now();
    } while (now < begun + 20);
    costs.push((now - begun) * 1e6 / (count * workload.units));
    begun = now;
  }
  return costs;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}

function version(): string {
  const { deno, bun, node } = process.versions as Record<string, string | undefined>;
  return deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
}
