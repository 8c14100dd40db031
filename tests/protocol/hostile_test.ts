import assert from "node:assert/strict";
import { PyroError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { CloseStatements } from "../../src/protocol/close.ts";
import type { PendingRequest, Request } from "../../src/protocol/request.ts";
import { ExecuteStatement, NewStatement } from "../../src/protocol/extended_query.ts";
import { effectsOfStatement } from "../../src/sql/statement.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllResults, AllRows } from "../../src/rows/collectors.ts";
import { Startup } from "../../src/protocol/startup.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { Backend } from "../../src/wire/codes.ts";
import * as server from "../support/scripted/backend.ts";
import { takeEvents } from "../support/scripted/feed.ts";
import { Random } from "../support/suite/random.ts";
import { scramExchange } from "../support/scripted/scram_exchange.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const SELECT = new Prepared(
  "s",
  "select",
  [],
  [{ name: "n", typeOid: 23, typeSize: 4, typeModifier: -1, tableOid: 0, columnNumber: 0 }],
  registry,
);
const SCRAM = scramExchange({
  password: "secret",
  clientNonce: "nonce",
  serverNonce: "x",
  salt: "c2FsdA==",
  iterations: 1,
});

type Make = (session: Session) => Request<unknown>;

const startup: Make = (session) =>
  new Startup(
    { user: "ada", password: "secret", parameters: [["user", "ada"]], nonce: () => "nonce" },
    session,
  );
const query: Make = () => new SimpleQuery("sql", new AllResults("object"), registry);
const execute: Make = () => new ExecuteStatement(SELECT, [], new AllRows("array"), registry);
const unnamed: Make = () => new ExecuteStatement(SELECT.renewed(registry, ""), [], new AllRows("object"), registry);
const first: Make = () =>
  new ExecuteStatement(
    new NewStatement("sql", { name: "s", evicted: ["old"], generation: 0 }, effectsOfStatement("sql"), () => {}),
    [],
    new AllRows("array"),
    registry,
  );
const prepare: Make = () => new Prepare("s", "sql", ["old"], registry);
const close: Make = () => new CloseStatements(["a", "b"]);
const ping: Make = () => new Ping();

const ROWS = server.rowDescription([["n", 23], ["t", 25]]);
const DONE = server.concat(server.commandComplete("SELECT 1"), server.readyForQuery("T"));
const BINARY = server.dataRow(new Uint8Array([0, 0, 0, 1]));

/** Conversations as they should be. */
const CONVERSATIONS: readonly (readonly [name: string, make: Make, reply: Uint8Array])[] = [
  [
    "startup",
    startup,
    server.concat(
      server.authentication(10, (out) => {
        out.cstring("SCRAM-SHA-256");
        out.byte(0);
      }),
      server.authentication(11, (out) => out.text(SCRAM.serverFirst)),
      server.authentication(12, (out) => out.text(SCRAM.serverFinal)),
      server.authentication(0),
      server.parameterStatus("client_encoding", "UTF8"),
      server.backendKeyData(),
      server.readyForQuery(),
    ),
  ],
  [
    "rows",
    query,
    server.concat(
      ROWS,
      server.dataRow("1", "x"),
      server.noticeResponse("n"),
      server.dataRow(null, ""),
      server.commandComplete("SELECT 2"),
      server.commandComplete("INSERT 0 1"),
      server.emptyQueryResponse(),
      server.notificationResponse("c", "p"),
      server.readyForQuery(),
    ),
  ],
  ["error", query, server.concat(ROWS, server.errorResponse(), server.noticeResponse("n"), server.readyForQuery("E"))],
  ["copy", query, server.concat(server.copyResponse("H"), server.copyData("1\n"), server.copyDone(), DONE)],
  ["prepared", execute, server.concat(server.bindComplete(), BINARY, BINARY, DONE)],
  [
    "unnamed",
    unnamed,
    server.concat(server.parseComplete(), server.bindComplete(), server.rowDescription({ n: 23 }, 1), BINARY, DONE),
  ],
  [
    "first",
    first,
    server.concat(
      server.closeComplete(),
      server.parseComplete(),
      server.parameterDescription(),
      server.rowDescription({ n: 23 }),
      server.bindComplete(),
      server.dataRow("1"),
      DONE,
    ),
  ],
  [
    "prepare",
    prepare,
    server.concat(
      server.closeComplete(),
      server.parseComplete(),
      server.parameterDescription(23),
      ROWS,
      server.readyForQuery(),
    ),
  ],
  ["close", close, server.concat(server.closeComplete(), server.closeComplete(), server.readyForQuery())],
];

test("hostile server: conversations cut at any byte wait, and end when the connection does", () => {
  for (const [name, make, reply] of CONVERSATIONS) {
    for (let length = 0; length < reply.length; length++) {
      const { session, pending } = converse(make, reply.subarray(0, length));
      assert.equal(pending.settled, false, `${name} cut at ${length}`);
      assert.equal(session.advance(), "read");
      session.lose(new Error("gone"));
      assert.notEqual(pending.failure, undefined);
    }
  }
});

test("hostile server: conversations with any byte changed end in an outcome, or wait for more", () => {
  for (const [name, make, reply] of CONVERSATIONS) {
    for (let at = 0; at < reply.length; at++) {
      for (const change of [0x01, 0x10, 0x20, 0x80, 0xff]) {
        const changed = reply.slice();
        changed[at]! ^= change;
        const whole = converse(make, changed);
        const trickled = converse(make, changed, 1);
        assert.equal(summary(trickled), summary(whole), `${name} with byte ${at} xor ${change}`);
      }
    }
  }
});

test("hostile server: conversations with messages left out, repeated or swapped end in an outcome", () => {
  for (const [, make, reply] of CONVERSATIONS) {
    const messages = split(reply);
    for (let i = 0; i < messages.length; i++) {
      const before = messages.slice(0, i);
      const after = messages.slice(i + 1);
      converse(make, server.concat(...before, ...after));
      converse(make, server.concat(...before, messages[i]!, messages[i]!, ...after));
      converse(make, server.concat(...before, ...after.slice(0, 1), messages[i]!, ...after.slice(1)));
    }
  }
});

test("hostile server: random bytes end in an outcome, or wait for more", () => {
  const random = new Random(6);
  for (let round = 0; round < 1500; round++) {
    converse(
      random.pick([startup, query, execute, unnamed, first, prepare, close, ping]),
      random.bytes(random.below(200)),
    );
  }
});

test("hostile server: random messages end in an outcome, or wait for more", () => {
  const random = new Random(7);
  const codes = Object.values(Backend);
  for (let round = 0; round < 3000; round++) {
    const messages = Array.from(
      { length: 1 + random.below(6) },
      () => server.message(String.fromCharCode(random.pick(codes)), (out) => out.bytes(body(random))),
    );
    const make = random.pick([startup, query, first, prepare, close, ping]);
    converse(make, server.concat(...messages), random.pick([1, 5, Infinity]));
  }
});

test("hostile server: what belongs to other conversations ends in an outcome, or waits for more", () => {
  const makes = [startup, execute, unnamed, first, prepare, close, ping];
  for (const make of makes) {
    for (const [, , reply] of CONVERSATIONS) converse(make, reply, 3);
  }
});

test("hostile server: one that only ever wants to copy makes nobody send without end", () => {
  const session = new Session();
  session.inbox.trust();
  session.submit(query(session));
  const demand = server.concat(...Array.from({ length: 1000 }, () => server.copyResponse("G")));
  const room = session.inbox.reserve();
  room.set(demand);
  session.inbox.commit(demand.length);
  session.advance();
  assert.ok(session.outbox.size < 10 * demand.length);
});

interface Conversation {
  readonly session: Session;
  readonly pending: PendingRequest<unknown>;
}

/** Feeds bytes to a request, with another behind it, and checks what must hold whatever they are. */
function converse(make: Make, bytes: Uint8Array, chunk: number = Infinity): Conversation {
  const session = new Session();
  const { inbox, outbox } = session;
  const pending = session.submit(make(session));
  // Only the startup meets a server that is not trusted.
  if (make !== startup) inbox.trust();
  session.submit(new Ping());
  const initial = inbox.bytes.length;
  for (let at = 0; at < bytes.length && session.lost === undefined;) {
    const room = inbox.reserve();
    assert.ok(room.length > 0);
    const count = Math.min(room.length, bytes.length - at, chunk);
    room.set(bytes.subarray(at, at + count));
    inbox.commit(count);
    at += count;
    session.advance();
  }
  assert.equal(inbox.bytes.length, initial, "nothing grows for what has not arrived");
  assert.ok(outbox.size < 1000, "little is said for little that was heard");
  assert.ok(session.lost === undefined || session.lost instanceof PyroError, String(session.lost?.stack));
  assert.ok(pending.settled || session.lost === undefined);
  if (session.lost === undefined) assert.equal(session.advance(), session.idle ? "idle" : "read");
  return { session, pending };
}

/** Everything about an outcome that must not depend on how the bytes came. */
function summary({ session, pending }: Conversation): string {
  const { settled, value, failure } = pending;
  const error = failure?.kind === "unusable" ? failure.error.message : failure?.kind;
  const shown = JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part);
  return `${settled} ${shown} ${error} ${session.lost?.message} ${session.transactionStatus} ${
    takeEvents(session).length
  }`;
}

function split(stream: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  for (let at = 0; at < stream.length;) {
    const end = at + 1 + view.getInt32(at + 1);
    messages.push(stream.subarray(at, end));
    at = end;
  }
  return messages;
}

/** Bodies that are likely to be understood in part: small numbers, short strings, zeros. */
function body(random: Random): Uint8Array {
  const length = random.pick([0, 1, 2, 4, 5, 8, 12, 30]);
  return Uint8Array.from({ length }, () => random.pick([0, 0, 0, 1, 2, 3, 4, 10, 12, 0x49, 0x54, 0x61, 0xff]));
}
