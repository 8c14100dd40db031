/** The verification of signatures that runtimes lack, beside signatures that the runtime makes. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isP521Signature } from "../../src/tls/ec_signature.ts";
import { isRsaSignature } from "../../src/tls/rsa_signature.ts";
import { publicKeyOf } from "../../src/tls/signature.ts";
import { test } from "../support/suite/test.ts";

const SIGNED = new TextEncoder().encode("what is signed");

function encoded(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: "spki", format: "der" }) as Uint8Array);
}

/** Those that are not the signature: with a bit changed, cut, longer, and of other numbers. */
function wrongOnes(signature: Uint8Array): Uint8Array[] {
  const flipped = Array.from({ length: 16 }, (_, i) => {
    const copy = signature.slice();
    copy[Math.floor(i * copy.length / 16)]! ^= 1 << (i % 8);
    return copy;
  });
  const same = (byte: number): Uint8Array => new Uint8Array(signature.length).fill(byte);
  return [...flipped, signature.slice(1), signature.slice(0, -1), Uint8Array.of(0, ...signature), same(0), same(0xff)];
}

/** What a verification says; false if it refuses the encoding. */
function says(verify: () => boolean): boolean {
  try {
    return verify();
  } catch (error) {
    assert.equal((error as Error).constructor.name, "DerError", String(error));
    return false;
  }
}

test("own signatures: P-521", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-521" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-521" }).publicKey;
  const point = publicKeyOf(encoded(publicKey)).point!;
  for (const hash of ["sha384", "sha512"]) {
    const signature = new Uint8Array(sign(hash, SIGNED, privateKey));
    assert.ok(isP521Signature(point, hash, SIGNED, signature), hash);
    assert.ok(!isP521Signature(point, hash, SIGNED.slice(1), signature), "another text");
    assert.ok(!isP521Signature(publicKeyOf(encoded(other)).point!, hash, SIGNED, signature), "another key");
    assert.ok(!isP521Signature(point, "sha256", SIGNED, signature), "another hash function");
    for (const wrong of wrongOnes(signature)) assert.ok(!says(() => isP521Signature(point, hash, SIGNED, wrong)));
    const off = point.slice();
    off[100]! ^= 1;
    assert.ok(!isP521Signature(off, hash, SIGNED, signature), "a point that is not on the curve");
    assert.ok(!isP521Signature(point.slice(0, 67), hash, SIGNED, signature), "half a point");
  }
  // Zero, and the order of the curve, whose inverse does not exist.
  const order = `01${"ff".repeat(32)}fa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`;
  for (const number of ["020100", `0242${order}`]) {
    const body = number + number;
    const long = (body.length / 2).toString(16).padStart(2, "0");
    const zero = Buffer.from(body.length < 256 ? `30${long}${body}` : `3081${long}${body}`, "hex");
    assert.ok(!says(() => isP521Signature(point, "sha512", SIGNED, new Uint8Array(zero))), number);
  }
});

for (const bits of [2048, 2049, 2056]) {
  test(`own signatures: RSA of ${bits} bits`, () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: bits });
    const key = publicKeyOf(encoded(publicKey)).rsa!;
    const verifies = (hash: string, salt: number | undefined, signature: Uint8Array, signed = SIGNED): boolean =>
      isRsaSignature(key.encoded, key.bits, hash, salt, signed, signature);
    for (const [hash, digest] of [["sha256", 32], ["sha384", 48], ["sha512", 64]] as const) {
      const plain = new Uint8Array(sign(hash, SIGNED, privateKey));
      const padding = constants.RSA_PKCS1_PSS_PADDING;
      const pss = new Uint8Array(sign(hash, SIGNED, { key: privateKey, padding, saltLength: digest }));
      for (const [salt, signature] of [[undefined, plain], [digest, pss]] as const) {
        assert.ok(verifies(hash, salt, signature), `${hash}, ${salt}`);
        assert.ok(!verifies(hash, salt, signature, SIGNED.slice(1)), "another text");
        assert.ok(!verifies(hash === "sha256" ? "sha512" : "sha256", salt, signature), "another hash function");
        for (const wrong of wrongOnes(signature)) assert.ok(!verifies(hash, salt, wrong), `${hash}, ${salt}`);
      }
      for (const salt of [undefined, digest - 1, digest + 1, 10_000]) assert.ok(!verifies(hash, salt, pss), `${salt}`);
      assert.ok(!verifies(hash, digest, plain));
    }
  });
}
