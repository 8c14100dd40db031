import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { ConnectionError, UsageError } from "../../src/errors.ts";
import { effectiveSslMode, type TlsPlan, tlsPlanOf, type TlsPreparation } from "../../src/connect/tls_plan.ts";
import type { FileState } from "../../src/options/files.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { SslMode } from "../../src/options/settings.ts";
import { authority, pem, revocationList, server } from "../support/certificates/authority.ts";
import { environmentOf, type Surroundings } from "../support/scripted/surroundings.ts";
import { test } from "../support/suite/test.ts";

const root = authority("Root");
const other = authority("Other");
const list = revocationList({ issuer: root });
const client = server(root, ["ada"]);
const CA = pem(root.certificate);
const CERT = pem(client.certificate);
const KEY = keyText(client.key.privateKey);
const HOME = "/home/ada";
const DEFAULTS = `${HOME}/.postgresql`;

function keyText(key: KeyObject, passphrase?: string): string {
  const cipher = passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase };
  return String(key.export({ type: "pkcs8", format: "pem", ...cipher }));
}

function planOf(opts: Opts, surroundings: Surroundings = {}): TlsPlan {
  return tlsPlanOf(settingsOf(opts), environmentOf({ home: HOME, ...surroundings }));
}

function prepared(opts: Opts, files: Surroundings["files"] = {}, rest: Surroundings = {}): TlsPreparation {
  return planOf(opts, { files, ...rest }).prepare();
}

function refusal(opts: Opts, files: Surroundings["files"] = {}): string {
  let message = "";
  assert.throws(() => prepared(opts, files), (error) => {
    assert.ok(error instanceof ConnectionError, `${error}`);
    assert.equal(error.safeToRetry, false);
    message = error.message;
    return true;
  });
  return message;
}

function mode(mode: SslMode): Opts {
  return new Opts("pg://").sslMode(mode);
}

test("tls plan: the mode is prefer, or verify-full if the system's certificates verify", () => {
  assert.equal(effectiveSslMode({}), "prefer");
  assert.equal(effectiveSslMode({ sslRootCert: "system" }), "verify-full");
  assert.equal(effectiveSslMode({ sslRootCert: "/f" }), "prefer");
  assert.equal(effectiveSslMode({ sslMode: "require", sslRootCert: "system" }), "require");
});

test("tls plan: options that contradict each other are refused", () => {
  const cases: readonly (readonly [opts: Opts, message: string])[] = [
    [
      mode("require").sslRootCert("system"),
      "Cannot connect: sslmode=require is too weak for sslrootcert=system; it must be verify-full",
    ],
    [
      new Opts("pg://?sslrootcert=system").tls({ crl: pem(list, "X509 CRL") }),
      "Cannot connect: revocation lists (sslcrl, sslcrldir, tls.crl) are not used with sslrootcert=system; " +
      "sslrootcert must name a file",
    ],
    [
      mode("prefer").sslNegotiation("direct"),
      "Cannot connect: sslmode=prefer is too weak for sslnegotiation=direct; it must be one of require, verify-ca, " +
      "verify-full",
    ],
    [
      mode("require").sslMaxProtocolVersion("TLSv1.1"),
      "Cannot connect: ssl_min_protocol_version TLSv1.2 is newer than ssl_max_protocol_version TLSv1.1",
    ],
  ];
  for (const [opts, message] of cases) assert.throws(() => planOf(opts), new UsageError(message));
  assert.equal(planOf(mode("require").sslNegotiation("direct")).isDirect, true);
});

test("tls plan: versions, and the name that is sent", () => {
  const versions = (opts: Opts): unknown[] => {
    const { minVersion, maxVersion } = prepared(opts).options;
    return [minVersion, maxVersion];
  };
  assert.deepEqual(versions(mode("require")), ["TLSv1.2", undefined]);
  assert.deepEqual(versions(new Opts("pg://?ssl_min_protocol_version=")), [undefined, undefined]);
  assert.deepEqual(versions(new Opts("pg://?ssl_max_protocol_version=tlsv1.2")), ["TLSv1.2", "TLSv1.2"]);
  assert.deepEqual(versions(mode("require").tls({ minVersion: "TLSv1.3" })), ["TLSv1.3", undefined]);
  assert.equal(planOf(mode("require")).serverName, undefined);
  assert.equal(planOf(mode("require").tls({ serverName: "db" })).serverName, "db");
  assert.equal(planOf(mode("require").tls({ serverName: "db" }).sslSni(false)).serverName, "");
});

test("tls plan: root certificates verify in every mode, and the strict ones need some", () => {
  for (const name of ["allow", "prefer", "require"] as const) {
    assert.equal(prepared(mode(name)).verification, undefined, name);
    assert.equal(prepared(mode(name), { [`${DEFAULTS}/root.crt`]: CA }).verification?.mode, "verify-ca", name);
    assert.equal(prepared(mode(name).sslRootCert("/gone")).verification, undefined, name);
  }
  for (const name of ["verify-ca", "verify-full"] as const) {
    const { verification } = prepared(mode(name).sslRootCert("/ca.pem"), { "/ca.pem": CA + pem(other.certificate) });
    assert.equal(verification?.mode, name);
    assert.equal(verification?.rootsName, 'the file "/ca.pem" (sslrootcert)');
    assert.deepEqual(verification?.roots.map((der) => Buffer.from(der)), [root.certificate, other.certificate]);
    assert.match(refusal(mode(name)), /needs root certificates, and there is no file \.postgresql\/root\.crt/);
    assert.match(refusal(mode(name).sslRootCert("/gone")), /the file "\/gone" \(sslrootcert\) does not exist/);
  }
  const text = prepared(mode("verify-full").tls({ ca: [CA, pem(other.certificate)] }).sslRootCert("/gone"));
  assert.equal(text.verification?.roots.length, 2);
});

test("tls plan: a root file that cannot be used is an error in every mode, which prefer answers in clear text", () => {
  const opts = mode("require").sslRootCert("/ca.pem");
  assert.match(refusal(opts, { "/ca.pem": "nothing" }), /^Cannot use the file "\/ca.pem" \(sslrootcert\): it has no /);
  const states: readonly (readonly [state: FileState["state"], problem: RegExp])[] = [
    ["unreadable", /the root certificate "\/ca.pem" \(sslrootcert\) cannot be read: the operating system/],
    ["special", /cannot be read: it is not a plain file$/],
  ];
  for (const [state, problem] of states) assert.match(refusal(opts, { "/ca.pem": { state } as FileState }), problem);
});

test("tls plan: what Deno does not permit is absent by default, and an error if it was named", () => {
  const state = { state: "not permitted", by: "Deno", flag: "--allow-read" } as const;
  assert.equal(prepared(mode("require"), { [`${DEFAULTS}/root.crt`]: state }).verification, undefined);
  const opts = mode("require").sslRootCert("/ca.pem");
  assert.throws(
    () => prepared(opts, { "/ca.pem": state }),
    new UsageError('Cannot read the root certificate "/ca.pem": Deno needs --allow-read=/ca.pem'),
  );
});

test("tls plan: the system's certificates", () => {
  const system = [CA, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
  const { verification } = prepared(new Opts("pg://?sslrootcert=system"), {}, { system });
  assert.equal(verification?.mode, "verify-full");
  assert.deepEqual(verification?.roots.map((der) => Buffer.from(der)), [root.certificate]);
});

test("tls plan: a revocation file may be missing, a directory must have a list", () => {
  const opts = mode("verify-ca").tls({ ca: CA });
  const lists = (opts: Opts, files: Surroundings["files"] = {}): number =>
    prepared(opts, files).verification!.crls.length;
  const text = pem(list, "X509 CRL");
  assert.equal(lists(opts), 0);
  assert.equal(lists(opts, { [`${DEFAULTS}/root.crl`]: text }), 1);
  assert.equal(lists(opts.sslCrl("/gone")), 0);
  assert.equal(lists(opts.sslCrl("/crl"), { "/crl": text }), 1);
  assert.equal(lists(opts.tls({ ca: CA, crl: [text, text] })), 2);
  assert.equal(lists(opts.sslCrlDir("/d"), { "/d/0123abcd.r0": text, "/d/0123abcd.r1": text, "/d/README": "x" }), 2);
  assert.match(refusal(opts.sslCrlDir("/d")), /^Cannot start TLS: the directory "\/d" \(sslcrldir\) has no /);
  assert.match(refusal(opts.sslCrl("/crl"), { "/crl": "x" }), /^Cannot use the revocation list "\/crl": it has no /);
});

test("tls plan: the client's certificate and its key, from files and from texts", () => {
  const files = { "/c": CERT, "/k": KEY };
  const opts = mode("require").sslCert("/c").sslKey("/k");
  const sent = (opts: Opts, files: Surroundings["files"] = {}): unknown => prepared(opts, files).options.certificate;
  assert.equal(sent(opts, files), CERT);
  assert.equal(prepared(opts, files).options.privateKey, KEY);
  assert.equal(
    sent(mode("require"), { [`${DEFAULTS}/postgresql.crt`]: CERT, [`${DEFAULTS}/postgresql.key`]: KEY }),
    CERT,
  );
  assert.equal(sent(mode("require").tls({ cert: CERT, key: KEY })), CERT);
  assert.equal(sent(mode("require").sslCert("/gone")), undefined, "as in libpq");
  assert.equal(sent(opts.sslCertMode("disable"), files), undefined);
  const der = new Uint8Array(client.key.privateKey.export({ type: "pkcs8", format: "der" }));
  const inDer = { state: "read", text: "\ufffd", bytes: der, isPrivate: true } as const;
  assert.equal(prepared(opts, { "/c": CERT, "/k": inDer }).options.privateKey, KEY, "DER");
});

test("tls plan: the certificate and the key in files with more than that, as OpenSSL reads them", () => {
  const opts = mode("require").sslCert("/c").sslKey("/c");
  const encrypted = keyText(other.key.privateKey, "open sesame");
  const texts = {
    "the key first": KEY + CERT,
    "the certificate first": CERT + KEY,
    "as of PKCS #12": `Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n${KEY}subject=\n${CERT}`,
    "two keys": KEY + encrypted + CERT,
    "a byte order mark": `\ufeff${KEY}${CERT}`,
    "a byte order mark, the certificate first": `\ufeff${CERT}${KEY}`,
    "blanks behind the lines": (CERT + KEY).replaceAll("\n", " \t\n"),
    "lines of Windows": (KEY + CERT).replaceAll("\n", "\r\n"),
    "another label": KEY + CERT.replaceAll("CERTIFICATE", "X509 CERTIFICATE"),
  };
  for (const [what, text] of Object.entries(texts)) {
    const { certificate, privateKey } = prepared(opts, { "/c": text }).options;
    assert.deepEqual([certificate, privateKey], [CERT, KEY], what);
    const set = prepared(mode("require").tls({ cert: text, key: text })).options;
    assert.deepEqual([set.certificate, set.privateKey], [CERT, KEY], what);
  }
  assert.equal(
    prepared(opts, { "/c": CERT + KEY + CA }).options.certificate,
    CERT + CA,
    "with its issuer's certificate",
  );
});

test("tls plan: a key must be private, the certificate's, and its passphrase right", () => {
  const opts = mode("require").sslCert("/c").sslKey("/k");
  const key = (isPrivate: boolean, isRootsKey: boolean): FileState => ({
    state: "read",
    text: KEY,
    isPrivate,
    isRootsKey,
  });
  assert.match(refusal(opts, { "/c": CERT }), /^Cannot start TLS: there is a certificate, "\/c", and no private key/);
  assert.match(refusal(opts, { "/c": CERT, "/k": key(false, false) }), /can be read by its group or others/);
  assert.equal(prepared(opts, { "/c": CERT, "/k": key(false, true) }).options.privateKey, KEY);
  const foreign = keyText(other.key.privateKey);
  assert.match(
    refusal(opts, { "/c": CERT, "/k": foreign }),
    /^Cannot use the private key "\/k": it is not the key of the certificate "\/c"$/,
  );
  assert.match(refusal(opts, { "/c": CERT, "/k": "x" }), /it must be a private key in PEM or DER$/);
  const encrypted = { "/c": CERT, "/k": keyText(client.key.privateKey, "open sesame") };
  assert.match(refusal(opts, encrypted), /it is encrypted, and sslpassword is not given$/);
  const wrong = refusal(opts.sslPassword("sesame"), encrypted);
  assert.match(
    wrong,
    /it cannot be decrypted with sslpassword; if that is right, .*: openssl pkcs8 -topk8 -v2 aes256 /,
  );
  assert.doesNotMatch(wrong, /sesame/);
  assert.equal(prepared(opts.sslPassword("open sesame"), encrypted).options.privateKey, KEY);
});

test("tls plan: texts are checked when they are set, and secrets are not shown", () => {
  const cases: readonly (readonly [tls: object, message: RegExp])[] = [
    [{ ca: "x" }, /^Cannot use tls.ca: it has no certificate/],
    [{ crl: "x" }, /^Cannot use tls.crl: it has no revocation list/],
    [{ cert: CERT }, /^Cannot set tls: cert and key belong together/],
    [{ cert: CERT, key: "hunter2" }, /^Cannot use tls.key: it has no line/],
    [{ cert: CERT, key: keyText(client.key.privateKey, "p"), passphrase: "hunter2" }, /cannot be decrypted/],
    [{ cert: CERT, key: keyText(other.key.privateKey) }, /^Cannot use tls.key: it is not the key of tls.cert$/],
    [{ CA }, /^Cannot set tls: it has "CA", and its members are ca, cert, key/],
    [{ minVersion: "1.2" }, /^Cannot set tls.minVersion to "1.2": it must be one of TLSv1, /],
  ];
  for (const [tls, message] of cases) {
    assert.throws(() => new Opts().tls(tls), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  }
  const shown = JSON.stringify(new Opts().tls({ cert: CERT, key: KEY, passphrase: "hunter2" }));
  assert.doesNotMatch(shown, /hunter2|PRIVATE KEY/);
});
