import assert from "node:assert/strict";
import { connectSync } from "../../src/run/connect_sync.ts";
import { ConnectionError } from "../../src/errors.ts";
import { connect } from "../../src/connect/connect.ts";
import { dial, discard, type Handshake, type Link, readByte, run, startTls } from "../../src/connect/handshake.ts";
import { query } from "../../src/statements/execute.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { perform } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { FirstValue } from "../../src/rows/collectors.ts";
import { sslRequest } from "../../src/wire/frontend.ts";
import { now } from "../../src/runtime/clock.ts";
import { readyForQuery } from "../support/scripted/backend.ts";
import { connected, SyncDials } from "../support/scripted/dialers.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { endsOf, identity, planWith, tcp, WELCOME } from "../support/scripted/plans.ts";
import { callOf, contextOf, number } from "../support/scripted/links.ts";
import { endpoint, ManualSync, systemError } from "../support/scripted/manual_transports.ts";
import { ScriptedSync } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

const LONG_AGO = -1;
const S = new TextEncoder().encode("S");

test("a blocking handshake: dialling is told whether TLS is wanted, and how long it may take", () => {
  const dialer = new SyncDials(new ManualSync(), new ManualSync(), new ManualSync());
  connectSync(
    function* (): Handshake<Connected> {
      yield* dial(endpoint("a"), true, Infinity);
      yield* dial(endpoint("b"), false, LONG_AGO);
      return connected(yield* dial(endpoint("c"), false, now() + 60_000));
    }(),
    dialer,
  );
  assert.deepEqual(dialer.dials.map(({ endpoint, tls }) => [endpoint, tls]), [
    [endpoint("a"), true],
    [endpoint("b"), false],
    [endpoint("c"), false],
  ]);
  const [a, b, c] = dialer.dials.map(({ milliseconds }) => milliseconds);
  assert.equal(a, Infinity);
  assert.equal(b, 0);
  assert.ok(c! > 0 && c! <= 60_000);
});

test("a blocking handshake: one byte is asked for, and what follows it is left", () => {
  const transport = new ManualSync();
  const takes = [3, 0, 5];
  transport.onWrite = () => {
    if (takes.length === 1) transport.arrive(new TextEncoder().encode("SX"));
    return takes.shift()!;
  };
  const answers: number[] = [];
  connectSync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), true, Infinity);
      sslRequest(link.session.outbox);
      answers.push(yield* readByte(link, Infinity));
      return connected(link);
    }(),
    new SyncDials(transport),
  );
  assert.deepEqual(answers, [0x53]);
  assert.equal(transport.read(new Uint8Array(8)), 1, "the other byte is still there");
});

test("a blocking handshake: TLS starts with the options given, and its failures say what failed", () => {
  const transport = new ManualSync();
  const started: unknown[] = [];
  transport.onStartTls = (options) => started.push(options);
  const { link } = connectSync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), true, Infinity);
      assert.equal(link.tls !== undefined, false);
      yield* startTls(link, { serverName: "a" }, Infinity);
      return connected(link);
    }(),
    new SyncDials(transport),
  );
  assert.equal(link.tls !== undefined, true);
  assert.deepEqual(started, [{ serverName: "a" }]);

  transport.onStartTls = () => {
    throw systemError("ECONNRESET");
  };
  assert.throws(
    () =>
      connectSync(
        function* (): Handshake<Connected> {
          const link = yield* dial(endpoint("a"), true, Infinity);
          yield* startTls(link, {}, Infinity);
          return connected(link);
        }(),
        new SyncDials(transport),
      ),
    (error) => error instanceof ConnectionError && error.message === "the TLS handshake failed: connection reset",
  );
});

test("a blocking handshake: what fails is thrown into it, in pyro's words", () => {
  const silent = new ManualSync();
  const closing = new ManualSync();
  closing.arrive("end");
  const failures: string[] = [];
  const attempt = function* (work: Handshake<unknown>): Handshake<void> {
    try {
      yield* work;
    } catch (error) {
      assert.ok(error instanceof ConnectionError);
      failures.push(error.message);
    }
  };
  connectSync(
    function* (): Handshake<Connected> {
      yield* attempt(dial(endpoint("a"), false, Infinity));
      const link = yield* dial(endpoint("b"), false, Infinity);
      yield* attempt(readByte(link, LONG_AGO));
      yield* attempt(run(link, perform(new Ping()), LONG_AGO));
      yield* attempt(readByte(yield* dial(endpoint("c"), false, Infinity), Infinity));
      return connected(link);
    }(),
    new SyncDials(systemError("ECONNREFUSED"), silent, closing),
  );
  assert.deepEqual(failures, ["connection refused", "timed out", "timed out", "the server closed the connection"]);
  assert.equal(silent.waits.length, 0, "there was no time to wait");
  assert.equal(silent.closed, 0, "time being over does not close the connection");
});

test("a blocking op that ran out of time: its reply is read and dropped, and the next op gets its own", () => {
  const transport = new ManualSync();
  const values: unknown[] = [];
  const { link } = connectSync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), false, Infinity);
      const value = (n: number, by: number) => run(link, query(`select ${n}`, new FirstValue(), contextOf(link)), by);
      try {
        yield* value(1, LONG_AGO);
      } catch (error) {
        values.push((error as Error).message);
      }
      transport.arrive(number(1).subarray(0, 20), number(1).subarray(20), number(2));
      values.push(yield* value(2, Infinity));
      return connected(link);
    }(),
    new SyncDials(transport),
  );
  assert.deepEqual(values, ["timed out", 2]);
  assert.equal(link.session.lost, undefined);
});

test("a blocking handshake: giving a connection up says goodbye where a session is open", () => {
  const open = new ScriptedSync([["Sync", readyForQuery()]]);
  const fresh = new ManualSync();
  connectSync(
    function* (): Handshake<Connected> {
      const first = yield* dial(endpoint("a"), false, Infinity);
      yield* run(first, perform(new Ping()), Infinity);
      yield* discard(first);
      const second = yield* dial(endpoint("b"), false, Infinity);
      yield* discard(second);
      return connected(second);
    }(),
    new SyncDials(open, fresh),
  );
  assert.deepEqual(open.messages.map(({ name }) => name), ["Sync", "Terminate"]);
  assert.equal(open.closed, true);
  assert.equal(fresh.writes.length, 0);
  assert.ok(fresh.closed > 0);
});

test("a blocking handshake: what it throws is thrown, and a foreign link is refused", () => {
  const mistake = new TypeError("a mistake");
  assert.throws(() =>
    connectSync(
      // deno-lint-ignore require-yield
      function* (): Handshake<Connected> {
        throw mistake;
      }(),
      new SyncDials(),
    ), (error) => error === mistake);
  assert.throws(() =>
    connectSync(
      // deno-lint-ignore require-yield
      function* (): Handshake<Connected> {
        return connected({} as Link);
      }(),
      new SyncDials(),
    ), TypeError);
});

for (const chunk of [1, 7, Infinity]) {
  test(`connecting for good, blocking, with TLS and the upgrade, ${chunk} bytes at a time`, () => {
    const addresses = endsOf("127.0.0.1", 40000);
    const first = new ScriptedSync([
      ["SslRequest", S],
      ["Startup", WELCOME],
      ["Query", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })],
    ], { chunk, addresses });
    const second = new ScriptedSync([["Startup", WELCOME], ["Query", identity()], ["Sync", readyForQuery()]], {
      chunk,
    });
    const upgrade = { skipReason: undefined, local: localSockets() };
    const plan = planWith(new TableClock(), { endpoints: [tcp("localhost")], sslMode: "prefer", upgrade });
    const dialer = new SyncDials(first, second);
    const { link, upgrade: became } = connectSync(connect({ ...plan, now }), dialer);
    assert.equal(became.upgraded, true);
    assert.deepEqual(first.tls, { serverName: "localhost" });
    assert.equal(first.closed, true);
    assert.equal(link.endpoint.kind, "unix");
    assert.equal(link.session.key?.processId, 42);
    link.run(callOf(perform(new Ping())));
    assert.ok(second.finished);
    assert.equal(second.closed, false);
  });
}
