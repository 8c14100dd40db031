import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { endPointHash } from "../../src/tls/signature_hash.ts";
import {
  certificate,
  type CertificateOptions,
  keyNamed,
  type KeyType,
  keyUsage,
  signed,
} from "../support/certificates/authority.ts";
import { integer, NULL, objectIdentifier, sequence } from "../support/certificates/der.ts";
import { test } from "../support/suite/test.ts";

function of(type: KeyType, hash?: CertificateOptions["hash"]): Buffer {
  const options = { subject: "db.example", extensions: [keyUsage("digitalSignature")], key: keyNamed("server", type) };
  return certificate(hash === undefined ? options : { ...options, hash }).certificate;
}

test("signature hash: the certificate is hashed by the hash function of its signature", () => {
  for (const type of ["EC", "P-384", "RSA", "RSA-PSS"] as const) {
    for (const hash of ["sha256", "sha384", "sha512"] as const) {
      const der = of(type, hash);
      assert.deepEqual(endPointHash(der), new Uint8Array(createHash(hash).update(der).digest()), `${type} ${hash}`);
    }
  }
});

test("signature hash: SHA-1 becomes SHA-256", () => {
  for (const type of ["EC", "RSA"] as const) {
    const der = of(type, "sha1");
    assert.deepEqual(endPointHash(der), new Uint8Array(createHash("sha256").update(der).digest()), type);
  }
});

test("signature hash: MD5 becomes SHA-256, and unknown algorithms have none", () => {
  const withAlgorithm = (identifier: string) => {
    const der = of("RSA");
    const rsa = objectIdentifier("1.2.840.113549.1.1.11");
    const text = der.toString("latin1");
    const changed = text.replaceAll(rsa.toString("latin1"), objectIdentifier(identifier).toString("latin1"));
    return Buffer.from(changed, "latin1");
  };
  const md5 = withAlgorithm("1.2.840.113549.1.1.4");
  assert.deepEqual(endPointHash(md5), new Uint8Array(createHash("sha256").update(md5).digest()));
  assert.equal(endPointHash(withAlgorithm("1.2.840.113549.1.1.99")), undefined);
});

test("signature hash: Ed25519 has none", () => {
  assert.equal(endPointHash(of("Ed25519")), undefined);
});

test("signature hash: what Deno's TLS does not verify has none", () => {
  const key = keyNamed("server");
  const old = certificate({ subject: "db.example", key, version: 1 }).certificate;
  assert.equal(endPointHash(old), undefined);
  assert.equal(endPointHash(Buffer.concat([of("EC"), Buffer.from([0])])), undefined);
  assert.equal(endPointHash(signed(sequence(integer(1), NULL), key)), undefined);
  assert.equal(endPointHash(new Uint8Array()), undefined);
});
