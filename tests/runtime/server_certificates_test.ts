/**
 * sslmode against a real server whose certificate changes: which certificates are accepted, in every world, and on
 * Deno beside libpq 18.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Conn, ConnectionError, Opts } from "../../mod.ts";
import * as x509 from "../support/certificates/authority.ts";
import type { Issued } from "../support/certificates/authority.ts";
import { Libpq } from "../support/installed/libpq.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { POSTGRES } from "../support/installed/versions.ts";
import { isTurnOf } from "../support/suite/extent.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, type World, worlds } from "../support/suite/worlds.ts";

const HOST = "db.example";
const NOW = Date.now();
const VALID = { notBefore: NOW - x509.DAY, notAfter: NOW + x509.DAY };
const root = x509.authority("Root", VALID);
const other = x509.authority("Other", VALID);
const middle = x509.authority("Middle", { issuer: root, ...VALID });
const inner = x509.authority("Inner", { issuer: middle, ...VALID });

/** A situation, and whether verify-ca and verify-full accept it; all others do. */
interface Situation {
  readonly chain: readonly Issued[];
  readonly ca?: Issued;
  readonly crl?: Uint8Array;
  readonly host?: string;
  /** What the refusals say; undefined: accepted. */
  readonly verifyCa?: RegExp;
  readonly verifyFull?: RegExp;
}

/** Refused by both. */
function never(chain: readonly Issued[], reason: RegExp, rest: Partial<Situation> = {}): Situation {
  return { chain, verifyCa: reason, verifyFull: reason, ...rest };
}

const good = x509.server(root, [HOST], VALID);
const self = x509.certificate({ subject: HOST, extensions: [x509.alternativeNames(x509.dnsName(HOST))], ...VALID });
const [updated, next] = [NOW - x509.DAY, NOW + x509.DAY];
const list = { issuer: root, thisUpdate: updated, nextUpdate: next };

const SITUATIONS: Readonly<Record<string, Situation>> = {
  "the right name": { chain: [good] },
  "an intermediate authority": { chain: [x509.server(middle, [HOST], VALID), middle] },
  "intermediate authorities in any order, and others": {
    chain: [x509.server(inner, [HOST], VALID), other, middle, inner],
  },
  "the wrong name": { chain: [x509.server(root, ["other.example"], VALID)], verifyFull: /it is for "other\.example"/ },
  "a wildcard": { chain: [x509.server(root, ["*.example"], VALID)] },
  "an IP address": {
    chain: [
      x509.server(root, [], {
        subject: "ip",
        extensions: [x509.alternativeNames(x509.ipAddress(127, 0, 0, 1))],
        ...VALID,
      }),
    ],
    host: "127.0.0.1",
  },
  "another IP address": {
    chain: [
      x509.server(root, [], {
        subject: "ip",
        extensions: [x509.alternativeNames(x509.ipAddress(127, 0, 0, 2))],
        ...VALID,
      }),
    ],
    host: "127.0.0.1",
    verifyFull: /it is for "127\.0\.0\.2"/,
  },
  "expired": never([x509.server(root, [HOST], { ...VALID, notAfter: NOW - 60_000 })], /it expired at /),
  "not yet valid": never([x509.server(root, [HOST], { ...VALID, notBefore: NOW + x509.DAY / 2 })], /it is valid from /),
  "not revoked": { chain: [good], crl: x509.revocationList(list) },
  "revoked": never([good], /it is revoked/, { crl: x509.revocationList({ ...list, revoked: [good.serial] }) }),
  "self-signed": never([self], /it is self-signed, and is not in /),
  "self-signed, and trusted": { chain: [self], ca: self },
  "an unknown authority": never([good], /its issuer \(CN=Root\) is not in /, { ca: other }),
  "the intermediate missing": never([x509.server(middle, [HOST], VALID)], /its issuer \(CN=Middle\) is not in /),
  "only for clients": never(
    [x509.server(root, [HOST], {
      extensions: [x509.alternativeNames(x509.dnsName(HOST)), x509.extendedKeyUsage("1.3.6.1.5.5.7.3.2")],
      ...VALID,
    })],
    /does not allow it for servers/,
  ),
};

type Mode = "require" | "verify-ca" | "verify-full";

function optsFor(
  port: number,
  { ca = root, crl, host = HOST }: Situation,
  mode: Mode,
): Opts {
  const opts = new Opts("pg://postgres@/postgres").host(host);
  return (host === HOST ? opts.hostAddr("127.0.0.1") : opts).port(port).sslMode(mode)
    .upgradeToUnixSocket(false).connectTimeout(20_000)
    .tls({ ca: x509.pem(ca.certificate), ...(crl ? { crl: x509.pem(crl, "X509 CRL") } : {}) });
}

/** Gives the server another certificate, and waits until it shows it. */
async function show(server: PostgresServer, admin: Conn, directory: string, chain: readonly Issued[]): Promise<void> {
  const [{ certificate, key }] = chain as [Issued];
  writeFileSync(join(directory, "server.key"), key.privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(join(directory, "server.crt"), chain.map((issued) => x509.pem(issued.certificate)).join(""));
  await admin.queryDrop("select pg_reload_conf()");
  const expected = createHash("sha256").update(certificate).digest("hex");
  for (let attempt = 0; attempt < 500; attempt++) {
    const url = `pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=require`;
    await using conn = await awaiting.connect(url);
    if (conn.tlsInfo!.peer!.fingerprint256.replaceAll(":", "").toLowerCase() === expected) return;
  }
  assert.fail("the server keeps its certificate");
}

/** The modes that verify, and the reason for which each refuses a situation. */
function reasonsOf({ verifyCa, verifyFull }: Situation): [mode: Mode, reason: RegExp | undefined][] {
  return [["require", verifyCa], ["verify-ca", verifyCa], ["verify-full", verifyFull]];
}

/** Checks that pyro accepts the certificate, or refuses it for that reason. */
async function checkIn(world: World, opts: Opts, reason: RegExp | undefined, what: string): Promise<void> {
  const connecting = async () => {
    await using conn = await world.connect(opts);
    assert.equal(await conn.execValue("select ssl from pg_stat_ssl where pid = pg_backend_pid()"), true);
  };
  if (reason === undefined) return await connecting();
  await assert.rejects(connecting(), (error) => {
    assert.ok(error instanceof ConnectionError, `${what}: ${error}`);
    assert.match(error.message, reason, what);
    return true;
  });
}

/** The string with which libpq does the same, with its files in a directory. */
function stringFor(port: number, { ca = root, crl, host = HOST }: Situation, mode: Mode, directory: string): string {
  const files = { "ca.pem": x509.pem(ca.certificate), "crl.pem": crl === undefined ? "" : x509.pem(crl, "X509 CRL") };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  const list = join(directory, crl === undefined ? "none.pem" : "crl.pem");
  return `host=${host} hostaddr=127.0.0.1 port=${port} user=postgres dbname=postgres sslmode=${mode} ` +
    `sslrootcert=${join(directory, "ca.pem")} sslcrl=${list} sslcert=/nonexistent`;
}

for (const major of Object.keys(POSTGRES).map(Number) as (keyof typeof POSTGRES)[]) {
  if (major < newest.major && !isTurnOf(`server certificates ${major}`)) continue;
  test(`server certificates: each sslmode accepts and refuses them as libpq does (PostgreSQL ${major})`, async () => {
    await using server = await PostgresServer.start({ major, tls: true });
    await using admin = await awaiting.connect(`pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=disable`);
    const data = await admin.execValue("show data_directory") as string;
    const directory = mkdtempSync(join(tmpdir(), "pyro-"));
    const libpq = runtime === "deno" ? new Libpq() : undefined;
    const table: string[] = [];
    try {
      for (const [name, situation] of Object.entries(SITUATIONS)) {
        await show(server, admin, data, situation.chain);
        for (const [mode, reason] of reasonsOf(situation)) {
          const what = `${name}, ${mode}`;
          for (const world of worlds) {
            await checkIn(world, optsFor(server.port, situation, mode), reason, `${what}, ${world.name}`);
          }
          if (libpq === undefined) continue;
          const { refusal } = await libpq.connect(stringFor(server.port, situation, mode, directory));
          table.push(`${what}: pyro ${reason ? "refuses" : "accepts"}; libpq ${refusal || "accepts"}`);
          assert.equal(refusal === "", reason === undefined, table.at(-1));
        }
      }
    } finally {
      libpq?.[Symbol.dispose]();
      rmSync(directory, { recursive: true });
    }
    if (libpq !== undefined) console.log(table.join("\n"));
  });
}
