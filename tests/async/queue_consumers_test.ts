import assert from "node:assert/strict";
import { QueueConsumers } from "../../src/async/queue_consumers.ts";
import { ConnectionError } from "../../src/errors.ts";
import { NotificationQueue } from "../../src/features/listen.ts";
import type { Notification } from "../../src/wire/backend.ts";
import { test } from "../support/suite/test.ts";

/** A queue, and how often somebody began to wait for it. */
function heard(): { queue: NotificationQueue; next: () => Promise<IteratorResult<Notification>>; waits: () => number } {
  const queue = new NotificationQueue("c");
  const consumers = new QueueConsumers<Notification>(queue);
  queue.onChange = () => consumers.dispatch();
  let waits = 0;
  let waiting = 0;
  const next = () =>
    consumers.next((expecting) => {
      waits += expecting ? 1 : 0;
      waiting += expecting ? 1 : -1;
      assert.ok(waiting >= 0);
    });
  return { queue, next, waits: () => waits };
}

test("queue consumers: who has waited longest gets what comes, and nobody else is woken", async () => {
  const { queue, next, waits } = heard();
  const results = Array.from({ length: 50 }, next);
  for (let pid = 0; pid < 50; pid++) {
    queue.add({ channel: "c", payload: "", pid });
    assert.equal((await results[pid]!).value.pid, pid);
  }
  assert.equal(waits(), 50);
});

test("queue consumers: what came before anybody asked is taken without waiting", async () => {
  const { queue, next, waits } = heard();
  for (const pid of [1, 2]) queue.add({ channel: "c", payload: "", pid });
  const results = [next(), next(), next()];
  queue.add({ channel: "c", payload: "", pid: 3 });
  assert.deepEqual((await Promise.all(results)).map(({ value }) => value.pid), [1, 2, 3]);
  assert.equal(waits(), 1);
});

test("queue consumers: at the end everybody is told, with the reason", async () => {
  const ended = heard();
  const none = [ended.next(), ended.next()];
  ended.queue.end();
  assert.deepEqual(await Promise.all(none), Array(2).fill({ done: true, value: undefined }));
  const lost = heard();
  const refused = [lost.next(), lost.next()];
  lost.queue.end(new ConnectionError("gone"));
  for (const result of refused) await assert.rejects(result, ConnectionError);
});
