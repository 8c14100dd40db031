/** Many megabytes in each direction at once, which no socket buffer holds: whoever only writes, waits for ever. */
import assert from "node:assert/strict";
import { nativeDialer as asyncDialer } from "../../src/transport/native_async.ts";
import { nativeDialer as syncDialer } from "../../src/transport/native_sync.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { type Op, type PendingRequest, settle, submit } from "../../src/protocol/request.ts";
import { ExecuteStatement } from "../../src/protocol/extended_query.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Startup } from "../../src/protocol/startup.ts";
import type { Endpoint } from "../../src/transport/transport.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { times } from "../support/suite/extent.ts";
import { callOf } from "../support/scripted/links.ts";
import { newest } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { Conn, ConnectionError, Opts } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { worlds } from "../support/suite/worlds.ts";

const MEGABYTE = 0x10_0000;
const COUNT = times(20, 64);

/** All requests are submitted before any reply is awaited; every byte comes back. */
function* flood(startup: Startup): Op<number> {
  yield* settle(yield* submit(startup));
  const registry = new Registry(DEFAULT_CHOICES);
  const statement = yield* settle(yield* submit(new Prepare("echo", "select $1::bytea as b", [], registry)));
  const sent = Array.from({ length: COUNT }, (_, i) => new Uint8Array(MEGABYTE).fill(i));
  const requests: PendingRequest<unknown[]>[] = [];
  for (const bytes of sent) {
    requests.push(yield* submit(new ExecuteStatement(statement, [bytes], new AllRows("array"), registry)));
  }
  let total = 0;
  for (const [i, pending] of requests.entries()) {
    const [[bytes]] = (yield* settle(pending)) as [[Uint8Array]];
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
    nonce: () => "unused",
  }, session);
}

const ENDPOINTS: readonly Endpoint[] = [
  { kind: "unix", path: newest.socket },
  { kind: "tcp", host: "127.0.0.1", port: newest.port, keepAlive: true },
];

for (const endpoint of ENDPOINTS) {
  testInTurn(`bulk: ${COUNT} MB each way (async, ${endpoint.kind})`, async () => {
    const link = new AsyncLink(await (await asyncDialer()).dial(endpoint, new AbortController().signal), endpoint);
    assert.equal(await link.run(callOf(flood(startup(link.session)))), COUNT * MEGABYTE);
    await link.close();
  });

  for (const { name } of worlds.filter((world) => world.name !== "async")) {
    testInTurn(`bulk: ${COUNT} MB each way (${name}, ${endpoint.kind})`, () => {
      const dialer = syncDialer(name === "sync ffi" ? "ffi" : "worker");
      const link = new SyncLink(dialer.dial(endpoint, false, 5000), endpoint);
      assert.equal(link.run(callOf(flood(startup(link.session)))), COUNT * MEGABYTE);
      link.close();
    });
  }
}

testInTurn(`bulk: ${COUNT} MB each way through calls that nobody awaits one by one (async, TLS)`, async () => {
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

const ROWS = 100_000;
/** Some 8 MB, of which each row tells whose it is. */
const LONG = "select n, repeat($1, 60) as name from generate_series(1, $2::int) n";

function assertWhole(rows: readonly { n?: number; name?: string }[], name: string): void {
  assert.equal(rows.length, ROWS);
  rows.forEach((row, i) => {
    if (row.n !== i + 1 || row.name !== name.repeat(60)) assert.fail(`${name}: row ${i} is ${JSON.stringify(row)}`);
  });
}

const TARGETS = {
  unix: new Opts(newest.fast),
  tcp: new Opts(newest.url({ query: "sslmode=disable" })).upgradeToUnixSocket(false),
  tls: new Opts(newest.url({ query: "sslmode=require" })),
};

for (const [transport, target] of Object.entries(TARGETS)) {
  testInTurn(
    `bulk: long results of several connections at once, and others are served meanwhile (async, ${transport})`,
    async () => {
      const names = ["a", "b", "c", "d"];
      const conns = await Promise.all([...names, "short"].map(() => Conn.connect(target)));
      assert.deepEqual([conns[0]!.transport, conns[0]!.tls], [
        transport === "unix" ? "unix" : "tcp",
        transport === "tls",
      ]);
      let under = names.length;
      const long = names.map(async (name, i) => {
        assertWhole(await conns[i]!.exec(LONG, [name, ROWS]), name);
        under--;
      });
      let served = 0;
      while (under > 0) {
        assert.equal(await conns[4]!.execValue("select $1::int", [served]), served);
        served++;
      }
      await Promise.all(long);
      assert.ok(served > 0, "nobody else was served");
      await Promise.all(conns.map((conn) => conn.close()));
    },
  );
}

for (const then of ["end", "reset"] as const) {
  testInTurn(
    `bulk: a long result that is cut off fails, and the next connection gets its own (async, ${then})`,
    async () => {
      await using proxy = await FaultProxy.start(newest.port);
      for (let after = 1_000_000; after <= 4_000_000; after += 777_777) {
        const opts = new Opts(newest.url({ query: "sslmode=disable" })).port(proxy.port).upgradeToUnixSocket(false);
        const conn = await Conn.connect(opts);
        await conn.execValue("select 1");
        proxy.arm({ direction: "down", after, then });
        const result = conn.exec(LONG, ["cut", ROWS]);
        await assert.rejects(result, ConnectionError);
        assert.ok(proxy.struck && conn.closed);
        await using next = await Conn.connect(TARGETS.tcp);
        assertWhole(await next.exec(LONG, ["next", ROWS]), "next");
      }
    },
  );
}
