import assert from "node:assert/strict";
import { ConnectionError, ProtocolError, ServerError, type ServerFields } from "../../src/errors.ts";
import type { PendingRequest } from "../../src/protocol/request.ts";
import { Session } from "../../src/protocol/session.ts";
import { type AuthMethod, Disclosure, Startup, type StartupOptions } from "../../src/protocol/startup.ts";
import {
  authentication,
  backendKeyData,
  concat,
  errorResponse,
  message,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { feed, type Outcome, reply, takeEvents } from "../support/scripted/feed.ts";
import { sentMessages } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const OPTIONS: StartupOptions = {
  user: "ada",
  password: "secret",
  parameters: [["user", "ada"], ["database", "db"]],
  nonce: () => "nonce",
};
const OK = authentication(0);

test("startup: a server that trusts us gets nothing but the parameters", () => {
  const { value, session } = startup(OK, backendKeyData(7), readyForQuery());
  assert.equal(value?.disclosure, Disclosure.None);
  assert.deepEqual(sentMessages(session), [{ code: "0", body: "\0\x03\0\0user\0ada\0database\0db\0\0" }]);
  assert.equal(session.key?.processId, 7);
  assert.equal(session.transactionStatus, "idle");
});

test("startup: reported settings are kept, the last value of each", () => {
  const { session } = startup(
    OK,
    parameterStatus("TimeZone", "UTC"),
    parameterStatus("server_version", "18.4"),
    parameterStatus("client_encoding", "UTF8"),
    parameterStatus("TimeZone", "Europe/Berlin"),
    readyForQuery(),
  );
  assert.deepEqual(session.parameters, { TimeZone: "Europe/Berlin", server_version: "18.4", client_encoding: "UTF8" });
});

test("startup: what is reported then is no change, what is reported later is one", () => {
  const { session } = startup(OK, parameterStatus("TimeZone", "UTC"), readyForQuery());
  assert.deepEqual(takeEvents(session), []);
  feed(session, parameterStatus("TimeZone", "UTC"));
  assert.deepEqual(takeEvents(session), [{ kind: "parameter", name: "TimeZone" }]);
});

test("startup: a setting may have any name", () => {
  const { session } = startup(OK, parameterStatus("__proto__", "x"), parameterStatus("a", "b"), readyForQuery());
  assert.deepEqual(Object.entries(session.parameters), [["__proto__", "x"], ["a", "b"]]);
  assert.equal(Object.getPrototypeOf(session.parameters), Object.prototype);
});

test("startup: notices and notifications may come once the server has let us in", () => {
  const asynchronous = concat(noticeResponse("hello"), notificationResponse("channel", "payload"));
  const { value, session } = startup(
    OK,
    asynchronous,
    backendKeyData(),
    asynchronous,
    readyForQuery(),
  );
  assert.equal(value?.disclosure, Disclosure.None);
  assert.equal(takeEvents(session).map(({ kind }) => kind).join(" "), "notice notification ".repeat(2).trim());
});

test("startup: a server without cancellation sends no key", () => {
  const { failure, session } = startup(OK, readyForQuery());
  assert.equal(failure, undefined);
  assert.equal(session.key, undefined);
});

test("startup: an error ends the session, wherever it comes", () => {
  const beginnings = [[], [OK], [authentication(3)], [OK, backendKeyData(), parameterStatus("a", "b")]];
  for (const beginning of beginnings) {
    const { failure, session } = startup(...beginning, errorResponse("3D000", "no such database", "FATAL"));
    assert.equal(failure?.kind === "server" && failure.fields.code, "3D000");
    assert.ok(session.lost instanceof ServerError);
    assert.equal(session.lost.code, "3D000");
  }
});

test("startup: even an error that is not fatal ends the session, as no ReadyForQuery would follow", () => {
  const { failure, session } = startup(errorResponse("28P01", "wrong password", "ERROR"));
  assert.equal(failure?.kind, "server");
  assert.ok(session.lost instanceof ServerError);
});

test("startup: another client_encoding than UTF8 ends the session", () => {
  for (const value of ["LATIN1", "SQL_ASCII", ""]) {
    const { session } = endsWith(ConnectionError, OK, parameterStatus("client_encoding", value));
    assert.match(session.lost!.message, /client_encoding/);
  }
});

test("startup: nothing of a query may come, before or after authentication", () => {
  for (const code of ["1", "2", "3", "C", "D", "G", "H", "I", "T", "W", "c", "d", "n", "s", "t", "\x07", "\xff"]) {
    endsWith(ProtocolError, message(code));
    endsWith(ProtocolError, OK, message(code));
  }
});

test("startup: there is no key and no ReadyForQuery before authentication", () => {
  endsWith(ProtocolError, backendKeyData());
  endsWith(ProtocolError, readyForQuery());
});

test("startup: authentication ends once", () => {
  endsWith(ProtocolError, OK, OK);
  endsWith(ProtocolError, OK, authentication(3));
});

test("startup: a malformed Authentication is refused", () => {
  endsWith(ProtocolError, message("R"));
  endsWith(ProtocolError, message("R", (out) => out.int16(0)));
  endsWith(ProtocolError, authentication(0, (out) => out.byte(0)));
  endsWith(ProtocolError, authentication(3, (out) => out.byte(0)));
});

test("startup: long messages are accepted from the server that let us in, not from a stranger", () => {
  const long = noticeResponse("x".repeat(40_000));
  endsWith(ProtocolError, long);
  assert.equal(startup(OK, long, readyForQuery()).failure, undefined);
});

test("startup: it is not over before ReadyForQuery", () => {
  for (const replies of [[], [OK], [OK, backendKeyData()], [authentication(3)]]) {
    const { session, pending } = submitted();
    feed(session, concat(...replies));
    assert.equal(pending.settled, false);
    assert.equal(session.advance(), "read");
  }
});

test("startup: a connection lost in the middle fails it", () => {
  const { session, pending } = submitted();
  session.outbox.sent(1);
  feed(session, OK);
  session.lose(new Error("gone"));
  assert.deepEqual(pending.failure, { kind: "lost", cause: session.lost, sent: true, inTransaction: false });
});

test("startup: a parameter that a pooler does not know is refused in its words, with a hint", () => {
  const refusedWith = (words: string): ServerFields => {
    const { failure } = startup(errorResponse("08P01", words, "FATAL"));
    assert.ok(failure?.kind === "server");
    return failure.fields;
  };
  for (const words of ["unsupported startup parameter: geqo", "unsupported startup parameter in options: geqo"]) {
    const { message, hint } = refusedWith(words);
    assert.equal(message, words);
    assert.match(hint!, /does not pass geqo on.*ignore_startup_parameters/);
  }
  assert.equal(refusedWith("no such database: geqo").hint, undefined);
});

function submitted(): { session: Session; pending: PendingRequest<AuthMethod> } {
  const session = new Session();
  return { session, pending: session.submit(new Startup(OPTIONS, session)) };
}

function startup(...messages: Uint8Array[]): Outcome<AuthMethod> {
  return reply((session) => new Startup(OPTIONS, session), concat(...messages));
}

/** The request fails, and the session is lost, for that kind of reason. */
function endsWith(kind: new (message: string) => Error, ...messages: Uint8Array[]): Outcome<AuthMethod> {
  const outcome = startup(...messages);
  assert.notEqual(outcome.failure, undefined);
  assert.equal(outcome.session.lost?.constructor, kind);
  return outcome;
}
