import assert from "node:assert/strict";
import { cancelTimeout } from "../../src/connect/cancel.ts";
import { test } from "../support/suite/test.ts";

test("a cancel request is limited as connecting is, and never without a limit", () => {
  assert.deepEqual([500, 10_000, 30_000, 0].map(cancelTimeout), [500, 10_000, 10_000, 10_000]);
});
