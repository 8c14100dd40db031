/** 64 MB in each direction at once, which no socket buffer holds: whoever only writes, waits for ever. */
import assert from "node:assert/strict";
import { nativeDialer as asyncDialer } from "../../src/transport/native_async.ts";
import { nativeDialer as syncDialer } from "../../src/transport/native_sync.ts";
import { AsyncLink } from "../../src/drive/async_link.ts";
import { SyncLink } from "../../src/drive/sync_link.ts";
import { DEFAULT_CHOICES } from "../../src/opts/choices.ts";
import { type Op, settle, submit, type Ticket } from "../../src/protocol/exchange.ts";
import { ExecutePrepared } from "../../src/protocol/extended_query.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { AllRows } from "../../src/protocol/sink.ts";
import { Secret, Startup } from "../../src/protocol/startup.ts";
import type { Endpoint } from "../../src/transport/transport.ts";
import { Registry } from "../../src/types/registry.ts";
import { callOf } from "../support/links.ts";
import { newest } from "../support/servers.ts";
import { test } from "../support/test.ts";
import { Conn } from "../../mod.ts";
import { worlds } from "../support/worlds.ts";

const MEGABYTE = 0x10_0000;
const COUNT = 64;

/** All requests are submitted before any reply is awaited; every byte comes back. */
function* flood(startup: Startup): Op<number> {
  yield* settle(yield* submit(startup));
  const registry = new Registry(DEFAULT_CHOICES);
  const statement = yield* settle(yield* submit(new Prepare("echo", "select $1::bytea as b", [], registry)));
  const sent = Array.from({ length: COUNT }, (_, i) => new Uint8Array(MEGABYTE).fill(i));
  const tickets: Ticket<unknown[]>[] = [];
  for (const bytes of sent) tickets.push(yield* submit(new ExecutePrepared(statement, [bytes], new AllRows("array"))));
  let total = 0;
  for (const [i, ticket] of tickets.entries()) {
    const [[bytes]] = (yield* settle(ticket)) as [[Uint8Array]];
    assert.equal(bytes.length, MEGABYTE);
    assert.ok(bytes.every((byte) => byte === i));
    total += bytes.length;
  }
  return total;
}

function startup(session: ConstructorParameters<typeof Startup>[1]): Startup {
  return new Startup({
    user: "postgres",
    password: undefined,
    parameters: [["user", "postgres"], ["database", "postgres"], ["client_encoding", "UTF8"]],
    nonce: "unused",
    mostRevealed: Secret.None,
  }, session);
}

const ENDPOINTS: readonly Endpoint[] = [
  { kind: "unix", path: newest.socket },
  { kind: "tcp", host: "127.0.0.1", port: newest.port, keepAlive: true },
];

for (const endpoint of ENDPOINTS) {
  test(`bulk: 64 MB each way (async, ${endpoint.kind})`, async () => {
    const link = new AsyncLink(await (await asyncDialer()).dial(endpoint, new AbortController().signal), endpoint);
    assert.equal(await link.run(callOf(flood(startup(link.session)))), COUNT * MEGABYTE);
    await link.close();
  });

  for (const { name } of worlds.filter((world) => world.name !== "async")) {
    test(`bulk: 64 MB each way (${name}, ${endpoint.kind})`, () => {
      const dialer = syncDialer(name === "sync ffi" ? "ffi" : "worker");
      const link = new SyncLink(dialer.dial(endpoint, false, 5000), endpoint);
      assert.equal(link.run(callOf(flood(startup(link.session)))), COUNT * MEGABYTE);
      link.close();
    });
  }
}

test("bulk: 64 MB each way through calls that nobody awaits one by one (async, TLS)", async () => {
  await using conn = await Conn.connect(newest.url({ query: "sslmode=require" }));
  await using echo = await conn.prepare("select $1::bytea");
  const calls = Array.from(
    { length: COUNT },
    (_, i) => conn.execValue<Uint8Array>(echo, [new Uint8Array(MEGABYTE).fill(i)]),
  );
  for (const [i, bytes] of (await Promise.all(calls)).entries()) {
    assert.equal(bytes?.length, MEGABYTE);
    assert.ok(bytes.every((byte) => byte === i));
  }
});
