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

test("received: bytes that are kept do not change with the memory in which they came", () => {
  const received = new ReceiveBuffer({ pause() {}, resume() {} });
  const memory = new Uint8Array([1, 2, 3]);
  received.pushCopy(memory);
  received.pushCopy(memory.fill(4));
  memory.fill(5);
  const into = new Uint8Array(8);
  assert.equal(received.read(into), 6);
  assert.deepEqual([...into.subarray(0, 6)], [1, 2, 3, 4, 4, 4]);
});

test("received: a read that waits gets the bytes of memory that is used again", async () => {
  const received = new ReceiveBuffer({ pause() {}, resume() {} });
  const memory = new Uint8Array([1, 2, 3]);
  const [short, long] = [new Uint8Array(2), new Uint8Array(8)];
  const first = received.read(short);
  received.pushCopy(memory);
  memory.fill(9);
  assert.deepEqual([await first, ...short], [2, 1, 2]);
  assert.equal(received.read(long), 1);
  const second = received.read(long);
  received.pushCopy(memory);
  assert.deepEqual([await second, ...long.subarray(0, 3)], [3, 9, 9, 9]);
});

test("received: a socket is paused once while too many bytes are unread, and resumed when all are read", () => {
  const calls: string[] = [];
  const received = new ReceiveBuffer({ pause: () => calls.push("pause"), resume: () => calls.push("resume") });
  const into = new Uint8Array(0x20_0000);
  for (let round = 0; round < 2; round++) {
    received.push(new Uint8Array(0x10_0000));
    assert.deepEqual(calls.splice(0), []);
    received.push(new Uint8Array(1));
    received.push(new Uint8Array(1));
    assert.deepEqual(calls.splice(0), ["pause"]);
    assert.equal(received.read(into.subarray(0, 0x10_0000)), 0x10_0000);
    assert.deepEqual(calls.splice(0), []);
    assert.equal(received.read(into), 2);
    assert.deepEqual(calls.splice(0), ["resume"]);
  }
});
