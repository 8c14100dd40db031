import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { md5Password } from "../../src/auth/md5.ts";
import { test } from "../support/suite/test.ts";

test("md5: the hash of the stored hash and the salt", () => {
  // What PostgreSQL stores for the role "ada" with the password "secret".
  const stored = hex("secretada");
  const salt = new Uint8Array([0x00, 0x80, 0xff, 0x0a]);
  const expected = createHash("md5").update(stored).update(salt).digest("hex");
  assert.equal(md5Password("ada", "secret", salt), `md5${expected}`);
});

test("md5: every byte of the salt counts", () => {
  const answers = new Set<string>();
  for (const salt of [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]) {
    const answer = md5Password("ada", "secret", Uint8Array.from(salt));
    assert.match(answer, /^md5[0-9a-f]{32}$/);
    answers.add(answer);
  }
  assert.equal(answers.size, 5);
});

test("md5: password and user name are hashed as UTF-8, as they are", () => {
  const salt = new Uint8Array([1, 2, 3, 4]);
  const inner = createHash("md5").update(new TextEncoder().encode("pässwört\u2168Jürgen")).digest("hex");
  const expected = createHash("md5").update(inner).update(salt).digest("hex");
  assert.equal(md5Password("Jürgen", "pässwört\u2168", salt), `md5${expected}`);
});

function hex(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
