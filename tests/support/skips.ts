/**
 * The only place that skips tests: which, where, and why. Whatever else is skipped fails the run.
 */
import { runtime } from "./runtime.ts";

/** A test that cannot run somewhere. */
export interface Skip {
  /** The name of the test, or its beginning. */
  readonly test: string;
  readonly runtime: "deno" | "bun" | "node";
  readonly reason: string;
}

/** All of them. */
export const SKIPS: readonly Skip[] = [];

/** Why a test is skipped here, undefined if it is not. */
export function skipReason(name: string): string | undefined {
  return SKIPS.find((skip) => skip.runtime === runtime && name.startsWith(skip.test))?.reason;
}
