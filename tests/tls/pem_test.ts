import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { UsageError } from "../../src/errors.ts";
import { certificatesIn, revocationListsIn } from "../../src/tls/pem.ts";
import { authority, pem, revocationList } from "../support/certificates/authority.ts";
import { test } from "../support/suite/test.ts";

const a = authority("A").certificate;
const b = authority("B").certificate;
const list = revocationList({ issuer: authority("A") });
const WHAT = 'the file "root.crt" (sslrootcert)';

function found(text: string): Buffer[] {
  return certificatesIn(text, WHAT).map((der) => Buffer.from(der));
}

function refuses(text: string, reason: RegExp): void {
  assert.throws(() => certificatesIn(text, WHAT), (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, reason);
    assert.ok(error.message.startsWith(`Cannot use ${WHAT}: `), error.message);
    return true;
  });
}

test("pem: all certificates are found, in their order", () => {
  assert.deepEqual(found(pem(a)), [a]);
  assert.deepEqual(found(pem(a) + pem(b) + pem(a)), [a, b, a]);
  assert.deepEqual(found(`${pem(list, "X509 CRL")}# comment\n${pem(a)}\nSubject: b\n\n${pem(b)}end`), [a, b]);
  assert.deepEqual(found(pem(a, "X509 CERTIFICATE") + pem(b, "TRUSTED CERTIFICATE")), [a, b]);
  assert.deepEqual(certificatesIn(pem(a), WHAT)[0], new Uint8Array(a));
});

/** The notes that OpenSSL writes behind a certificate: its trusted and rejected uses, and its alias. */
const NOTES = {
  servers: "301b300a06082b06010505070301a00a06082b060105050703040c0174",
  clients: "300c300a06082b06010505070302",
  notServers: "300ca00a06082b06010505070301",
};

function noted(certificate: Uint8Array, notes: string): string {
  return pem(Buffer.concat([certificate, Buffer.from(notes, "hex")]), "TRUSTED CERTIFICATE");
}

test("pem: what OpenSSL trusts a certificate for", () => {
  assert.deepEqual(found(noted(a, NOTES.servers)), [a]);
  for (const notes of [NOTES.clients, NOTES.notServers]) {
    assert.deepEqual(found(pem(a) + noted(b, notes)), [a]);
    refuses(noted(a, notes), /: OpenSSL's notes in it trust no certificate for servers$/);
  }
  refuses(noted(a, `${NOTES.servers}00`), /: certificate 1 is malformed: there are bytes behind the trust$/);
  refuses(noted(a, NOTES.servers.slice(0, -2)), /: certificate 1 is malformed: /);
});

test("pem: lines may end in any way", () => {
  assert.deepEqual(found(pem(a).replaceAll("\n", "\r\n")), [a]);
  assert.deepEqual(found(pem(a).replaceAll("\n", "\r")), [a]);
  assert.deepEqual(found(pem(a).replaceAll("\n", " \t\n")), [a]);
  assert.deepEqual(found(`\ufeff\n${pem(a).trimEnd()}`), [a]);
  const [begin, ...rest] = pem(a).trimEnd().split("\n");
  assert.deepEqual(found(`${begin}\n${rest.slice(0, -1).join("")}\n${rest.at(-1)}`), [a]);
});

test("pem: a byte order mark before the first line", () => {
  assert.deepEqual(found(`\ufeff${pem(a)}`), [a]);
});

test("pem: revocation lists", () => {
  const lists = revocationListsIn(pem(a) + pem(list, "X509 CRL"), WHAT);
  assert.deepEqual(lists.map((der) => Buffer.from(der)), [list]);
  assert.throws(
    () => revocationListsIn(pem(a), WHAT),
    /: it has no revocation list: it must have a line "-----BEGIN X509 CRL-----"$/,
  );
  assert.throws(() => revocationListsIn(pem(a, "X509 CRL"), WHAT), /: revocation list 1 is malformed: /);
});

test("pem: a text without certificates is refused", () => {
  for (
    const text of [
      "",
      "hello",
      pem(list, "X509 CRL"),
      pem(a).replaceAll("-----BEGIN", "----BEGIN"),
      pem(a, "PRIVATE KEY"),
    ]
  ) {
    refuses(text, /: it has no certificate: it must have a line "-----BEGIN CERTIFICATE-----"$/);
  }
});

test("pem: a malformed certificate is refused, wherever it is", () => {
  const [begin, first, ...rest] = pem(a).split("\n");
  refuses(pem(b) + pem(a.subarray(0, -1)), /: certificate 2 is malformed: /);
  refuses(
    pem(Buffer.concat([a, Buffer.from([0])])),
    /: certificate 1 is malformed: there are bytes behind the certificate$/,
  );
  refuses(pem(Buffer.from([])), /: certificate 1 is malformed: /);
  refuses(pem(b) + pem(a).replace("-----END", "----END"), /: certificate 2 has no line "-----END CERTIFICATE-----"$/);
  refuses(
    pem(a).replace("END CERTIFICATE", "END X509 CERTIFICATE"),
    /: certificate 1 has no line "-----END CERTIFICATE/,
  );
  for (const bad of ["*", "é", "=", "-", " "]) {
    refuses(
      [begin, `${first!.slice(0, 10)}${bad}${first!.slice(11)}`, ...rest].join("\n"),
      /: certificate 1 is not in base64$/,
    );
  }
});
