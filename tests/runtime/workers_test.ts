/** Connections of a Cloudflare Worker, in workerd, with TLS and without. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { Conn, Opts, UsageError } from "../../mod.ts";
import { workerSockets } from "../../src/workers/mod.ts";
import { Conn as SyncConn } from "../../sync.ts";
import * as x509 from "../support/certificates/authority.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { Worker } from "../support/installed/workerd.ts";
import { test } from "../support/suite/test.ts";

const NOW = Date.now();
const VALID = { notBefore: NOW - x509.DAY, notAfter: NOW + x509.DAY };
const root = x509.authority("Root", VALID);
const certificate = x509.server(root, ["localhost"], VALID);

const server = await PostgresServer.start({ major: 18, tls: true });
const worker = await Worker.start("worker.ts", [x509.pem(root.certificate)]);
after(async () => {
  await worker[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
await showCertificate();

const url = (query: string): string => `pg://postgres@localhost:${server.port}/postgres?hostaddr=127.0.0.1&${query}`;
const VERIFIED = "sslmode=verify-full&sslrootcert=system";

for (const [what, query, tls] of [["in clear text", "sslmode=disable", false], ["with TLS", VERIFIED, true]] as const) {
  test(`workers: calls ${what}`, async () => {
    const row = { c: "ö", d: "2024-02-29", e: "1", f: "1.50" };
    assert.deepEqual(JSON.parse(await worker.ask({ url: url(query), dates: "string" })), [
      "cloudflare",
      tls,
      2,
      [{ a: 1, b: "ü", ...row }, { a: 2, b: null, ...row }],
      { g: "é" },
      "2",
      true,
    ]);
  });

  test(`workers: a pool ${what}`, async () => {
    assert.equal(await worker.ask({ url: url(query), dates: "string", do: "pool" }), "[[1,2,3,4],5]");
  });

  test(`workers: the checks of transports ${what}`, async () => {
    assert.equal(await worker.ask({ url: url(query), dates: "string", do: "checks" }), "8");
  });
}

test("workers: without Temporal, connecting says what to set", async () => {
  const answer = await worker.ask({ url: url("sslmode=disable") });
  assert.match(
    answer,
    /^UsageError: Cannot connect: this runtime has no Temporal, /,
  );
});

test("workers: what cannot be verified is refused", async () => {
  const cases: readonly (readonly [url: string, words: RegExp])[] = [
    [url(VERIFIED).replace("localhost", "other.invalid"), /the TLS handshake failed: the platform refuses the/],
    [
      url("sslmode=require").replace("localhost", "other.invalid"),
      /the TLS handshake failed: the platform refuses the/,
    ],
    [url("sslmode=verify-full"), /sslmode=verify-full needs root certificates/],
    [url(`${VERIFIED}&ssl_min_protocol_version=TLSv1.3`), /cannot limit the version of TLS/],
    [url(`${VERIFIED}&channel_binding=require`), /^ConnectionError: .*channel_binding=require/],
  ];
  for (const [target, words] of cases) assert.match(await worker.ask({ url: target, dates: "string" }), words);
});

test("workers: what cannot be is refused", async () => {
  assert.throws(
    () => workerSockets(undefined as never),
    /^UsageError: Cannot use sockets of Workers: give the function/,
  );
  const opts = new Opts("pg://u@h/d?sslmode=disable").dial(workerSockets(() => {
    throw new Error("not reached");
  }));
  assert.throws(() => new SyncConn(opts), /its sockets need promises, and this one blocks/);
  await assert.rejects(Conn.connect(opts.socket("/tmp/s")), UsageError);
  await assert.rejects(Conn.connect(opts), /^ConnectionError: Cannot connect to h:5432: not reached$/);
});

/** Gives the server the certificate, and waits until it shows it. */
async function showCertificate(): Promise<void> {
  const plain = `pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`;
  await using admin = await Conn.connect(plain);
  const directory = String(await admin.execValue("show data_directory"));
  writeFileSync(join(directory, "server.key"), certificate.key.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(directory, "server.crt"), x509.pem(certificate.certificate));
  await admin.queryDrop("select pg_reload_conf()");
  const expected = createHash("sha256").update(certificate.certificate).digest("hex");
  for (let attempt = 0; attempt < 500; attempt++) {
    await using conn = await Conn.connect(plain.replace("disable", "require"));
    if (conn.tlsInfo!.peer!.fingerprint256.replaceAll(":", "").toLowerCase() === expected) return;
  }
  assert.fail("the server keeps its certificate");
}
