/**
 * Decides how much is run. `deno task test` runs everything. `deno task ok` leaves out repetitions, and
 * combinations whose parts are tested elsewhere, so that it ends in time; what does not depend on the runtime is tried
 * on one of them (`testInTurn`, `conformanceInTurn`). On Node it also leaves out the pure layers,
 * which Deno tests on the same engine (`tools/tests.ts`).
 */
import process from "node:process";
import { runtime } from "./runtime.ts";

/** Whether everything is run. */
export const isWhole: boolean = process.env.PYRO_TEST_EXTENT !== "short";

/** The number of repetitions. */
export function times(short: number, whole: number): number {
  return isWhole ? whole : short;
}

/**
 * Whether something is run on this runtime that a short run tries on only one; all runtimes together
 * try everything.
 */
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
