/** What the fault proxy does by itself; the tests of failures use the rest of it. */
import assert from "node:assert/strict";
import { ConnectionError, Opts, UsageError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { failureOf, worldsOf } from "../support/suite/worlds.ts";

for (const world of worldsOf("fault proxy")) {
  const name = (text: string): string => `fault proxy: ${text} (${world.name})`;

  test(name("connections are refused, and accepted again"), async () => {
    await using proxy = await FaultProxy.start(newest.port);
    const opts = proxy.opts(new Opts(newest.url()).sslMode("disable"));
    await using before = await world.connect(opts);
    proxy.refuse(true);
    assert.ok(await failureOf(world, opts) instanceof ConnectionError);
    await before.ping();
    proxy.refuse(false);
    await using after = await world.connect(opts);
    await after.ping();
    assert.equal(proxy.open, 2);
    assert.equal(after.transport, "tcp");
  });

  test(name("all bytes are delayed"), async () => {
    await using proxy = await FaultProxy.start(newest.port);
    await using conn = await world.connect(proxy.opts(newest.url()));
    proxy.delay(100);
    const start = performance.now();
    await conn.ping();
    assert.ok(performance.now() - start >= 190, "both ways");
    const text = "x".repeat(300_000);
    assert.equal(await conn.execValue("select $1::text", [text]), text);
    proxy.delay(0);
    await conn.ping();
  });

  test(name("the next connection is cut while it is opened"), async () => {
    await using proxy = await FaultProxy.start(newest.port);
    const opts = proxy.opts(new Opts(newest.url()).sslMode("disable"));
    await using last = await world.connect(opts);
    proxy.arm({ direction: "down", after: 10, then: "reset", connection: "next" });
    await last.ping();
    assert.equal(proxy.struck, false);
    assert.ok(await failureOf(world, opts) instanceof ConnectionError);
    assert.equal(proxy.struck, true);
    assert.equal(proxy.passed.down, 10);
    proxy.arm({ direction: "up", after: 3, then: "end" });
    await using other = await world.connect(opts);
    await other.ping();
    await last.ping();
  });

  test(name("bytes are held until they are released"), async () => {
    await using proxy = await FaultProxy.start(newest.port);
    await using conn = await world.connect(proxy.opts(new Opts(newest.url()).sslMode("disable")));
    proxy.arm({ direction: "down", after: 4, then: "hold" });
    await assert.rejects(attempt(() => conn.execValue("select 1", [], { timeout: 100 })), { name: "TimeoutError" });
    assert.equal(proxy.struck, true);
    proxy.release();
  });
}

test("fault proxy: a target with a Unix socket is refused", async () => {
  await using proxy = await FaultProxy.start(newest.port);
  assert.throws(() => proxy.opts("pg://ada@x/db?socket=/tmp/s"), UsageError);
});
