/** Connections that were closed leave nothing behind, also while the script goes on blocking. */
import assert from "node:assert/strict";
import { times } from "../support/suite/extent.ts";
import { authentication, backendKeyData, concat, readyForQuery } from "../support/scripted/backend.ts";
import { runScript } from "../support/processes/child.ts";
import { startPeer } from "../support/network/peer.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

const WELCOME = concat(authentication(0), backendKeyData(), readyForQuery());

for (const [transport, count] of [["ffi", times(450, 1200)], ["worker", times(300, 600)]] as const) {
  test(`memory: nothing grows with the number of connections made (${transport})`, async () => {
    await using peer = await startPeer({ greeting: WELCOME, then: "silence" });
    const query = `sslmode=disable&upgrade_to_unix_socket=off&blocking_transport=${transport}`;
    const url = `pg://u@127.0.0.1:${peer.port}/d?${query}`;
    const { stdout, stderr } = await runScript("memory.ts", [url, String(count)], ["-A"], {}, 120_000);
    const [before, after] = JSON.parse(stdout || stderr) as [number, number];
    // A connection has buffers of its own, of more than sixteen kilobytes.
    const left = Math.round((after - before) / (count * 2 / 3));
    assert.ok(left < 0x4000, `each connection has left ${left} bytes behind, of ${before} in the beginning`);
  });
}

for (const query of ["sslmode=require", "sslmode=disable&upgrade_to_unix_socket=off"]) {
  test(`memory: nothing of what was received is kept (${query})`, async () => {
    const { stdout, stderr } = await runScript("received.ts", [newest.url({ query })], ["-A"], {}, 120_000);
    const [received, before, after] = JSON.parse(stdout || stderr) as [number, number, number];
    assert.ok(after - before < received / 2, `${after - before} bytes more of ${received} received`);
  });
}
