import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConnectionError } from "../../src/errors.ts";
import { type Verification, verifyCertificate } from "../../src/tls/verify.ts";
import * as x509 from "../support/certificates/authority.ts";
import { DAY, type Issued, NOW } from "../support/certificates/authority.ts";
import { test } from "../support/suite/test.ts";

const HOST = "db.example";
const root = x509.authority("Root");
const middle = x509.authority("Middle", { issuer: root });
const leaf = x509.server(middle, [HOST]);

/** What differs from a chain of leaf and intermediate, the root trusted, verify-full. */
interface Case {
  chain?: readonly Issued[];
  roots?: readonly Issued[];
  crls?: readonly Uint8Array[];
  host?: string;
  mode?: Verification["mode"];
  now?: number;
}

function verify({ chain = [leaf, middle], roots = [root], crls = [], host = HOST, mode, now = NOW }: Case): void {
  verifyCertificate(
    chain.map(({ certificate }) => certificate),
    {
      mode: mode ?? "verify-full",
      roots: roots.map(({ certificate }) => certificate),
      rootsName: 'the file "root.crt" (sslrootcert)',
      crls,
      host,
    },
    now,
  );
}

/** The verification must fail with a message that begins as all do and ends with the reason. */
function refuses(what: Case, reason: RegExp): void {
  assert.throws(() => verify(what), (error) => {
    assert.ok(error instanceof ConnectionError, String(error));
    assert.match(error.message, /^Cannot trust the server's certificate.* for the host ".*": /);
    assert.match(error.message, reason);
    assert.equal(error.safeToRetry, false);
    assert.equal(error.connectionLost, false);
    return true;
  });
}

test("verify: a chain that ends in a trusted root is accepted", () => {
  verify({});
  verify({ chain: [x509.server(root, [HOST])] });
});

test("verify: the times of all certificates count", () => {
  refuses({ now: NOW + 2 * DAY }, /: it expired at 2031-05-07T07:08:09Z, and now it is 2031-05-08T07:08:09Z$/);
  refuses({ now: NOW - 2 * DAY }, /: it is valid from 2031-05-05T07:08:09Z on, and now it is 2031-05-04T07:08:09Z$/);
  const expired = x509.authority("Middle", { issuer: root, notAfter: NOW - 1000 });
  refuses({ chain: [leaf, expired] }, /: of its authority \(CN=Middle\), it expired at 2031-05-06T07:08:08Z/);
  verify({ now: NOW + DAY - 1 });
  refuses({ now: NOW + DAY }, /it expired/);
  verify({ now: NOW - DAY });
});

test("verify: errors have the codes of node:tls", () => {
  const alone = x509.certificate({ subject: HOST });
  const direct = x509.server(root, [HOST]);
  const cases: readonly (readonly [code: string | undefined, what: Case])[] = [
    ["DEPTH_ZERO_SELF_SIGNED_CERT", { chain: [alone] }],
    ["SELF_SIGNED_CERT_IN_CHAIN", { chain: [leaf, middle, root], roots: [] }],
    ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", { roots: [] }],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", { chain: [leaf] }],
    ["CERT_HAS_EXPIRED", { now: NOW + 2 * DAY }],
    ["CERT_HAS_EXPIRED", { chain: [leaf, x509.authority("Middle", { issuer: root, notAfter: NOW - 1000 })] }],
    ["CERT_NOT_YET_VALID", { now: NOW - 2 * DAY }],
    ["CERT_REVOKED", {
      chain: [direct],
      crls: [x509.revocationList({ issuer: root, revoked: [direct.serial] })],
    }],
    ["ERR_TLS_CERT_ALTNAME_INVALID", { host: "other.example" }],
    [undefined, { chain: [] }],
  ];
  for (const [code, what] of cases) {
    assert.throws(() => verify(what), (error) => (error as ConnectionError).code === code);
  }
});

test("verify: verify-ca does not compare names", () => {
  verify({ host: "other.example", mode: "verify-ca" });
  refuses(
    { host: "other.example" },
    /: it is for "db.example": host must be a name that the certificate has; sslmode=verify-ca does not compare names$/,
  );
});

test("verify: the message says what is expected, and names the option", () => {
  refuses(
    { roots: [x509.authority("Other")] },
    /^Cannot trust the server's certificate \(CN=db\.example\) for the host "db\.example": its issuer \(CN=Root\) is not in the file "root\.crt" \(sslrootcert\), and the server has not sent it: sslrootcert must name a file with the certificate of a trusted authority$/,
  );
});

test("verify: the work for a hostile chain is bounded", () => {
  const count = 1000;
  const key = x509.keyNamed("hostile");
  const self = { subject: x509.commonName("Hostile"), key, serial: root.serial, certificate: root.certificate };
  // Certificates of the same name and key, so that each may be the issuer of each.
  const same = Array.from({ length: count }, () => x509.authority("Hostile", { issuer: self, key }));
  refuses(
    { chain: [x509.server(self, [HOST]), ...same] },
    /its chain has too many certificates that could be its issuers/,
  );
  // Certificates of the same name and other keys, so that all signatures are wrong.
  const wrong = same.map((issued) => ({ ...issued, certificate: x509.damagedSignature(issued.certificate) }));
  refuses({ chain: [x509.server(self, [HOST]), ...wrong] }, /too many certificates|has not signed it/);
  const other = Array.from({ length: count }, () => x509.authority("Middle", { issuer: root, key }));
  refuses({ chain: [leaf, ...other] }, /too many certificates that could be its issuers/);
  // The right one is found among certificates of other names.
  const strangers = Array.from({ length: 50 }, (_, i) => x509.authority(`Stranger ${i}`, { key }));
  verify({ chain: [leaf, ...strangers, middle] });
});

test("verify: malformed certificates among those that were sent, and among the roots, do no harm", () => {
  const malformed = { ...root, certificate: Buffer.from([0x30, 0]) };
  verify({ chain: [leaf, malformed, middle], roots: [malformed, root] });
  refuses({ roots: [malformed] }, /its issuer \(CN=Root\) is not in the file "root\.crt" \(sslrootcert\)/);
});
