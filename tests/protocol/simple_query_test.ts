import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AffectedRows, AllResults, AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  backendKeyData,
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
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);

test("simple query: rows of the last statement that gave any", () => {
  const { value, session } = reply(
    () => new SimpleQuery("select 1; select 2, 'x'; set a = b", new AllRows("object"), registry),
    concat(
      rowDescription({ n: 23 }),
      dataRow("1"),
      commandComplete("SELECT 1"),
      noticeResponse("in between"),
      rowDescription({ n: 23, t: 25 }),
      dataRow("2", "x"),
      dataRow(null, ""),
      commandComplete("SELECT 2"),
      commandComplete("SET"),
      readyForQuery("T"),
    ),
  );
  assert.deepEqual(value, [{ n: 2, t: "x" }, { n: null, t: "" }]);
  assert.equal(session.transactionStatus, "active");
});

test("simple query: an error ends the call, not the connection", () => {
  const { failure, session } = reply(
    () => new SimpleQuery("select 1; bad", new AllRows("object"), registry),
    concat(
      rowDescription({ n: 23 }),
      dataRow("1"),
      commandComplete("SELECT 1"),
      errorResponse("42601", "syntax error"),
      readyForQuery(),
    ),
  );
  assert.equal(failure?.kind === "server" && failure.fields.code, "42601");
  assert.equal(session.lost, undefined);
});

test("simple query: the text is sent as it is, in one message", () => {
  const { session } = query(commandComplete("SET"), readyForQuery());
  assert.deepEqual(sentMessages(session), [{ code: "Q", body: "sql\0" }]);
});

test("simple query: an empty text has an empty result", () => {
  const { value, session } = query(emptyQueryResponse(), readyForQuery());
  assert.deepEqual(value, [{ rows: [], columns: [], command: "", affected: 0, count: null }]);
  assert.equal(sentMessages(session).length, 1);
});

test("simple query: every statement has its result, in order", () => {
  const { value } = query(
    commandComplete("BEGIN"),
    rowDescription({ a: 23 }),
    dataRow("1"),
    dataRow("2"),
    commandComplete("SELECT 2"),
    rowDescription({ b: 25 }),
    commandComplete("SELECT 0"),
    commandComplete("INSERT 0 3"),
    readyForQuery("T"),
  );
  assert.deepEqual(
    value?.map(({ command, affected, rows, columns }) => [command, affected, rows, columns.map(({ name }) => name)]),
    [["BEGIN", 0, [], []], ["SELECT", 2, [[1], [2]], ["a"]], ["SELECT", 0, [], ["b"]], ["INSERT", 3, [], []]],
  );
});

test("simple query: rows may be binary, as those of a binary cursor are", () => {
  const { value } = query(
    rowDescription({ n: 23 }, 1),
    dataRow(new Uint8Array([0, 0, 1, 0])),
    commandComplete("FETCH 1"),
    readyForQuery("T"),
  );
  assert.deepEqual(value?.[0]?.rows, [[256]]);
});

test("simple query: a row without columns is a row", () => {
  const { value } = query(rowDescription({}), dataRow(), dataRow(), commandComplete("SELECT 2"), readyForQuery());
  assert.deepEqual(value?.[0]?.rows, [[], []]);
});

test("simple query: the transaction status is the one of its ReadyForQuery", () => {
  for (const [letter, status] of [["I", "idle"], ["T", "active"], ["E", "failed"]] as const) {
    const session = query(commandComplete("SET"), readyForQuery(letter)).session;
    assert.equal(session.transactionStatus, status);
    const failed = query(errorResponse(), readyForQuery(letter)).session;
    assert.equal(failed.transactionStatus, status);
  }
});

test("simple query: an error may come at any point of the reply", () => {
  const parts = [rowDescription({ n: 23 }), dataRow("1"), commandComplete("SELECT 1"), emptyQueryResponse()];
  for (let length = 0; length <= parts.length; length++) {
    const { failure, session } = query(...parts.slice(0, length), errorResponse("22012"), readyForQuery("E"));
    assert.equal(failure?.kind === "server" && failure.fields.code, "22012");
    assert.equal(session.lost, undefined);
    assert.equal(session.transactionStatus, "failed");
  }
});

test("simple query: messages of other conversations end the connection", () => {
  const strangers = [
    parseComplete(),
    bindComplete(),
    closeComplete(),
    noData(),
    parameterDescription(),
    backendKeyData(),
    message("R", (out) => out.int32(0)),
    message("s"),
    message("v"),
    message("W", (out) => out.bytes(new Uint8Array(3))),
    message("\x00"),
    message("Q"),
  ];
  for (const stranger of strangers) {
    const { failure, session } = query(stranger, commandComplete("SET"), readyForQuery());
    assert.equal(failure?.kind, "malformed");
    assert.ok(session.lost instanceof ProtocolError);
  }
});

test("simple query: malformed messages end the connection", () => {
  const malformed = [
    message("T"),
    message("T", (out) => out.int16(1)),
    message("C"),
    message("C", (out) => out.text("SET")),
    message("Z"),
    message("E"),
    message("E", (out) => out.byte(0x53)),
    message("N"),
    message("S"),
    message("A"),
  ];
  for (const bytes of malformed) {
    const { failure, session } = query(bytes, readyForQuery());
    assert.equal(failure?.kind, "malformed");
    assert.ok(session.lost instanceof ProtocolError);
  }
});

test("simple query: the number of affected rows is the last statement's", () => {
  const affected = (...messages: Uint8Array[]): number | undefined =>
    reply(() => new SimpleQuery("sql", new AffectedRows(), registry), concat(...messages, readyForQuery())).value;
  assert.equal(affected(commandComplete("INSERT 0 5"), commandComplete("UPDATE 2")), 2);
  assert.equal(affected(commandComplete("INSERT 0 5"), commandComplete("CREATE TABLE")), 0);
  assert.equal(affected(commandComplete("INSERT 0 5"), emptyQueryResponse()), 0);
});

type Results = ReturnType<AllResults["result"]>;

function query(...messages: Uint8Array[]): Outcome<Results> {
  return reply(() => new SimpleQuery("sql", new AllResults("array"), registry), concat(...messages));
}
