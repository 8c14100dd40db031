import assert from "node:assert/strict";
import { ConnectionError, ServerError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { feed } from "../support/scripted/feed.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const GONE = new Error("the network is down");

const query = (): SimpleQuery<unknown[]> => new SimpleQuery("sql", new AllRows("array"), registry);

test("session: any error while idle ends the connection, with the server's reason", () => {
  for (const severity of ["ERROR", "FATAL", "PANIC"]) {
    const session = new Session();
    feed(session, errorResponse("57P01", "terminating connection", severity));
    assert.ok(session.lost instanceof ServerError);
    assert.equal(session.lost.code, "57P01");
  }
});

test("session: a fatal error in mid-reply fails everything outstanding with the server's reason", () => {
  for (const severity of ["FATAL", "PANIC"]) {
    const session = new Session();
    const requests = [session.submit(query()), session.submit(query())];
    session.outbox.sent(1);
    feed(session, concat(rowDescription({ a: 23 }), errorResponse("57P01", "terminating connection", severity)));
    assert.ok(session.lost instanceof ServerError);
    const cause = session.lost;
    assert.deepEqual(requests.map(({ failure }) => failure), [
      { kind: "lost", cause, sent: true, inTransaction: false },
      { kind: "lost", cause, sent: false, inTransaction: false },
    ]);
  }
});

test("session: lost while idle, it refuses requests", () => {
  const session = new Session();
  session.lose(GONE);
  assert.equal(session.advance(), "idle");
  assert.throws(() => session.submit(new Ping()), (error: Error) => {
    return error instanceof ConnectionError && error.safeToRetry && error.cause === GONE &&
      /^Cannot ping: .*the network is down/.test(error.message);
  });
  assert.equal(session.outbox.size, 0);
});

test("session: lost before anything was sent, requests are safe to repeat", () => {
  const session = new Session();
  const requests = [session.submit(query()), session.submit(query())];
  session.lose(GONE);
  for (const { failure } of requests) {
    assert.deepEqual(failure, { kind: "lost", cause: GONE, sent: false, inTransaction: false });
  }
  assert.equal(session.outbox.size, 0);
});

test("session: a request counts as sent with its first byte", () => {
  for (const sent of [0, 1, 4, 5, 6, 10]) {
    const session = new Session();
    const requests = [session.submit(new Ping()), session.submit(new Ping())];
    session.outbox.sent(sent);
    session.lose(GONE);
    const flags = requests.map(({ failure }) => failure?.kind === "lost" && failure.sent);
    assert.deepEqual(flags, [sent > 0, sent > 5]);
  }
});

test("session: lost after any byte of a reply, what was settled stays, the rest fails", () => {
  const reply = concat(rowDescription({ a: 23 }), dataRow("1"), commandComplete("SELECT 1"), readyForQuery());
  for (let length = 0; length <= reply.length; length++) {
    const session = new Session();
    const requests = [session.submit(query()), session.submit(query())];
    session.outbox.sent(session.outbox.size);
    feed(session, reply.subarray(0, length));
    session.lose(GONE);
    const [first, second] = requests.map(({ failure }) => failure?.kind);
    assert.equal(first, length === reply.length ? undefined : "lost");
    assert.equal(second, "lost");
    assert.ok(session.idle);
  }
});

test("session: lost while a group recovers, the server's reason is kept", () => {
  const session = new Session();
  const requests = [
    session.submit(new Prepare("s", "sql", [], registry, "deferred")),
    session.submit(query()),
    session.submit(query()),
  ];
  feed(session, errorResponse("23505"));
  session.lose(GONE);
  assert.deepEqual(requests.map(({ failure }) => failure?.kind), ["server", "aborted", "aborted"]);
  assert.ok(session.idle);
});

test("session: only the first loss counts, and nothing is read after it", () => {
  const session = new Session();
  const pending = session.submit(query());
  session.lose(GONE);
  session.lose(new Error("later"));
  assert.equal(session.lost, GONE);
  const room = session.inbox.reserve();
  room.set(readyForQuery("T"));
  session.inbox.commit(readyForQuery("T").length);
  assert.equal(session.advance(), "idle");
  assert.equal(session.transactionStatus, "idle");
  assert.ok(pending.failure?.kind === "lost" && pending.failure.cause === GONE);
});
