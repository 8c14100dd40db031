/** The timeout of a pool's `listen`, while the network is slow. */
import assert from "node:assert/strict";
import { TimeoutError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** Connecting takes one round trip. */
const TRUSTED = newest.url({ user: "postgres", password: "", db: "postgres" });

for (const world of worlds) {
  testInTurn(`pool listen: the timeout is one for connecting and LISTEN together (${world.name})`, async () => {
    await using proxy = await FaultProxy.start(newest.port);
    await using pool = world.pool(proxy.opts(TRUSTED).sslMode("disable"));
    // Each of the two takes two thirds of the timeout.
    proxy.delay(400);
    await assert.rejects(attempt(() => pool.listen("news", { timeout: 1200 })), TimeoutError);
    proxy.delay(0);
    await using news = await pool.listen("news", { timeout: 10_000 });
    await pool.notify("news", "hello");
    const { value } = await news.next();
    assert.equal(value!.gap, undefined);
  });
}

for (const world of worlds.filter(({ name }) => name !== "async")) {
  testInTurn(`pool listen: an iteration ends if listening again takes longer (${world.name})`, async () => {
    await using proxy = await FaultProxy.start(newest.port);
    await using pool = world.pool(proxy.opts(TRUSTED).sslMode("disable"));
    await using news = await pool.listen("news", { timeout: 1200 });
    proxy.arm({ direction: "down", after: 0, then: "end" });
    await pool.notify("news", "hello");
    proxy.delay(400);
    const { done } = await news.next();
    assert.equal(done, true);
  });
}
