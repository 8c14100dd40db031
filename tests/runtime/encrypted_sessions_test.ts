/**
 * What a session over TLS is like on real servers: the modes and what pg_hba.conf refuses, clients' certificates (both
 * on Deno beside libpq 18), direct negotiation, versions, cancel requests.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Conn, ConnectionError, Opts, ServerError, TimeoutError } from "../../mod.ts";
import { settingsOf } from "../../src/options/opts.ts";
import * as x509 from "../support/certificates/authority.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { POSTGRES } from "../support/installed/versions.ts";
import { Libpq } from "../support/installed/libpq.ts";
import { isTurnOf } from "../support/suite/extent.ts";
import { runtime } from "../support/suite/runtime.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, failureOf, type World, worlds } from "../support/suite/worlds.ts";

const NOW = Date.now();
const VALID = { notBefore: NOW - x509.DAY, notAfter: NOW + x509.DAY };
const root = x509.authority("Clients", VALID);
const ada = x509.server(root, [], { subject: "ada", ...VALID });
const KEY = ada.key.privateKey;
const CERT = x509.pem(ada.certificate);

const text = (passphrase?: string): string =>
  String(KEY.export({
    type: "pkcs8",
    format: "pem",
    ...(passphrase === undefined ? {} : { cipher: "aes-256-cbc", passphrase }),
  }));

/** A role for each rule. */
const HBA = [
  "local all all trust",
  "hostssl all ada all cert",
  "hostssl all onlyssl all trust",
  "hostnossl all onlyclear all trust",
  "host all postgres all trust",
];

/** Whether the session is encrypted, or the error that must be thrown. */
type Outcome = boolean | { readonly kind: typeof ServerError | typeof ConnectionError; readonly words: RegExp };

const NO_ENTRY = { kind: ServerError, words: /no pg_hba\.conf entry/ };
const NO_CERTIFICATE = { kind: ServerError, words: /connection requires a valid client certificate/ };
const failed = (words: RegExp): Outcome => ({ kind: ConnectionError, words });

/** What is tried, and what comes of it. */
type Case = readonly [what: string, opts: (base: Opts, directory: string) => Opts, outcome: Outcome];

const CASES: readonly Case[] = [
  ["disable", (base) => base.sslMode("disable"), false],
  ["disable, TLS demanded", (base) => base.user("onlyssl").sslMode("disable"), NO_ENTRY],
  ["allow", (base) => base.sslMode("allow"), false],
  ["allow, TLS demanded", (base) => base.user("onlyssl").sslMode("allow"), true],
  ["allow, TLS refused", (base) => base.user("onlyclear").sslMode("allow"), false],
  ["allow, nobody admitted", (base) => base.user("nobody").sslMode("allow"), NO_ENTRY],
  ["prefer", (base) => base.sslMode("prefer"), true],
  ["prefer, TLS refused", (base) => base.user("onlyclear").sslMode("prefer"), false],
  ["prefer, a wrong authority", (base) => base.sslMode("prefer").tls({ ca: x509.pem(root.certificate) }), false],
  ["require", (base) => base.sslMode("require"), true],
  ["require, TLS refused", (base) => base.user("onlyclear").sslMode("require"), NO_ENTRY],
  [
    "require, a wrong authority",
    (base) => base.sslMode("require").tls({ ca: x509.pem(root.certificate) }),
    failed(/Cannot trust the server's certificate/),
  ],
  [
    "verify-full, the host an address only",
    (base) => base.host("127.0.0.1").sslMode("verify-full"),
    failed(/needs root/),
  ],
  ["a certificate and its key as texts", (base) => asAda(base).tls({ cert: CERT, key: text() }), true],
  [
    "an encrypted key as text",
    (base) => asAda(base).tls({ cert: CERT, key: text("open sesame"), passphrase: "open sesame" }),
    true,
  ],
  ["a certificate and its key in files", (base, at) => asAda(base).sslCert(join(at, "c")).sslKey(join(at, "k")), true],
  [
    "a certificate and its key in one file",
    (base, at) => asAda(base).sslCert(join(at, "b")).sslKey(join(at, "b")),
    true,
  ],
  [
    "an encrypted key in a file",
    (base, at) => asAda(base).sslCert(join(at, "c")).sslKey(join(at, "e")).sslPassword("open sesame"),
    true,
  ],
  [
    "the passphrase missing",
    (base, at) => asAda(base).sslCert(join(at, "c")).sslKey(join(at, "e")),
    failed(/it is encrypted, and sslpassword is not given/),
  ],
  [
    "a key that others may read",
    (base, at) => asAda(base).sslCert(join(at, "c")).sslKey(join(at, "o")),
    failed(/can be read by its group or others/),
  ],
  ["no certificate", (base) => asAda(base), NO_CERTIFICATE],
  ["a certificate file that does not exist", (base, at) => asAda(base).sslCert(join(at, "gone")), NO_CERTIFICATE],
  [
    "a certificate that must not be sent",
    (base) => asAda(base).tls({ cert: CERT, key: text() }).sslCertMode("disable"),
    NO_CERTIFICATE,
  ],
  [
    "a certificate of an unknown authority",
    (base) =>
      asAda(base).tls(textsOf(x509.server(x509.authority("Strangers", VALID), [], { subject: "ada", ...VALID }))),
    failed(/refuses the client's certificate \(sslcert\): it does not trust the authority/),
  ],
  [
    "a certificate that has expired",
    (base) => asAda(base).tls(textsOf(x509.server(root, [], { subject: "ada", ...VALID, notAfter: NOW - 60_000 }))),
    failed(/refuses the client's certificate \(sslcert\): it has expired/),
  ],
];

function asAda(base: Opts): Opts {
  return base.user("ada").sslMode("require");
}

function textsOf({ certificate, key }: x509.Issued): { cert: string; key: string } {
  return { cert: x509.pem(certificate), key: String(key.privateKey.export({ type: "pkcs8", format: "pem" })) };
}

async function outcomeIn(world: World, opts: Opts, outcome: Outcome, what: string): Promise<void> {
  if (typeof outcome === "boolean") {
    await using conn = await world.connect(opts);
    assert.equal(conn.tlsInfo !== undefined, conn.tls);
    return assert.equal(conn.tls, outcome, what);
  }
  let error = await failureOf(world, opts);
  // The server closes behind its refusal of a certificate. If that resets the connection, the refusal can be lost.
  for (let i = 0; i < 10 && /connection reset/.test(error.message); i++) error = await failureOf(world, opts);
  assert.ok(error instanceof outcome.kind, `${what}: ${error}`);
  assert.match(error.message, outcome.words, what);
  assert.doesNotMatch(error.message, /SSL routines|fatal alert|sesame/, what);
}

for (const major of Object.keys(POSTGRES).map(Number) as (keyof typeof POSTGRES)[]) {
  if (major < 18 && !isTurnOf(`encrypted sessions ${major}`)) continue;
  test(`encrypted sessions: modes, pg_hba.conf and clients' certificates (PostgreSQL ${major})`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "pyro-"));
    const files = { c: CERT, k: text(), e: text("open sesame"), o: text(), b: `${CERT}\n${text()}` };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content, { mode: 0o600 });
    chmodSync(join(directory, "o"), 0o644);
    try {
      await using server = await PostgresServer.start({ major, tls: true, hba: HBA });
      const certificate = await prepare(server);
      const base = new Opts().host("localhost").port(server.port).user("postgres").db("postgres")
        .upgradeToUnixSocket(false).connectTimeout(30_000);
      if (runtime === "deno") await checkBeside(base, directory);
      for (const world of worlds) {
        for (const [what, change, outcome] of CASES) {
          await outcomeIn(world, change(base, directory), outcome, `${what}, ${world.name}`);
        }
        const verified = base.sslMode("verify-full").tls({ ca: certificate });
        await checkVersions(world, verified);
        await checkCancel(world, verified);
        if (major < 17) {
          await outcomeIn(world, verified.sslNegotiation("direct"), failed(/./), "direct, not in this version");
          continue;
        }
        await outcomeIn(world, verified.sslNegotiation("direct"), true, "direct");
        await checkCancel(world, verified.sslNegotiation("direct"));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

/** Checks that libpq connects, and encrypts, in the same situations. */
async function checkBeside(base: Opts, directory: string): Promise<void> {
  using libpq = new Libpq();
  for (const [what, change, outcome] of CASES) {
    const { refusal, isEncrypted } = await libpq.connect(stringFor(change(base, directory), directory));
    const isAsExpected = typeof outcome === "boolean" ? refusal === "" && isEncrypted === outcome : refusal !== "";
    assert.ok(isAsExpected, `${what}: libpq ${refusal || `accepts, ${isEncrypted ? "encrypted" : "in clear"}`}`);
  }
}

/** The string for libpq; texts are put into files. */
function stringFor(opts: Opts, directory: string): string {
  const { hosts, ports, user, sslMode, sslCert, sslKey, sslPassword, sslCertMode, tls = {} } = settingsOf(opts);
  const file = (name: string, content: unknown): string | undefined => {
    if (content === undefined) return undefined;
    writeFileSync(join(directory, name), String(content), { mode: 0o600 });
    return join(directory, name);
  };
  const pairs = {
    host: hosts?.[0],
    port: ports?.[0],
    user,
    dbname: "postgres",
    sslmode: sslMode,
    sslrootcert: file("given.ca", tls.ca) ?? "/nonexistent",
    sslcert: file("given.cert", tls.cert) ?? sslCert ?? "/nonexistent",
    sslkey: file("given.key", tls.key) ?? sslKey,
    // Without one, libpq asks on the terminal.
    sslpassword: tls.passphrase ?? sslPassword ?? "none",
    sslcertmode: sslCertMode,
  };
  return Object.entries(pairs).filter(([, value]) => value !== undefined).map(([key, value]) => `${key}='${value}'`)
    .join(" ");
}

/** Makes the roles, lets the server ask for certificates, and returns its own one. */
async function prepare(server: PostgresServer): Promise<string> {
  await using admin = await awaiting.connect(`pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`);
  const directory = await admin.execValue("show data_directory") as string;
  writeFileSync(join(directory, "clients.crt"), x509.pem(root.certificate));
  for (const role of ["ada", "onlyssl", "onlyclear"]) await admin.queryDrop(`create role ${role} login`);
  await admin.queryDrop("alter system set ssl_ca_file = 'clients.crt'");
  await admin.queryDrop("select pg_reload_conf()");
  for (let attempt = 0; attempt < 500; attempt++) {
    if (await admin.execValue("show ssl_ca_file") === "clients.crt") break;
  }
  return await admin.execValue("select pg_read_file('server.crt')") as string;
}

async function checkVersions(world: World, opts: Opts): Promise<void> {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    await using conn: Conn = await world.connect(opts.sslMinProtocolVersion(version).sslMaxProtocolVersion(version));
    const { protocol, cipher, peer } = conn.tlsInfo!;
    assert.equal(protocol, version);
    assert.match(cipher, /^TLS_/);
    assert.match(peer!.subject, /CN=localhost/);
    assert.ok(peer!.validFrom < peer!.validTo);
    assert.equal(await conn.execValue("select version from pg_stat_ssl where pid = pg_backend_pid()"), version);
  }
}

/** A cancel request is encrypted too, and goes to the server that was verified. */
async function checkCancel(world: World, opts: Opts): Promise<void> {
  await using conn = await world.connect(opts);
  await assert.rejects(
    async () => await conn.query("select pg_sleep(60)", { timeout: 300 }),
    (error) => error instanceof TimeoutError && error.outcome === "cancelled",
  );
  assert.equal(await conn.execValue("select 1"), 1);
}
