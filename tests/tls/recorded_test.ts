/**
 * Certificates that OpenSSL has made with keys which not every runtime can make or read: pyro verifies them on all of
 * them.
 */
import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { certificatesIn } from "../../src/tls/pem.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import { damagedSignature, NOW } from "../support/certificates/authority.ts";
import { P521, P521_SHA256, P521_SHA384, RSA, RSA_SHA256 } from "../support/certificates/recorded.ts";
import { test } from "../support/suite/test.ts";

function verify(root: string, leaf: Uint8Array): void {
  const roots = certificatesIn(root, "the root");
  verifyCertificate(
    [leaf],
    { mode: "verify-full", roots, rootsName: "the file", crls: [], host: "db.example" },
    NOW,
  );
}

function refuses(root: string, leaf: Uint8Array, reason: RegExp): void {
  assert.throws(() => verify(root, leaf), (error) => {
    assert.ok(error instanceof ConnectionError, String(error));
    assert.match(error.message, reason);
    return true;
  });
}

function only(text: string): Uint8Array {
  return certificatesIn(text, "the certificate")[0]!;
}

/** Each certificate, its authority, and the authority's name. */
const CASES = [
  ["P-521 with SHA-256", P521, P521_SHA256, "P-521"],
  ["P-521 with SHA-384", P521, P521_SHA384, "P-521"],
  ["RSA of 5120 bits", RSA, RSA_SHA256, "RSA"],
] as const;

for (const [name, root, leaf, authority] of CASES) {
  test(`recorded certificates: ${name}`, () => {
    verify(root, only(leaf));
    refuses(root, damagedSignature(only(leaf)), new RegExp(`\\(CN=${authority}.*\\) has not signed it$`));
  });
}
