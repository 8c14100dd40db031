/** A call in a transaction whose promise nobody awaits: what the documentation says becomes of its failure. */
import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

test("unawaited: its failure fails the transaction, and is an unhandled rejection", async () => {
  const { code, stdout, stderr } = await runScript("unawaited.ts", [newest.fast, "observed"]);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout), ["40000", "22012", ["22012"]]);
  assert.equal(code, 0);
});

test("unawaited: an unhandled rejection is printed, and the process fails", async () => {
  const { code, stderr } = await runScript("unawaited.ts", [newest.fast]);
  assert.match(stderr, /ServerError: division by zero/);
  assert.notEqual(code, 0);
});
