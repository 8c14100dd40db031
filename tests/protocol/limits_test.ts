/** What a peer can send without end is not kept without end, nor does it take more time than it takes to send. */
import assert from "node:assert/strict";
import { OPTIONS_OF } from "../../src/connection/call_options.ts";
import * as statementCalls from "../../src/connection/statement_calls.ts";
import * as sessionCalls from "../../src/connection/session_calls.ts";
import { MAX_WAITING_NOTIFICATIONS } from "../../src/backlog.ts";
import { ConnectionError, ProtocolError } from "../../src/errors.ts";
import { Listeners, NotificationQueue } from "../../src/features/listen.ts";
import { type PoolGap, type PoolNotification, Subscription } from "../../src/pool/subscription.ts";
import { Session } from "../../src/protocol/session.ts";
import { Startup } from "../../src/protocol/startup.ts";
import { commandTag } from "../../src/wire/backend.ts";
import { Inbox } from "../../src/wire/inbox.ts";
import {
  authentication,
  backendKeyData,
  commandComplete,
  concat,
  message,
  noticeResponse,
  notificationResponse,
  parameterStatus,
  readyForQuery,
} from "../support/scripted/backend.ts";
import { feed, takeEvents } from "../support/scripted/feed.ts";
import { receive } from "../support/scripted/received.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { collectors } from "../../src/rows/collector_factories.ts";
import { callContextOf, inBothDrivers, number } from "../support/scripted/links.ts";
import { test } from "../support/suite/test.ts";

const OK = authentication(0);
const MEGABYTE = 0x10_0000;

function starting(): { session: Session; ended: () => boolean } {
  const session = new Session();
  const pending = session.submit(
    new Startup(
      { user: "ada", password: "x", parameters: [["user", "ada"]], nonce: () => "n" },
      session,
    ),
  );
  return { session, ended: () => pending.settled };
}

function isRefused({ lost }: Session): boolean {
  return lost instanceof ProtocolError;
}

/** As many of that message as make so many bytes. */
function flood(one: Uint8Array, bytes: number): Uint8Array {
  const all = new Uint8Array(Math.ceil(bytes / one.length) * one.length);
  for (let at = 0; at < all.length; at += one.length) all.set(one, at);
  return all;
}

test("limits: while connecting, a megabyte of notices is kept, and the rest is dropped", () => {
  for (const notice of [noticeResponse(""), noticeResponse("x".repeat(1000)), noticeResponse("x".repeat(100_000))]) {
    const { session, ended } = starting();
    feed(session, concat(OK, flood(notice, 4 * MEGABYTE), backendKeyData(), readyForQuery()));
    assert.ok(ended());
    assert.equal(session.lost, undefined);
    const kept = takeEvents(session).length;
    assert.ok(kept > 0 && kept * (notice.length + 95) <= MEGABYTE, String(kept));
  }
});

test("limits: while connecting, no message is long", () => {
  const claims = (code: string, length: number): Uint8Array => {
    const bytes = message(code);
    new DataView(bytes.buffer, bytes.byteOffset).setInt32(1, length);
    return bytes;
  };
  const refused: [Uint8Array, ...Uint8Array[]][] = [
    [claims("R", 2001)],
    [claims("v", 2001)],
    [OK, claims("N", MEGABYTE + 1)],
    [OK, claims("E", MEGABYTE + 1)],
    [OK, claims("A", MEGABYTE + 1)],
    [OK, claims("S", 30_001)],
  ];
  for (const messages of refused) {
    const { session } = starting();
    feed(session, concat(...messages));
    assert.ok(session.lost instanceof ProtocolError);
    assert.match(session.lost.message, /claims a length of/);
  }
  for (const messages of [[OK, claims("N", MEGABYTE)], [OK, readyForQuery(), claims("N", 100 * MEGABYTE)]]) {
    const { session } = starting();
    feed(session, concat(...messages));
    assert.equal(session.lost, undefined);
  }
});

test("limits: once somebody hears events, more are kept between two times that they are taken", () => {
  const { session } = starting();
  feed(session, concat(OK, readyForQuery()));
  takeEvents(session);
  const notice = noticeResponse("x".repeat(1000));
  feed(session, flood(notice, 64 * MEGABYTE));
  const kept = takeEvents(session).length * (notice.length + 95);
  assert.ok(kept > 16 * MEGABYTE && kept <= 32 * MEGABYTE, String(kept));
  feed(session, notice);
  assert.equal(takeEvents(session).length, 1, "what was taken makes room");
});

test("limits: notifications that there is no room for are told to be missed, once", () => {
  const session = new Session();
  feed(session, flood(notificationResponse("c", "x".repeat(7000)), 4 * MEGABYTE));
  const kinds = takeEvents(session).map(({ kind }) => kind);
  assert.equal(kinds.indexOf("missed"), kinds.length - 1);
  assert.ok(kinds.length > 100);
  feed(session, notificationResponse("c", ""));
  assert.deepEqual(takeEvents(session).map(({ kind }) => kind), ["notification"]);
});

test("limits: a thousand settings are kept, and a megabyte of them", () => {
  const settings = (count: number, value: string): Uint8Array =>
    concat(...Array.from({ length: count }, (_, i) => parameterStatus(`setting_${i}`, value)));
  const many = new Session();
  feed(many, settings(1000, "x"));
  assert.equal(Object.keys(many.parameters).length, 1000);
  feed(many, settings(1000, "y"));
  assert.equal(many.parameters.setting_999, "y");
  assert.equal(many.lost, undefined);
  feed(many, parameterStatus("one_more", ""));
  assert.ok(isRefused(many));
  const long = new Session();
  feed(long, settings(30, "x".repeat(29_000)));
  feed(long, settings(30, "y".repeat(29_900)));
  assert.equal(long.lost, undefined, "what a setting was before does not count");
  feed(long, settings(40, "x".repeat(29_000)));
  assert.ok(isRefused(long));
});

test("limits: a setting that changes again and again is one event", () => {
  const session = new Session();
  feed(session, flood(parameterStatus("search_path", "a"), MEGABYTE));
  assert.deepEqual(takeEvents(session), [{ kind: "parameter", name: "search_path" }]);
  feed(session, parameterStatus("search_path", "b"));
  assert.equal(takeEvents(session).length, 1);
});

test("limits: a listener that takes nothing is ended with an error, behind what waits", () => {
  const payload = "x".repeat(8000);
  const listeners = new Listeners();
  const queue = new NotificationQueue("c");
  listeners.add(queue);
  let count = 0;
  for (; !queue.ended; count++) listeners.deliver({ channel: "c", payload, pid: count });
  assert.ok(count * 8000 < MAX_WAITING_NOTIFICATIONS * 1.1 && count * 8200 > MAX_WAITING_NOTIFICATIONS);
  listeners.deliver({ channel: "c", payload, pid: count });
  for (let i = 0; i < count - 1; i++) assert.equal(queue.take()!.pid, i);
  assert.throws(() => queue.take(), (error) => {
    assert.ok(error instanceof ConnectionError && !error.connectionLost);
    assert.match(error.message, /^Cannot listen to "c": \d+ notifications wait, .* they must be taken as they come$/);
    return true;
  });
});

test("limits: a pool's listener that takes nothing is told of a gap, behind what waits", () => {
  const payload = "x".repeat(8000);
  const subscription = new Subscription("c");
  const take = (): PoolNotification | PoolGap => subscription.take()!;
  const count = Math.ceil(MAX_WAITING_NOTIFICATIONS / 8000) + 10;
  for (let pid = 0; pid < count; pid++) subscription.add({ channel: "c", payload, pid });
  let taken = 0;
  while (!take().gap) taken++;
  assert.ok(taken > count * 0.9 && taken < count);
  assert.equal(subscription.take(), undefined);
  subscription.add({ channel: "c", payload: "again", pid: 1 });
  assert.equal(take().payload, "again");
});

inBothDrivers("limits: what was missed ends the listeners, and the connection goes on", [
  ["Query", concat(commandComplete("LISTEN"), readyForQuery())],
  ["Query", number(1)],
], async ({ run, link }) => {
  const context = callContextOf(link);
  const queue = await run(sessionCalls.listen(context, "c", undefined, (queue) => queue));
  context.state.deliver({ kind: "missed" });
  assert.ok(queue.ended);
  assert.throws(() => queue.take(), ConnectionError);
  assert.equal(
    await run(statementCalls.query(context, "select 1", undefined, collectors.firstValue, OPTIONS_OF.nothing)),
    1,
  );
});

test("limits: time grows with the number of notifications that wait", () => {
  growsInProportion(20_000, (length) => {
    const queue = new NotificationQueue("c");
    const subscription = new Subscription("c");
    return () => {
      for (let pid = 0; pid < length; pid++) {
        queue.add({ channel: "c", payload: "", pid });
        subscription.add({ channel: "c", payload: "", pid });
      }
      while (queue.take() !== undefined && subscription.take() !== undefined);
    };
  });
});

test("limits: time grows with the length of a command's tag", () => {
  for (const part of [" 1", " ", "1", "INSERT 0 ", "a 1 "]) {
    for (const end of ["", "x", " 1"]) {
      growsInProportion(300, (length) => {
        const inbox = new Inbox(() => {});
        const tag = commandComplete(part.repeat(length) + end);
        return () => {
          for (let i = 0; i < 50; i++) {
            receive(inbox, tag);
            inbox.next();
            try {
              commandTag(inbox);
            } catch {
              // A count of so many digits is too large.
            }
          }
        };
      });
    }
  }
});

test("limits: time grows with the number of settings that are reported", () => {
  growsInProportion(1000, (length) => {
    const settings = concat(
      ...Array.from({ length }, (_, i) => parameterStatus(`setting_${i % 1000}`, String(i))),
    );
    return () => feed(new Session(), settings);
  });
});
