/**
 * Certificates that OpenSSL has made with keys which not every runtime can make or read. Where a runtime cannot verify
 * a signature, the certificate is refused, and the error says that this may be the reason.
 */
import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { certificatesIn } from "../../src/tls/pem.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import { damagedSignature, NOW } from "../support/certificates/authority.ts";
import { P521, P521_SHA256, P521_SHA384, RSA, RSA_SHA256 } from "../support/certificates/recorded.ts";
import { runtime } from "../support/suite/runtime.ts";
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

/** Each certificate: its authority, whether Deno can verify its signature, and what an error says. */
const CASES = [
  [
    "P-521 with SHA-256",
    P521,
    P521_SHA256,
    false,
    /has not signed it, or .*: Deno verifies signatures of P-521 with SHA-384/,
  ],
  ["P-521 with SHA-384", P521, P521_SHA384, true, /\(CN=P-521\) has not signed it$/],
  [
    "RSA of 5120 bits",
    RSA,
    RSA_SHA256,
    false,
    /has not signed it, or .*: Deno reads RSA keys of at most 4096 bits, and this has 5120$/,
  ],
] as const;

for (const [name, root, leaf, isKnownToDeno, reason] of CASES) {
  test(`recorded certificates: ${name}`, () => {
    if (isKnownToDeno || runtime !== "deno") verify(root, only(leaf));
    else refuses(root, only(leaf), reason);
    refuses(root, damagedSignature(only(leaf)), reason);
  });
}
