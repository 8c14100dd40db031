/** How clients connect: encrypted, through streams, with limits; beside pg where it can do the same. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createServer, type Server, Socket } from "node:net";
import { constants } from "node:os";
import { Duplex } from "node:stream";
import type { AddressInfo } from "node:net";
import type { DetailedPeerCertificate } from "node:tls";
import { Conn } from "../../mod.ts";
import type { ClientConfig } from "../../src/pg/mod.ts";
import * as x509 from "../support/certificates/authority.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { importPg } from "../support/installed/pg.ts";
import { besidePg, config, errorOf, pyroPg } from "../support/suite/beside_pg.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** A role that only encrypted connections may have. */
const encrypted: ClientConfig = { user: "auth_tls", password: "secret" };
const IS_ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";

/** The certificate of the newest server, in PEM. It is self-signed, for `localhost`. */
async function certificate(): Promise<string> {
  await using conn = await Conn.connect(newest.url({ query: "sslmode=require" }));
  return x509.pem(Buffer.from(conn.tlsInfo!.peer!.raw));
}

test("pg: errors of the network have the members of node:net's", async () => {
  const failed = async (more: ClientConfig): Promise<unknown[]> => {
    const { code, errno, syscall } = await errorOf(new pyroPg.Client({ ...config, ...more }).connect()) as Error & {
      readonly [name: string]: unknown;
    };
    return [code, syscall, errno];
  };
  assert.deepEqual(await failed({ host: "127.0.0.1", port: 1 }), [
    "ECONNREFUSED",
    "connect",
    -constants.errno.ECONNREFUSED,
  ]);
  const unknown = String(await failed({ host: "nowhere.invalid" }));
  assert.match(unknown, /^(ENOTFOUND,getaddrinfo,-3008|EAI_AGAIN,getaddrinfo,-3001)$/);
});

besidePg("encryption without verification, and with it", async ({ pg, client }) => {
  const conn = await client({ ...encrypted, ssl: { rejectUnauthorized: false } });
  const { rows } = await conn.query(IS_ENCRYPTED);
  const url = `postgres://auth_tls:secret@127.0.0.1:${newest.port}/test_db?sslmode=no-verify`;
  const byUrl = new pg.Client(url);
  await byUrl.connect();
  const { rows: more } = await byUrl.query(IS_ENCRYPTED);
  await byUrl.end();
  const verifying = new pg.Client({ ...config, ...encrypted, ssl: true });
  // The messages are those of the runtime.
  const { code: refusal } = await errorOf(verifying.connect()) as { code: string };
  const clear = new pg.Client({ ...config, ...encrypted, ssl: false });
  const { code } = await errorOf(clear.connect()) as { code: string };
  return [rows, more, refusal, code];
});

besidePg("what the stream tells of the socket", async ({ client }) => {
  const ca = await certificate();
  const seen: unknown[] = [];
  for (const ssl of [false, { rejectUnauthorized: false }, { ca, checkServerIdentity: () => undefined }]) {
    const { connection: { stream } } = await client({ ...config, ...(ssl ? encrypted : {}), ssl });
    seen.push([stream.encrypted, stream.authorized, stream.remoteAddress, stream.remotePort]);
  }
  return seen;
});

test("pg: the error of a stream that is reset has the members of node:net's", async () => {
  await using proxy = await FaultProxy.start(newest.port);
  const client = new pyroPg.Client({ ...config, host: "127.0.0.1", port: proxy.port, ssl: false });
  client.on("error", () => {});
  const failed = new Promise((resolve) => client.connection.stream.once("error", resolve));
  await client.connect();
  proxy.arm({ direction: "down", after: 0, then: "reset" });
  await errorOf(client.query("select 1"));
  const { code, errno, syscall } = await failed as Error & { readonly [name: string]: unknown };
  assert.deepEqual([code, syscall, errno], ["ECONNRESET", "read", -constants.errno.ECONNRESET]);
});

besidePg(
  "the methods of the stream for the server's certificate, the version of TLS and the cipher suite",
  async ({ client }) => {
    const seen: unknown[] = [];
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const { connection: { stream } } = await client({ ...encrypted, ssl: { rejectUnauthorized: false, maxVersion } });
      const { subject, issuer, valid_to, fingerprint256, raw } = stream.getPeerCertificate!();
      const detailed = stream.getPeerCertificate!(true) as DetailedPeerCertificate;
      seen.push([subject.CN, issuer.CN, valid_to, fingerprint256, Buffer.from(raw).toString("hex")]);
      seen.push("issuerCertificate" in stream.getPeerCertificate!(), detailed.issuerCertificate === detailed);
      seen.push(stream.getProtocol!(), stream.getCipher!());
    }
    const { connection: { stream } } = await client({ ssl: false });
    return [seen, stream.getPeerCertificate, stream.getProtocol, stream.getCipher];
  },
);

test("pg: the server's certificate leads to those of its issuers, as far as the server has sent them", async () => {
  const { peerCertificateOf, cipherOf } = await importPg<typeof import("../../src/pg/tls_session.ts")>("tls_session");
  const root = x509.authority("Root");
  const leaf = x509.server(root, ["db.example"]);
  const session = { protocol: "TLSv1.2", cipher: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", alpn: undefined };
  const given = (...chain: { readonly certificate: Uint8Array }[]) =>
    peerCertificateOf(
      { ...session, chain: chain.map(({ certificate }) => certificate) },
      true,
    ) as DetailedPeerCertificate;
  const whole = given(leaf, root);
  const issuer = whole.issuerCertificate;
  assert.deepEqual([whole.issuer.CN, issuer.subject.CN, issuer.issuerCertificate === issuer], ["Root", "Root", true]);
  assert.equal(given(leaf).issuerCertificate, undefined);
  assert.deepEqual(given(), {});
  for (const [cipher, name] of CIPHER_NAMES) assert.equal(cipherOf({ ...session, chain: [], cipher }).name, name);
});

/** Names of cipher suites: IANA's and OpenSSL's, as `openssl ciphers -stdname` prints them. */
const CIPHER_NAMES = [
  ["TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
  ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"],
  ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", "ECDHE-RSA-AES128-SHA256"],
  ["TLS_DHE_RSA_WITH_AES_256_CBC_SHA", "DHE-RSA-AES256-SHA"],
  ["TLS_RSA_WITH_AES_128_GCM_SHA256", "AES128-GCM-SHA256"],
] as const;

besidePg("the protocol that the server has confirmed when encryption starts at once", async ({ client }) => {
  const ssl = { rejectUnauthorized: false };
  const { connection: { stream } } = await client({ ...encrypted, ssl, sslnegotiation: "direct" });
  return [stream.encrypted, stream.alpnProtocol];
});

test("pg: encryption with a certificate of an own authority", async () => {
  const ca = await certificate();
  const connect = async (more: ClientConfig): Promise<unknown> => {
    const client = new pyroPg.Client({ ...config, ...encrypted, ...more });
    await client.connect();
    try {
      return (await client.query(IS_ENCRYPTED)).rows;
    } finally {
      await client.end();
    }
  };
  assert.deepEqual(await connect({ ssl: { ca, checkServerIdentity: () => undefined } }), [{ ssl: true }]);
  await assert.rejects(connect({ ssl: { ca } }), /certificate/);
  await assert.rejects(connect({ ssl: { ca, checkServerIdentity: (_host) => undefined } }), /without parameters/);
  await assert.rejects(connect({ ssl: { key: "no key", cert: "no certificate" } }), /tls/);
});

besidePg("a stream that the user gives", async ({ pg }) => {
  const rows = [];
  for (const stream of [new Socket(), () => new Socket()]) {
    const client = new pg.Client({ ...config, stream });
    await client.connect();
    rows.push((await client.query("select $1::text as t", ["x".repeat(100_000)])).rows[0].t.length);
    await client.end();
  }
  return rows;
});

besidePg("a limit for connecting", async ({ pg, pool }) => {
  await using silent = await silentServer();
  const client = new pg.Client({ ...config, port: silent.port, connectionTimeoutMillis: 100 });
  const error = await errorOf(client.connect());
  const pooled = await errorOf(pool({ port: silent.port, connectionTimeoutMillis: 100 }).connect());
  return [error, pooled];
});

besidePg("a limit for the iterations of SCRAM", async ({ pg }) => {
  const outcomes: unknown[] = [];
  for (const scramMaxIterations of [4095, 4096, 0, 1, -1, undefined, "4095", "5000", "", " ", "many", NaN, null]) {
    const conn = new pg.Client({ ...config, scramMaxIterations } as ClientConfig);
    const error = await conn.connect().then(() => undefined, (error: Error) => /4096/.test(error.message));
    outcomes.push([String(scramMaxIterations), error]);
    // pg leaves the socket open.
    if (error === undefined) await conn.end();
    else conn.connection.stream.destroy();
  }
  return outcomes;
});

besidePg("times of keep-alive that the system cannot count", async ({ client }) => {
  const rows = [];
  for (const keepAliveInitialDelayMillis of [1, 500, 1500.5, -1, 60_000_000, "2500" as never]) {
    for (const keepAlive of [true, false]) {
      const conn = await client({ keepAlive, keepAliveInitialDelayMillis });
      rows.push((await conn.query("select 1 as n")).rows);
    }
  }
  return rows;
});

/** A server that accepts connections, and says nothing. */
async function silentServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

besidePg("the settings of the session", async ({ client }) => {
  const conn = await client({
    application_name: "named",
    statement_timeout: 1234,
    lock_timeout: 567,
    idle_in_transaction_session_timeout: 8901,
    options: "-c search_path=pg_catalog -c extra_float_digits=2",
  });
  const names = ["application_name", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
  const rows = [];
  for (const name of [...names, "search_path", "extra_float_digits", "client_encoding"]) {
    rows.push((await conn.query(`show ${name}`)).rows);
  }
  return rows;
});

besidePg("a stream of the user's that does not connect in time is destroyed", async ({ pg }) => {
  const stream = Object.assign(new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }), {
    connect() {},
    setNoDelay() {},
  });
  const client = new pg.Client({ ...config, stream, connectionTimeoutMillis: 50 });
  // pg's own timer does not keep the process alive.
  const timer = setInterval(() => {}, 1000);
  const { message } = await errorOf(client.connect()) as Error;
  clearInterval(timer);
  return [message, stream.destroyed];
});
