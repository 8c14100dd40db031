import assert from "node:assert/strict";
import { ProtocolError, ServerError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { ExecuteStatement } from "../../src/protocol/extended_query.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AffectedRows, AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noData,
  noticeResponse,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { feed, takeEvents } from "../support/scripted/feed.ts";
import { pipeline } from "../support/scripted/pipeline.ts";
import { sentCodes } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const STATEMENT = new Prepared("s", "insert", [], undefined, registry);
const TEXTS = new Prepared("t", "select", [], [{
  name: "j",
  typeOid: 114,
  typeSize: -1,
  typeModifier: -1,
  tableOid: 0,
  columnNumber: 0,
}], registry);

const query = (): SimpleQuery<unknown[]> => new SimpleQuery("sql", new AllRows("array"), registry);
const execute = (): ExecuteStatement<number> => new ExecuteStatement(STATEMENT, [], new AffectedRows(), registry);
const prepare = (syncMode: "explicit" | "deferred"): Prepare => new Prepare("p", "sql", [], registry, syncMode);

const EXECUTED = concat(bindComplete(), commandComplete("INSERT 0 1"), readyForQuery());
const DESCRIBED = concat(parseComplete(), parameterDescription(), noData());
const ERROR = errorResponse("23505", "duplicate");

test("pipeline: outcomes come in the order of the requests", () => {
  const rows = (value: string): Uint8Array =>
    concat(rowDescription({ a: 25 }), dataRow(value), commandComplete("SELECT 1"), readyForQuery());
  const { requests, session } = pipeline(
    () => [query(), execute(), new Ping(), query()],
    concat(rows("first"), EXECUTED, readyForQuery(), rows("second")),
  );
  assert.deepEqual(requests.map(({ value }) => value), [[["first"]], 1, undefined, [["second"]]]);
  assert.ok(session.idle);
});

test("pipeline: of groups of one, only the failed one fails", () => {
  const { words, session } = pipeline(
    () => [execute(), execute(), query(), execute()],
    concat(EXECUTED, bindComplete(), ERROR, readyForQuery(), ERROR, readyForQuery(), EXECUTED),
  );
  assert.deepEqual(words, ["ok", "server 23505", "server 23505", "ok"]);
  assert.equal(session.lost, undefined);
  assert.ok(session.idle);
});

test("pipeline: within a group, those behind the failed one are aborted by it", () => {
  const group = (): (Prepare | ExecuteStatement<number>)[] => [
    prepare("deferred"),
    prepare("deferred"),
    prepare("deferred"),
    execute(),
  ];
  const { words, requests, session } = pipeline(
    () => [...group(), ...group()],
    concat(DESCRIBED, ERROR, readyForQuery(), DESCRIBED, DESCRIBED, DESCRIBED, EXECUTED),
  );
  assert.deepEqual(words, [
    "ok",
    "server 23505",
    "aborted by server 23505",
    "aborted by server 23505",
    "ok",
    "ok",
    "ok",
    "ok",
  ]);
  const [, failed, aborted] = requests;
  assert.ok(aborted?.failure?.kind === "aborted" && aborted.failure.by === failed?.failure);
  assert.ok(session.idle);
  assert.equal(sentCodes(session).replaceAll("PDPDPDBES", "|"), "||");
});

test("pipeline: an error at the Sync is the last one's of its group", () => {
  const { words } = pipeline(
    () => [prepare("deferred"), execute(), execute()],
    concat(DESCRIBED, bindComplete(), commandComplete("INSERT 0 1"), ERROR, readyForQuery(), EXECUTED),
  );
  assert.deepEqual(words, ["ok", "server 23505", "ok"]);
});

test("pipeline: a failed group without a Sync of its own gets one", () => {
  const { words, session } = pipeline(() => [prepare("deferred"), prepare("deferred")], concat(DESCRIBED, ERROR));
  assert.deepEqual(words, ["ok", "waits"]);
  assert.equal(sentCodes(session), "PDPDS");
  assert.equal(session.idle, false);
  assert.equal(session.advance(), "read");
  feed(session, readyForQuery("E"));
  assert.ok(session.idle);
  assert.equal(session.transactionStatus, "failed");
});

test("pipeline: a failed group that ends with a Sync gets no other", () => {
  for (const [last, codes] of [[new Ping(), "PDS"], [execute(), "PDBES"], [prepare("explicit"), "PDPDS"]] as const) {
    const session = new Session();
    session.submit(prepare("deferred"));
    session.submit<unknown>(last);
    feed(session, concat(ERROR, readyForQuery()));
    assert.equal(sentCodes(session), codes);
    assert.ok(session.idle);
  }
});

test("pipeline: what is submitted while a group recovers belongs to the next", () => {
  const session = new Session();
  const first = session.submit(prepare("deferred"));
  const second = session.submit(prepare("deferred"));
  feed(session, ERROR);
  const later = session.submit(execute());
  assert.equal(sentCodes(session), "PDPDSBES");
  feed(session, concat(readyForQuery(), EXECUTED));
  assert.equal(first.failure?.kind, "server");
  assert.equal(second.failure?.kind, "aborted");
  assert.equal(later.value, 1);
});

test("pipeline: callers learn of a failure with the ReadyForQuery, when the status is up to date", () => {
  const session = new Session();
  const pending = session.submit(query());
  let status: string | undefined;
  pending.onSettled = () => status = session.transactionStatus;
  feed(session, ERROR);
  assert.equal(pending.settled, false);
  feed(session, readyForQuery("E"));
  assert.equal(status, "failed");
});

test("pipeline: every ticket is settled once", () => {
  const session = new Session();
  const calls: string[] = [];
  for (const name of ["a", "b", "c"]) {
    session.submit<unknown>(name === "b" ? prepare("deferred") : execute()).onSettled = () => calls.push(name);
  }
  feed(session, concat(EXECUTED, ERROR, readyForQuery()));
  session.lose(new Error("gone"));
  assert.deepEqual(calls, ["a", "b", "c"]);
});

test("pipeline: a second error in a group changes nothing", () => {
  const { words, session } = pipeline(
    () => [prepare("deferred"), execute(), new Ping()],
    concat(ERROR, noticeResponse("x"), errorResponse("25P02"), readyForQuery(), readyForQuery()),
  );
  assert.deepEqual(words, ["server 23505", "aborted by server 23505", "ok"]);
  assert.equal(takeEvents(session).length, 1);
});

test("pipeline: between an error and its ReadyForQuery nothing else comes", () => {
  for (const stranger of [commandComplete("SET"), dataRow("1"), bindComplete(), closeComplete()]) {
    const { words, session } = pipeline(() => [execute()], concat(ERROR, stranger));
    // What the server has said of it is known, whatever becomes of the connection.
    assert.deepEqual(words, ["server 23505"]);
    assert.ok(session.lost instanceof ProtocolError);
  }
});

test("pipeline: a malformed reply fails its own call as such, and those behind it as lost", () => {
  const { words, session } = pipeline(() => [execute(), execute()], concat(bindComplete(), parseComplete(), EXECUTED));
  assert.deepEqual(words, ["malformed", "lost before it was sent"]);
  assert.ok(session.lost instanceof ProtocolError);
});

test("pipeline: a fatal error in a group that recovers ends the connection", () => {
  const fatal = errorResponse("57P01", "terminating", "FATAL");
  const { words, session } = pipeline(() => [prepare("deferred"), execute(), execute()], concat(ERROR, fatal));
  assert.deepEqual(words, ["server 23505", "aborted by server 23505", "lost before it was sent"]);
  assert.ok(session.lost instanceof ServerError && session.lost.code === "57P01");
});

test("pipeline: a value that cannot be decoded concerns no other request", () => {
  const rows = (value: string): Uint8Array =>
    concat(bindComplete(), dataRow(value), commandComplete("SELECT 1"), readyForQuery());
  const select = (): ExecuteStatement<unknown[]> => new ExecuteStatement(TEXTS, [], new AllRows("array"), registry);
  const { words, requests } = pipeline(() => [select(), select(), select()], concat(rows("1"), rows("{"), rows("3")));
  assert.deepEqual(words, ["ok", "unusable DecodeError", "ok"]);
  assert.deepEqual(requests[2]?.value, [[3]]);
});

test("pipeline: ten thousand requests in one go", () => {
  const count = 10_000;
  const session = new Session();
  const requests = Array.from({ length: count }, () => session.submit(new Ping()));
  const half = concat(...Array.from({ length: count / 2 }, () => readyForQuery()));
  feed(session, half);
  assert.equal(requests.filter(({ settled }) => settled).length, count / 2);
  assert.ok(requests[count / 2 - 1]?.settled && !requests[count / 2]?.settled);
  feed(session, half);
  assert.ok(requests.every(({ settled, failure }) => settled && failure === undefined));
  assert.ok(session.idle);
});
