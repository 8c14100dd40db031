/** Blocking calls that time out: cancel requests, and what is done without a key. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { ConnectionError, TimeoutError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import type { CallContext } from "../../src/connection/call_context.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as transactionCalls from "../../src/connection/transaction_calls.ts";
import { commandComplete, concat, readyForQuery } from "../support/scripted/backend.ts";
import { callContextOf, number, SOCKET } from "../support/scripted/links.ts";
import { ManualSync } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";
import { CANCELED, timedOut } from "../support/scripted/cancellable.ts";

test("blocking: a time-out sends a cancel request, and the answer to it is the outcome", () => {
  const { transport, link, context, cancels } = blockingRig();
  link.canceller = () => {
    cancels.push(transport.writes.length);
    transport.arrive(CANCELED);
  };
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, timedOut("cancelled"));
  assert.deepEqual(cancels, [1]);
  transport.arrive(number(2));
  assert.equal(
    link.run(statementCalls.query(context, "select 2", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    2,
  );
});

test("blocking: a statement that completed all the same returns", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => transport.arrive(number(1));
  assert.equal(
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing)),
    1,
  );
});

test("blocking: a server that never answers is given up, and later calls fail", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => {};
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, (error) => {
    timedOut("unknown")(error);
    assert.ok((error as TimeoutError).connectionLost);
    return true;
  });
  assert.ok(transport.closed > 0);
  assert.throws(() => link.run(sessionCalls.ping(context, undefined)), ConnectionError);
});

test("blocking: a cancel request that was not taken in time may still arrive, so the connection is closed", () => {
  const { transport, link, context } = blockingRig();
  link.canceller = () => {
    transport.arrive(number(1));
    throw new ConnectionError("timed out");
  };
  try {
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  } catch (error) {
    assert.ok(error instanceof TimeoutError);
  }
  assert.ok(link.session.lost, "what is called next could be hit");
});

test("blocking: without a key nothing can be cancelled, and the reply is dropped later", () => {
  const { transport, link, context, cancels } = blockingRig({ key: false });
  const call = (): unknown =>
    link.run(statementCalls.query(context, "select 1", { timeout: 300 }, collectors.firstValue, OPTIONS_OF.nothing));
  assert.throws(call, timedOut("unknown"));
  assert.deepEqual(cancels, []);
  transport.arrive(number(1), number(2));
  assert.equal(
    link.run(statementCalls.query(context, "select 2", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    2,
  );
});

test("blocking: without a key, a BEGIN that timed out does not leave a transaction open", () => {
  const { transport, link, context } = blockingRig({ key: false });
  assert.throws(() => link.run(transactionCalls.begin(context, { timeout: 300 })), timedOut("unknown"));
  transport.arrive(concat(commandComplete("BEGIN"), readyForQuery("T")));
  transport.arrive(concat(commandComplete("ROLLBACK"), readyForQuery()));
  transport.arrive(number(2));
  try {
    link.run(statementCalls.query(context, "insert", undefined, collectors.affected, OPTIONS_OF.nothing));
  } catch {
    // Whether this call may fail is not the question.
  }
  const text = transport.writes.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
  assert.match(text, /ROLLBACK/, "the insert would wait for a commit that nobody can ask for");
});

interface BlockingRig {
  readonly transport: ManualSync;
  readonly link: SyncLink;
  readonly context: CallContext;
  /** How many writes there were before each cancel request. */
  readonly cancels: number[];
}

function blockingRig({ key = true }: { key?: boolean } = {}): BlockingRig {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  if (key) link.session.key = { processId: 42, secret: new Uint8Array([1, 2, 3, 4]) };
  const cancels: number[] = [];
  link.canceller = () => void cancels.push(transport.writes.length);
  return { transport, link, context: callContextOf(link), cancels };
}
