import assert from "node:assert/strict";
import { ConnectionError, Opts } from "../../mod.ts";
import { runScript } from "../support/child.ts";
import { startPeer } from "../support/peer.ts";
import { newest } from "../support/servers.ts";
import { test } from "../support/test.ts";
import { Unanswered } from "../support/unanswered.ts";
import { worlds } from "../support/worlds.ts";

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

for (const world of worlds) {
  test(`process: connecting and failing leaves no sockets and no threads behind (${world.name})`, async () => {
    const { readdirSync } = await import("node:fs");
    const count = (what: "fd" | "task"): number => readdirSync(`/proc/self/${what}`).length;
    const settled = async (limit: [number, number]): Promise<void> => {
      for (let attempt = 0; count("fd") > limit[0] || count("task") > limit[1]; attempt++) {
        assert.ok(attempt < 200, `${count("fd")} descriptors and ${count("task")} threads where ${limit} are expected`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await using silent = await startPeer({ then: "silence" });
    const nobody = new Opts().host("127.0.0.1").port(silent.port).user("u").sslMode("disable").connectTimeout(50);
    const once = async (): Promise<void> => {
      await using conn = await world.connect(newest.url());
      await conn.execValue("select 1");
      await assert.rejects(world.connect(newest.url({ password: "wrong" })));
      await assert.rejects(world.connect(nobody), ConnectionError);
      await assert.rejects(world.connect("pg://u@127.0.0.1:1/d"), ConnectionError);
    };
    // What is loaded and pooled the first time stays.
    for (let i = 0; i < 3; i++) await once();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    const before: [number, number] = [count("fd"), count("task")];
    for (let i = 0; i < 20; i++) await once();
    // The runtime has some of its own that come and go; a leak would have left one or more of each round.
    await settled([before[0] + 15, before[1] + 15]);
  });
}
