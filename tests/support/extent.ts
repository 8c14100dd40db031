/**
 * How much is run. `deno task test` runs everything. `deno task ok` leaves out what is more of the same,
 * so that it ends in time: repetitions, and combinations whose parts meet elsewhere.
 */
import process from "node:process";

/** Whether everything is run. */
export const isWhole: boolean = process.env.PYRO_TEST_EXTENT !== "short";

/** How many repetitions there are. */
export function times(short: number, whole: number): number {
  return isWhole ? whole : short;
}
