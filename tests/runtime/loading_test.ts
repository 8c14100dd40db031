/** The modules that the runtime loads for connecting. */
import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

// On Bun these modules are part of the runtime, and cost nothing.
if (runtime !== "bun") {
  test("loading: connecting and a select load no slow module of the runtime", async () => {
    const { stdout, stderr } = await runScript("load.ts", [
      newest.url({ query: "sslmode=disable" }),
    ]);
    assert.equal(stderr, "");
    assert.deepEqual(JSON.parse(stdout), { value: 7, transport: "unix", slow: [] });
  });
}
