/** What a short script pays: everything is done for the first time. */
import type { Workload } from "./workload.ts";

export const fresh: Workload = {
  title: ({ fresh }) =>
    `Connecting and ${fresh} round trips of a prepared \`select $1::int4\`, in a process of its own`,
  pinned: true,
  base: "**pyro**",
  transports: ["unix"],
  once: true,
  cold: true,
  check: (_, result, { fresh }) => result === fresh * (fresh - 1) / 2,
};

/** Makes round trips, one after the other; the sum of their values. */
export async function inTurn(count: number, ping: (i: number) => unknown): Promise<number> {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += await ping(i) as number;
  return sum;
}

/** The same, blocking. */
export function blockingInTurn(count: number, ping: (i: number) => unknown): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += ping(i) as number;
  return sum;
}
