/** Calls that are given up, on scripted servers: what is taken back, and what becomes of the others. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import { ServerError, TimeoutError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
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
import { learned, number, rows } from "../support/scripted/links.ts";
import { settled } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";
import { CANCELED, messages, pause, type Rig, rig, timedOut } from "../support/scripted/cancellable.ts";

/** The SQL texts of the Query messages that were written. */
function queries({ transport }: Rig): string[] {
  const text = transport.writes.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  return [...text.matchAll(/Q\0\0\0.([^\0]*)\0/gs)].map(([, sql]) => sql!);
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
