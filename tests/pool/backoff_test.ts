/** Pauses before the next attempt. */
import assert from "node:assert/strict";
import { backoff } from "../../src/pool/backoff.ts";
import { test } from "../support/suite/test.ts";

test("backoff: longer each time up to a limit, and half of it at least", () => {
  assert.deepEqual([1, 2, 3, 4].map((failures) => backoff(failures, 1)), [100, 200, 400, 800]);
  assert.deepEqual([1, 2].map((failures) => backoff(failures, 0)), [50, 100]);
  assert.deepEqual([7, 1000, Number.MAX_SAFE_INTEGER].map((failures) => backoff(failures, 1)), [5000, 5000, 5000]);
  assert.deepEqual([1, 3, 9].map((failures) => backoff(failures, 1, 300)), [100, 300, 300]);
});
