import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { ConnectionError, EncodeError, ServerError, UsageError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import { concat, copyResponse, errorResponse, readyForQuery } from "../support/scripted/backend.ts";
import { callContextOf, learned, number, rows, SOCKET, textRows, wire } from "../support/scripted/links.ts";
import { ManualAsync, settled } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

const FIRST = "Parse Describe Sync";
const KNOWN = "Bind Execute Sync";
const AT_ONCE = "Parse Describe Bind Execute Sync";

test("calls of one tick leave in one write, and each gets its own result", async () => {
  const connection = wire("async", [
    ["Query", number(1)],
    [AT_ONCE, concat(learned(0), textRows(2))],
    ["Sync", readyForQuery()],
    [FIRST, concat(learned(), readyForQuery())],
    ["Query", number(3)],
  ]);
  const context = callContextOf(connection.link);
  const results = await Promise.all([
    connection.run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(statementCalls.exec(context, "b", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(sessionCalls.ping(context, undefined)),
    connection.run(statementCalls.prepare(context, "c $1", undefined)).then(({ sql }) => sql),
    connection.run(statementCalls.query(context, "d", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
  ]);
  assert.deepEqual(results, [1, 2, undefined, "c $1", 3]);
  assert.deepEqual(connection.server.writes, [`Query ${AT_ONCE} Sync ${FIRST} Query`]);
});

test("calls of one tick: the server gets to work before all of many are written", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const text = "x".repeat(1000);
  const results = Array.from(
    { length: 40 },
    () => link.run(statementCalls.query(context, text, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
  );
  const early = transport.writes.length;
  assert.equal(early, 2, "of 40 kB, those of 16 kB do not wait for the rest");
  await settled();
  assert.equal(transport.writes.length, early + 1);
  const written = transport.writes.reduce((sum, { length }) => sum + length, 0);
  assert.equal(written, results.length * (1 + 4 + text.length + 1), "everything once");
  transport.arrive(...results.map((_, k) => concat(number(k))));
  assert.deepEqual(await Promise.all(results), [...results.keys()]);
});

test("calls of one tick: nothing more is written while a write is under way", async () => {
  const transport = new ManualAsync();
  let taken = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => taken = resolve);
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const run = (): Promise<unknown> =>
    link.run(statementCalls.query(context, "x".repeat(20_000), undefined, collectors.firstValue, OPTIONS_OF.nothing));
  const results = [run(), run(), run()];
  await settled();
  assert.equal(transport.writes.length, 1);
  transport.onWrite = (bytes) => bytes.length;
  taken(transport.writes[0]!.length);
  await settled();
  assert.deepEqual(transport.writes.map(({ length }) => length), [20_006, 40_012]);
  transport.arrive(number(1), number(2), number(3));
  assert.deepEqual(await Promise.all(results), [1, 2, 3]);
});

test("calls of one tick: one that fails in the middle fails alone", async () => {
  const connection = wire("async", [
    ["Query", number(1)],
    ["Query", concat(errorResponse("22012", "division by zero"), readyForQuery())],
    ["Query", number(3)],
    [AT_ONCE, concat(errorResponse("42601"), readyForQuery())],
    [AT_ONCE, concat(learned(0), textRows(5))],
  ], { chunk: 7 });
  const context = callContextOf(connection.link);
  const results = await Promise.allSettled([
    connection.run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(statementCalls.query(context, "b", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(statementCalls.query(context, "c", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(statementCalls.exec(context, "d", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(statementCalls.exec(context, "e", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
  ]);
  assert.deepEqual(results.map((result) => result.status === "fulfilled" ? result.value : result.reason.code), [
    1,
    "22012",
    3,
    "42601",
    5,
  ]);
});

test("calls behind one that learns wait for it, and keep their order", async () => {
  const connection = wire("async", [
    ["Query", number(1)],
    [FIRST, concat(learned(), readyForQuery())],
    [KNOWN, rows(2)],
    ["Query", number(3)],
    [KNOWN, rows(4)],
    [AT_ONCE, concat(learned(0), textRows(5))],
  ]);
  const context = callContextOf(connection.link);
  const order: number[] = [];
  const note = (value: unknown) => void order.push(value as number);
  await Promise.all([
    connection.run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing)).then(note),
    connection.run(statementCalls.exec(context, "b $1", [1], undefined, collectors.firstValue, OPTIONS_OF.nothing))
      .then(note),
    connection.run(statementCalls.query(context, "c", undefined, collectors.firstValue, OPTIONS_OF.nothing)).then(note),
    connection.run(statementCalls.exec(context, "b $1", [2], undefined, collectors.firstValue, OPTIONS_OF.nothing))
      .then(note),
    connection.run(statementCalls.exec(context, "d", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing))
      .then(note),
  ]);
  assert.deepEqual(order, [1, 2, 3, 4, 5]);
  assert.equal(connection.server.writes[0], `Query ${FIRST}`, "nothing is written behind what is learned");
});

test("a call that cannot be learned lets those behind it go on", async () => {
  const connection = wire("async", [
    [FIRST, concat(errorResponse("42601"), readyForQuery())],
    [FIRST, concat(learned(), readyForQuery())],
    ["Query", number(3)],
  ]);
  const context = callContextOf(connection.link);
  const results = await Promise.allSettled([
    connection.run(statementCalls.exec(context, "bad $1", [1], undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    connection.run(
      statementCalls.exec(context, "b $1", [2 ** 40], undefined, collectors.firstValue, OPTIONS_OF.nothing),
    ),
    connection.run(statementCalls.query(context, "c", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
  ]);
  assert.ok(results[0].status === "rejected" && results[0].reason instanceof ServerError);
  assert.ok(results[1].status === "rejected" && results[1].reason instanceof EncodeError);
  assert.deepEqual(results[2], { status: "fulfilled", value: 3 });
});

test("replies are read while a write waits for the server to read", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const first = link.run(sessionCalls.ping(context, undefined));
  await settled();
  let allow = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => allow = resolve);
  const second = link.run(sessionCalls.ping(context, undefined));
  await settled();
  transport.arrive(readyForQuery());
  await first;
  const third = link.run(sessionCalls.ping(context, undefined));
  await settled();
  assert.equal(transport.writes.length, 2, "there is one write at a time");
  transport.onWrite = (bytes) => bytes.length;
  allow(5);
  await settled();
  assert.equal(transport.writes.length, 3);
  transport.arrive(readyForQuery(), readyForQuery());
  await Promise.all([second, third]);
});

test("a write that takes a part is followed by one of the rest, and of what came meanwhile", async () => {
  for (const part of [1, 2, 5, 6]) {
    const transport = new ManualAsync();
    const link = new AsyncLink(transport, SOCKET);
    const context = callContextOf(link);
    transport.onWrite = (bytes) => Promise.resolve(Math.min(part, bytes.length));
    const pending = [
      link.run(statementCalls.query(context, "select 1", undefined, collectors.affected, OPTIONS_OF.nothing)),
      link.run(sessionCalls.ping(context, undefined)),
    ];
    await settled();
    let whole = "";
    for (const bytes of transport.writes) whole += new TextDecoder().decode(bytes.subarray(0, part));
    assert.equal(whole, "Q\0\0\0\x0dselect 1\0S\0\0\0\x04");
    transport.arrive(number(1), readyForQuery());
    await Promise.all(pending);
  }
});

test("what the reading of a reply has to answer is sent at once", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const call = link.run(
    statementCalls.query(callContextOf(link), "copy t from stdin", undefined, collectors.affected, OPTIONS_OF.nothing),
  );
  await settled();
  transport.arrive(copyResponse("G"));
  await settled();
  assert.deepEqual(transport.writes.map((bytes) => String.fromCharCode(bytes[0]!)), ["Q", "f"]);
  transport.arrive(concat(errorResponse("42501"), readyForQuery()));
  await assert.rejects(call, { code: "42501" });
});

test("a call that is refused does not wait for its turn", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const learning = link.run(
    statementCalls.exec(context, "a $1", [1], undefined, collectors.firstValue, OPTIONS_OF.nothing),
  );
  await settled();
  await assert.rejects(
    link.run(statementCalls.exec(context, "b", [1], { rows: "tuple" as never }, collectors.allRows, OPTIONS_OF.rows)),
    UsageError,
  );
  context.state.beginClosing();
  await assert.rejects(link.run(sessionCalls.ping(context, undefined)), ConnectionError);
  transport.arrive(concat(learned(), readyForQuery()), rows(1));
  assert.equal(await learning, 1);
});
