/** A connection that is closed leaves nothing open that Deno's sanitizers see. */
import assert from "node:assert/strict";
import { runDenoTests } from "../support/processes/child.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

// Bun and Node do not watch.
if (runtime === "deno") {
  test("sanitizers: close leaves nothing open", async () => {
    const { code, stdout, stderr } = await runDenoTests("sanitizers.ts", [newest.url()]);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /6 passed/);
  });
}
