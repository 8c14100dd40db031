/** A short soak; `deno task soak` is the long one. The process that it has to itself must end by itself. */
import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { isWhole } from "../support/suite/extent.ts";
import { runtime } from "../support/suite/runtime.ts";
import { test } from "../support/suite/test.ts";

for (const way of isWhole ? ["tcp", "unix"] : [runtime === "bun" ? "unix" : "tcp"]) {
  test(`soak: 64 callers, a pool of 10, and a server in trouble (${way})`, async () => {
    const args = ["--seconds=12", `--way=${way}`, "--seed=1"];
    const { code, stdout, stderr } = await runScript("../../soak/main.ts", args, ["-A"], {}, 90_000);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.match(stdout, /nothing wrong/);
    assert.match(stdout, / 2 restarts, 3 stalls/);
  });
}
