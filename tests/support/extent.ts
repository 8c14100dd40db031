/**
 * How much is run. `deno task test` runs everything. `deno task ok` leaves out what is more of the same,
 * so that it ends in time: repetitions, and combinations whose parts meet elsewhere.
 */
import process from "node:process";
import { runtime } from "./runtime.ts";

/** Whether everything is run. */
export const isWhole: boolean = process.env.PYRO_TEST_EXTENT !== "short";

/** How many repetitions there are. */
export function times(short: number, whole: number): number {
  return isWhole ? whole : short;
}

/** Whether something is run here that a short run tries on one of the runtimes only; all of them together try everything. */
export function isTurn(index: number): boolean {
  return isWhole || index % 3 === RUNTIMES.indexOf(runtime);
}

/** The same for something that has a name. */
export function isTurnOf(name: string): boolean {
  let sum = 0;
  for (let i = 0; i < name.length; i++) sum += name.charCodeAt(i);
  return isTurn(sum);
}

const RUNTIMES: readonly string[] = ["deno", "bun", "node"];
