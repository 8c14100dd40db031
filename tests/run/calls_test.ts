/** What a call may rely on once it is made, whatever happens before its turn comes. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { SyncLink } from "../../src/run/sync_link.ts";
import { ConnectionError } from "../../src/errors.ts";
import { prepareBatch } from "../../src/statements/prepare.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import { now } from "../../src/runtime/clock.ts";
import {
  bindComplete,
  commandComplete,
  concat,
  dataRow,
  noticeResponse,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { callContextOf, contextOf, learned, number, rows, SOCKET, wire } from "../support/scripted/links.ts";
import { ManualAsync, ManualSync, settled, systemError } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

test("a call whose write is under way when the connection is lost may have been executed", async () => {
  for (const write of [() => new Promise<number>(() => {}), () => Promise.reject(systemError("ECONNRESET"))]) {
    const transport = new ManualAsync();
    const link = new AsyncLink(transport, SOCKET);
    transport.onWrite = write;
    const call = link.run(
      statementCalls.query(callContextOf(link), "insert", undefined, collectors.affected, OPTIONS_OF.nothing),
    );
    await settled();
    transport.arrive("end");
    await assert.rejects(call, (error) => error instanceof ConnectionError && !error.safeToRetry);
  }
});

test("calls already made may finish: closing begins behind them", async () => {
  const { run, link } = wire("async", [
    ["Parse Describe Sync", concat(learned(), readyForQuery())],
    ["Bind Execute Sync", rows(1)],
    ["Bind Execute Sync", rows(2)],
  ]);
  const context = callContextOf(link);
  const pending = [1, 2].map((n) =>
    run(statementCalls.exec(context, "a $1", [n], undefined, collectors.firstValue, OPTIONS_OF.nothing))
  );
  context.state.beginClosing();
  assert.deepEqual(await Promise.all(pending), [1, 2]);
});

test("parameters are those of the moment of the call", async () => {
  const { run, link, server } = wire("async", [
    ["Parse Describe Sync", concat(learned(), readyForQuery())],
    ["Bind Execute Sync", rows(1)],
  ]);
  const params = [1];
  const call = run(
    statementCalls.exec(callContextOf(link), "a $1", params, undefined, collectors.firstValue, OPTIONS_OF.nothing),
  );
  params[0] = 2;
  await call;
  const bind = server.messages.find(({ name }) => name === "Bind")!.body;
  assert.deepEqual([...bind.subarray(-8, -4)], [0, 0, 0, 1]);
});

test("a blocking listener hears of a notice when its calls cannot land inside of another's", () => {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  const context = callContextOf(link);
  transport.arrive(
    concat(learned(0), bindComplete(), noticeResponse("x")),
    concat(dataRow("1"), commandComplete("SELECT 1")),
    readyForQuery(),
    number(2),
  );
  const heard: unknown[] = [];
  context.state.handlers.own.onNotice = () =>
    heard.push(
      link.run(statementCalls.query(context, "select 2", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    );
  assert.equal(
    link.run(
      statementCalls.exec(context, "select copy()", undefined, undefined, collectors.firstValue, OPTIONS_OF.nothing),
    ),
    1,
  );
  assert.deepEqual(heard, [2]);
});

test("a batch that is lost half-way fails for that reason", async () => {
  const { run, link } = wire("async", [["Parse Describe Parse Describe Sync", learned()]]);
  const call = run(prepareBatch(["a", "b"], contextOf(link)));
  await settled();
  link.destroy(new ConnectionError("the server closed the connection"));
  await assert.rejects(call, /Cannot prepare the statement: the server closed the connection/);
});

test("closing does not wait for a goodbye that nobody takes", async () => {
  const { transport, link } = await opened();
  transport.onWrite = () => new Promise(() => {});
  await link.close();
  assert.ok(transport.closed > 0);
});

test("a goodbye that is taken in parts is said whole", async () => {
  const { transport, link } = await opened();
  const before = transport.writes.length;
  transport.onWrite = () => 1;
  await link.close();
  assert.equal(transport.writes.length - before, 5);
});

test("waiting without limit for calls to finish is not waiting at all less", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const call = link.run(sessionCalls.ping(callContextOf(link), undefined));
  const waiting = link.drained(Infinity).then(() => "drained");
  assert.equal(await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 50, "waiting"))]), "waiting");
  transport.arrive(readyForQuery());
  await call;
  assert.equal(await waiting, "drained");
});

test("a failed write is not waited for again before there is a session", () => {
  const transport = new ManualSync();
  const link = new SyncLink(transport, SOCKET);
  transport.onWrite = () => {
    throw systemError("EPIPE");
  };
  link.session.outbox.byte(1);
  assert.throws(() => link.readByte(now() + 50));
  assert.ok(transport.waits.every(({ writable }) => !writable));
});

test("a listener that makes calls hears the notices in their order (sync)", async () => {
  const { run, link } = wire("sync", [
    ["Query", concat(noticeResponse("1"), noticeResponse("2"), number(1))],
    ["Query", concat(noticeResponse("3"), number(2))],
  ]);
  const heard: string[] = [];
  const context = callContextOf(link);
  context.state.handlers.own.onNotice = ({ message }) => {
    heard.push(message);
    if (message === "1") {
      void run(statementCalls.query(context, "x", undefined, collectors.affected, OPTIONS_OF.nothing));
    }
  };
  await run(statementCalls.query(context, "y", undefined, collectors.affected, OPTIONS_OF.nothing));
  assert.deepEqual(heard, ["1", "2", "3"]);
});

async function opened(): Promise<{ transport: ManualAsync; link: AsyncLink }> {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const ping = link.run(sessionCalls.ping(callContextOf(link), undefined));
  transport.arrive(readyForQuery());
  await ping;
  return { transport, link };
}
