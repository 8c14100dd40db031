import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { ConnectionError, ServerError } from "../../src/errors.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  commandComplete,
  concat,
  dataRow,
  errorResponse,
  noticeResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { callContextOf, number, SOCKET } from "../support/scripted/links.ts";
import { ManualAsync, ManualSync, settled, systemError } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

const shutdown = errorResponse("57P01", "terminating connection due to administrator command", "FATAL");

/** A blocking connection whose first call succeeds and whose later writes fail. */
function blocking(): { transport: ManualSync; call: () => unknown } {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const call = () =>
    link.run(statementCalls.query(context, "select 1", undefined, collectors.firstValue, OPTIONS_OF.nothing));
  transport.arrive(number(1));
  assert.equal(call(), 1);
  transport.onWrite = () => {
    throw systemError("EPIPE");
  };
  return { transport, call };
}

/** The same, awaiting; `fail` is how its writes fail. */
async function awaiting(
  fail: () => Promise<number>,
): Promise<{ transport: ManualAsync; call: () => Promise<unknown> }> {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const context = callContextOf(link);
  const call = () =>
    link.run(statementCalls.query(context, "select 1", undefined, collectors.firstValue, OPTIONS_OF.nothing));
  const first = call();
  transport.arrive(number(1));
  assert.equal(await first, 1);
  transport.onWrite = fail;
  return { transport, call };
}

const rejecting = () => Promise.reject(systemError("EPIPE"));
const throwing = () => {
  throw systemError("EPIPE");
};

function isLastWord(error: unknown): true {
  assert.ok(error instanceof ConnectionError);
  assert.match(error.message, /the server ended the connection: terminating connection/);
  assert.ok(error.cause instanceof ServerError);
  assert.equal(error.cause.code, "57P01");
  return true;
}

test("a blocking write that fails: what the server said before is read, and is the reason", () => {
  const { transport, call } = blocking();
  transport.arrive(shutdown, "end");
  assert.throws(call, isLastWord);
  assert.ok(transport.closed > 0);
});

test("a blocking write that fails, and the server said nothing: the failure of the write is the reason", () => {
  for (const incoming of [["end"], []] as const) {
    const { transport, call } = blocking();
    transport.arrive(...incoming);
    assert.throws(
      call,
      (error) => error instanceof ConnectionError && /broken pipe$/.test(error.message) && error.safeToRetry,
    );
    assert.ok(transport.closed > 0);
    assert.throws(call, ConnectionError);
  }
});

test("a blocking write that fails: the server's words are waited for, but not for ever, and nothing is written", () => {
  const { transport, call } = blocking();
  transport.waits.length = 0;
  const { length } = transport.writes;
  transport.arrive(noticeResponse("a word"), noticeResponse("and another"));
  assert.throws(call, ConnectionError);
  assert.equal(transport.writes.length, length + 1);
  assert.ok(transport.waits.length > 0);
  for (const { writable, milliseconds } of transport.waits) {
    assert.equal(writable, false);
    assert.ok(milliseconds <= 500);
  }
});

for (const [how, fail] of [["rejects", rejecting], ["throws", throwing]] as const) {
  test(`an awaiting write that ${how}: what the server said before is read, and is the reason`, async () => {
    const { transport, call } = await awaiting(fail);
    const pending = Promise.allSettled([call(), call()]);
    await settled();
    transport.arrive(shutdown, "end");
    for (const result of await pending) {
      assert.equal(result.status, "rejected");
      isLastWord(result.reason);
    }
    assert.ok(transport.closed > 0);
  });
}

test("an awaiting write that fails, and the server says nothing: all calls fail, and nothing more is written", async () => {
  await Promise.all([rejecting, throwing].map(async (fail) => {
    const { transport, call } = await awaiting(fail);
    const first = call();
    await settled();
    const second = call();
    for (const result of await Promise.allSettled([first, second])) {
      assert.equal(result.status, "rejected");
      assert.ok(result.reason instanceof ConnectionError);
      assert.match(result.reason.message, /broken pipe$/);
    }
    assert.equal(transport.writes.length, 2);
    assert.ok(transport.closed > 0);
    await assert.rejects(call(), ConnectionError);
  }));
});

test("an awaiting write that fails while more is submitted: all calls fail, and nothing more is written", async () => {
  await Promise.all([rejecting, throwing].map(async (fail) => {
    const transport = new ManualAsync();
    transport.onWrite = fail;
    const link = new AsyncLink(transport, SOCKET);
    const context = callContextOf(link);
    const text = "x".repeat(10_000);
    const results = Array.from(
      { length: 6 },
      () => link.run(statementCalls.query(context, text, undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    );
    assert.equal(transport.writes.length, 1, "before the tick is over, and not again");
    for (const result of await Promise.allSettled(results)) {
      assert.equal(result.status, "rejected");
      assert.ok(result.reason instanceof ConnectionError);
      assert.match(result.reason.message, /broken pipe$/);
    }
    assert.equal(transport.writes.length, 1);
    assert.ok(transport.closed > 0);
  }));
});

test("a reply that is there already survives the failure of a later write", () => {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  let writes = 0;
  // The end of a request does not get through, but its reply shows that the server has enough.
  transport.onWrite = (bytes) => {
    if (writes++ === 0) return bytes.length - 1;
    throw systemError("EPIPE");
  };
  transport.arrive(readyForQuery());
  assert.equal(link.run(sessionCalls.ping(callContextOf(link), undefined)), undefined);
});

test("a blocking read that was filled is followed by another without waiting", () => {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  link.session.inbox.trust();
  const text = "x".repeat(0x1_0000);
  transport.arrive(concat(rowDescription({ t: 25 }), dataRow(text), commandComplete("SELECT 1"), readyForQuery()));
  assert.equal(
    link.run(statementCalls.query(callContextOf(link), "select", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    text,
  );
  assert.equal(transport.waits.length, 1);
});

test("a blocking call writes as much as it can, and reads while it cannot", () => {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  const takes = [3, 0, 2, 0, 100];
  let sent = "";
  transport.onWrite = (bytes) => {
    const count = Math.min(takes.shift()!, bytes.length);
    sent += new TextDecoder().decode(bytes.subarray(0, count));
    return count;
  };
  transport.arrive(number(1).subarray(0, 10), number(1).subarray(10));
  assert.equal(
    link.run(
      statementCalls.query(callContextOf(link), "select 1", undefined, collectors.firstValue, OPTIONS_OF.nothing),
    ),
    1,
  );
  assert.equal(sent, "Q\0\0\0\x0dselect 1\0".slice(0, sent.length));
  assert.ok(transport.waits[0]!.writable, "it waits for both");
});
