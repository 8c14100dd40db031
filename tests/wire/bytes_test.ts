import assert from "node:assert/strict";
import { allocate, type Bytes, copyOf, utf8Length } from "../../src/wire/bytes.ts";
import { Backend, backendName } from "../../src/wire/codes.ts";
import { test } from "../support/suite/test.ts";

test("bytes: allocated memory is zero and nobody else's", () => {
  const bytes = allocate(100);
  assert.equal(bytes.length, 100);
  assert.equal(bytes.byteOffset, 0);
  assert.equal(bytes.buffer.byteLength, 100);
  assert.ok(bytes.every((byte) => byte === 0));
  assert.equal(allocate(0).length, 0);
});

test("bytes: a copy is a plain Uint8Array with exactly its own memory", () => {
  const bytes = bytesFrom(new Uint8Array([1, 2, 3, 4]));
  const copy = copyOf(bytes, 1, 3);
  bytes.fill(0);
  assert.deepEqual([...copy], [2, 3]);
  assert.equal(copy.constructor, Uint8Array);
  assert.equal(copy.buffer.byteLength, 2);
});

test("bytes: text of a range, a byte order mark included", () => {
  const text = "a\ufeffé😀\0z";
  const encoded = new TextEncoder().encode(text);
  const bytes = bytesFrom(encoded);
  assert.equal(bytes.utf8Slice(0, bytes.length), text);
  assert.equal(bytes.utf8Slice(1, 4), "\ufeff");
  assert.equal(bytes.utf8Slice(2, 2), "");
  assert.equal(utf8Length(text), encoded.length);
});

test("bytes: bytes that are no UTF-8 give replacement characters, not an error", () => {
  assert.equal(bytesFrom(new Uint8Array([0x61, 0xff, 0x62])).utf8Slice(0, 3), "a\ufffdb");
});

test("bytes: writing text stays where it is told", () => {
  const bytes = allocate(8);
  assert.equal(bytes.utf8Write("é€", 2), 5);
  assert.deepEqual([...bytes], [0, 0, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0]);
});

test("codes: every server message has its name, and anything else its number", () => {
  for (const [name, code] of Object.entries(Backend)) assert.equal(backendName(code), name);
  assert.equal(backendName(0x07), "message 0x07");
  assert.equal(backendName(0xff), "message 0xff");
});

function bytesFrom(values: Uint8Array): Bytes {
  const bytes = allocate(values.length);
  bytes.set(values);
  return bytes;
}
