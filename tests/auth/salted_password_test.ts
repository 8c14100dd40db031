import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import { saltedPassword } from "../../src/auth/salted_password.ts";
import { test } from "../support/suite/test.ts";

function expected(password: string, salt: string, iterations: number): Uint8Array {
  return pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
}

test("salted passwords: the same each time, and others for each other password, salt and count", () => {
  const inputs: [string, string, number][] = [
    ["secret", "c2FsdA==", 2],
    ["secreT", "c2FsdA==", 2],
    ["secret", "c2FsdB==", 2],
    ["secret", "c2FsdA==", 3],
    // Joined without care, these two were one.
    ["1 c2FsdA== x", "c2FsdA==", 1],
    ["x", "c2FsdA== 1 c2FsdA==", 1],
    ["\u2168", "c2FsdA==", 2],
    ["IX", "c2FsdA==", 2],
  ];
  for (let round = 0; round < 2; round++) {
    for (const [password, salt, iterations] of inputs) {
      const prepared = password === "\u2168" ? "IX" : password;
      assert.deepEqual(
        new Uint8Array(saltedPassword(password, salt, iterations)),
        new Uint8Array(expected(prepared, salt, iterations)),
      );
    }
  }
});

test("salted passwords: one that is kept is not computed again, and those beyond the limit are", () => {
  const salt = "c2FsdA==";
  const first = saltedPassword("kept", salt, 1);
  assert.equal(saltedPassword("kept", salt, 1), first);
  for (let i = 0; i < 63; i++) saltedPassword(`other ${i}`, salt, 1);
  assert.equal(saltedPassword("kept", salt, 1), first, "the last 64 are kept");
  for (let i = 0; i < 64; i++) saltedPassword(`another ${i}`, salt, 1);
  assert.notEqual(saltedPassword("kept", salt, 1), first);
  assert.deepEqual(saltedPassword("kept", salt, 1), first);
});
