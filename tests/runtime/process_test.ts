import assert from "node:assert/strict";
import { runScript } from "../support/processes/child.ts";
import { startPeer } from "../support/network/peer.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { Unanswered } from "../support/network/unanswered_port.ts";
import { worldsOf } from "../support/suite/worlds.ts";

const WAYS: readonly (readonly [name: string, query: string])[] = [
  ["Unix socket", ""],
  ["TCP", "upgrade_to_unix_socket=off&sslmode=disable"],
  ["TLS", "sslmode=require"],
  ["worker", "blocking_transport=worker"],
];

for (const world of ["async", "sync"]) {
  for (const [name, query] of WAYS) {
    test(`process: an idle connection does not keep it alive (${world}, ${name})`, async () => {
      const { code, stdout, stderr } = await runScript("exit.ts", [world, newest.url({ query })]);
      assert.deepEqual([code, stdout.trim()], [
        0,
        `${world} ${name === "Unix socket" || name === "worker" ? "unix" : "tcp"}`,
      ], stderr);
    });
  }
}

const GIVEN_UP: readonly (readonly [world: string, query: string, how: string, error: string])[] = [
  ["async", "", "timeout", "ConnectionError"],
  ["async", "", "abort", "TimeoutError"],
  ["sync", "", "timeout", "ConnectionError"],
  ["sync", "?blocking_transport=worker", "timeout", "ConnectionError"],
];

for (const [world, query, how, error] of GIVEN_UP) {
  test(`process: an attempt to connect that was given up does not keep it alive (${world}${query}, ${how})`, async () => {
    await using nobody = await Unanswered.start();
    const url = `pg://u@127.0.0.1:${nobody.port}/d${query}`;
    const { code, stdout, stderr } = await runScript("give_up.ts", [world, url, how]);
    assert.deepEqual([code, stdout.trim()], [0, error], stderr);
  });
}

for (const world of worldsOf("process")) {
  test(`process: connecting and failing leaves no sockets and no threads behind (${world.name})`, async () => {
    await using silent = await startPeer({ then: "silence" });
    const args = [world.name, newest.url(), newest.url({ password: "wrong" }), String(silent.port)];
    const { code, stdout, stderr } = await runScript("connect_and_fail.ts", args, ["-A"], {}, 90_000);
    assert.equal(code, 0, stderr);
    const { before, after } = JSON.parse(stdout) as Record<"before" | "after", [number, number]>;
    assert.ok(after[0] <= before[0] + 15, `${after[0]} descriptors, ${before[0]} before`);
    assert.ok(after[1] <= before[1] + 15, `${after[1]} threads, ${before[1]} before`);
  });
}
