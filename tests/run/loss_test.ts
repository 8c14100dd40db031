import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { connectionError } from "../../src/run/connection_error.ts";
import { ConnectionError, PyroError, ServerError, UsageError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  bindComplete,
  concat,
  errorResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { callContextOf, GARBAGE, number, SOCKET } from "../support/scripted/links.ts";
import { type Incoming, ManualAsync, ManualSync, settled, systemError } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

const shutdown = errorResponse("57P01", "terminating connection due to administrator command", "FATAL");

/** How a connection can end: what comes, the words of the error, and the name of its cause. */
const ENDS: readonly (readonly [name: string, incoming: readonly Incoming[], words: RegExp, cause: string])[] = [
  ["the end of the stream", ["end"], /the server closed the connection$/, "ConnectionError"],
  ["the end inside of a message", [number(1).subarray(0, 9), "end"], /closed the connection$/, "ConnectionError"],
  ["a failing read", [systemError("ECONNRESET")], /connection reset$/, "ConnectionError"],
  ["garbage", [GARBAGE], /message 0x07/, "ProtocolError"],
  ["a message out of place", [concat(bindComplete(), readyForQuery())], /BindComplete, which is/, "ProtocolError"],
  ["an impossible length", [new Uint8Array([0x54, 255, 255, 255, 255])], /length of -1/, "ProtocolError"],
  ["the server's last words", [shutdown, "end"], /the server ended the connection: terminating/, "ServerError"],
  ["another encoding", [parameterStatus("client_encoding", "LATIN1")], /client_encoding/, "ConnectionError"],
];

/** That the connection was lost for this reason. The call whose reply breaks the protocol gets the ProtocolError itself. */
function isLoss(error: unknown, words: RegExp, cause: string, safeToRetry: boolean, ownReply: boolean = false): true {
  assert.ok(error instanceof PyroError);
  assert.match(error.message, words);
  assert.equal(error.connectionLost, true);
  assert.equal(error.safeToRetry, safeToRetry, `safe to retry: ${error.message}`);
  const itself = ownReply && cause === "ProtocolError";
  assert.equal(error.name, itself ? cause : "ConnectionError");
  if (!itself) assert.equal((error.cause as Error).name, cause);
  return true;
}

for (const [name, incoming, words, cause] of ENDS) {
  test(`${name} while a blocking call waits: it fails, and so do later calls at once`, () => {
    const transport = new ManualSync();
    const link = new SyncLink(transport, SOCKET);
    const context = callContextOf(link);
    transport.arrive(...incoming);
    const call = () =>
      link.run(statementCalls.query(context, "select 1", undefined, collectors.affected, OPTIONS_OF.nothing));
    assert.throws(call, (error) => isLoss(error, words, cause, false, true));
    assert.equal(context.state.closed, true);
    assert.ok(transport.closed > 0);
    const { length } = transport.writes;
    assert.throws(call, (error) => isLoss(error, words, cause, true));
    assert.equal(transport.writes.length, length, "nothing more is written");
  });

  test(`${name} while awaiting calls are under way: all fail, and so do later calls at once`, async () => {
    const transport = new ManualAsync();
    const link = new AsyncLink(transport, SOCKET);
    const context = callContextOf(link);
    const call = (sql: string) =>
      link.run(statementCalls.query(context, sql, undefined, collectors.affected, OPTIONS_OF.nothing));
    const sent = [
      call("select 1"),
      call("select 2"),
      link.run(statementCalls.exec(context, "a $1", [1], undefined, collectors.affected, OPTIONS_OF.nothing)),
    ];
    // The last one learns, so that these wait for their turns.
    const waiting = [call("select 3"), link.run(sessionCalls.ping(context, undefined))];
    const all = Promise.allSettled([...sent, ...waiting]);
    await settled();
    transport.arrive(...incoming);
    for (const [i, result] of (await all).entries()) {
      assert.equal(result.status, "rejected");
      isLoss(result.reason, words, cause, i >= sent.length, i === 0);
    }
    assert.equal(context.state.closed, true);
    assert.ok(transport.closed > 0);
    const { length } = transport.writes;
    await assert.rejects(call("select 4"), (error) => isLoss(error, words, cause, true));
    assert.equal(transport.writes.length, length, "nothing more is written");
  });
}

test("an awaiting connection that is lost while nothing is asked: nobody is told, and later calls fail", async () => {
  for (const incoming of ["end", systemError("ECONNRESET"), GARBAGE, shutdown] as const) {
    const transport = new ManualAsync();
    const link = new AsyncLink(transport, SOCKET);
    const context = callContextOf(link);
    const ping = link.run(sessionCalls.ping(context, undefined));
    transport.arrive(readyForQuery());
    await ping;
    assert.equal(context.state.closed, false);
    transport.arrive(incoming);
    await settled();
    assert.equal(context.state.closed, true);
    assert.ok(transport.closed > 0);
    await assert.rejects(
      link.run(sessionCalls.ping(context, undefined)),
      (error) => error instanceof ConnectionError && error.safeToRetry,
    );
  }
});

test("an awaiting connection takes what comes while nothing is asked", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const ping = link.run(sessionCalls.ping(context, undefined));
  transport.arrive(readyForQuery());
  await ping;
  const events: unknown[] = [];
  link.onEvent = (event) => events.push(event.kind === "notification" ? event.notification.payload : event.kind);
  transport.arrive(concat(notificationResponse("c", "hello"), parameterStatus("TimeZone", "UTC")));
  await settled();
  assert.deepEqual(events, ["hello", "parameter"]);
  assert.equal(link.session.parameters.TimeZone, "UTC");
  assert.equal(context.state.closed, false);
});

test("a call that was answered before the connection was lost succeeds", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const pending = [1, 2].map((n) =>
    link.run(statementCalls.query(context, `select ${n}`, undefined, collectors.firstValue, OPTIONS_OF.nothing))
  );
  await settled();
  transport.arrive(number(1), "end");
  const [first, second] = await Promise.allSettled(pending);
  assert.deepEqual(first, { status: "fulfilled", value: 1 });
  assert.equal(second?.status, "rejected");
});

test("an error that was read whole is told, even if its group never ends", async () => {
  const refusal = errorResponse("42601", "syntax error");
  const sync = new ManualSync();
  const blocking = new SyncLink(sync, SOCKET);
  sync.arrive(refusal, "end");
  assert.throws(
    () =>
      blocking.run(
        statementCalls.query(callContextOf(blocking), "bad", undefined, collectors.affected, OPTIONS_OF.nothing),
      ),
    ServerError,
  );
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const call = link.run(
    statementCalls.query(callContextOf(link), "bad", undefined, collectors.affected, OPTIONS_OF.nothing),
  );
  await settled();
  transport.arrive(refusal, "end");
  await assert.rejects(call, ServerError);
});

test("errors of sockets have the same words on every runtime", () => {
  const refusals = [
    Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" }),
    Object.assign(new Error("Connection refused (os error 111)"), { name: "ConnectionRefused" }),
    new AggregateError([Object.assign(new Error(""), { code: "ECONNREFUSED" }), new Error("other")]),
  ];
  for (const cause of refusals) {
    const error = connectionError(cause);
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.message, "connection refused");
    assert.equal(error.cause, cause);
    assert.equal(error.connectionLost, true);
  }
});

test("errors of sockets that have no words of ours keep their own", () => {
  assert.equal(connectionError(new Error("self-signed certificate")).message, "self-signed certificate");
  assert.equal(connectionError(Object.assign(new Error(""), { code: "EWEIRD" })).message, "EWEIRD");
  assert.equal(connectionError(new TypeError("")).message, "TypeError");
  assert.equal(connectionError("words").message, "words");
  assert.equal(connectionError(new AggregateError([], "none")).message, "none");
});

test("what failed stands in front of why", () => {
  const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
  assert.equal(
    connectionError(reset, "the TLS handshake failed").message,
    "the TLS handshake failed: connection reset",
  );
});

test("errors of pyro's own stay what they are", () => {
  for (
    const error of [
      new ConnectionError("timed out"),
      new UsageError("wrong"),
      new ServerError({ severity: "FATAL", code: "57P01", message: "terminating" }),
    ]
  ) {
    assert.equal(connectionError(error, "the TLS handshake failed"), error);
  }
});
