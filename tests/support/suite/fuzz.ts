/**
 * Fuzz tests: a property must hold for random inputs. Each is tried with a fixed seed, so that every run finds what one
 * run has found, and with a fresh one, so that runs find more; `PYRO_FUZZ_SEED` repeats the latter, and
 * `PYRO_FUZZ_SECONDS` gives it more time.
 */
import process from "node:process";
import { type Arbitrary, type FastCheck, loadFastCheck } from "../installed/fast_check.ts";
import { times } from "./extent.ts";
import { test } from "./test.ts";

/** What makes inputs. */
export const fc: FastCheck = await loadFastCheck();

/** The seed of this run. */
const FRESH = Number(process.env.PYRO_FUZZ_SEED ?? Math.floor(Math.random() * 0x7fff_ffff));
const FIXED = 20_260;
/** Seconds for each test with the fresh seed, in a long run. */
const SECONDS = Number(process.env.PYRO_FUZZ_SECONDS ?? 0);

/**
 * Tests that `holds` throws for no input. `runs` is the number of inputs with each seed in a whole run; a short one
 * tries a fifth.
 */
export function fuzz<T>(name: string, runs: number, input: Arbitrary<T>, holds: (input: T) => void): void {
  const property = fc.property(input, holds);
  const common = { numRuns: times(Math.ceil(runs / 5), runs), markInterruptAsFailure: false, verbose: 0 } as const;
  test(`fuzz: ${name}, the same inputs each time`, () => fc.assert(property, { ...common, seed: FIXED }));
  test(`fuzz: ${name}, other inputs each time`, () => {
    console.log(`PYRO_FUZZ_SEED=${FRESH}`);
    if (SECONDS === 0) return fc.assert(property, { ...common, seed: FRESH });
    fc.assert(property, { ...common, numRuns: 1e9, interruptAfterTimeLimit: SECONDS * 1000, seed: FRESH });
  });
}
