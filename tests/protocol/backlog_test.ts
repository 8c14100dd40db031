import assert from "node:assert/strict";
import { Backlog, Fifo } from "../../src/backlog.ts";
import { ReceiveBuffer } from "../../src/transport/received.ts";
import { growsInProportion } from "../support/suite/growth.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

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

test("fifo: items may be taken and added while they are looked at", () => {
  const fifo = new Fifo<number>();
  for (let i = 0; i < 200; i++) fifo.push(i);
  const seen: number[] = [];
  for (const item of fifo) {
    seen.push(item);
    fifo.shift();
    if (item === 50) { for (let i = 0; i < 100; i++) fifo.shift(); }
    if (item === 151) fifo.push(200);
  }
  assert.deepEqual(seen, [...Array(51).keys(), ...Array.from({ length: 50 }, (_, i) => i + 151)]);
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

test("backlog: time grows with the number of chunks that a socket has pushed", () => {
  growsInProportion(20_000, (length) => {
    const received = new ReceiveBuffer({ pause() {}, resume() {} });
    for (let i = 0; i < length; i++) received.push(new Uint8Array([i & 0xff]));
    const into = new Uint8Array(16);
    return () => {
      for (let at = 0; at < length; at += 16) {
        received.read(into);
        assert.equal(into[15], (at + 15) & 0xff);
      }
    };
  });
});
