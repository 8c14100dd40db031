import assert from "node:assert/strict";
import { EncodeError, ProtocolError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { ExecuteStatement } from "../../src/protocol/extended_query.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { Session } from "../../src/protocol/session.ts";
import { AffectedRows, AllRows, OnlyResult } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import type { Column } from "../../src/wire/backend.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  message,
  noData,
  noticeResponse,
  parameterDescription,
  parseComplete,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Outcome, reply } from "../support/scripted/feed.ts";
import { sentCodes, sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
/** select $1 as n */
const SELECT = new Prepared("s1", "select", [23], [column("n", 23)], registry);
/** insert … */
const INSERT = new Prepared("s2", "insert", [], undefined, registry);
const BINARY_2 = new Uint8Array([0, 0, 0, 2]);

test("execute prepared: rows come in the formats that were asked for", () => {
  const { value, session } = prepared(
    [1],
    bindComplete(),
    dataRow(BINARY_2),
    noticeResponse("x"),
    dataRow(null),
    done(2),
  );
  assert.deepEqual(value, [[2], [null]]);
  assert.deepEqual(sentMessages(session), [
    { code: "B", body: "\0s1\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x01\0\x01\0\x01" },
    { code: "E", body: "\0\0\0\0\0" },
    { code: "S", body: "" },
  ]);
});

test("execute prepared: no rows is an empty result", () => {
  assert.deepEqual(prepared([null], bindComplete(), done(0)).value, []);
});

test("execute prepared: a statement without rows", () => {
  const bytes = concat(bindComplete(), commandComplete("INSERT 0 4"), readyForQuery("T"));
  assert.equal(reply(() => new ExecuteStatement(INSERT, [], new AffectedRows(), registry), bytes).value, 4);
  assert.deepEqual(reply(() => new ExecuteStatement(INSERT, [], new AllRows("array"), registry), bytes).value, []);
});

test("execute prepared: an empty statement", () => {
  const bytes = concat(bindComplete(), emptyQueryResponse(), readyForQuery());
  const { value, session } = reply(() => new ExecuteStatement(INSERT, [], new OnlyResult("array"), registry), bytes);
  assert.deepEqual(value, { rows: [], columns: [], command: "", affected: 0, count: null });
  assert.equal(sentCodes(session), "BES");
});

test("execute prepared: everything that a statement gives", () => {
  const bytes = concat(bindComplete(), dataRow(BINARY_2), dataRow(null), done(2));
  assert.deepEqual(reply(() => new ExecuteStatement(SELECT, [1], new OnlyResult("object"), registry), bytes).value, {
    rows: [{ n: 2 }, { n: null }],
    columns: [column("n", 23)],
    command: "SELECT",
    affected: 2,
    count: 2,
  });
});

test("execute prepared: an error may come instead of any message", () => {
  const parts = [bindComplete(), dataRow(BINARY_2), commandComplete("SELECT 1")];
  for (let length = 0; length <= parts.length; length++) {
    const { failure, session } = prepared([1], ...parts.slice(0, length), errorResponse("23505"), readyForQuery("E"));
    assert.equal(failure?.kind === "server" && failure.fields.code, "23505");
    assert.equal(session.lost, undefined);
    assert.equal(session.transactionStatus, "failed");
  }
});

test("execute prepared: a value that cannot be decoded fails the call, and the connection goes on", () => {
  const { failure, session } = prepared(
    [1],
    bindComplete(),
    dataRow(BINARY_2),
    dataRow("123"),
    dataRow(BINARY_2),
    done(3),
  );
  assert.equal(failure?.kind === "unusable" && failure.error.name, "DecodeError");
  assert.equal(session.lost, undefined);
});

test("execute prepared: messages of other conversations end the connection", () => {
  const strangers = [parseComplete(), closeComplete(), noData(), parameterDescription(), message("s"), message("W")];
  for (const stranger of [...strangers, rowDescription({ n: 23 }), bindComplete()]) {
    endsConnection(prepared([1], bindComplete(), stranger, done(0)));
  }
  for (const stranger of [...strangers, dataRow(BINARY_2), commandComplete("SELECT 1"), readyForQuery()]) {
    endsConnection(prepared([1], stranger, bindComplete(), done(0)));
    endsConnection(prepared([1], stranger, done(0)));
  }
});

test("execute prepared: what cannot be encoded is not sent, not even in part", () => {
  const session = new Session();
  for (
    const [values, kind] of [[["x\0"], EncodeError], [[{}], EncodeError], [[], UsageError], [
      [1, 2],
      UsageError,
    ]] as const
  ) {
    assert.throws(() => session.submit(new ExecuteStatement(SELECT, values, new AllRows("array"), registry)), kind);
    assert.equal(session.outbox.size, 0);
    assert.ok(session.idle);
  }
});

test("execute unnamed: everything in one request", () => {
  const { value, session } = unnamed(
    parseComplete(),
    bindComplete(),
    rowDescription({ n: 23 }, 1),
    dataRow(BINARY_2),
    done(1),
  );
  assert.deepEqual(value, [[2]]);
  const messages = sentMessages(session);
  assert.equal(messages.map(({ code }) => code).join(""), "PBDES");
  assert.equal(messages[0]?.body, "\0select\0\0\x01\0\0\0\x17");
  assert.equal(messages[2]?.body, "P\0");
});

test("execute unnamed: rows are read as the server describes them, not as they once were", () => {
  const { value } = unnamed(
    parseComplete(),
    bindComplete(),
    rowDescription({ t: 25, u: 25 }, 1),
    dataRow("x", "y"),
    done(1),
  );
  assert.deepEqual(value, [["x", "y"]]);
});

test("execute unnamed: a statement without rows", () => {
  assert.deepEqual(
    unnamed(parseComplete(), bindComplete(), noData(), commandComplete("SET"), readyForQuery()).value,
    [],
  );
});

test("execute unnamed: every message has its place", () => {
  const messages = [parseComplete(), bindComplete(), noData()];
  for (let i = 0; i < messages.length; i++) {
    for (const stranger of [closeComplete(), commandComplete("SET"), message("s"), ...messages.toSpliced(i, 1)]) {
      endsConnection(unnamed(...messages.with(i, stranger), done(0)));
    }
  }
  endsConnection(unnamed(...messages, noData(), done(0)));
});

function prepared(values: readonly unknown[], ...messages: Uint8Array[]): Outcome<unknown[]> {
  return reply(() => new ExecuteStatement(SELECT, values, new AllRows("array"), registry), concat(...messages));
}

function unnamed(...messages: Uint8Array[]): Outcome<unknown[]> {
  return reply(
    () => new ExecuteStatement(SELECT.renewed(registry, ""), [1], new AllRows("array"), registry),
    concat(...messages),
  );
}

function done(rows: number): Uint8Array {
  return concat(commandComplete(`SELECT ${rows}`), readyForQuery());
}

function endsConnection({ failure, session }: Outcome<unknown>): void {
  assert.equal(failure?.kind, "malformed");
  assert.ok(session.lost instanceof ProtocolError);
}

function column(name: string, typeOid: number): Column {
  return { name, typeOid, typeSize: -1, typeModifier: -1, tableOid: 0, columnNumber: 0 };
}
