/** What is counted during a soak, in memory that does not grow with it. */

/** How long calls took: in steps of a twentieth, so in a fixed space. */
export class Latencies {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  note(milliseconds: number): void {
    const bucket = Math.ceil(Math.log(milliseconds / SMALLEST) / Math.log(STEP));
    this.#counts[Math.min(Math.max(bucket, 0), BUCKETS - 1)]!++;
    this.#total++;
    this.#max = Math.max(this.#max, milliseconds);
  }

  /** How many there were. */
  get count(): number {
    return this.#total;
  }

  get max(): number {
    return this.#max;
  }

  /** So many milliseconds were enough for that part of them, from 0 to 1. */
  quantile(part: number): number {
    let left = this.#total * part;
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return SMALLEST * STEP ** bucket;
    }
    return this.#max;
  }
}

/** What has happened how often, by name. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  get sum(): number {
    return [...this.#counts.values()].reduce((a, b) => a + b, 0);
  }

  toString(): string {
    return [...this.#counts].toSorted(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`).join(", ");
  }
}

const BUCKETS = 400;
const SMALLEST = 0.01;
const STEP = 1.05;
