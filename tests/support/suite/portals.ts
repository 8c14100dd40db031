/** What the tests of portals and streams share. */
import assert from "node:assert/strict";
import type { Portal } from "../../../mod.ts";
import type { Body } from "./call_bodies.ts";

/** The numbers from 1 to a parameter. */
export const SERIES = "select n from generate_series(1, $1::int4) as n";

/** The rows of {@linkcode SERIES} from `first` to `last`. */
export function rows(first: number, last: number): { n: number }[] {
  return Array.from({ length: last - first + 1 }, (_, i) => ({ n: first + i }));
}

/** All rows of {@linkcode SERIES}. */
export function numbers(count: number): { n: number }[] {
  return rows(1, count);
}

/** Makes a call, and returns the error with which it fails. */
export function* failure(call: () => unknown): Body<unknown> {
  try {
    yield call();
  } catch (error) {
    return error;
  }
  assert.fail("it does not fail");
}

/** All rows that are left. */
export function* fetchAll(portal: Portal): Body<unknown[]> {
  const { rows } = yield portal.fetch(0);
  return rows;
}
