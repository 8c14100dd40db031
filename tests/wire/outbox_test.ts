import assert from "node:assert/strict";
import { EncodeError } from "../../src/errors.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

test("outbox: numbers are big-endian", () => {
  assertBytes((out) => out.byte(0xfe), [0xfe]);
  assertBytes((out) => out.int16(0x1234), [0x12, 0x34]);
  assertBytes((out) => out.int16(-2), [0xff, 0xfe]);
  assertBytes((out) => out.int32(0x1234_5678), [0x12, 0x34, 0x56, 0x78]);
  assertBytes((out) => out.int32(-2), [0xff, 0xff, 0xff, 0xfe]);
  assertBytes((out) => out.int64(-2n), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]);
  assertBytes((out) => out.int64(0x0102_0304_0506_0708n), [1, 2, 3, 4, 5, 6, 7, 8]);
  assertBytes((out) => out.float32(-1.5), [0xbf, 0xc0, 0, 0]);
  assertBytes((out) => out.float64(-1.5), [0xbf, 0xf8, 0, 0, 0, 0, 0, 0]);
});

test("outbox: counts and OIDs may use the sign bit", () => {
  assertBytes((out) => out.int16(0xffff), [0xff, 0xff]);
  assertBytes((out) => out.int16(0x8000), [0x80, 0]);
  assertBytes((out) => out.int32(0xffff_fffe), [0xff, 0xff, 0xff, 0xfe]);
});

test("outbox: bytes are copied", () => {
  const value = new Uint8Array([1, 2, 3]);
  const out = new Outbox();
  out.bytes(value);
  value[0] = 9;
  assert.deepEqual([...out.pending()], [1, 2, 3]);
});

test("outbox: text is UTF-8 at any length and position of the first character that is not ASCII", () => {
  const encoder = new TextEncoder();
  for (const length of [0, 1, 2, 38, 39, 40, 41, 42, 80, 1000]) {
    for (const special of ["", "\x7f", "\x80", "é", "€", "😀", "\ufeff", "\ud800"]) {
      for (const at of [0, length >> 1, length]) {
        const text = "x".repeat(at) + special + "y".repeat(length - at);
        assertBytes((out) => {
          out.text(text);
          out.byte(0x21);
        }, [...encoder.encode(text), 0x21]);
      }
    }
  }
});

test("outbox: a cstring ends with one zero byte", () => {
  assertBytes((out) => out.cstring(""), [0]);
  assertBytes((out) => out.cstring("né"), [0x6e, 0xc3, 0xa9, 0]);
});

test("outbox: a message's length counts itself, not the code", () => {
  assertBytes((out) => {
    const start = out.begin(0x51);
    out.text("ab");
    out.end(start);
  }, [0x51, 0, 0, 0, 6, 0x61, 0x62]);
  assertBytes((out) => {
    const start = out.beginUntyped();
    out.byte(7);
    out.end(start);
  }, [0, 0, 0, 5, 7]);
});

test("outbox: a value's length does not count itself", () => {
  assertBytes((out) => {
    out.endValue(out.beginValue());
    const value = out.beginValue();
    out.text("abc");
    out.endValue(value);
  }, [0, 0, 0, 0, 0, 0, 0, 3, 0x61, 0x62, 0x63]);
});

test("outbox: growing in mid-message keeps what is written and where it is", () => {
  const large = new Random(1).bytes(100_000);
  const out = new Outbox();
  out.text("before");
  const start = out.begin(0x42);
  const formats = out.mark;
  out.int16(0);
  const value = out.beginValue();
  out.bytes(large);
  out.endValue(value);
  out.patch16(formats, 0x0102);
  out.end(start);
  const expected = [...new TextEncoder().encode("before"), 0x42, ...int32(100_010), 1, 2, ...int32(100_000), ...large];
  assert.deepEqual([...out.pending()], expected);
});

test("outbox: every primitive grows it when it does not fit", () => {
  const writes: [(out: Outbox) => void, number][] = [
    [(out) => out.byte(1), 1],
    [(out) => out.int16(1), 2],
    [(out) => out.int32(1), 4],
    [(out) => out.int64(1n), 8],
    [(out) => out.float32(1), 4],
    [(out) => out.float64(1), 8],
    [(out) => out.bytes(new Uint8Array(3)), 3],
    [(out) => out.text("abc"), 3],
    [(out) => out.text("é"), 2],
    [(out) => out.text("x".repeat(50)), 50],
    [(out) => void out.begin(1), 5],
    [(out) => void out.beginUntyped(), 4],
  ];
  for (const [write, size] of writes) {
    for (let missing = 0; missing <= size; missing++) {
      const out = new Outbox();
      out.byte(1);
      const capacity = out.pending().buffer.byteLength;
      out.bytes(new Uint8Array(capacity - 1 - missing));
      write(out);
      assert.equal(out.size, capacity - missing + size);
      assert.equal(out.pending().length, out.size);
      assert.equal(out.pending()[0], 1);
    }
  }
});

test("outbox: bytes lent to a write stay as they are while more is written", () => {
  const out = new Outbox();
  out.text("lent");
  const lent = out.pending();
  out.bytes(new Uint8Array(1_000_000).fill(0x21));
  assert.equal(new TextDecoder().decode(lent), "lent");
  assert.equal(new TextDecoder().decode(out.pending().subarray(0, 6)), "lent!!");
  out.sent(lent.length);
  assert.equal(out.size, 1_000_000);
  assert.equal(out.pending()[0], 0x21);
});

test("outbox: rewinding takes back a message, even one that made it grow", () => {
  for (const size of [3, 100_000]) {
    const out = new Outbox();
    out.text("kept");
    const { mark } = out;
    out.begin(0x42);
    out.bytes(new Uint8Array(size));
    out.rewind(mark);
    assert.equal(out.size, 4);
    assert.equal(out.writtenTotal, 4);
    out.text(" and more");
    assert.equal(new TextDecoder().decode(out.pending()), "kept and more");
  }
});

test("outbox: written, rewound and sent in parts of any size, every byte leaves once and in order", () => {
  const random = new Random(2);
  const out = new Outbox();
  const written: number[] = [];
  const sent: number[] = [];
  for (let round = 0; round < 1000; round++) {
    const { mark } = out;
    const piece = random.bytes(random.pick([1, 50, 500, 5000]));
    out.bytes(piece);
    if (random.below(4) === 0) out.rewind(mark);
    else for (const byte of piece) written.push(byte);
    const part = out.pending().subarray(0, random.below(random.pick([10, 2000, 20_000])));
    for (const byte of part) sent.push(byte);
    out.sent(part.length);
    assert.equal(out.sentTotal, sent.length);
    assert.equal(out.writtenTotal, written.length);
    assert.equal(out.size, written.length - sent.length);
  }
  for (const byte of out.pending()) sent.push(byte);
  assert.deepEqual(new Uint8Array(sent), new Uint8Array(written));
});

test("outbox: sending in parts does not make it grow", () => {
  const out = new Outbox();
  out.bytes(new Uint8Array(10_000));
  for (let i = 0; i < 1000; i++) {
    out.bytes(new Uint8Array(1000));
    out.sent(1000);
  }
  assert.equal(out.size, 10_000);
  assert.ok(out.pending().buffer.byteLength <= 0x8000);
});

test("outbox: memory of a large request is given back once it is sent", () => {
  const out = new Outbox();
  out.bytes(new Uint8Array(3_000_000));
  out.sent(2_999_999);
  assert.deepEqual([...out.pending()], [0]);
  out.sent(1);
  out.byte(1);
  assert.ok(out.pending().buffer.byteLength < 100_000);
});

test("outbox: clearing drops what waits, and the counters go on", () => {
  const out = new Outbox();
  out.text("abcdef");
  out.sent(2);
  out.clear();
  assert.equal(out.size, 0);
  assert.equal(out.sentTotal, 2);
  assert.equal(out.writtenTotal, 2);
  out.text("g");
  assert.deepEqual([...out.pending()], [0x67]);
});

test("outbox: more than 1 GiB is refused before any memory is taken", () => {
  const out = new Outbox();
  out.text("kept");
  const { mark } = out;
  const start = out.begin(0x64);
  assert.throws(() => out.bytes({ length: 0x4000_0000 } as Uint8Array), EncodeError);
  // A message that began that far back is that long.
  assert.throws(() => out.end(start - 0x4000_0000), EncodeError);
  assert.throws(() => out.endValue(start - 0x4000_0000), EncodeError);
  out.rewind(mark);
  assert.equal(new TextDecoder().decode(out.pending()), "kept");
});

function assertBytes(write: (out: Outbox) => void, expected: number[]): void {
  const out = new Outbox();
  write(out);
  assert.deepEqual([...out.pending()], expected);
}

function int32(value: number): number[] {
  return [value >> 24, value >> 16, value >> 8, value].map((byte) => byte & 0xff);
}

test("outbox: a length of 1 GiB less two bytes is the last that the server takes", () => {
  const out = new Outbox();
  out.begin(0x51);
  assert.throws(() => out.end(out.mark - 0x3fff_ffff), EncodeError);
  assert.throws(() => out.end(out.mark - 0x3fff_fffe), RangeError);
});
