import assert from "node:assert/strict";
import { BadValue } from "../../src/codecs/codec.ts";
import { allocate, viewOf } from "../../src/wire/bytes.ts";
import { codec, decode, encodeHex, refused, roundTrip } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const bytea = codec("bytea");
const ALL = Uint8Array.from({ length: 256 }, (_, i) => i);

test("bytea: every byte comes back in both formats", () => {
  roundTrip(bytea, ALL);
  roundTrip(bytea, new Uint8Array());
  roundTrip(bytea, new Random(17).bytes(10_000));
});

test("bytea: values are plain Uint8Arrays with memory of their own", () => {
  const received = allocate(8);
  received.set([1, 2, 3, 4, 5, 6, 7, 8]);
  const value = bytea.decode({ bytes: received, view: viewOf(received) }, 2, 5) as Uint8Array;
  received.fill(0);
  for (const own of [value, bytea.parse("\\x030405") as Uint8Array, bytea.parse("\\003\\004\\005") as Uint8Array]) {
    assert.equal(Object.getPrototypeOf(own), Uint8Array.prototype);
    assert.deepEqual([...own], [3, 4, 5]);
    assert.equal(own.buffer.byteLength, 3);
  }
});

test("bytea: any kind of binary data is a parameter, and only its own part of the memory", () => {
  const memory = ALL.slice(0x40, 0x48).buffer;
  assert.equal(encodeHex(bytea, memory), "4041424344454647");
  assert.equal(encodeHex(bytea, new Uint8Array(memory, 1, 2)), "4142");
  assert.equal(encodeHex(bytea, new DataView(memory, 2, 3)), "424344");
  assert.equal(encodeHex(bytea, new Uint16Array(memory, 4, 1)), "4445");
  const shared = new SharedArrayBuffer(2);
  new Uint8Array(shared).set([0xfe, 0xff]);
  assert.equal(encodeHex(bytea, shared), "feff");
  assert.equal(bytea.text(new DataView(memory, 2, 3)), "\\x424344");
});

test("bytea: arrays of numbers and other values are refused", () => {
  for (const value of [[1, 2], 1, 1n, true, {}, new Date(0), undefined]) refused(bytea, value);
});

test("bytea: the hex format in either case", () => {
  assert.deepEqual(bytea.parse("\\xDEADbeef"), Uint8Array.of(0xde, 0xad, 0xbe, 0xef));
  assert.deepEqual(bytea.parse("\\x"), new Uint8Array());
});

test("bytea: the escape format, as the server writes every byte", () => {
  let text = "";
  for (const byte of ALL) {
    if (byte === 0x5c) text += "\\\\";
    else if (byte < 0x20 || byte > 0x7e) text += `\\${byte.toString(8).padStart(3, "0")}`;
    else text += String.fromCharCode(byte);
  }
  assert.deepEqual(bytea.parse(text), ALL);
  assert.deepEqual(bytea.parse(""), new Uint8Array());
});

test("bytea: malformed text is refused", () => {
  for (const text of ["\\x1", "\\x0g", "\\x 01", "\\x01\n", "\\", "a\\", "\\9", "\\400", "\\18", "\\01", "é", "a日"]) {
    refusal(BadValue, () => bytea.parse(text));
  }
});

test("bytea: text is read and written in far less time than digit by digit", () => {
  const bytes = new Random(5).bytes(4_000_000);
  const took = (work: () => unknown): number => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  const text = bytea.text(bytes);
  const slowly = took(() => {
    const out = new Uint8Array(text.length / 2 - 1);
    for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i + 2, 2 * i + 4), 16);
    assert.equal(out.length, bytes.length);
  });
  assert.deepEqual(bytea.parse(text), bytes);
  for (const work of [() => bytea.parse(text), () => bytea.text(bytes), () => bytea.parse("\\377".repeat(1_000_000))]) {
    const best = Math.min(took(work), took(work), took(work));
    assert.ok(best < slowly, `${best} ms, digit by digit ${slowly} ms`);
  }
});

test("bytea: a value of no bytes is no NULL", () => {
  assert.deepEqual(decode(bytea, new Uint8Array()), new Uint8Array());
  assert.equal(encodeHex(bytea, new Uint8Array()), "");
});

test("bytea: what has lost its memory is refused, and is no empty value", () => {
  const whole = new ArrayBuffer(8);
  const shrunk = new ArrayBuffer(8, { maxByteLength: 8 });
  const gone = [new Uint8Array(whole), new Uint16Array(whole, 2, 2), new DataView(whole), whole];
  const beyond = [new Uint8Array(shrunk, 4, 2), new DataView(shrunk, 4, 2)];
  for (const value of [...gone, ...beyond]) assert.equal(typeof encodeHex(bytea, value), "string");
  structuredClone(whole, { transfer: [whole] });
  shrunk.resize(2);
  for (const value of [...gone, ...beyond]) {
    for (const encode of [() => encodeHex(bytea, value), () => bytea.text(value)]) {
      assert.equal(refusal(BadValue, encode), "its memory was transferred or taken away after it was made");
    }
  }
  const empty = new ArrayBuffer(0, { maxByteLength: 8 });
  for (const value of [empty, new Uint8Array(empty), new DataView(empty), new SharedArrayBuffer(0)]) {
    assert.equal(encodeHex(bytea, value), "");
  }
});
