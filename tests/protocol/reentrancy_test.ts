/** Code of the user's runs while values are encoded and decoded, and may turn back on the connection. */
import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { ExecuteStatement } from "../../src/protocol/extended_query.ts";
import { Ping } from "../../src/protocol/ping.ts";
import { Prepared } from "../../src/protocol/prepared.ts";
import { Session } from "../../src/protocol/session.ts";
import { SimpleQuery } from "../../src/protocol/simple_query.ts";
import { AffectedRows, AllRows } from "../../src/rows/collectors.ts";
import { Registry } from "../../src/codecs/registry.ts";
import {
  commandComplete,
  concat,
  dataRow,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { feed } from "../support/scripted/feed.ts";
import { sentCodes } from "../support/scripted/sent.ts";
import { test } from "../support/suite/test.ts";

const JSONB = 3802;
const registry = new Registry(DEFAULT_CHOICES);

test("reentrancy: a request from inside another's encoding is refused, and lands nowhere", () => {
  const session = new Session();
  const statement = new Prepared("s", "x", [JSONB], undefined, registry);
  const refusals: unknown[] = [];
  const value = {
    toJSON(): number {
      try {
        session.submit(new Ping());
      } catch (error) {
        refusals.push(error);
      }
      return 1;
    },
  };
  session.submit(new ExecuteStatement(statement, [value], new AffectedRows(), registry));
  assert.ok(refusals.length === 1 && refusals[0] instanceof UsageError);
  assert.equal(sentCodes(session), "BES");
  session.submit(new Ping());
  assert.equal(sentCodes(session), "BESS");
});

test("reentrancy: a decoder that closes the connection settles its own call too", () => {
  const session = new Session();
  const closing = new Registry({ ...DEFAULT_CHOICES, json: () => session.lose(new Error("closed")) });
  const pending = session.submit(new SimpleQuery("sql", new AllRows("array"), closing));
  const next = session.submit(new Ping());
  feed(session, concat(rowDescription({ j: 114 }), dataRow("1"), commandComplete("SELECT 1"), readyForQuery()));
  assert.equal(session.advance(), "idle");
  assert.deepEqual([pending.failure?.kind, next.failure?.kind], ["lost", "lost"]);
});

test("reentrancy: a toJSON that closes the connection makes its call fail", () => {
  const session = new Session();
  const statement = new Prepared("s", "x", [JSONB], undefined, registry);
  const value = { toJSON: () => session.lose(new Error("closed")) };
  assert.throws(
    () => session.submit(new ExecuteStatement(statement, [value], new AffectedRows(), registry)),
    /closed|has no form for/,
  );
  assert.ok(session.idle);
});

test("session: a change of client_encoding ends it, and nobody gets another call's rows", () => {
  const session = new Session();
  const query = (): SimpleQuery<unknown[]> => new SimpleQuery("sql", new AllRows("array"), registry);
  const set = session.submit(query());
  const next = session.submit(query());
  feed(session, concat(commandComplete("SET"), parameterStatus("client_encoding", "LATIN1"), readyForQuery()));
  feed(session, concat(rowDescription({ a: 23 }), dataRow("1"), commandComplete("SELECT 1"), readyForQuery()));
  assert.equal(session.lost?.name, "ConnectionError");
  assert.deepEqual([set.failure?.kind, next.failure?.kind], ["lost", "lost"]);
});
