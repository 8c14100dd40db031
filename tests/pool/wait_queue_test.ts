/** Who waits, in which order, for how long. */
import assert from "node:assert/strict";
import { type Waiter, WaitQueue } from "../../src/pool/wait_queue.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { test } from "../support/suite/test.ts";

function waiter(by: number, cost: number = Infinity): Waiter<string> {
  return { timeout: 0, by, cost, resolve: () => {}, reject: () => {} };
}

test("queue: first come, first served", () => {
  const queue = new WaitQueue<string>();
  const all = [waiter(3, 1), waiter(1, 2), waiter(2)];
  for (const one of all) queue.add(one);
  assert.deepEqual([queue.length, queue.nextExpiryAt, queue.nextCost], [3, 1, 1]);
  assert.equal(queue.shift(), all[0]);
  assert.equal(queue.nextCost, 2);
  assert.equal(queue.shift(), all[1]);
  assert.equal(queue.shift(), all[2]);
  assert.deepEqual([queue.shift(), queue.length, queue.nextExpiryAt, queue.nextCost], [
    undefined,
    0,
    Infinity,
    Infinity,
  ]);
});

test("queue: who has gone is not served, and the others keep their order", () => {
  const queue = new WaitQueue<string>();
  const all = [waiter(1), waiter(2), waiter(3)];
  for (const one of all) queue.add(one);
  queue.remove(all[0]!);
  queue.remove(all[0]!);
  assert.equal(queue.length, 2);
  assert.equal(queue.shift(), all[1]);
});

test("queue: those whose time is over leave, wherever they stand", () => {
  const queue = new WaitQueue<string>();
  const all = [waiter(10), waiter(5), waiter(7), waiter(Infinity)];
  for (const one of all) queue.add(one);
  assert.deepEqual(queue.expired(4), []);
  assert.deepEqual(queue.expired(7), [all[1], all[2]]);
  assert.deepEqual(queue.expired(7), []);
  assert.equal(queue.shift(), all[0]);
  assert.equal(queue.nextExpiryAt, Infinity);
});

test("queue: serving one costs the same, however many wait and have gone", () => {
  growsInProportion(10_000, (length) => {
    const queue = new WaitQueue<string>();
    const all = Array.from({ length }, () => waiter(Infinity, 1));
    for (const one of all) queue.add(one);
    return () => {
      for (let i = 1; i < length; i += 3) queue.remove(all[i]!);
      while (queue.length > 0) {
        assert.equal(queue.nextCost, 1);
        queue.shift();
      }
    };
  });
});

test("queue: those who have gone are not kept, though the first one waits for ever", () => {
  const queue = new WaitQueue<string>();
  queue.add(waiter(Infinity, 7));
  for (let i = 0; i < 1000; i++) {
    const other = waiter(i);
    queue.add(other);
    if (i % 2 === 0) queue.remove(other);
    else queue.expired(i);
  }
  assert.deepEqual([queue.length, queue.nextCost], [1, 7]);
  const last = waiter(Infinity);
  queue.add(last);
  queue.shift();
  assert.equal(queue.shift(), last);
});
