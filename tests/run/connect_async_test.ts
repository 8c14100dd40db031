import assert from "node:assert/strict";
import { connectAsync } from "../../src/run/connect_async.ts";
import { ConnectionError } from "../../src/errors.ts";
import { connect } from "../../src/connect/connect.ts";
import { query } from "../../src/statements/execute.ts";
import { dial, discard, type Handshake, type Link, readByte, run, startTls } from "../../src/connect/handshake.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { perform } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { FirstValue } from "../../src/rows/collectors.ts";
import type { AsyncTransport } from "../../src/transport/transport.ts";
import { sslRequest } from "../../src/wire/frontend.ts";
import { now } from "../../src/runtime/clock.ts";
import { readyForQuery } from "../support/scripted/backend.ts";
import { AsyncDials, connected } from "../support/scripted/dialers.ts";
import { TableClock } from "../support/scripted/handshakes.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { endsOf, identity, planWith, tcp, WELCOME } from "../support/scripted/plans.ts";
import { callOf, contextOf, number } from "../support/scripted/links.ts";
import { endpoint, ManualAsync, settled, systemError } from "../support/scripted/manual_transports.ts";
import { ScriptedAsync } from "../support/scripted/scripted_server.ts";
import { test } from "../support/suite/test.ts";

const S = new TextEncoder().encode("S");
const soon = () => now() + 2;
const never = <T>() => new Promise<T>(() => {});

test("an awaiting handshake: one byte is asked for, and what follows it is left", async () => {
  const transport = new ManualAsync();
  transport.arrive(new TextEncoder().encode("SX"));
  transport.onWrite = (bytes) => Math.min(3, bytes.length);
  const answers: number[] = [];
  await connectAsync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), true, Infinity);
      sslRequest(link.session.outbox);
      answers.push(yield* readByte(link, Infinity));
      return connected(link);
    }(),
    new AsyncDials(transport),
    undefined,
  );
  assert.deepEqual(answers, [0x53]);
  assert.deepEqual(transport.writes.map(({ length }) => length), [8, 5, 2]);
  assert.equal(await transport.read(new Uint8Array(8)), 1, "the other byte is still there");
});

test("an awaiting handshake: TLS starts with the options given, and its failures say what failed", async () => {
  const transport = new ManualAsync();
  const started: unknown[] = [];
  transport.onStartTls = (options) => {
    started.push(options);
    return Promise.resolve();
  };
  const encrypt = function* (): Handshake<Connected> {
    const link = yield* dial(endpoint("a"), true, Infinity);
    yield* startTls(link, { serverName: "a" }, Infinity);
    return connected(link);
  };
  const { link } = await connectAsync(encrypt(), new AsyncDials(transport), undefined);
  assert.equal(link.tls !== undefined, true);
  assert.deepEqual(started, [{ serverName: "a" }]);
  transport.onStartTls = () => Promise.reject(systemError("ECONNRESET"));
  await assert.rejects(
    connectAsync(encrypt(), new AsyncDials(transport), undefined),
    (error) => error instanceof ConnectionError && error.message === "the TLS handshake failed: connection reset",
  );
});

test("an awaiting handshake: what fails or takes too long is thrown into it, in pyro's words", async () => {
  const silent = new ManualAsync();
  silent.onStartTls = never;
  const closing = new ManualAsync();
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
  const dialer = new AsyncDials(Promise.reject(systemError("ECONNREFUSED")), never(), silent, closing);
  await connectAsync(
    function* (): Handshake<Connected> {
      yield* attempt(dial(endpoint("a"), false, Infinity));
      yield* attempt(dial(endpoint("b"), false, soon()));
      const link = yield* dial(endpoint("c"), false, Infinity);
      yield* attempt(startTls(link, {}, soon()));
      yield* attempt(run(link, perform(new Ping()), soon()));
      yield* attempt(readByte(yield* dial(endpoint("d"), false, Infinity), Infinity));
      return connected(link);
    }(),
    dialer,
    undefined,
  );
  const inTurn = ["connection refused", "timed out", "timed out", "timed out", "the server closed the connection"];
  assert.deepEqual(failures, inTurn);
  assert.deepEqual(dialer.dials.map(({ signal }) => signal.aborted), [false, true, false, false]);
  assert.equal(silent.closed, 0, "time being over does not close the connection");
});

test("an awaiting op that ran out of time: its reply is read and dropped, and the next op gets its own", async () => {
  const transport = new ManualAsync();
  const values: unknown[] = [];
  const { link } = await connectAsync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), false, Infinity);
      const value = (n: number, by: number) => run(link, query(`select ${n}`, new FirstValue(), contextOf(link)), by);
      try {
        yield* value(1, soon());
      } catch (error) {
        values.push((error as Error).message);
      }
      transport.arrive(number(1).subarray(0, 20), number(1).subarray(20), number(2));
      values.push(yield* value(2, Infinity));
      return connected(link);
    }(),
    new AsyncDials(transport),
    undefined,
  );
  assert.deepEqual(values, ["timed out", 2]);
  assert.equal(link.session.lost, undefined);
});

test("a connection that comes after its time is closed", async () => {
  const late = Promise.withResolvers<AsyncTransport>();
  const transport = new ManualAsync();
  const other = new ManualAsync();
  const { link } = await connectAsync(
    function* (): Handshake<Connected> {
      try {
        yield* dial(endpoint("a"), false, soon());
      } catch {
        // It goes on with another.
      }
      return connected(yield* dial(endpoint("b"), false, Infinity));
    }(),
    new AsyncDials(late.promise, other),
    undefined,
  );
  assert.deepEqual(link.endpoint, endpoint("b"));
  late.resolve(transport);
  await settled();
  assert.ok(transport.closed > 0);
  assert.equal(other.closed, 0);
});

test("a step that ends in time is not told when its time would have been over", async () => {
  const dialer = new AsyncDials(new ManualAsync());
  const by = soon();
  await connectAsync(
    function* (): Handshake<Connected> {
      return connected(yield* dial(endpoint("a"), false, by));
    }(),
    dialer,
    undefined,
  );
  while (now() < by + 5) await settled();
  assert.equal(dialer.dials[0]!.signal.aborted, false);
});

test("an awaiting handshake: giving a connection up says goodbye where a session is open", async () => {
  const open = new ScriptedAsync([["Sync", readyForQuery()]]);
  const fresh = new ManualAsync();
  await connectAsync(
    function* (): Handshake<Connected> {
      const first = yield* dial(endpoint("a"), false, Infinity);
      yield* run(first, perform(new Ping()), Infinity);
      yield* discard(first);
      const second = yield* dial(endpoint("b"), false, Infinity);
      yield* discard(second);
      return connected(second);
    }(),
    new AsyncDials(open, fresh),
    undefined,
  );
  assert.deepEqual(open.messages.map(({ name }) => name), ["Sync", "Terminate"]);
  assert.equal(open.closed, true);
  assert.equal(fresh.writes.length, 0);
  assert.ok(fresh.closed > 0);
});

test("an awaiting handshake: what it throws is thrown, and a foreign link is refused", async () => {
  const mistake = new TypeError("a mistake");
  // deno-lint-ignore require-yield
  const failing = function* (): Handshake<Connected> {
    throw mistake;
  };
  await assert.rejects(connectAsync(failing(), new AsyncDials(), undefined), (error) => error === mistake);
  // deno-lint-ignore require-yield
  const foreign = function* (): Handshake<Connected> {
    return connected({} as Link);
  };
  await assert.rejects(connectAsync(foreign(), new AsyncDials(), undefined), TypeError);
});

for (const chunk of [1, 7, Infinity]) {
  test(`connecting for good, awaiting, with TLS and the upgrade, ${chunk} bytes at a time`, async () => {
    const addresses = endsOf("127.0.0.1", 40000);
    const first = new ScriptedAsync([
      ["SslRequest", S],
      ["Startup", WELCOME],
      ["Query", identity({ clientPort: "40000", serverPort: "5432", directories: "/run/pg" })],
    ], { chunk, addresses });
    const second = new ScriptedAsync([["Startup", WELCOME], ["Query", identity()], ["Sync", readyForQuery()]], {
      chunk,
    });
    const upgrade = { skipReason: undefined, local: localSockets() };
    const plan = planWith(new TableClock(), { endpoints: [tcp("localhost")], sslMode: "prefer", upgrade });
    const dialer = new AsyncDials(first, second);
    const handshake = connect({ ...plan, now });
    const { link, upgrade: became } = await connectAsync(handshake, dialer, undefined);
    assert.equal(became.upgraded, true);
    assert.deepEqual(first.tls, { serverName: "localhost" });
    assert.equal(first.closed, true);
    assert.equal(link.endpoint.kind, "unix");
    assert.equal(link.session.key?.processId, 42);
    await link.run(callOf(perform(new Ping())));
    assert.ok(second.finished);
    assert.equal(second.closed, false);
  });
}
