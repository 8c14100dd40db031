/** Cancel requests for calls that are given up, on scripted servers: when they are sent, and what is written meanwhile. */
import assert from "node:assert/strict";
import { ConnectionError, ServerError, TimeoutError } from "../../src/errors.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { concat, errorResponse, readyForQuery } from "../support/scripted/backend.ts";
import { number } from "../support/scripted/links.ts";
import { settled } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";
import { CANCELED, pause, rig, timedOut } from "../support/scripted/cancellable.ts";

/** Whether it has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await settled();
  return await Promise.race([promise.then(() => true, () => true), settled().then(() => false)]);
}

test("given up as the oldest and last: a cancel request, and the server's answer to it", async () => {
  const all = rig();
  const { value, transport } = all;
  all.link.canceller = async () => {
    transport.arrive(CANCELED);
    await settled();
  };
  await assert.rejects(value("select 1", { timeout: 20 }), timedOut("cancelled"));
  const later = value("select 2");
  transport.arrive(number(2));
  assert.equal(await later, 2);
});

test("given up as the last, with older ones: the cancel request waits until it is the oldest", async () => {
  const all = rig();
  const { value, transport } = all;
  const older = value("select 1");
  const call = value("select 2", { timeout: 20 });
  await pause(60);
  assert.equal(all.cancels, 0, "it would hit the older one");
  all.onCancel = () => {
    transport.arrive(CANCELED);
    return Promise.resolve();
  };
  transport.arrive(number(1));
  assert.equal(await older, 1);
  await assert.rejects(call, timedOut("cancelled"));
  assert.equal(all.cancels, 1);
});

test("a statement that completed all the same resolves, with a limit of either kind", async () => {
  for (const kind of ["timeout", "signal"] as const) {
    const all = rig();
    all.onCancel = () => {
      all.transport.arrive(number(7));
      return Promise.resolve();
    };
    const options = kind === "timeout" ? { timeout: 20 } : { signal: AbortSignal.timeout(20) };
    assert.equal(await all.value("select 7", options), 7);
    assert.equal(all.cancels, 1);
  }
});

test("another refusal than by the cancel request is the caller's error", async () => {
  const all = rig();
  all.onCancel = () => {
    all.transport.arrive(concat(errorResponse("22012", "division by zero"), readyForQuery()));
    return Promise.resolve();
  };
  await assert.rejects(
    all.value("select 1/0", { timeout: 20 }),
    (error) => error instanceof ServerError && error.code === "22012",
  );
});

test("nothing is written while a cancel request is on its way, also after the statement has ended", async () => {
  const all = rig();
  const taken = Promise.withResolvers<void>();
  all.onCancel = () => taken.promise;
  const call = all.value("select 1", { timeout: 20 });
  await pause(50);
  assert.equal(all.cancels, 1);
  all.transport.arrive(number(1));
  const later = [all.value("select 2"), all.value("select 3", { timeout: 60_000 })];
  await pause(20);
  assert.equal(all.written, "Q", "the cancel request could hit what is written now");
  taken.resolve();
  assert.equal(await call, 1);
  await settled();
  assert.equal(all.written, "QQQ");
  all.transport.arrive(number(2), number(3));
  assert.deepEqual(await Promise.all(later), [2, 3]);
});

test("nothing is written while cancel() is on its way, whether the calls have a limit or not", async () => {
  for (const options of [undefined, { timeout: 60_000 }]) {
    const all = rig();
    const taken = Promise.withResolvers<void>();
    all.onCancel = () => taken.promise;
    const running = all.value("select 1");
    await settled();
    const cancelling = all.link.cancelRunning();
    const later = all.value("select 2", options);
    all.transport.arrive(number(1));
    assert.equal(await running, 1);
    await settled();
    assert.equal(all.written, "Q", `cancel() could hit a call made after it, with ${JSON.stringify(options)}`);
    taken.resolve();
    await cancelling;
    await settled();
    all.transport.arrive(number(2));
    assert.equal(await later, 2);
  }
});

test("a cancel request that is still on its way after two seconds never meets a later call", async () => {
  const all = rig();
  all.onCancel = () => new Promise(() => {});
  const call = all.value("select 1", { timeout: 20 });
  await pause(50);
  all.transport.arrive(number(1));
  const outcome = await Promise.allSettled([call]);
  const later = all.value("select 2").then(() => "done", (error: unknown) => error);
  await settled();
  assert.equal(all.written, "Q", `it may arrive now; the call gave ${JSON.stringify(outcome)}`);
  all.link.destroy(new ConnectionError("the test is over"));
  assert.ok(await later instanceof ConnectionError);
});

test("a server that never answers: closed after about two seconds, and every promise settles", async () => {
  for (const onCancel of [() => Promise.resolve(), () => new Promise<void>(() => {})]) {
    const all = rig();
    all.onCancel = onCancel;
    const began = performance.now();
    const call = all.value("select 1", { timeout: 20 });
    await pause(50);
    const others = [all.value("select 2"), all.link.run(sessionCalls.ping(all.context, undefined))];
    const settledOthers = Promise.allSettled(others);
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof TimeoutError && error.connectionLost);
      assert.equal(error.outcome, "unknown");
      return true;
    });
    const took = performance.now() - began;
    assert.ok(took < 3500, `it is two seconds from the time-out on, not ${Math.round(took)} ms`);
    for (const outcome of await settledOthers) {
      assert.ok(outcome.status === "rejected" && outcome.reason instanceof ConnectionError);
    }
    assert.ok(all.transport.closed > 0);
  }
});

test("a time-out does not wait for a cancel() that gets no answer", async () => {
  for (const isAnswered of [false, true]) {
    const all = rig();
    const taken = Promise.withResolvers<void>();
    all.onCancel = () => taken.promise;
    const began = performance.now();
    const call = all.value("select 1", { timeout: 100 });
    await settled();
    const cancelling = all.link.cancelRunning();
    await pause(150);
    if (isAnswered) {
      all.transport.arrive(number(1));
      assert.equal(await call, 1);
      assert.equal(all.transport.closed, 0, "the server has answered");
    } else {
      await assert.rejects(call, (error) => error instanceof TimeoutError && error.connectionLost);
    }
    const took = performance.now() - began;
    assert.ok(took < 3500, `it is two seconds from the time-out on, not ${Math.round(took)} ms`);
    taken.resolve();
    await cancelling;
    if (!isAnswered) continue;
    const later = all.value("select 2");
    await settled();
    all.transport.arrive(number(2));
    assert.equal(await later, 2);
  }
});

test("a cancel request that fails is no reason to wait for ever, and its failure is not the caller's", async () => {
  const all = rig();
  all.onCancel = () => Promise.reject(new ConnectionError("refused", { safeToRetry: true }));
  const call = all.value("select 1", { timeout: 20 });
  await pause(60);
  all.transport.arrive(number(1));
  assert.equal(await call, 1);
});

test("a call that waits behind a cancel request and is given up rejects at once", async () => {
  const all = rig();
  const taken = Promise.withResolvers<void>();
  all.onCancel = () => taken.promise;
  const first = all.value("select 1", { timeout: 20 });
  await pause(50);
  const second = all.value("select 2", { timeout: 20 });
  second.catch(() => {});
  await pause(100);
  const early = await isSettled(second);
  all.transport.arrive(CANCELED);
  taken.resolve();
  await assert.rejects(first, timedOut("cancelled"));
  await assert.rejects(second, timedOut("not sent"));
  assert.ok(early, "nothing of it was written, so there is nothing to wait for");
});

test("without a key nothing can be cancelled: rejects at once, and later calls are right", async () => {
  const all = rig({ key: false });
  await assert.rejects(all.value("select 1", { timeout: 20 }), timedOut("unknown"));
  assert.equal(all.cancels, 0);
  const later = all.value("select 2");
  await settled();
  all.transport.arrive(number(1), number(2));
  assert.equal(await later, 2);
});
