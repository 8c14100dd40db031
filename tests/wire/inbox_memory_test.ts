import assert from "node:assert/strict";
import { concat, message, noticeResponse } from "../support/scripted/backend.ts";
import { Random } from "../support/suite/random.ts";
import { receive, recording } from "../support/scripted/received.ts";
import { test } from "../support/suite/test.ts";

test("inbox: messages of any size in pieces of any size arrive unchanged", () => {
  const random = new Random(3);
  const bodies = Array.from({ length: 400 }, () => random.bytes(random.below(random.pick([10, 1000, 30_000]))));
  const stream = concat(...bodies.map(copyData));
  const { inbox } = recording();
  let read = 0;
  let largest = 0;
  for (let at = 0; at < stream.length;) {
    const size = random.pick([1, 100, 5000, 100_000]);
    const piece = stream.subarray(at, at + size);
    receive(inbox, piece, Infinity, () => {
      while (inbox.next()) assert.deepEqual(inbox.rest(), bodies[read++]);
    });
    at += piece.length;
    largest = Math.max(largest, inbox.bytes.length);
  }
  assert.equal(read, bodies.length);
  assert.equal(inbox.buffered, 0);
  assert.equal(largest, USUAL, "messages of half the buffer do not make it grow");
});

test("inbox: what waits behind the current message survives compaction and growth", () => {
  const random = new Random(4);
  const bodies = Array.from({ length: 200 }, () => random.bytes(1 + random.below(20_000)));
  const { inbox } = recording();
  let read = 0;
  // Reads slower than bytes arrive, then catches up.
  for (const [index, body] of bodies.entries()) {
    receive(inbox, copyData(body));
    if (index % 3 === 0 && inbox.next()) assert.deepEqual(inbox.rest(), bodies[read++]);
  }
  while (inbox.next()) assert.deepEqual(inbox.rest(), bodies[read++]);
  assert.equal(read, bodies.length);
});

test("inbox: the buffer grows with what has arrived, and no further than four times that", () => {
  const { inbox } = recording();
  const body = new Random(5).bytes(1_000_000);
  let arrived = 0;
  receive(inbox, copyData(body), 10_000, () => {
    arrived = Math.min(arrived + 10_000, body.length + 5);
    assert.ok(inbox.bytes.length <= Math.max(0x1_0000, 4 * arrived));
    assert.equal(inbox.next(), arrived === body.length + 5);
  });
  assert.deepEqual(inbox.rest(), body);
});

test("inbox: the buffer of a large message is given back once it is read", () => {
  const { inbox } = recording();
  receive(inbox, copyData(new Uint8Array(5_000_000)));
  assert.ok(inbox.next());
  assert.ok(inbox.bytes.length > 5_000_000);
  assert.ok(inbox.reserve().length > 0);
  assert.equal(inbox.bytes.length, USUAL);
});

test("inbox: the buffer is reused, however much passes through it", () => {
  const { inbox } = recording();
  receive(inbox, copyData(new Uint8Array(9000)));
  assert.ok(inbox.next());
  const { bytes } = inbox;
  const stream = concat(...Array.from({ length: 50 }, () => copyData(new Uint8Array(9000))));
  receive(inbox, stream, 7000, () => {
    while (inbox.next()) inbox.rest();
  });
  assert.ok(inbox.bytes === bytes);
});

test("inbox: a connection has a small buffer until a read fills it", () => {
  const { inbox } = recording();
  const initial = inbox.bytes.length;
  assert.ok(initial <= USUAL / 8);
  const body = new Uint8Array(100);
  for (let i = 0; i < 1000; i++) {
    receive(inbox, copyData(body));
    assert.ok(inbox.next());
  }
  assert.equal(inbox.bytes.length, initial, "short replies are read one after the other");
  receive(inbox, copyData(new Uint8Array(initial)));
  assert.ok(inbox.next());
  assert.equal(inbox.bytes.length, USUAL);
});

test("inbox: growing in the middle of an asynchronous message loses nothing", () => {
  const { inbox, taken } = recording();
  const text = "x".repeat(300_000);
  receive(inbox, concat(noticeResponse(text), copyData(new Uint8Array([1]))), 1000, () => {
    while (inbox.next()) assert.deepEqual([...inbox.rest()], [1]);
  });
  assert.equal(taken.length, 1);
  assert.ok(new TextDecoder().decode(taken[0]!.body).includes(`${text}\0`));
});

/** The length of the buffer once a read has filled the first one. */
const USUAL = 0x1_0000;

function copyData(body: Uint8Array): Uint8Array {
  return message("d", (out) => out.bytes(body));
}
