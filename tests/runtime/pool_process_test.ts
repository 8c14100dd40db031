/** Pools: what keeps a process alive, and what does not. */
import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** What each case prints before it ends by itself. */
const CASES: Readonly<Record<string, RegExp>> = {
  "idle pool": /^end$/,
  "idle listener": /^end$/,
  "waiting caller": /^TimeoutError\nend$/,
  "waiting caller without a limit": /^end\nlate\nserved$/,
  "waiting for a server that is away": /^away\naway\nend$/,
  "blocking": /^end$/,
};

for (const [name, expected] of Object.entries(CASES)) {
  for (const [way, query] of [["Unix socket", ""], ["TCP", "upgrade_to_unix_socket=off&sslmode=disable"]] as const) {
    test(`pool process: ${name} (${way})`, async () => {
      const { code, stdout, stderr } = await runScript("pool.ts", [name, newest.url({ query })]);
      assert.equal(code, 0, `it does not end by itself, or fails: ${stdout} ${stderr}`);
      assert.match(stdout.trim(), expected, stderr);
    });
  }
}
