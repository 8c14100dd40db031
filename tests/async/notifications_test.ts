/** Listeners that have ended before their caller gets them. */
import assert from "node:assert/strict";
import { Notifications } from "../../src/async/notifications.ts";
import { NotificationQueue } from "../../src/features/listen.ts";
import { PoolNotifications } from "../../src/pool/async/pool_notifications.ts";
import { Subscription } from "../../src/pool/subscription.ts";
import { rig } from "../support/scripted/cancellable.ts";
import { test } from "../support/suite/test.ts";

/** A signal, and how many event listeners it has. */
function counted(): { readonly signal: AbortSignal; count: number } {
  const { signal } = new AbortController();
  const counted = { signal, count: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    counted.count++;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    counted.count--;
    remove(...given);
  };
  return counted;
}

for (const isEarly of [true, false]) {
  test(`notifications: an end ${isEarly ? "before" : "after"} their caller has them leaves nothing at the signal`, () => {
    const { link, context } = rig();
    const queue = new NotificationQueue("c");
    const ofConn = counted();
    if (isEarly) queue.end();
    new Notifications(context, link, queue, ofConn.signal);
    queue.end();
    assert.equal(ofConn.count, 0);

    const subscription = new Subscription("c");
    const ofPool = counted();
    if (isEarly) subscription.end();
    new PoolNotifications(subscription, () => Promise.resolve(), () => {}, ofPool.signal);
    subscription.end();
    assert.equal(ofPool.count, 0);
  });
}
