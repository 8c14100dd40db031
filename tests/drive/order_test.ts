import assert from "node:assert/strict";
import { sinks } from "../../src/core.ts";
import { AsyncLink } from "../../src/drive/async_link.ts";
import { Turns } from "../../src/drive/turns.ts";
import { EncodeError, ServerError } from "../../src/errors.ts";
import { commandComplete, concat, copyResponse, errorResponse, readyForQuery } from "../support/backend.ts";
import { coreOf, learned, number, rows, SOCKET, textRows, wire } from "../support/links.ts";
import { ManualAsync, settled } from "../support/manual.ts";
import { test } from "../support/test.ts";

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
  const core = coreOf(connection.link);
  const results = await Promise.all([
    connection.run(core.query("a", undefined, sinks.firstValue)),
    connection.run(core.exec("b", undefined, undefined, sinks.firstValue)),
    connection.run(core.ping()),
    connection.run(core.prepare("c $1")).then(({ sql }) => sql),
    connection.run(core.query("d", undefined, sinks.firstValue)),
  ]);
  assert.deepEqual(results, [1, 2, undefined, "c $1", 3]);
  assert.deepEqual(connection.server.writes, [`Query ${AT_ONCE} Sync ${FIRST} Query`]);
});

test("calls of one tick: one that fails in the middle fails alone", async () => {
  const connection = wire("async", [
    ["Query", number(1)],
    ["Query", concat(errorResponse("22012", "division by zero"), readyForQuery())],
    ["Query", number(3)],
    [AT_ONCE, concat(errorResponse("42601"), readyForQuery())],
    [AT_ONCE, concat(learned(0), textRows(5))],
  ], { chunk: 7 });
  const core = coreOf(connection.link);
  const results = await Promise.allSettled([
    connection.run(core.query("a", undefined, sinks.firstValue)),
    connection.run(core.query("b", undefined, sinks.firstValue)),
    connection.run(core.query("c", undefined, sinks.firstValue)),
    connection.run(core.exec("d", undefined, undefined, sinks.firstValue)),
    connection.run(core.exec("e", undefined, undefined, sinks.firstValue)),
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
  const core = coreOf(connection.link);
  const order: number[] = [];
  const note = (value: unknown) => void order.push(value as number);
  await Promise.all([
    connection.run(core.query("a", undefined, sinks.firstValue)).then(note),
    connection.run(core.exec("b $1", [1], undefined, sinks.firstValue)).then(note),
    connection.run(core.query("c", undefined, sinks.firstValue)).then(note),
    connection.run(core.exec("b $1", [2], undefined, sinks.firstValue)).then(note),
    connection.run(core.exec("d", undefined, undefined, sinks.firstValue)).then(note),
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
  const core = coreOf(connection.link);
  const results = await Promise.allSettled([
    connection.run(core.exec("bad $1", [1], undefined, sinks.firstValue)),
    connection.run(core.exec("b $1", [2 ** 40], undefined, sinks.firstValue)),
    connection.run(core.query("c", undefined, sinks.firstValue)),
  ]);
  assert.ok(results[0].status === "rejected" && results[0].reason instanceof ServerError);
  assert.ok(results[1].status === "rejected" && results[1].reason instanceof EncodeError);
  assert.deepEqual(results[2], { status: "fulfilled", value: 3 });
});

test("replies are read while a write waits for the server to read", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const core = coreOf(link);
  const first = link.run(core.ping());
  await settled();
  let allow = (_count: number): void => {};
  transport.onWrite = () => new Promise((resolve) => allow = resolve);
  const second = link.run(core.ping());
  await settled();
  transport.arrive(readyForQuery());
  await first;
  const third = link.run(core.ping());
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
    const core = coreOf(link);
    transport.onWrite = (bytes) => Promise.resolve(Math.min(part, bytes.length));
    const calls = [link.run(core.query("select 1", undefined, sinks.affected)), link.run(core.ping())];
    await settled();
    let whole = "";
    for (const bytes of transport.writes) whole += new TextDecoder().decode(bytes.subarray(0, part));
    assert.equal(whole, "Q\0\0\0\x0dselect 1\0S\0\0\0\x04");
    transport.arrive(number(1), readyForQuery());
    await Promise.all(calls);
  }
});

test("what the reading of a reply has to answer is sent at once", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const call = link.run(coreOf(link).query("copy t from stdin", undefined, sinks.affected));
  await settled();
  transport.arrive(copyResponse("G"));
  await settled();
  assert.deepEqual(transport.writes.map((bytes) => String.fromCharCode(bytes[0]!)), ["Q", "f"]);
  transport.arrive(concat(commandComplete("COPY 0"), readyForQuery()));
  assert.equal(await call, 0);
});

test("turns: first come, first served, and free again at the end", async () => {
  const turns = new Turns();
  const order: string[] = [];
  assert.equal(turns.take(), undefined);
  const waiting = ["b", "c"].map((name) => turns.take()!.then(() => order.push(name)));
  turns.pass();
  await waiting[0];
  assert.deepEqual(order, ["b"]);
  const late = turns.take()!.then(() => order.push("d"));
  turns.pass();
  await waiting[1];
  turns.pass();
  await late;
  turns.pass();
  assert.deepEqual(order, ["b", "c", "d"]);
  assert.equal(turns.take(), undefined, "nobody has the turn");
});
