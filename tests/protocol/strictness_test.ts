/** Replies that no server sends end the connection: what comes after them cannot be told apart. */
import assert from "node:assert/strict";
import { ProtocolError, type ServerError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import type { Request } from "../../src/protocol/request.ts";
import { ExecuteStatement } from "../../src/protocol/extended_query.ts";
import { errorOf } from "../../src/protocol/failure.ts";
import { Prepare } from "../../src/protocol/prepare.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AllResults, AllRows, OnlyResult } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  copyData,
  copyDone,
  dataRow,
  emptyQueryResponse,
  errorResponse,
  message,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { feed, reply } from "../support/scripted/feed.ts";
import { sentCodes } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const registry = new Registry(DEFAULT_CHOICES);
const SILENT = new Prepared("s", "insert", [], undefined, registry);
const query = (): Request<unknown> => new SimpleQuery("sql", new AllRows("array"), registry);
const queryAll = (): Request<unknown> => new SimpleQuery("sql", new AllResults("array"), registry);
const execute = (): Request<unknown> => new ExecuteStatement(SILENT, [], new OnlyResult("array"), registry);
const COLUMN = rowDescription({ a: 23 });

function refuses(make: () => Request<unknown>, ...messages: Uint8Array[]): void {
  const { session } = reply(make, concat(...messages, readyForQuery()));
  assert.ok(session.lost instanceof ProtocolError, String(session.lost));
}

test("strictness: rows that were not announced", () => {
  for (const make of [query, queryAll]) {
    refuses(make, dataRow("1"), commandComplete("SELECT 1"));
    refuses(make, COLUMN, commandComplete("SELECT 0"), dataRow("1"), commandComplete("SELECT 1"));
  }
  refuses(execute, bindComplete(), dataRow("1"), commandComplete("SELECT 1"));
});

test("strictness: an execution completes once", () => {
  refuses(execute, bindComplete());
  refuses(execute, bindComplete(), commandComplete("INSERT 0 1"), commandComplete("INSERT 0 2"));
  refuses(execute, bindComplete(), emptyQueryResponse(), commandComplete("INSERT 0 2"));
});

test("strictness: COPY data without COPY", () => {
  for (const stray of [copyData("x"), copyDone()]) {
    refuses(query, COLUMN, stray, commandComplete("SELECT 0"));
    refuses(execute, bindComplete(), stray, commandComplete("INSERT 0 1"));
  }
});

test("strictness: a malformed message is the failure of the call whose reply it is in, and of no other", () => {
  const session = new Session();
  const failed = session.submit(query());
  const next = session.submit(query());
  feed(session, concat(errorResponse(), commandComplete("SET")));
  assert.deepEqual([failed.failure?.kind, next.failure?.kind], ["server", "lost"]);
  const other = new Session();
  const [first, second] = [other.submit(query()), other.submit(query())];
  feed(other, message("D", (out) => out.int16(-1)));
  assert.deepEqual([first?.failure?.kind, second?.failure?.kind], ["malformed", "lost"]);
});

test("strictness: a simple query behind an open group that failed is skipped with it", () => {
  const session = new Session();
  session.submit(new Prepare("s", "sql", [], registry, "deferred"));
  const skipped = session.submit(query());
  feed(session, errorResponse());
  assert.equal(sentCodes(session), "PDQS");
  feed(session, readyForQuery());
  assert.equal(skipped.failure?.kind, "aborted");
  assert.ok(session.idle);
});

test("strictness: who was skipped learns which statement failed", () => {
  const session = new Session();
  session.submit(new Prepare("a", "the bad one", [], registry, "deferred"));
  const second = session.submit(new Prepare("b", "the skipped one", [], registry));
  feed(session, concat(errorResponse(), readyForQuery()));
  assert.equal((errorOf(second.failure!, second.request).cause as ServerError).query, "the bad one");
});
