/** A database that has nothing to execute on, as tests of programs use it. */
import assert from "node:assert/strict";
// So that libraries can be imported by their names.
import "../support/installed/libraries.ts";
import { test } from "../support/suite/test.ts";

const { drizzle } = await import("../../src/drizzle/mod.ts");

test("drizzle: a transaction of a database without a client is rejected, and does not throw", async () => {
  const transaction = drizzle.mock().transaction(() => Promise.resolve());
  await assert.rejects(transaction, TypeError);
});
