import assert from "node:assert/strict";
import { connectAsync } from "../../src/run/connect_async.ts";
import { query } from "../../src/statements/execute.ts";
import { dial, discard, type Handshake, type Link, readByte, run, startTls } from "../../src/connect/handshake.ts";
import type { Connected } from "../../src/connect/upgrade.ts";
import { perform } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { FirstValue } from "../../src/rows/collectors.ts";
import type { AsyncTransport } from "../../src/transport/transport.ts";
import { readyForQuery } from "../support/scripted/backend.ts";
import { AsyncDials, connected } from "../support/scripted/dialers.ts";
import { contextOf } from "../support/scripted/links.ts";
import { endpoint, ManualAsync, settled } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

const never = <T>() => new Promise<T>(() => {});

/** What a link is in the middle of when connecting is aborted. */
const STEPS: Readonly<Record<string, (link: Link) => Handshake<unknown>>> = {
  "waiting for a byte": (link) => readByte(link, Infinity),
  "starting TLS": (link) => startTls(link, {}, Infinity),
  "running an op": (link) => run(link, query("select 1", new FirstValue(), contextOf(link)), Infinity),
  "dialling another": () => dial(endpoint("c"), false, Infinity),
};

for (const [name, step] of Object.entries(STEPS)) {
  test(`aborted while ${name}: all connections are closed, and the reason is thrown`, async () => {
    const transports = [new ManualAsync(), new ManualAsync()] as const;
    for (const transport of transports) transport.onStartTls = never;
    const controller = new AbortController();
    let resumed = false;
    const connecting = connectAsync(
      function* (): Handshake<Connected> {
        yield* dial(endpoint("a"), false, Infinity);
        const link = yield* dial(endpoint("b"), false, Infinity);
        try {
          yield* step(link);
        } finally {
          resumed = true;
        }
        return connected(link);
      }(),
      new AsyncDials(...transports, never()),
      controller.signal,
    );
    await settled();
    assert.deepEqual(transports.map(({ closed }) => closed), [0, 0]);
    const reason = new Error("the user went away");
    controller.abort(reason);
    await assert.rejects(connecting, (error) => error === reason);
    assert.ok(transports.every(({ closed }) => closed > 0));
    await settled();
    assert.equal(resumed, false, "the handshake does not go on");
  });
}

test("aborted while dialling: the dialer is told, and a connection that comes all the same is closed", async () => {
  const late = Promise.withResolvers<AsyncTransport>();
  const dialer = new AsyncDials(late.promise);
  const controller = new AbortController();
  const connecting = connectAsync(
    function* (): Handshake<Connected> {
      return connected(yield* dial(endpoint("a"), false, Infinity));
    }(),
    dialer,
    controller.signal,
  );
  await settled();
  assert.equal(dialer.dials[0]!.signal.aborted, false);
  controller.abort("no longer");
  await assert.rejects(connecting, (error) => error === "no longer");
  assert.equal(dialer.dials[0]!.signal.aborted, true);
  const transport = new ManualAsync();
  late.resolve(transport);
  await settled();
  assert.ok(transport.closed > 0);
});

test("aborted while dialling: a dial that fails because of it is not the reason", async () => {
  const controller = new AbortController();
  const refusal = Promise.withResolvers<AsyncTransport>();
  const connecting = connectAsync(
    function* (): Handshake<Connected> {
      return connected(yield* dial(endpoint("a"), false, Infinity));
    }(),
    new AsyncDials(refusal.promise),
    controller.signal,
  );
  await settled();
  controller.abort("no longer");
  refusal.reject(new Error("the operation was aborted"));
  await assert.rejects(connecting, (error) => error === "no longer");
});

test("aborted while a connection is given up: the next step does not begin", async () => {
  const transports = [new ManualAsync(), new ManualAsync()] as const;
  const controller = new AbortController();
  let said = (_count: number): void => {};
  const dialer = new AsyncDials(...transports, never());
  const connecting = connectAsync(
    function* (): Handshake<Connected> {
      const first = yield* dial(endpoint("a"), false, Infinity);
      const second = yield* dial(endpoint("b"), false, Infinity);
      yield* run(first, perform(new Ping()), Infinity);
      yield* discard(first);
      yield* run(second, perform(new Ping()), Infinity);
      return connected(second);
    }(),
    dialer,
    controller.signal,
  );
  await settled();
  transports[0].onWrite = () => new Promise((resolve) => said = resolve);
  transports[0].arrive(readyForQuery());
  await settled();
  controller.abort("no longer");
  said(5);
  await assert.rejects(connecting, (error) => error === "no longer");
  assert.ok(transports.every(({ closed }) => closed > 0));
});

test("aborted before it begins: nothing is left open", async () => {
  const transport = new ManualAsync();
  const connecting = connectAsync(
    function* (): Handshake<Connected> {
      return connected(yield* dial(endpoint("a"), false, Infinity));
    }(),
    new AsyncDials(transport),
    AbortSignal.abort("already"),
  );
  await assert.rejects(connecting, (error) => error === "already");
  await settled();
  assert.ok(transport.closed > 0);
});

test("a signal that aborts after connecting has ended changes nothing", async () => {
  const transport = new ManualAsync();
  const dialer = new AsyncDials(transport);
  const controller = new AbortController();
  const { link } = await connectAsync(
    function* (): Handshake<Connected> {
      const link = yield* dial(endpoint("a"), false, Infinity);
      return connected(link);
    }(),
    dialer,
    controller.signal,
  );
  controller.abort("too late");
  await settled();
  assert.equal(dialer.dials[0]!.signal.aborted, false);
  assert.equal(transport.closed, 0);
  assert.equal(link.session.lost, undefined);
});
