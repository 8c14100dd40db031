/** The warning of a server that has committed and no longer waits for its synchronous standby. */
import assert from "node:assert/strict";
import { ServerError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Commit } from "../../src/protocol/end_transaction.ts";
import { errorOf } from "../../src/protocol/failure.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { commandComplete, concat, message, readyForQuery } from "../support/scripted/backend.ts";
import { feed } from "../support/scripted/feed.ts";
import { test } from "../support/suite/test.ts";

function warning(routine: string): Uint8Array {
  const fields = {
    S: "WARNUNG",
    V: "WARNING",
    C: "01000",
    M: "storniere Warten auf synchrone Replikation",
    R: routine,
  };
  return message("N", (out) => {
    for (const [letter, value] of Object.entries(fields)) {
      out.byte(letter.charCodeAt(0));
      out.cstring(value);
    }
    out.byte(0);
  });
}

const UNREPLICATED = warning("SyncRepWaitForLSN");

test("unreplicated: a COMMIT with the warning fails, in whatever language it is, and its outcome is unknown", () => {
  const session = new Session();
  session.submit(new Ping());
  feed(session, readyForQuery("T"));
  const commit = session.submit(new Commit(session));
  feed(session, concat(UNREPLICATED, commandComplete("COMMIT"), readyForQuery()));
  assert.ok(commit.settled && commit.failure !== undefined);
  const error = errorOf(commit.failure, commit.request);
  assert.ok(error instanceof ServerError);
  assert.equal(error.outcome, "unknown");
  assert.deepEqual([error.severity, error.code, error.connectionLost, error.safeToRetry], [
    "WARNING",
    "01000",
    false,
    false,
  ]);
  const later = session.submit(new Ping());
  feed(session, readyForQuery());
  assert.ok(later.settled && later.failure === undefined);
});

test("unreplicated: a statement that commits by itself fails too, and other warnings are only that", () => {
  const session = new Session();
  const registry = new Registry(DEFAULT_CHOICES);
  const insert = () => session.submit(new SimpleQuery("insert into t values (1)", new AllRows("array"), registry));
  const first = insert();
  feed(session, concat(UNREPLICATED, commandComplete("INSERT 0 1"), readyForQuery()));
  assert.equal(first.failure && errorOf(first.failure, first.request).outcome, "unknown");
  const second = insert();
  feed(session, concat(warning("exec_stmt_raise"), commandComplete("INSERT 0 1"), readyForQuery()));
  assert.ok(second.settled && second.failure === undefined);
});
