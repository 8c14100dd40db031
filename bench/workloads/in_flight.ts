/** Many selects on one connection at once. */
import { isPerson, KEYS, POINT, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

export const inFlight: Workload = {
  title: ({ inFlight }) => `A row of 6 columns by its key, ${inFlight} selects in flight on one connection`,
  units: ({ inFlight }) => inFlight,
  pinned: false,
  base: "libpq",
  transports: ["unix"],
  setup,
  statement: () => POINT,
  check: (_, right, { inFlight }) => right === inFlight,
};

/** Selects so many rows at once; how many came back as they should. */
export async function selectAtOnce(count: number, select: (id: number) => PromiseLike<unknown>): Promise<number> {
  let right = 0;
  await Promise.all(Array.from({ length: count }, async (_, k) => {
    const id = keyOf(k);
    if (isPerson(await select(id), id)) right++;
  }));
  return right;
}

/** The key of a select. */
export function keyOf(k: number): number {
  return 1 + k * 17 % KEYS;
}
