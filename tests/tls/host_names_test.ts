import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { certificateOf } from "../../src/tls/certificate.ts";
import { addressOf, compareNames, namesIn } from "../../src/tls/host_names.ts";
import { verifyCertificate } from "../../src/tls/verify.ts";
import * as x509 from "../support/certificates/authority.ts";
import { type Issued, NOW } from "../support/certificates/authority.ts";
import { implicit } from "../support/certificates/der.ts";
import { test } from "../support/suite/test.ts";

const LOOPBACK = [...Array<number>(15).fill(0), 1];
const { dnsName, ipAddress } = x509;

/** A certificate with a common name, and alternative names. */
function named(commonName: string | Uint8Array, ...names: Uint8Array[]): Issued {
  const extensions = names.length === 0 ? [x509.keyUsage("digitalSignature")] : [x509.alternativeNames(...names)];
  return x509.certificate({ subject: commonName, key: x509.keyNamed("server"), extensions });
}

/** Whether the hosts match, in groups of: the certificate, those that match, those that do not. */
const TABLE: Readonly<Record<string, readonly [Issued, matching: string[], others: string[]]>> = {
  "a DNS name": [named("", dnsName("db.example")), ["db.example", "DB.Example"], [
    ...["db.example.", "x.db.example", "example", "db", "db.examplE.", "db-example", "", ".db.example", "127.0.0.1"],
    ...["db.ex\u0430mple", "db.\u212Aexample"],
  ]],
  "two DNS names": [named("cn.example", dnsName("a.example"), dnsName("b.example")), ["a.example", "b.example"], [
    "cn.example",
    "c.example",
  ]],
  "a DNS name with capitals": [named("", dnsName("DB.EXAMPLE")), ["db.example"], ["db.exampl"]],
  "a DNS name with a trailing dot": [named("", dnsName("db.example.")), ["db.example."], ["db.example"]],
  "a wildcard": [named("", dnsName("*.db.example")), ["a.db.example", "A.DB.example", "*.db.example"], [
    ...["db.example", "a.b.db.example", ".db.example", "adb.example", "a.example", "a.db.example.", "a.db.examples"],
  ]],
  "a wildcard for a whole domain": [named("", dnsName("*.example")), ["db.example"], ["a.db.example", "example"]],
  "a wildcard for everything": [named("", dnsName("*")), ["*"], ["db", "db.example"]],
  "a wildcard and a dot": [named("", dnsName("*.")), ["*."], ["db.", "db", "."]],
  "a wildcard in a label": [named("", dnsName("d*.example")), ["d*.example"], ["db.example"]],
  "a wildcard behind a label": [named("", dnsName("db.*")), ["db.*"], ["db.example"]],
  "a wildcard in the middle": [named("", dnsName("db.*.example")), ["db.*.example"], ["db.a.example"]],
  "two wildcards": [named("", dnsName("*.*.example")), ["*.*.example", "a.*.example"], ["a.b.example"]],
  "a common name": [named("db.example"), ["db.example", "DB.example"], ["other.example", "127.0.0.1"]],
  "a common name with a wildcard": [named("*.example"), ["db.example"], ["a.db.example"]],
  "a common name beside an IP address": [named("db.example", ipAddress(10, 0, 0, 1)), ["db.example", "10.0.0.1"], [
    "10.0.0.2",
    "other",
  ]],
  "a common name beside an e-mail address": [named("db.example", implicit(1, Buffer.from("a@b"))), ["db.example"], [
    "b",
  ]],
  "the first of two common names": [
    named(x509.distinguishedName(["2.5.4.3", implicitText("a.example")], ["2.5.4.3", implicitText("b.example")])),
    ["a.example"],
    ["b.example"],
  ],
  "an IP address as a common name": [named("10.0.0.1"), ["10.0.0.1"], ["10.1", "10.0.0.2"]],
  "an IP address as a common name beside a DNS name": [named("10.0.0.1", dnsName("a.example")), [
    "10.0.0.1",
    "a.example",
  ], [
    "10.0.0.2",
  ]],
  "an IP address as a common name beside another address": [named("10.0.0.1", ipAddress(10, 0, 0, 2)), ["10.0.0.2"], [
    "10.0.0.1",
  ]],
  "an IP address as a DNS name": [named("", dnsName("10.0.0.1")), ["10.0.0.1"], ["10.1"]],
  "an IP address": [named("", ipAddress(127, 0, 0, 1)), ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.01"], [
    ...["127.0.0.2", "::ffff:127.0.0.1", "localhost", "127.0.0.1.", "127.0.0.0.1", "1.0.0.127", "127.256", "0x7g.1"],
  ]],
  "an IPv6 address": [named("", ipAddress(...LOOPBACK)), ["::1", "0:0:0:0:0:0:0:1", "0::0001", "::0.0.0.1"], [
    ...["::2", "::1%lo", "1::", "0.0.0.1", "::ffff:0.0.0.1", ":::1", "::1::", "0:0:0:0:0:0:0:0:1"],
  ]],
  "no name": [named(""), [], ["db.example", "127.0.0.1", ""]],
};

for (const [name, [issued, matching, others]] of Object.entries(TABLE)) {
  test(`host names: ${name}`, () => {
    const certificate = certificateOf(issued.certificate);
    for (const host of matching) assert.equal(compareNames(certificate, host), "match", host);
    for (const host of others) assert.equal(compareNames(certificate, host), "no match", host);
  });
}

test("host names: a NUL in a name refuses the certificate, unless a name before it matches", () => {
  for (const issued of [named("", dnsName("db.example\0.evil")), named("db.example\0.evil")]) {
    assert.equal(compareNames(certificateOf(issued.certificate), "db.example"), "malformed");
  }
  const second = certificateOf(named("", dnsName("db.example"), dnsName("a\0")).certificate);
  assert.equal(compareNames(second, "db.example"), "match");
  assert.equal(compareNames(second, "a"), "malformed");
});

test("host names: an IP address of another length refuses the certificate", () => {
  for (const bytes of [[], [127, 0, 0], [127, 0, 0, 0, 1], [...LOOPBACK, 0]]) {
    const certificate = certificateOf(named("", ipAddress(...bytes)).certificate);
    assert.equal(compareNames(certificate, "127.0.0.1"), "malformed", String(bytes));
  }
});

test("host names: a message shows the names, a few of many", () => {
  const names = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"].map(dnsName);
  assert.match(
    messageOf(named("", ...names), "db.example"),
    new RegExp(
      ': it is for "a.example", "b.example", "c.example", "d.example" and 2 more: host must be a name that',
    ),
  );
  assert.match(
    messageOf(named("db.other"), "db.example"),
    /\(CN=db\.other\) for the host "db\.example": it is for "db\.other": /,
  );
  assert.match(messageOf(named(""), "db.example"), /\(no name\)\) for the host "db\.example": it is for no host: /);
  assert.match(
    messageOf(named("", ipAddress(...LOOPBACK), ipAddress(10, 0, 0, 1)), "a"),
    /it is for "::1", "10\.0\.0\.1": /,
  );
  assert.match(messageOf(named("a"), ""), /sslmode=verify-full needs a host with whose name it can be compared/);
});

test("host names: IPv6 addresses are shown in their usual form", () => {
  const shown = (bytes: number[]) => namesIn(certificateOf(named("", ipAddress(...bytes)).certificate), "a");
  for (
    const address of [
      "::",
      "::1",
      "1::",
      "fe80::1",
      "2001:db8::1:0:0:1",
      "1:2:3:4:5:6:7:8",
      "1:0:2:0:3:0:4:0",
      "::2:0:0:0",
    ]
  ) {
    assert.deepEqual(shown([...addressOf(address)!]), [address]);
  }
  assert.deepEqual(shown([1, 2, 3]), ["a malformed IP address"]);
});

test("host names: what could confuse a terminal is shown escaped", () => {
  const message = messageOf(named('\x1b[2J\u202e"\\\u0085\n', dnsName("\x1b]0;title\x07")), "db.example\x1b");
  assert.match(message, /\(CN=\\u001b\[2J\\u202e\\"\\\\\\u0085\\n\)/);
  assert.match(message, /for the host "db\.example\\u001b": it is for "\\u001b]0;title\\u0007"/);
  assert.doesNotMatch(message, /\p{Cc}|\p{Cf}/u);
  assert.ok(messageOf(named("x".repeat(10_000)), "a").length < 1000);
});

function messageOf(issued: Issued, host: string): string {
  const verification = {
    ...{ mode: "verify-full", roots: [issued.certificate], rootsName: "the file", crls: [], host } as const,
  };
  try {
    verifyCertificate([issued.certificate], verification, NOW);
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail("it is accepted");
}

function implicitText(value: string): Uint8Array {
  return Buffer.concat([Buffer.from([0x0c, value.length]), Buffer.from(value)]);
}
