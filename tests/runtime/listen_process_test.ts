/** Listeners, time-outs and aborts: what keeps a process alive, and what does not. */
import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";

/** What each case prints before it ends by itself. */
const CASES: Readonly<Record<string, RegExp>> = {
  "idle listener": /^end$/,
  "ended listener": /^end$/,
  "waiting listener": /^heard it\nend$/,
  "time-out that was not needed": /^end$/,
  "time-out and abort": /^end$/,
  "closed while listening, blocking": /^(done true|error ConnectionError)\nend$/,
};

for (const [name, expected] of Object.entries(CASES)) {
  for (const [way, query] of [["Unix socket", ""], ["TCP", "upgrade_to_unix_socket=off&sslmode=disable"]] as const) {
    testInTurn(`process: ${name} (${way})`, async () => {
      const { code, stdout, stderr } = await runScript("listen.ts", [name, newest.url({ query })]);
      assert.equal(code, 0, `it does not end by itself, or fails: ${stdout} ${stderr}`);
      assert.match(stdout.trim(), expected, stderr);
    });
  }
}
