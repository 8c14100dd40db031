/** More rows than memory should hold. */
import type { Sizes } from "../sizes.ts";
import { many, type Person, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

/** Its statement. */
export function streaming(sizes: Sizes): string {
  return many(sizes.streamed, sizes, "id, name, age, email, score, description");
}

/** How many rows are fetched at a time by those who have to choose. */
export const FETCHED = 1000;

export const stream: Workload = {
  title: ({ streamed }) => `A row of 6 columns, streamed (of ${streamed})`,
  units: ({ streamed }) => streamed,
  pinned: false,
  base: "libpq",
  transports: ["unix"],
  setup,
  statement: streaming,
  once: true,
  check: (_, tally, { streamed }) => (tally as Tally).rows === streamed && (tally as Tally).wrong === 0,
};

/** Looks at the rows of a stream, and lets go of them. */
export class Tally {
  rows = 0;
  wrong = 0;

  add(row: unknown): void {
    const { id, score, description } = row as Person;
    this.rows++;
    if (score !== id / 2 || description.length !== 60) this.wrong++;
  }
}
