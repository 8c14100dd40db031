/** An invalid Date as a parameter. */
import assert from "node:assert/strict";
import { once } from "node:events";
import process from "node:process";
import { importPg } from "../support/installed/pg.ts";
import { test } from "../support/suite/test.ts";

const { prepareValue } = await importPg<{ prepareValue(value: unknown): unknown }>("prepare_value");

// It warns once in a process, so no other test may send such a date.
test("pg: an invalid Date warns, as pg does", async () => {
  const warned = once(process, "warning");
  assert.equal(prepareValue(new Date(NaN)), "0NaN-NaN-NaNTNaN:NaN:NaN.NaN+NaN:NaN");
  const [warning] = await warned as [Error & { readonly code: string }];
  assert.deepEqual([warning.name, warning.code], ["DeprecationWarning", "PG_INVALID_DATE"]);
});
