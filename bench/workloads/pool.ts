/** More callers than connections. */
import { isPerson, KEYS, setup } from "./people.ts";
import type { Workload } from "./workload.ts";

/** Pools and servers run for long, and more of their code is JavaScript in one driver than in another, which is to be compiled first. */
export const SERVERS_WARM_UP = 3;
/** Callers of a pool, its connections, and how many rows each caller selects in an operation. */
const CALLERS = 64;
export const POOL_SIZE = 10;
const SELECTS_PER_CALLER = 10;

export const pool: Workload = {
  title: () => `A row of 6 columns by its key, for ${CALLERS} callers on a pool of ${POOL_SIZE}`,
  units: () => CALLERS * SELECTS_PER_CALLER,
  pinned: false,
  warmUp: SERVERS_WARM_UP,
  base: "**pyro**",
  transports: ["unix", "tcp"],
  setup,
  check: (_, right) => right === CALLERS * SELECTS_PER_CALLER,
};

/** Has all callers select at once, each one row after the other; how many came back as they should. */
export async function selectAll(select: (id: number) => PromiseLike<unknown>): Promise<number> {
  const counts = await Promise.all(Array.from({ length: CALLERS }, async (_, caller) => {
    let right = 0;
    for (let k = 0; k < SELECTS_PER_CALLER; k++) {
      const id = 1 + (caller * 151 + k * 17) % KEYS;
      if (isPerson(await select(id), id)) right++;
    }
    return right;
  }));
  return counts.reduce((a, b) => a + b);
}
