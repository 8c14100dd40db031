import assert from "node:assert/strict";
import { ProtocolError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { CloseStatements } from "../../src/protocol/close.ts";
import type { Request } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  closeComplete,
  commandComplete,
  concat,
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
import { reply } from "../support/scripted/feed.ts";
import { pipeline } from "../support/scripted/pipeline.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const prepare = (evicted: string[] = []): Prepare => new Prepare("s1", "select", evicted, registry);

test("prepare: learns parameters and columns", () => {
  const { value, session } = reply(
    () => prepare(),
    concat(
      parseComplete(),
      noticeResponse("in between"),
      parameterDescription(23, 25),
      rowDescription({ n: 23, t: 25 }),
      readyForQuery(),
    ),
  );
  assert.equal(value?.name, "s1");
  assert.equal(value?.sql, "select");
  assert.deepEqual(value?.parameterTypes, [23, 25]);
  assert.deepEqual(value?.description?.columns.map(({ name }) => name), ["n", "t"]);
  assert.deepEqual(sentMessages(session), [
    { code: "P", body: "s1\0select\0\0\0" },
    { code: "D", body: "Ss1\0" },
    { code: "S", body: "" },
  ]);
});

test("prepare: a statement without rows has no description", () => {
  const { value } = reply(() => prepare(), concat(parseComplete(), parameterDescription(), noData(), readyForQuery()));
  assert.notEqual(value, undefined);
  assert.equal(value?.description, undefined);
  assert.deepEqual(value?.resultFormats, []);
});

test("prepare: binary is asked for where a type has it, in the shortest way", () => {
  const formats = (...types: number[]): readonly number[] | undefined => {
    const columns = types.map((type, i): [string, number] => [`c${i}`, type]);
    const bytes = concat(parseComplete(), parameterDescription(), rowDescription(columns), readyForQuery());
    return reply(() => prepare(), bytes).value?.resultFormats;
  };
  const unknownType = 0xffff_ffff;
  assert.deepEqual(formats(23, 25, 20), [1]);
  assert.deepEqual(formats(unknownType, unknownType), []);
  assert.deepEqual(formats(23, unknownType), [1, 0]);
  assert.deepEqual(formats(), []);
});

test("prepare: a refused statement ends the call, not the connection", () => {
  for (const parts of [[], [parseComplete()], [parseComplete(), parameterDescription()]]) {
    const { failure, session } = reply(() => prepare(), concat(...parts, errorResponse("42P01"), readyForQuery("E")));
    assert.equal(failure?.kind === "server" && failure.fields.code, "42P01");
    assert.equal(session.lost, undefined);
  }
});

test("prepare: closes what makes room first", () => {
  const { value, session } = reply(
    () => prepare(["old"]),
    concat(closeComplete(), parseComplete(), parameterDescription(), noData(), readyForQuery()),
  );
  assert.equal(value?.name, "s1");
  assert.deepEqual(sentMessages(session)[0], { code: "C", body: "Sold\0" });
});

test("prepare: every message has its place", () => {
  const messages = [parseComplete(), parameterDescription(), noData(), readyForQuery()];
  const strangers = [bindComplete(), closeComplete(), commandComplete("SET"), emptyQueryResponse(), message("s")];
  for (let i = 0; i < messages.length; i++) {
    for (const stranger of strangers) {
      endsConnection(() => prepare(), ...messages.toSpliced(i, 0, stranger));
      endsConnection(() => prepare(), ...messages.with(i, stranger));
    }
    if (i === messages.length - 1) continue;
    endsConnection(() => prepare(), ...messages.toSpliced(i, 1));
    endsConnection(() => prepare(), ...messages.toSpliced(i, 0, messages[i]!));
  }
  endsConnection(() => prepare(["old"]), parseComplete(), ...messages);
});

test("prepare: without Sync it is done with the description", () => {
  const { words, session } = pipeline(
    () => [new Prepare("s1", "select", [], registry, "deferred")],
    concat(parseComplete(), parameterDescription(), noData()),
  );
  assert.deepEqual(words, ["ok"]);
  assert.ok(session.idle);
  assert.equal(sentMessages(session).map(({ code }) => code).join(""), "PD");
});

test("close: of several statements, and of none", () => {
  const { failure, session } = reply(
    () => new CloseStatements(["a", "b"]),
    concat(closeComplete(), closeComplete(), readyForQuery()),
  );
  assert.equal(failure, undefined);
  assert.deepEqual(sentMessages(session), [
    { code: "C", body: "Sa\0" },
    { code: "C", body: "Sb\0" },
    { code: "S", body: "" },
  ]);
  assert.equal(reply(() => new CloseStatements([]), readyForQuery()).failure, undefined);
});

test("close: every statement is answered, and nothing else comes", () => {
  endsConnection(() => new CloseStatements(["a", "b"]), closeComplete(), readyForQuery());
  endsConnection(() => new CloseStatements(["a"]), closeComplete(), closeComplete(), readyForQuery());
  endsConnection(() => new CloseStatements(["a"]), parseComplete(), readyForQuery());
});

test("ping: a ReadyForQuery and nothing else", () => {
  for (const [letter, status] of [["I", "idle"], ["T", "active"], ["E", "failed"]] as const) {
    const { failure, session } = reply(() => new Ping(), readyForQuery(letter));
    assert.equal(failure, undefined);
    assert.equal(session.transactionStatus, status);
    assert.deepEqual(sentMessages(session), [{ code: "S", body: "" }]);
  }
  for (const stranger of [parseComplete(), commandComplete("SET"), emptyQueryResponse(), noData()]) {
    endsConnection(() => new Ping(), stranger, readyForQuery());
  }
});

function endsConnection(make: () => Request<unknown>, ...messages: Uint8Array[]): void {
  const { failure, session } = reply(make, concat(...messages));
  assert.equal(failure?.kind, "malformed");
  assert.ok(session.lost instanceof ProtocolError);
  assert.match(session.lost.message, /is not allowed here$/);
}
