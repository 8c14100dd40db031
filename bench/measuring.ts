/** How a driver is measured: by slices of 20 ms, whose median counts, or once, if an operation is long. */
import process from "node:process";
import type { Driver, Operation, Operations, Target, Transport, WorkloadName } from "./driver.ts";
import { PeakMemory } from "./memory.ts";
import { WORKLOADS } from "./workloads/all.ts";
import type { Workload } from "./workloads/workload.ts";

/** What a process prints for a workload. */
export interface Measurement {
  readonly workload: WorkloadName;
  readonly transport: Transport;
  /** Of a unit. */
  readonly nanoseconds: number;
  /** By how many bytes the memory of the process grew at most, where that is measured. */
  readonly growth?: number | undefined;
  /** The runtime's. */
  readonly version: string;
}

/** Does what the arguments say: TARGET SECONDS WORKLOAD:TRANSPORT … */
export async function measureAll(driver: Driver, [target, seconds, ...items]: readonly string[]): Promise<void> {
  const connected = new Map<Transport, Operations>();
  for (const item of items) {
    const [workload, transport] = item.split(":") as [WorkloadName, Transport];
    const there: Target = { ...JSON.parse(target!), transport };
    const begun = performance.now();
    if (!connected.has(transport)) connected.set(transport, await driver(there));
    const operation = connected.get(transport)![workload];
    if (operation === undefined) throw new Error(`The driver has no ${workload}`);
    const measuring = new Measuring(workload, operation, there);
    const { once, cold } = WORKLOADS[workload];
    const result = once ? await measuring.once(cold ? begun : performance.now()) : await measuring.run(Number(seconds));
    console.log(JSON.stringify({ workload, transport, ...result, version: version() } satisfies Measurement));
  }
}

/** The runtime and its version. */
export function version(): string {
  const { deno, bun, node } = process.versions as Record<string, string | undefined>;
  return deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
}

/** The measuring of one operation. */
class Measuring {
  readonly #name: WorkloadName;
  readonly #workload: Workload;
  readonly #operation: Operation;
  readonly #target: Target;
  readonly #units: number;
  #calls = 0;

  constructor(name: WorkloadName, operation: Operation, target: Target) {
    this.#name = name;
    this.#workload = WORKLOADS[name];
    this.#operation = operation;
    this.#target = target;
    this.#units = this.#workload.units?.(target.sizes) ?? 1;
  }

  /** One operation; `begun` is when its time began. */
  async once(begun: number): Promise<{ nanoseconds: number; growth?: number | undefined }> {
    const memory = new PeakMemory();
    await this.#batch(1);
    return { nanoseconds: (performance.now() - begun) * 1e6 / this.#units, growth: memory.growth() };
  }

  /** Many operations, for that time. */
  async run(seconds: number): Promise<{ nanoseconds: number }> {
    // Compilers work on the same core, so it takes them a while.
    await this.#slices(seconds * (this.#workload.warmUp ?? 1));
    const costs = await this.#slices(seconds);
    return { nanoseconds: costs.sort((a, b) => a - b)[costs.length >> 1]! };
  }

  async #slices(seconds: number): Promise<number[]> {
    // How many operations go by between looks at the clock.
    const batch = this.#units === 1 ? 20 : 1;
    const costs: number[] = [];
    const end = performance.now() + seconds * 1000;
    for (let begun = performance.now(); begun < end;) {
      let count = 0;
      let now: number;
      do {
        await this.#batch(batch);
        count += batch;
        now = performance.now();
      } while (now < begun + 20);
      costs.push((now - begun) * 1e6 / (count * this.#units));
      begun = now;
    }
    return costs;
  }

  async #batch(count: number): Promise<void> {
    const { sizes } = this.#target;
    for (let k = 0; k < count; k++) {
      const i = this.#calls++;
      const given = this.#operation(i);
      // Drivers that block are not to pay for an await.
      const result = isThenable(given) ? await given : given;
      if (!this.#workload.check(i, result, sizes)) {
        throw new Error(`The answer to ${this.#name} ${i} is wrong: ${JSON.stringify(result)?.slice(0, 200)}`);
      }
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value;
}
