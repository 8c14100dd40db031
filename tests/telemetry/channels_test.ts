import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import type { AcquireEvent, Writable } from "../../src/telemetry/events.ts";
import { acquires, publishSpan, publishSpanBlocking } from "../../src/telemetry/channels.ts";
import { test } from "../support/suite/test.ts";

const KINDS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

/** Who writes down what is published, until it is disposed of. */
class Subscriber implements Disposable {
  readonly heard: { kind: string; event: AcquireEvent; over: boolean }[] = [];
  readonly #channel = tracingChannel<unknown, AcquireEvent>("pyro:acquire");
  readonly #listeners = KINDS.map((kind) => (event: unknown): void => {
    const { duration } = event as AcquireEvent;
    this.heard.push({ kind, event: event as AcquireEvent, over: duration !== undefined });
  });

  constructor() {
    for (const [i, kind] of KINDS.entries()) this.#channel[kind].subscribe(this.#listeners[i]!);
  }

  get kinds(): string {
    return this.heard.map(({ kind }) => kind).join(" ");
  }

  [Symbol.dispose](): void {
    for (const [i, kind] of KINDS.entries()) this.#channel[kind].unsubscribe(this.#listeners[i]!);
  }
}

function acquiring(): Writable<AcquireEvent> {
  return { pool: "p", connection: undefined, duration: undefined, error: undefined };
}

test("traces: while nobody listens no event is made", async () => {
  const unwanted = (): never => assert.fail("nobody wants it");
  assert.equal(await publishSpan(acquires, unwanted, (event) => Promise.resolve(event)), undefined);
  assert.equal(publishSpanBlocking(acquires, unwanted, (event) => event), undefined);
  new Subscriber()[Symbol.dispose]();
  assert.equal(acquires.hasSubscribers, false);
  assert.equal(publishSpanBlocking(acquires, unwanted, (event) => event), undefined);
});

test("traces: one listener on any of the channels is enough", () => {
  for (const kind of KINDS) {
    const listener = (): void => {};
    const channel = tracingChannel("pyro:acquire")[kind];
    channel.subscribe(listener);
    assert.equal(acquires.hasSubscribers, true, kind);
    channel.unsubscribe(listener);
    assert.equal(acquires.hasSubscribers, false, kind);
  }
});

test("traces: what is awaited ends after its promise is there", async () => {
  using subscriber = new Subscriber();
  const work = publishSpan(acquires, acquiring, async (event) => {
    assert.equal(subscriber.kinds, "start");
    await Promise.resolve();
    event!.connection = undefined;
    return 7;
  });
  assert.equal(subscriber.kinds, "start end");
  assert.equal(await work, 7);
  assert.equal(subscriber.kinds, "start end asyncStart asyncEnd");
  assert.equal(new Set(subscriber.heard.map(({ event }) => event)).size, 1);
  assert.deepEqual(subscriber.heard.map(({ over }) => over), [false, false, true, true]);
});

test("traces: what blocks ends once", () => {
  using subscriber = new Subscriber();
  assert.equal(publishSpanBlocking(acquires, acquiring, () => 7), 7);
  assert.equal(subscriber.kinds, "start end");
  assert.deepEqual(subscriber.heard.map(({ over }) => over), [false, true]);
});

test("traces: a failure is the caller's, unchanged, and published before the end", async () => {
  using subscriber = new Subscriber();
  const failure = new Error("no");
  const failing = (): never => {
    throw failure;
  };
  await assert.rejects(publishSpan(acquires, acquiring, async () => await Promise.reject(failure)), failure);
  assert.throws(() => publishSpanBlocking(acquires, acquiring, failing), failure);
  assert.equal(subscriber.kinds, "start end error asyncStart asyncEnd start error end");
  assert.deepEqual(
    subscriber.heard.map(({ event }) => event.error),
    subscriber.heard.map(() => failure),
  );
});

test("traces: a context that is bound to the start holds for the work", async () => {
  const storage = new AsyncLocalStorage<string>();
  const { start } = tracingChannel<string, AcquireEvent>("pyro:acquire");
  start.bindStore(storage, ({ pool }) => `of ${pool}`);
  try {
    const inside = await publishSpan(acquires, acquiring, async () => {
      await Promise.resolve();
      return storage.getStore();
    });
    assert.equal(inside, "of p");
    assert.equal(storage.getStore(), undefined);
  } finally {
    start.unbindStore(storage);
  }
});
