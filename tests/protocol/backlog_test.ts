import assert from "node:assert/strict";
import { Backlog, Fifo } from "../../src/backlog.ts";
import { growsInProportion } from "../support/growth.ts";
import { Random } from "../support/random.ts";
import { test } from "../support/test.ts";

test("fifo: what goes in first comes out first, however it is mixed", () => {
  const random = new Random(11);
  const fifo = new Fifo<number>();
  const model: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (random.below(100) < (i < 10_000 ? 60 : 40)) {
      fifo.push(i);
      model.push(i);
    } else assert.equal(fifo.shift(), model.shift());
    assert.equal(fifo.length, model.length);
    assert.equal(fifo.first, model[0]);
    assert.equal(fifo.last, model.at(-1));
  }
  assert.deepEqual([...fifo], model);
});

test("fifo: taking one costs the same, however many wait", () => {
  growsInProportion(100_000, (length) => {
    const fifo = new Fifo<number>();
    for (let i = 0; i < length; i++) fifo.push(i);
    return () => {
      while (fifo.shift() !== undefined);
    };
  });
});

test("backlog: so much is kept, and one item whatever its size", () => {
  const backlog = new Backlog<string>(1000);
  assert.ok(backlog.push("a", 5000));
  assert.ok(!backlog.push("b", 0));
  backlog.force("c", 5000);
  assert.equal(backlog.length, 2);
  assert.deepEqual([backlog.shift(), backlog.shift(), backlog.shift()], ["a", "c", undefined]);
  let count = 0;
  while (backlog.push("x", 0)) count++;
  assert.equal(count, 10, "items without a size have one");
  backlog.shift();
  assert.ok(backlog.push("y", 0) && !backlog.push("z", 0));
  assert.equal(backlog.last, "y");
});
