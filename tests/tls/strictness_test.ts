import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConnectionError } from "../../src/errors.ts";
import { certificatesIn, revocationListsIn } from "../../src/tls/pem.ts";
import { endPointHash } from "../../src/tls/signature_hash.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import * as x509 from "../support/certificates/authority.ts";
import { DAY, NOW, type Signer } from "../support/certificates/authority.ts";
import {
  bitString,
  boolean,
  der,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  partsOf,
  sequence,
  set,
  text,
  time,
} from "../support/certificates/der.ts";
import { Random } from "../support/suite/random.ts";
import { test } from "../support/suite/test.ts";

const HOST = "db.example";
const root = x509.authority("Root");
const names = x509.alternativeNames(x509.dnsName(HOST));
const good = x509.server(root, [HOST]).certificate;
const list = x509.revocationList({ issuer: root, revoked: [integer(7)] });

/** Verifies a server's certificate that is sent alone. */
function verify(certificate: Uint8Array, crls: readonly Uint8Array[] = [], sent: readonly Uint8Array[] = []): void {
  const roots = [root.certificate];
  verifyCertificate(
    [certificate, ...sent],
    { mode: "verify-full", roots, rootsName: "the file", crls, host: HOST },
    NOW,
  );
}

function refuses(certificate: Uint8Array, name: string, reason: RegExp = /": it is malformed: /): void {
  assert.throws(() => verify(certificate), (error) => {
    assert.ok(error instanceof ConnectionError, `${name}: ${error}`);
    assert.match(error.message, reason, name);
    return true;
  });
  assert.equal(endPointHash(certificate), undefined, name);
}

/** The certificate with one of its signed parts replaced, signed rightly. */
function replaced(index: number, ...parts: Uint8Array[]): Buffer {
  return x509.server(root, [HOST], { alter: (all) => all.toSpliced(index, 1, ...parts) }).certificate;
}

function withExtension(...extensions: Uint8Array[]): Buffer {
  return x509.server(root, [HOST], { extensions }).certificate;
}

/** The three parts of the good certificate. */
const [body, algorithm, signature] = partsOf(good) as [Buffer, Buffer, Buffer];
const [, serial, , issuer, , , key] = partsOf(body) as Buffer[];

test("strictness: the certificate that the others are variants of is accepted", () => {
  verify(sequence(body, algorithm, signature));
  verify(replaced(1, serial!));
});

test("strictness: what is around the signed part must be right to the bit, though no signature covers it", () => {
  const cases: Record<string, Uint8Array> = {
    "nothing": new Uint8Array(),
    "one byte": Buffer.from([0x30]),
    "a byte behind it": Buffer.concat([good, Buffer.from([0])]),
    "a value behind it": Buffer.concat([good, Buffer.from([5, 0])]),
    "a value behind the signature": sequence(body, algorithm, signature, Buffer.from([5, 0])),
    "a length that is too long by a byte": Buffer.concat([Buffer.from([0x30, 0x83, 0]), good.subarray(2)]),
    "an indefinite length": Buffer.concat([Buffer.from([0x30, 0x80]), good.subarray(4), Buffer.from([0, 0])]),
    "a set": Buffer.concat([Buffer.from([0x31]), good.subarray(1)]),
    "unused bits of the signature": sequence(
      body,
      algorithm,
      Buffer.concat([signature.subarray(0, 2), Buffer.from([1]), signature.subarray(3)]),
    ),
    "a signature without bits": sequence(body, algorithm, der(0x03)),
    "a signature of another type": sequence(body, algorithm, der(0x04, signature.subarray(2))),
    "a long length of the signature": sequence(
      body,
      algorithm,
      Buffer.concat([Buffer.from([3, 0x81]), signature.subarray(1)]),
    ),
    "another algorithm": sequence(body, sequence(objectIdentifier("1.2.840.10045.4.3.3")), signature),
    "an algorithm with NULL": sequence(
      body,
      sequence(objectIdentifier("1.2.840.10045.4.3.2"), Buffer.from([5, 0])),
      signature,
    ),
    "no signature": sequence(body, algorithm),
    "only the signed part": sequence(body),
    "a large tag number": Buffer.concat([Buffer.from([0x3f, 0x10]), good.subarray(1)]),
    "PEM": Buffer.from(x509.pem(good)),
  };
  for (const [name, certificate] of Object.entries(cases)) refuses(certificate, name);
});

test("strictness: only version 3 is accepted", () => {
  for (const version of [1, 2]) {
    const { certificate } = x509.server(root, [HOST], { version, extensions: [] });
    refuses(
      certificate,
      String(version),
      new RegExp(`it is an X\\.509 certificate of version ${version}, and must be one`),
    );
  }
  const cases: Record<string, Uint8Array> = {
    "version 4": explicit(0, integer(3)),
    "version 1, said": explicit(0, integer(0)),
    "a negative version": explicit(0, der(0x02, Buffer.from([0xff]))),
    "a version that is too long": explicit(0, der(0x02, Buffer.from([0, 2]))),
    "two versions": explicit(0, integer(2), integer(2)),
    "no version in it": explicit(0),
    "another type": explicit(0, octetString(Buffer.from([2]))),
    "not explicit": implicit(0, Buffer.from([2])),
  };
  for (const [name, version] of Object.entries(cases)) refuses(replaced(0, version), name);
  refuses(x509.server(root, [HOST], { version: 1, extensions: [names] }).certificate, "version 1 with extensions");
});

test("strictness: unique identifiers are refused", () => {
  for (const number of [1, 2]) {
    const odd = replaced(7, implicit(number, Buffer.from([0, 1])), explicit(3, sequence(names)));
    refuses(odd, String(number), /it has unique identifiers, which X\.509 advises against: issue it anew$/);
  }
});

test("strictness: the signed part must be right to the bit", () => {
  const times = (...values: Uint8Array[]) => replaced(4, sequence(...values));
  const [from, until] = [time(NOW - DAY), time(NOW + DAY)];
  const utc = (digits: string) => der(0x17, Buffer.from(digits));
  const generalized = (digits: string) => der(0x18, Buffer.from(digits));
  const cases: Record<string, Uint8Array> = {
    "an empty serial number": replaced(1, der(0x02)),
    "a serial number that is too long": replaced(1, der(0x02, Buffer.from([0, 1]))),
    "a negative serial number that is too long": replaced(1, der(0x02, Buffer.from([0xff, 0x80]))),
    "a serial number of another type": replaced(1, octetString(Buffer.from([1]))),
    "no serial number": replaced(1),
    "a byte behind the issuer": replaced(3, Buffer.concat([issuer!, Buffer.from([0])])),
    "an issuer of another type": replaced(3, set()),
    "an attribute with too much": replaced(
      5,
      sequence(set(sequence(objectIdentifier("2.5.4.3"), text(0x0c, "a"), text(0x0c, "b")))),
    ),
    "an empty set in the subject": replaced(5, sequence(set())),
    "three times": times(from, until, until),
    "one time": times(from),
    "a time without seconds": times(from, utc("3105070708Z")),
    "a time without zone": times(from, utc("310507070809")),
    "a time of another zone": times(from, utc("310507070809+0000")),
    "a time with fractions": times(from, generalized("20310507070809.5Z")),
    "a time of another type": times(from, text(0x0c, "310507070809Z")),
    "a month 13": times(from, utc("311307070809Z")),
    "a day that does not exist": times(from, utc("310229070809Z")),
    "a 61st second": times(from, generalized("20310507070861Z")),
    "a byte behind the key": replaced(6, sequence(...partsOf(key!), Buffer.from([5, 0]))),
    "unused bits of the key": replaced(6, sequence(partsOf(key!)[0]!, der(0x03, Buffer.from([1, 0x80])))),
    "a key without algorithm": replaced(6, sequence(partsOf(key!)[1]!)),
    "a key of another type": replaced(6, octetString(key!)),
    "an object identifier that is too long": replaced(
      6,
      sequence(sequence(der(0x06, Buffer.from([0x80, 1]))), bitString(Buffer.from([1]))),
    ),
    "an object identifier without end": replaced(
      6,
      sequence(sequence(der(0x06, Buffer.from([0x2a, 0x86]))), bitString(Buffer.from([1]))),
    ),
    "an empty object identifier": replaced(6, sequence(sequence(der(0x06)), bitString(Buffer.from([1])))),
    "no extensions where they should be": replaced(7, explicit(3)),
    "two lists of extensions": replaced(7, explicit(3, sequence(names), sequence(names))),
    "a part behind the extensions": replaced(7, explicit(3, sequence(names)), explicit(4)),
    "extensions before the unique identifiers": replaced(
      7,
      explicit(3, sequence(names)),
      implicit(1, Buffer.from([0])),
    ),
  };
  for (const [name, certificate] of Object.entries(cases)) refuses(certificate, name);
});

test("strictness: extensions must be right to the bit", () => {
  const alternative = objectIdentifier("2.5.29.17");
  const value = octetString(sequence(x509.dnsName(HOST)));
  const known = (identifier: string, content: Uint8Array) => withExtension(names, x509.extension(identifier, content));
  const cases: Record<string, Uint8Array> = {
    "an extension twice": withExtension(names, names),
    "an unknown extension twice": withExtension(
      names,
      x509.extension("1.2.3", text(0x0c, "a")),
      x509.extension("1.2.3", text(0x0c, "b")),
    ),
    "critical neither true nor false": withExtension(sequence(alternative, der(0x01, Buffer.from([1])), value)),
    "critical of two bytes": withExtension(sequence(alternative, der(0x01, Buffer.from([0xff, 0xff])), value)),
    "an extension with too much": withExtension(sequence(alternative, value, value)),
    "an extension without value": withExtension(sequence(alternative)),
    "a value of another type": withExtension(sequence(alternative, bitString(value))),
    "a byte behind the names": withExtension(
      x509.extension("2.5.29.17", Buffer.concat([sequence(x509.dnsName(HOST)), Buffer.from([0])])),
    ),
    "names of another type": withExtension(x509.extension("2.5.29.17", set(x509.dnsName(HOST)))),
    "a name of an unknown kind": withExtension(
      x509.alternativeNames(x509.dnsName(HOST), implicit(9, Buffer.from("x"))),
    ),
    "constraints with too much": known("2.5.29.19", sequence(boolean(true), integer(1), integer(1))),
    "constraints that contradict each other": known("2.5.29.19", sequence(integer(1))),
    "a negative path length": known("2.5.29.19", sequence(boolean(true), der(0x02, Buffer.from([0xff])))),
    "key usage of another type": known("2.5.29.15", integer(1)),
    "key usage without bits": known("2.5.29.15", der(0x03)),
    "key usage with nine unused bits": known("2.5.29.15", der(0x03, Buffer.from([9, 0x80]))),
    "key usage with unused bits that are set": known("2.5.29.15", der(0x03, Buffer.from([7, 0x81]))),
    "extended key usage of another type": known("2.5.29.37", sequence(integer(1))),
    "name constraints with a minimum": known(
      "2.5.29.30",
      sequence(explicit(0, sequence(x509.dnsName("a"), implicit(0, Buffer.from([1]))))),
    ),
    "name constraints for half an address": known(
      "2.5.29.30",
      sequence(explicit(0, sequence(x509.ipAddress(1, 2, 3, 4)))),
    ),
    "a malformed authority key": known("2.5.29.35", octetString(Buffer.from([1]))),
    "a malformed subject key": known("2.5.29.14", sequence()),
    "malformed distribution points": known("2.5.29.31", sequence(sequence(explicit(0)))),
    "malformed timestamps": known("1.3.6.1.4.1.11129.2.4.2", sequence()),
  };
  for (const [name, certificate] of Object.entries(cases)) refuses(certificate, name);
  verify(withExtension(sequence(alternative, boolean(false), value)));
  verify(withExtension(names, x509.extension("1.3.6.1.4.1.11129.2.4.2", octetString(Buffer.from([0])))));
});

test("strictness: what is odd, but well-formed, is accepted", () => {
  verify(replaced(1, der(0x02, Buffer.from([0x80]))));
  verify(replaced(1, integer(1n << 200n)));
  verify(replaced(4, sequence(der(0x18, Buffer.from("20310506070809Z")), time(NOW + DAY))));
});

test("strictness: a certificate that is too large for Deno's TLS is refused", () => {
  const large = withExtension(names, x509.extension("1.2.3.4", Buffer.alloc(0x10000)));
  refuses(large, "large", /it is malformed: it is longer than 65535 bytes/);
});

test("strictness: a certificate that ends at any byte is refused", () => {
  for (let end = 0; end < good.length; end++) refuses(good.subarray(0, end), String(end));
});

test("strictness: no change of any byte is accepted, or gives another error", () => {
  for (let i = 0; i < good.length; i++) {
    for (const bit of [0, 3, 7]) {
      const changed = Buffer.from(good);
      changed[i]! ^= 1 << bit;
      assert.throws(() => verify(changed), ConnectionError, `byte ${i}, bit ${bit}`);
      endPointHash(changed);
    }
  }
});

test("strictness: random bytes in signed certificates and lists give no other error", () => {
  const random = new Random(5280);
  const [listBody] = partsOf(list) as [Buffer];
  for (let i = 0; i < 150; i++) {
    const certificate = resigned(body, random, root.key);
    const revoked = resigned(listBody, random, root.key);
    expected(() => verify(certificate), ConnectionError);
    expected(() => verify(good, [revoked]), ConnectionError);
    expected(() => verify(good, [list], [certificate, revoked]), ConnectionError);
    expected(
      () =>
        verifyCertificate([good], { mode: "verify-ca", roots: [certificate], rootsName: "", crls: [], host: "" }, NOW),
      ConnectionError,
    );
  }
});

test("strictness: a malformed list is refused", () => {
  for (let end = 0; end < list.length; end++) {
    assert.throws(
      () => verify(good, [list.subarray(0, end)]),
      /": a revocation list \(sslcrl, sslcrldir\) is malformed/,
    );
    assert.throws(
      () => revocationListsIn(x509.pem(list.subarray(0, end), "X509 CRL"), "the file"),
      /Cannot use the file: /,
    );
    assert.throws(() => certificatesIn(x509.pem(good.subarray(0, end)), "the file"), /Cannot use the file: /);
  }
});

test("strictness: a server that sends nothing is refused", () => {
  assert.throws(
    () =>
      verifyCertificate([], { mode: "verify-ca", roots: [root.certificate], rootsName: "", crls: [], host: HOST }, NOW),
    /": it has not sent any$/,
  );
});

/** A signed part with some bytes changed, and signed again. */
function resigned(part: Uint8Array, random: Random, signer: Signer): Buffer {
  const changed = Buffer.from(part);
  for (let n = 1 + random.below(3); n > 0; n--) changed[random.below(changed.length)] = random.below(256);
  return x509.signed(changed, signer);
}

/** It may succeed, or fail with this error. */
function expected(body: () => void, error: new (message: string) => Error): void {
  try {
    body();
  } catch (thrown) {
    assert.ok(thrown instanceof error, String(thrown));
  }
}
