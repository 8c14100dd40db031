import assert from "node:assert/strict";
import { ConnectionError, PipelineAborted, ProtocolError, ServerError, UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { errorOf, lostError } from "../../src/protocol/failure.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { test } from "../support/suite/test.ts";

const request = new SimpleQuery("select 'secret'", new AllRows("array"), new Registry(DEFAULT_CHOICES));
const FIELDS = { severity: "ERROR", code: "23505", message: "duplicate key", constraint: "unique" };

test("failures: the server's refusal, with the SQL text beside it but not in it", () => {
  const error = errorOf({ kind: "server", fields: FIELDS }, request);
  assert.ok(error instanceof ServerError);
  assert.equal(error.message, "duplicate key");
  assert.equal(error.code, "23505");
  assert.equal(error.constraint, "unique");
  assert.equal(error.query, "select 'secret'");
  assert.ok(!JSON.stringify(error).includes("secret"));
  assert.equal(error.connectionLost, false);
  assert.equal((errorOf({ kind: "server", fields: FIELDS }, new Ping()) as ServerError).query, undefined);
});

test("failures: an abort names the earlier failure as its cause", () => {
  const error = errorOf({ kind: "aborted", by: { kind: "server", fields: FIELDS }, failed: request }, request);
  assert.ok(error instanceof PipelineAborted);
  assert.match(error.message, /^Cannot run the query: an earlier statement of its group failed$/);
  assert.ok(error.cause instanceof ServerError && error.cause.code === "23505");
});

test("failures: a loss says whether the call is safe to repeat", () => {
  const cause = new Error("reset");
  for (const sent of [true, false]) {
    const error = errorOf({ kind: "lost", cause, sent, inTransaction: false }, request);
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.safeToRetry, !sent);
    assert.equal(error.connectionLost, true);
    assert.equal(error.cause, cause);
    assert.equal(error.message, "Cannot run the query: the connection was lost: reset");
  }
});

test("failures: a loss says what may have been committed", () => {
  const outcome = (sql: string, sent: boolean, inTransaction: boolean) =>
    errorOf(
      { kind: "lost", cause: new Error("reset"), sent, inTransaction },
      new SimpleQuery(sql, new AllRows("array"), new Registry(DEFAULT_CHOICES)),
    ).outcome;
  assert.equal(outcome("COMMIT", true, true), "unknown");
  assert.equal(outcome("insert into t values (1)", true, false), "unknown");
  assert.equal(outcome("insert into t values (1)", true, true), undefined);
  assert.equal(outcome("insert into t values (1); commit", true, true), "unknown");
  for (const inTransaction of [true, false]) assert.equal(outcome("COMMIT", false, inTransaction), "not sent");
});

test("failures: a loss quotes who ended the connection", () => {
  const fatal = new ServerError({ severity: "FATAL", code: "57P01", message: "terminating connection" });
  assert.match(lostError("ping", fatal, true).message, /the server ended the connection: terminating connection$/);
  assert.match(
    lostError("ping", new ProtocolError("Cannot read it"), true).message,
    /^Cannot ping: the connection was given up: Cannot read it$/,
  );
});

test("failures: a reply that the protocol does not allow is a ProtocolError of the call's own", () => {
  const cause = new ProtocolError("Cannot run the query: no");
  const error = errorOf({ kind: "malformed", cause }, request);
  assert.ok(error instanceof ProtocolError && error !== cause);
  assert.equal(error.message, cause.message);
  assert.equal(error.safeToRetry, false);
  assert.equal(error.connectionLost, true);
});

test("failures: what cannot be given to the caller is that error, with the caller's stack", () => {
  const error = new UsageError("no");
  const made = errorOf({ kind: "unusable", error }, request);
  assert.equal(made, error);
  assert.match(made.stack ?? "", /failure_test/);
});
