import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { AsyncLink } from "../../src/run/async_link.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import {
  concat,
  errorResponse,
  noticeResponse,
  notificationResponse,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { callContextOf, inBothDrivers, number, SOCKET } from "../support/scripted/links.ts";
import { ManualAsync } from "../support/scripted/manual_transports.ts";
import { test } from "../support/suite/test.ts";

inBothDrivers("notices come in their order, before the call that they belong to ends", [
  ["Query", concat(noticeResponse("one"), noticeResponse("two"), number(1), noticeResponse("three"))],
  ["Query", concat(noticeResponse("four"), errorResponse(), noticeResponse("five"), readyForQuery())],
], async ({ run, link }) => {
  const heard: string[] = [];
  const context = callContextOf(link, { onNotice: ({ message }) => heard.push(message) });
  await run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing)).then(() =>
    heard.push("a")
  );
  // What comes behind a reply may be heard before or after its call ends.
  const early = heard.filter((message) => message !== "three");
  assert.deepEqual(early, ["one", "two", "a"]);
  await assert.rejects(run(statementCalls.query(context, "b", undefined, collectors.firstValue, OPTIONS_OF.nothing)));
  assert.deepEqual(heard.filter((message) => message !== "a"), ["one", "two", "three", "four", "five"]);
});

inBothDrivers(
  "a notice has the server's fields",
  [["Query", concat(noticeResponse("hello"), number(1))]],
  async ({ run, link }) => {
    const heard: unknown[] = [];
    const context = callContextOf(link, { onNotice: (notice) => heard.push(notice) });
    await run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing));
    assert.deepEqual(heard, [{ severity: "NOTICE", code: "00000", message: "hello" }]);
  },
);

inBothDrivers("a listener that throws harms neither the call nor the connection", [
  ["Query", concat(noticeResponse("one"), noticeResponse("two"), number(1))],
  ["Query", number(2)],
], async ({ run, link }) => {
  let count = 0;
  const context = callContextOf(link, {
    onNotice: () => {
      count++;
      throw new Error("the listener's own failure");
    },
  });
  assert.equal(await run(statementCalls.query(context, "a", undefined, collectors.firstValue, OPTIONS_OF.nothing)), 1);
  assert.equal(count, 2);
  assert.equal(await run(statementCalls.query(context, "b", undefined, collectors.firstValue, OPTIONS_OF.nothing)), 2);
  assert.equal(context.state.closed, false);
});

inBothDrivers("a listener may run something on the connection that it listens to", [
  ["Query", concat(noticeResponse("go"), number(1))],
  ["Query", number(2)],
  ["Query", number(3)],
], async ({ run, link }) => {
  const context = callContextOf(link);
  const value = (sql: string) =>
    run(statementCalls.query(context, sql, undefined, collectors.firstValue, OPTIONS_OF.nothing));
  let inner: Promise<unknown> | undefined;
  context.state.handlers.own.onNotice = () => inner = value("inner");
  assert.equal(await value("outer"), 1);
  assert.equal(await inner, 2);
  assert.equal(await value("last"), 3);
});

inBothDrivers("a listener that is set later hears only what comes later, and none is fine", [
  ["Query", concat(noticeResponse("one"), number(1))],
  ["Query", concat(noticeResponse("two"), number(1))],
  ["Query", concat(noticeResponse("three"), number(1))],
], async ({ run, link }) => {
  const heard: string[] = [];
  const context = callContextOf(link);
  await run(statementCalls.query(context, "a", undefined, collectors.affected, OPTIONS_OF.nothing));
  context.state.handlers.own.onNotice = ({ message }) => heard.push(message);
  await run(statementCalls.query(context, "b", undefined, collectors.affected, OPTIONS_OF.nothing));
  context.state.handlers.own.onNotice = undefined;
  await run(statementCalls.query(context, "c", undefined, collectors.affected, OPTIONS_OF.nothing));
  assert.deepEqual(heard, ["two"]);
});

inBothDrivers("notifications are no notices", [
  ["Query", concat(notificationResponse("channel", "payload"), number(1))],
], async ({ run, link }) => {
  const events: unknown[] = [];
  const context = callContextOf(link, { onNotice: () => assert.fail("this is no notice") });
  const { onEvent } = link;
  link.onEvent = (event) => {
    events.push(event);
    onEvent?.(event);
  };
  await run(statementCalls.query(context, "listen channel", undefined, collectors.affected, OPTIONS_OF.nothing));
  assert.deepEqual(events, [{
    kind: "notification",
    notification: { channel: "channel", payload: "payload", pid: 7 },
  }]);
});

inBothDrivers("a notice in front of the server's last words is heard", [
  ["Query", concat(noticeResponse("beware"), errorResponse("57P01", "terminating", "FATAL"))],
], async ({ run, link }) => {
  const heard: string[] = [];
  const context = callContextOf(link, { onNotice: ({ message }) => heard.push(message) });
  await assert.rejects(
    run(statementCalls.query(context, "a", undefined, collectors.affected, OPTIONS_OF.nothing)),
    /terminating/,
  );
  assert.deepEqual(heard, ["beware"]);
});

test("an awaiting connection hears notices while nothing is asked", async () => {
  const transport = new ManualAsync();
  const link = new AsyncLink(transport, SOCKET);
  const heard = Promise.withResolvers<string>();
  const context = callContextOf(link, { onNotice: ({ message }) => heard.resolve(message) });
  const ping = link.run(sessionCalls.ping(context, undefined));
  transport.arrive(readyForQuery());
  await ping;
  transport.arrive(noticeResponse("idle"));
  assert.equal(await heard.promise, "idle");
});
