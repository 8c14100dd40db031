/** CallContext that are given up: what is taken back, what is stopped, and that nothing else is ever hit. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { ConnectionError, ServerError, TimeoutError, type TimeoutOutcome } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import type { CallContext } from "../../src/connection/call_context.ts";
import type { CallOptions } from "../../src/async/options.ts";
import * as copyCalls from "../../src/connection/copy_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as transactionCalls from "../../src/connection/transaction_calls.ts";
import {
  commandComplete,
  concat,
  copyResponse,
  dataRow,
  errorResponse,
  noticeResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { callContextOf, learned, number, rows, SOCKET } from "../support/scripted/links.ts";
import { ManualAsync, ManualSync, settled } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

const CANCELED = concat(errorResponse("57014", "canceling statement due to user request"), readyForQuery());

/** A connection to a server whose every answer is the test's, cancel requests included. */
interface Rig {
  readonly transport: ManualAsync;
  readonly link: AsyncLink;
  readonly context: CallContext;
  /** How many cancel requests have begun. */
  cancels: number;
  /** What becomes of a cancel request. Default: taken at once, without an effect. */
  onCancel: () => Promise<void>;
  value(sql: string, options?: object): Promise<unknown>;
  /** The first letters of all messages that were written. */
  readonly written: string;
}

function rig({ key = true }: { key?: boolean } = {}): Rig {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  if (key) link.session.key = { processId: 42, secret: new Uint8Array([1, 2, 3, 4]) };
  const context = callContextOf(link);
  const rig: Rig = {
    transport,
    link,
    context,
    cancels: 0,
    onCancel: () => Promise.resolve(),
    value(sql, options) {
      const call = link.run(statementCalls.query(context, sql, options, collectors.firstValue, OPTIONS_OF.nothing));
      // On a busy machine it may fail before the test looks at it.
      call.catch(() => {});
      return call;
    },
    get written() {
      return transport.writes.map(messages).join("");
    },
  };
  link.canceller = () => {
    rig.cancels++;
    return rig.onCancel();
  };
  return rig;
}

/** The letters of the messages in these bytes. */
function messages(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let names = "";
  for (let at = 0; at < bytes.length; at += 1 + view.getInt32(at + 1)) names += String.fromCharCode(bytes[at]!);
  return names;
}

/** The SQL texts of the Query messages that were written. */
function queries({ transport }: Rig): string[] {
  const text = transport.writes.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  return [...text.matchAll(/Q\0\0\0.([^\0]*)\0/gs)].map(([, sql]) => sql!);
}

function timedOut(outcome: TimeoutOutcome): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TimeoutError, String(error));
    assert.equal(error.outcome, outcome);
    assert.equal(error.safeToRetry, outcome === "not sent");
    return true;
  };
}

/** Whether it has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  await settled();
  return await Promise.race([promise.then(() => true, () => true), settled().then(() => false)]);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

test("given up before the write: taken back, and the bytes of others are intact", async () => {
  const all = rig();
  const { value } = all;
  const controllers = [0, 1, 2].map(() => new AbortController());
  const calls = [
    value("select 'first'"),
    value("select 'second, which is longer'", { signal: controllers[0]!.signal }),
    value("select 'third'"),
    value("select 4", { signal: controllers[1]!.signal }),
    value("select 5", { signal: controllers[2]!.signal }),
    value("select 'sixth'"),
  ];
  const reasons = controllers.map((controller, i) => {
    const reason = { number: i };
    controller.abort(reason);
    return reason;
  });
  for (const [i, call] of [calls[1]!, calls[3]!, calls[4]!].entries()) {
    await assert.rejects(call, (error) => error === reasons[i]);
  }
  assert.deepEqual(queries(all), ["select 'first'", "select 'third'", "select 'sixth'"]);
  all.transport.arrive(number(1), number(3), number(6));
  assert.deepEqual(await Promise.all([calls[0], calls[2], calls[5]]), [1, 3, 6]);
  assert.equal(all.cancels, 0);
});

test("given up before the write: so is all of a call that is written in several parts", async () => {
  const { link, context, transport } = rig();
  const controller = new AbortController();
  const params = ["select 1"];
  const call = link.run(
    statementCalls.prepareBatch(context, ["a", "b", "c"], { signal: controller.signal } as CallOptions),
  );
  const next = link.run(
    statementCalls.query(context, params[0]!, undefined, collectors.firstValue, OPTIONS_OF.nothing),
  );
  controller.abort("no");
  await assert.rejects(call, (error) => error === "no");
  await settled();
  assert.equal(transport.writes.map(messages).join(""), "Q");
  transport.arrive(number(1));
  assert.equal(await next, 1);
});

test("given up behind a write that is stalled: taken back, and the bytes of others are intact", async () => {
  const all = rig();
  const { value, transport } = all;
  let take = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => take = resolve);
  const first = value("select 'first'");
  await settled();
  const controller = new AbortController();
  const second = value("select 'second'", { signal: controller.signal });
  const third = value("select 'third'");
  await settled();
  controller.abort("no");
  await assert.rejects(second, (error) => error === "no");
  transport.onWrite = (bytes) => bytes.length;
  take(transport.writes[0]!.length);
  await settled();
  assert.deepEqual(queries(all), ["select 'first'", "select 'third'"]);
  transport.arrive(number(1), number(3));
  assert.deepEqual(await Promise.all([first, third]), [1, 3]);
});

test("given up before the write, after something has arrived: the next reply is read as what it is", async () => {
  const { link, context, transport, value } = rig();
  let take = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => take = resolve);
  const first = value("select 1");
  await settled();
  const length = transport.writes[0]!.length;
  transport.arrive(number(1));
  assert.equal(await first, 1);
  const stop = new AbortController();
  const second = link.run(sessionCalls.ping(context, { signal: stop.signal } as CallOptions));
  transport.arrive(noticeResponse("on the way"));
  await settled();
  stop.abort("no");
  await assert.rejects(second, (error) => error === "no");
  const third = value("select 3");
  transport.onWrite = (bytes) => bytes.length;
  take(length);
  await settled();
  transport.arrive(number(3));
  assert.equal(await third, 3);
});

test("given up while its bytes are being written: it counts as sent", async () => {
  const all = rig();
  const { value, transport } = all;
  transport.onWrite = () => new Promise(() => {});
  const call = value("insert", { timeout: 20 });
  await settled();
  await assert.rejects(call, timedOut("unknown"));
  assert.ok(all.cancels > 0, "the server may have some of it");
  assert.ok(all.link.session.lost, "nobody answers, so the connection is closed");
});

test("given up with others behind: no cancel request, rejects at once, rows are dropped", async () => {
  const all = rig();
  const { value, transport } = all;
  const first = value("select 1", { timeout: 20 });
  const second = value("select 2");
  await settled();
  await assert.rejects(first, timedOut("unknown"));
  assert.equal(all.cancels, 0);
  transport.arrive(number(1), number(2));
  assert.equal(await second, 2);
});

test("given up with others behind: so also by a signal, and whatever the statement then gives", async () => {
  for (const reply of [number(1), concat(errorResponse(), readyForQuery())]) {
    const all = rig();
    const { value, transport } = all;
    const controller = new AbortController();
    const reason = new Error("the user went away");
    const first = value("select 1", { signal: controller.signal });
    const second = value("select 2");
    await settled();
    controller.abort(reason);
    await assert.rejects(first, (error) => error === reason);
    assert.equal(all.cancels, 0);
    transport.arrive(reply, number(2));
    assert.equal(await second, 2);
    await all.link.drained(1000);
  }
});

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

test("a call that was taken back does not count as written behind another", async () => {
  const all = rig();
  all.onCancel = () => {
    all.transport.arrive(CANCELED);
    return Promise.resolve();
  };
  const call = all.value("select 1", { timeout: 60 });
  await settled();
  const controller = new AbortController();
  const taken = all.value("select 2", { signal: controller.signal });
  controller.abort("no");
  await assert.rejects(taken, (error) => error === "no");
  await assert.rejects(call, timedOut("cancelled"));
  assert.equal(all.cancels, 1);
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

test("given up while its types are learned: nothing is executed", async () => {
  const all = rig();
  const { link, context, transport } = all;
  const call = link.run(
    statementCalls.exec(context, "a $1", [1], { timeout: 20 }, collectors.firstValue, OPTIONS_OF.nothing),
  );
  call.catch(() => {});
  await settled();
  all.onCancel = () => {
    transport.arrive(concat(learned(), readyForQuery()));
    return Promise.resolve();
  };
  await assert.rejects(call, TimeoutError);
  await settled();
  assert.equal(all.written, "PDS");
  const again = link.run(
    statementCalls.exec(context, "a $1", [1], undefined, collectors.firstValue, OPTIONS_OF.nothing),
  );
  await settled();
  assert.equal(all.written.slice(3), "BES", "what was learned is not lost");
  transport.arrive(rows(5));
  assert.equal(await again, 5);
});

test("given up in mid-reply: what is left of the rows does not reach the next call", async () => {
  const all = rig();
  const { transport, link, context } = all;
  const call = link.run(statementCalls.query(context, "select", { timeout: 30 }, collectors.allRows, OPTIONS_OF.rows));
  await settled();
  transport.arrive(concat(rowDescription({ n: 23 }), dataRow("1"), dataRow("2")));
  all.onCancel = () => {
    transport.arrive(concat(dataRow("3"), errorResponse("57014"), readyForQuery()));
    return Promise.resolve();
  };
  await assert.rejects(call, timedOut("cancelled"));
  const later = all.value("select 9");
  transport.arrive(number(9));
  assert.equal(await later, 9);
});

test("given up while a source of data is silent: the call rejects, and the connection lives", async () => {
  const all = rig();
  const { transport, link, context } = all;
  let returned = false;
  const silent = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<never>(() => {}),
      return: () => {
        returned = true;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  const call = link.run(copyCalls.copyIn(context, "copy t from stdin", silent, { timeout: 30 }));
  call.catch(() => {});
  await settled();
  transport.arrive(copyResponse("G"));
  const canceled = (): void => transport.arrive(CANCELED);
  all.onCancel = () => Promise.resolve(canceled());
  // The server waits for data, which a cancel request stops; to be told to fail does so too.
  transport.onWrite = (bytes) => {
    if (messages(bytes).includes("f")) queueMicrotask(canceled);
    return bytes.length;
  };
  await assert.rejects(Promise.race([call, pause(3500)]), timedOut("cancelled"));
  assert.equal(link.session.lost, undefined, "the server has answered, so there is no reason to close");
  assert.ok(returned, "the source is told");
});

test("a BEGIN of which nobody hears any more does not leave a transaction open", async () => {
  const all = rig();
  const { transport, link, context } = all;
  const begun = link.run(transactionCalls.begin(context, { timeout: 20 }));
  await settled();
  const other = all.value("select 2");
  await assert.rejects(begun, timedOut("unknown"));
  transport.arrive(concat(commandComplete("BEGIN"), readyForQuery("T")));
  transport.arrive(number(2));
  await other.catch(() => {});
  await settled();
  assert.ok(
    queries(all).includes("ROLLBACK"),
    `nobody has the transaction, so that nobody can end it: ${queries(all).join("; ")}`,
  );
});

test("a LISTEN of which nobody hears any more keeps nothing", async () => {
  const all = rig();
  const { transport, link, context } = all;
  const listening = link.run(sessionCalls.listen(context, "news", { timeout: 20 }, (queue) => queue));
  await settled();
  const other = all.value("select 2");
  await assert.rejects(listening, timedOut("unknown"));
  transport.arrive(concat(commandComplete("LISTEN"), readyForQuery()), number(2));
  await other;
  await settled();
  assert.ok(queries(all).some((sql) => sql.startsWith("UNLISTEN")), queries(all).join("; "));
});

test("a call that is already aborted is not begun", async () => {
  const all = rig();
  const reason = Symbol("reason");
  await assert.rejects(all.value("select 1", { signal: AbortSignal.abort(reason) }), (error) => error === reason);
  await settled();
  assert.equal(all.written, "");
});

test("listeners are taken off the signal, whatever becomes of the call", async () => {
  const all = rig();
  const controller = new AbortController();
  let listening = 0;
  const { signal } = controller;
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listening++;
    add.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listening--;
    remove.apply(signal, given);
  };
  const done = all.value("select 1", { signal });
  const failed = all.value("select 1/0", { signal });
  const late = assert.rejects(all.value("select 1", { signal, timeout: 20 }), timedOut("unknown"));
  const behind = all.value("select 4");
  assert.equal(listening, 1, "one for all of them");
  await settled();
  await late;
  all.transport.arrive(number(1), concat(errorResponse("22012"), readyForQuery()), number(3), number(4));
  assert.equal(await done, 1);
  await assert.rejects(failed, ServerError);
  assert.equal(await behind, 4);
  assert.equal(listening, 0);
});

test("blocking: a time-out sends a cancel request, and the answer to it is the outcome", () => {
  const { transport, link, context, cancels } = blockingRig();
  link.canceller = () => {
    cancels.push(transport.writes.length);
    transport.arrive(CANCELED);
  };
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, timedOut("cancelled"));
  assert.deepEqual(cancels, [1]);
  transport.arrive(number(2));
  assert.equal(
    link.run(statementCalls.query(context, "select 2", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    2,
  );
});

test("blocking: a statement that completed all the same returns", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => transport.arrive(number(1));
  assert.equal(
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing)),
    1,
  );
});

test("blocking: a server that never answers is given up, and later calls fail", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => {};
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, (error) => {
    timedOut("unknown")(error);
    assert.ok((error as TimeoutError).connectionLost);
    return true;
  });
  assert.ok(transport.closed > 0);
  assert.throws(() => link.run(sessionCalls.ping(context, undefined)), ConnectionError);
});

test("blocking: a cancel request that was not taken in time may still arrive, so the connection is closed", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => {
    transport.arrive(number(1));
    throw new ConnectionError("timed out");
  };
  try {
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  } catch (error) {
    assert.ok(error instanceof TimeoutError);
  }
  assert.ok(link.session.lost, "what is called next could be hit");
});

test("blocking: without a key nothing can be cancelled, and the reply is dropped later", () => {
  const { transport, link, context, cancels } = blockingRig({ key: false });
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, timedOut("unknown"));
  assert.deepEqual(cancels, []);
  transport.arrive(number(1), number(2));
  assert.equal(
    link.run(statementCalls.query(context, "select 2", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    2,
  );
});

test("blocking: without a key, a BEGIN that timed out does not leave a transaction open", () => {
  const { transport, link, context } = blockingRig({ key: false });
  assert.throws(() => link.run(transactionCalls.begin(context, { timeout: 300 })), timedOut("unknown"));
  transport.arrive(concat(commandComplete("BEGIN"), readyForQuery("T")));
  transport.arrive(concat(commandComplete("ROLLBACK"), readyForQuery()));
  transport.arrive(number(2));
  try {
    link.run(statementCalls.query(context, "insert", undefined, collectors.affected, OPTIONS_OF.nothing));
  } catch {
    // Whether this call may fail is not the question.
  }
  const text = transport.writes.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  assert.match(text, /ROLLBACK/, "the insert would wait for a commit that nobody can ask for");
});

interface BlockingRig {
  readonly transport: ManualSync;
  readonly link: SyncLink;
  readonly context: CallContext;
  /** How many writes there were before each cancel request. */
  readonly cancels: number[];
}

function blockingRig({ key = true }: { key?: boolean } = {}): BlockingRig {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  if (key) link.session.key = { processId: 42, secret: new Uint8Array([1, 2, 3, 4]) };
  const cancels: number[] = [];
  link.canceller = () => void cancels.push(transport.writes.length);
  return { transport, link, context: callContextOf(link), cancels };
}
