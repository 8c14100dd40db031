import assert from "node:assert/strict";
import { ConnectionError, EncodeError, ProtocolError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import type { ReplyReader, Request } from "../../src/protocol/request.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Session, type SessionEvent } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import type { Outbox } from "../../src/wire/outbox.ts";
import {
  backendKeyData,
  bindComplete,
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { feed, takeEvents } from "../support/scripted/feed.ts";
import { sentCodes } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const GONE = new Error("the network is down");
const FATAL = errorResponse("57P01", "terminating connection", "FATAL");

const query = (): SimpleQuery<unknown[]> => new SimpleQuery("sql", new AllRows("array"), registry);

test("session: a new one is idle and has nothing to say", () => {
  const session = new Session();
  assert.ok(session.idle);
  assert.equal(session.advance(), "idle");
  assert.equal(session.transactionStatus, "idle");
  assert.equal(session.lost, undefined);
  assert.equal(session.outbox.size, 0);
  assert.deepEqual(takeEvents(session), []);
});

test("session: it wants bytes until the reply is whole", () => {
  const session = new Session();
  const pending = session.submit(query());
  assert.equal(session.advance(), "read");
  for (const part of [rowDescription({ a: 23 }), dataRow("1"), commandComplete("SELECT 1")]) {
    feed(session, part);
    assert.equal(session.advance(), "read");
    assert.equal(session.idle, false);
  }
  feed(session, readyForQuery());
  assert.equal(session.advance(), "idle");
  assert.ok(pending.settled && session.idle);
});

test("session: a request that throws is not queued, and nothing of it is sent", () => {
  const session = new Session();
  session.submit(new Ping());
  const bad = new Encoding((out) => {
    out.begin(0x51);
    out.bytes(new Uint8Array(50_000));
    throw new EncodeError("no");
  });
  assert.throws(() => session.submit(bad), EncodeError);
  const pending = session.submit(query());
  assert.equal(sentCodes(session), "SQ");
  feed(session, concat(readyForQuery(), commandComplete("SET"), readyForQuery()));
  assert.deepEqual(pending.value, []);
});

test("session: events come in the order of the server, whatever they stand between", () => {
  const session = new Session();
  session.submit(query());
  feed(
    session,
    concat(
      noticeResponse("1"),
      rowDescription({ a: 23 }),
      notificationResponse("2", "payload", 9),
      dataRow("1"),
      noticeResponse("3"),
      errorResponse(),
      notificationResponse("4", ""),
      readyForQuery(),
      noticeResponse("5"),
    ),
    1,
  );
  const names = takeEvents(session).map(nameOf);
  assert.deepEqual(names, ["notice 1", "notification 2", "notice 3", "notification 4", "notice 5"]);
  assert.deepEqual(takeEvents(session), []);
});

test("session: events are whole", () => {
  const session = new Session();
  feed(session, concat(notificationResponse("channel", "payload", 9), noticeResponse("careful")));
  assert.deepEqual(takeEvents(session), [
    { kind: "notification", notification: { channel: "channel", payload: "payload", pid: 9 } },
    { kind: "notice", notice: { severity: "NOTICE", code: "00000", message: "careful" } },
  ]);
});

test("session: a loss is the last event, and those before it can still be taken", () => {
  const session = new Session();
  feed(session, concat(noticeResponse("last words"), FATAL));
  assert.deepEqual(takeEvents(session).map(nameOf), ["notice last words", "lost"]);
  session.lose(GONE);
  assert.deepEqual(takeEvents(session), [], "the loss is told once");
});

test("session: settings change while idle too, and each state is a value of its own", () => {
  const session = new Session();
  feed(session, parameterStatus("TimeZone", "UTC"));
  const before = session.parameters;
  feed(session, parameterStatus("TimeZone", "Asia/Tokyo"));
  assert.deepEqual(before, { TimeZone: "UTC" });
  assert.deepEqual(session.parameters, { TimeZone: "Asia/Tokyo" });
  assert.throws(() => Object.assign(session.parameters, { TimeZone: "x" }), TypeError);
  assert.deepEqual(takeEvents(session).map(nameOf), ["parameter TimeZone"], "once for all changes");
});

test("session: another client_encoding while idle, or after an error, ends the connection", () => {
  const change = parameterStatus("client_encoding", "LATIN1");
  const idle = new Session();
  feed(idle, change);
  assert.ok(idle.lost instanceof ConnectionError);
  const failed = new Session();
  const pending = failed.submit(query());
  feed(failed, concat(errorResponse("42601"), change));
  assert.ok(failed.lost instanceof ConnectionError);
  assert.equal(pending.failure?.kind, "server");
});

test("session: a message that nobody asked for ends the connection", () => {
  for (const message of [commandComplete("SET"), dataRow("1"), readyForQuery(), bindComplete(), backendKeyData()]) {
    const session = new Session();
    feed(session, message);
    assert.ok(session.lost instanceof ProtocolError);
    assert.match(session.lost.message, /^Cannot wait for requests/);
  }
});

test("session: a reply reader that is not finished is ended, its finally blocks run", () => {
  for (const end of [(session: Session) => session.lose(GONE), (session: Session) => feed(session, errorResponse())]) {
    const session = new Session();
    const request = new Encoding(() => {});
    session.submit(request);
    session.advance();
    assert.equal(request.ended, false);
    end(session);
    assert.equal(request.ended, true);
  }
});

function nameOf(event: SessionEvent): string {
  switch (event.kind) {
    case "notice":
      return `notice ${event.notice.message}`;
    case "notification":
      return `notification ${event.notification.channel}`;
    case "parameter":
      return `parameter ${event.name}`;
    default:
      return event.kind;
  }
}

/** Writes whatever it is told to, and waits for ever. */
class Encoding implements Request<void> {
  readonly action = "test";
  readonly syncMode = "explicit";
  readonly encode: (out: Outbox) => void;
  ended = false;

  constructor(request: (out: Outbox) => void) {
    this.encode = request;
  }

  *reply(inbox: Session["inbox"]): ReplyReader<void> {
    try {
      while (!inbox.next()) yield "read";
    } finally {
      this.ended = true;
    }
  }
}
