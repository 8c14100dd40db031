import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { pbkdf2Sync } from "node:crypto";
import { saltedPassword } from "../../src/auth/salted_password.ts";
import { saltPassword } from "../../src/run/hashing.ts";
import { test } from "../support/suite/test.ts";

function expected(password: string, salt: string, iterations: number): Uint8Array {
  return pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
}

test("salted passwords: the same each time, and others for each other password, salt and count", async () => {
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
      const given = { password, salt, iterations };
      const right = new Uint8Array(expected(prepared, salt, iterations));
      assert.deepEqual(new Uint8Array(saltedPassword(given)), right);
      assert.deepEqual(new Uint8Array(await saltPassword(given)), right);
      const other = { ...given, password: `${password} later` };
      assert.deepEqual(await saltPassword(other), new Uint8Array(expected(`${prepared} later`, salt, iterations)));
      assert.equal(saltedPassword(other), await saltPassword(other), "both keep what either has computed");
    }
  }
});

test("salted passwords: one that is kept is not computed again, and those beyond the limit are", () => {
  const salt = "c2FsdA==";
  const first = saltedPassword({ password: "kept", salt, iterations: 1 });
  assert.equal(saltedPassword({ password: "kept", salt, iterations: 1 }), first);
  for (let i = 0; i < 63; i++) saltedPassword({ password: `other ${i}`, salt, iterations: 1 });
  assert.equal(saltedPassword({ password: "kept", salt, iterations: 1 }), first, "the last 64 are kept");
  for (let i = 0; i < 64; i++) saltedPassword({ password: `another ${i}`, salt, iterations: 1 });
  assert.notEqual(saltedPassword({ password: "kept", salt, iterations: 1 }), first);
  assert.deepEqual(saltedPassword({ password: "kept", salt, iterations: 1 }), first);
});

test("salted passwords: those that are wanted at the same time are computed once", async () => {
  const given = { password: "wanted by three", salt: "c2FsdA==", iterations: 1000 };
  const [first, ...others] = await Promise.all([1, 2, 3].map(() => saltPassword(given)));
  for (const other of others) assert.equal(other, first);
  assert.equal(saltedPassword(given), first);
});
