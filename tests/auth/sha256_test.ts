import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { isSame, nodeHashing, ownHashing } from "../../src/auth/hashing.ts";
import { ownSha256 } from "../../src/auth/sha256.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const random = new Random(256);

test("sha256: as node:crypto computes it, for each length around the ends of blocks, and long ones", () => {
  for (const length of [...Array(200).keys(), 1000, 65_535, 1_000_000]) {
    const input = random.bytes(length);
    assert.deepEqual([...ownSha256(input)], [...createHash("sha256").update(input).digest()], `${length} bytes`);
  }
});

test("sha256: the input is not changed, also where it is a part of a buffer", () => {
  const whole = random.bytes(100);
  const part = whole.subarray(7, 90);
  const before = whole.slice();
  assert.deepEqual([...ownSha256(part)], [...createHash("sha256").update(part).digest()]);
  assert.deepEqual(whole, before);
});

test("hmac: as node:crypto computes it, for keys shorter and longer than a block", () => {
  for (const length of [0, 1, 31, 32, 63, 64, 65, 128, 200]) {
    const key = random.bytes(length);
    for (const text of ["", "Client Key", "ä€𝄞".repeat(30)]) {
      const right = [...createHmac("sha256", key).update(text).digest()];
      assert.deepEqual([...ownHashing.hmac(key, text)], right);
      assert.deepEqual([...nodeHashing.hmac(key, text)], right);
    }
  }
});

test("sha256: only equal byte strings are the same", () => {
  const bytes = random.bytes(32);
  assert.ok(isSame(bytes, bytes.slice()));
  assert.ok(!isSame(bytes, bytes.subarray(1)));
  for (let i = 0; i < 32; i++) {
    const other = bytes.slice();
    other[i]! ^= 1 << (i % 8);
    assert.ok(!isSame(bytes, other));
  }
});
