/** The memory of this process at its peak, as Linux counts it. */
import { readFileSync } from "node:fs";

/** Measures from its construction on. */
export class PeakMemory {
  readonly #before = fieldOf("VmRSS");

  /** By how many bytes it has grown at most; undefined where that cannot be learned. */
  growth(): number | undefined {
    const peak = fieldOf("VmHWM");
    return peak === undefined || this.#before === undefined ? undefined : peak - this.#before;
  }
}

function fieldOf(name: string): number | undefined {
  try {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  } catch {
    return undefined;
  }
}
