import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { ConnectionError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import { concat, readyForQuery } from "../support/scripted/backend.ts";
import { callContextOf, inWholeWrites, learned, number, rows, SOCKET } from "../support/scripted/links.ts";
import { ManualAsync, settled, systemError } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

/** An awaiting connection over a transport that goes as the test says. */
function awaiting(): { transport: ManualAsync; link: AsyncLink; ping: () => Promise<void> } {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  return { transport, link, ping: () => link.run(sessionCalls.ping(context, undefined)) };
}

/** What was written, as the types of the messages. */
function typesIn({ writes }: ManualAsync): string {
  return writes.map((bytes) => String.fromCharCode(bytes[0]!)).join("");
}

inWholeWrites(
  "close says goodbye, closes the socket, and makes later calls fail",
  [["Sync", readyForQuery()]],
  async (wire) => {
    const { link, server, run } = wire;
    const context = callContextOf(link);
    await run(sessionCalls.ping(context, undefined));
    await link.close();
    assert.deepEqual(server.writes, ["Sync", "Terminate"]);
    assert.equal(server.closed, true);
    assert.equal(context.state.closed, true);
    await assert.rejects(run(sessionCalls.ping(context, undefined)), (error) => {
      return error instanceof ConnectionError && error.safeToRetry && /the connection is closed/.test(error.message);
    });
    await link.close();
    assert.deepEqual(server.writes, ["Sync", "Terminate"], "once");
  },
);

inWholeWrites("close says no goodbye where there never was a session", [], async ({ link, server }) => {
  await link.close();
  assert.deepEqual(server.writes, []);
  assert.equal(server.closed, true);
});

inWholeWrites(
  "close says no goodbye to a connection that is gone",
  [["Sync", "close"]],
  async ({ link, server, run }) => {
    await assert.rejects(run(sessionCalls.ping(callContextOf(link), undefined)), ConnectionError);
    await link.close();
    assert.deepEqual(server.writes, ["Sync"]);
    assert.equal(server.closed, true);
  },
);

inWholeWrites(
  "close does not mind that the goodbye fails",
  [["Sync", readyForQuery()]],
  async ({ link, server, run }) => {
    await run(sessionCalls.ping(callContextOf(link), undefined));
    server.write = () => {
      throw systemError("EPIPE");
    };
    await link.close();
    assert.equal(server.closed, true);
  },
);

test("close fails what is outstanding", async () => {
  const { transport, link, ping } = awaiting();
  const pending = Promise.allSettled([ping(), ping()]);
  await settled();
  await link.close();
  for (const result of await pending) {
    assert.equal(result.status, "rejected");
    assert.match(result.reason.message, /^Cannot ping: the connection is closed$/);
  }
  assert.equal(typesIn(transport), "SX");
});

test("close does not write into the middle of a write that is under way", async () => {
  const { transport, link, ping } = awaiting();
  let written = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => written = resolve);
  const call = ping();
  await settled();
  await link.close();
  await assert.rejects(call, ConnectionError);
  written(5);
  await settled();
  assert.equal(typesIn(transport), "S");
  assert.equal(link.session.outbox.size, 0);
  assert.ok(transport.closed > 0);
});

test("what was asked and not yet written when the connection closes is never written, and safe to repeat", async () => {
  const { transport, link, ping } = awaiting();
  const first = ping();
  transport.arrive(readyForQuery());
  await first;
  const second = ping();
  const closing = link.close();
  await assert.rejects(second, (error) => error instanceof ConnectionError && error.safeToRetry);
  await closing;
  assert.equal(typesIn(transport), "SX");
});

test("drained: at once where nothing is under way", async () => {
  const { link } = awaiting();
  await link.drained(0);
  await link.drained(10_000);
});

test("drained: when the last call has ended, in whatever way", async () => {
  const { transport, link } = awaiting();
  const context = callContextOf(link);
  const order: string[] = [];
  const pending = [
    link.run(statementCalls.exec(context, "a $1", [1], undefined, collectors.firstValue, OPTIONS_OF.nothing)).then(() =>
      order.push("a")
    ),
    link.run(
      statementCalls.exec(context, "b", undefined, { rows: "tuple" as never }, collectors.allRows, OPTIONS_OF.rows),
    ).catch(
      () => order.push("b"),
    ),
    link.run(statementCalls.query(context, "c", undefined, collectors.firstValue, OPTIONS_OF.nothing)).then(() =>
      order.push("c")
    ),
  ];
  const drained = link.drained(10_000).then(() => order.push("drained"));
  await settled();
  transport.arrive(concat(learned(), readyForQuery()));
  await settled();
  transport.arrive(rows(1));
  await settled();
  assert.ok(!order.includes("drained"), "one call is left");
  transport.arrive(number(1));
  await Promise.all([...pending, drained]);
  assert.equal(order.at(-1), "drained");
  assert.equal(order.length, 4);
  await link.drained(10_000);
});

test("drained: not longer than it is told to", async () => {
  const { transport, link, ping } = awaiting();
  const call = ping();
  await link.drained(1);
  assert.equal(link.session.lost, undefined, "waiting harms nothing");
  transport.arrive(readyForQuery());
  await call;
});

test("the process is kept alive while something is outstanding, and only then", async () => {
  const { transport, ping } = awaiting();
  const first = ping();
  await settled();
  assert.deepEqual(transport.keeps, [], "sockets begin by keeping it alive");
  transport.arrive(readyForQuery());
  await first;
  assert.deepEqual(transport.keeps, [false]);
  const both = [ping(), ping()];
  assert.deepEqual(transport.keeps, [false, true]);
  await settled();
  transport.arrive(readyForQuery());
  await both[0];
  assert.deepEqual(transport.keeps, [false, true], "one is left");
  transport.arrive(readyForQuery());
  await both[1];
  assert.deepEqual(transport.keeps, [false, true, false]);
});

test("a part of a message does not count as an answer: the process is kept alive", async () => {
  const { transport, ping } = awaiting();
  const call = ping();
  await settled();
  transport.arrive(readyForQuery().subarray(0, 5));
  await settled();
  assert.deepEqual(transport.keeps, []);
  transport.arrive(readyForQuery().subarray(5));
  await call;
  assert.deepEqual(transport.keeps, [false]);
});
