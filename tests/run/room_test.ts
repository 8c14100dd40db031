/** Blocking calls that have more to send than fits. */
import assert from "node:assert/strict";
import * as copyCalls from "../../src/connection/copy_calls.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { commandComplete, concat, copyResponse, readyForQuery } from "../support/scripted/backend.ts";
import { callContextOf, SOCKET } from "../support/scripted/links.ts";
import { ManualSync } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

test("room: whenever the system takes what is left, it is not waited for an answer that nothing was asked for", () => {
  for (let refused = 0; refused < 40; refused++) {
    const transport = new ManualSync();
    const link = new SyncLink(transport, SOCKET);
    transport.arrive(copyResponse("G"));
    let count = 0;
    // Nothing for so many times, and then everything.
    transport.onWrite = (bytes) => {
      if (text(bytes).startsWith("Q")) return bytes.length;
      if (count++ < refused) return 0;
      // The end of the data, alone or behind the rest of it.
      if (text(bytes).endsWith("c\0\0\0\x04")) transport.arrive(concat(commandComplete("COPY 1"), readyForQuery()));
      return bytes.length;
    };
    const data = new Uint8Array(400_000).fill(0x78);
    // The transport throws when both sides would wait for each other.
    assert.equal(
      link.run(copyCalls.copyIn(callContextOf(link), "copy t from stdin", data, undefined)),
      1,
      `refused ${refused} times`,
    );
  }
});

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 1), ...bytes.subarray(-5));
}
