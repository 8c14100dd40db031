/** Connections that a user's function dials, on real servers: `Opts.dial`. */
import assert from "node:assert/strict";
import { ConnectionError, type DialAddress, Opts, TimeoutError, UsageError } from "../../mod.ts";
import * as x509 from "../support/certificates/authority.ts";
import { dialling } from "../support/network/dialled.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, failureOf, type World, worlds } from "../support/suite/worlds.ts";

const base = new Opts(newest.url());
/** Both worlds; what blocks does not use pyro's transports. */
const WORLDS: readonly World[] = [awaiting, worlds.at(-1)!];

function inWorlds(name: string, body: (world: World) => Promise<void>): void {
  for (const world of WORLDS) test(`dial: ${name} (${world === awaiting ? "async" : "sync"})`, () => body(world));
}

inWorlds("the connection's own name, and no upgrade, addresses or key", async (world) => {
  for (const [given, name] of [[dialling({ name: "tunnel" }), "tunnel"], [dialling(), "dial"]] as const) {
    await using conn = await world.connect(base.dial(given));
    assert.equal(conn.transport, name);
    assert.deepEqual(conn.upgrade, {
      attempted: false,
      upgraded: false,
      reason: "dial opens the connections",
      tried: [],
    });
    assert.equal(conn.cancelKey, undefined);
    assert.notEqual(conn.id, 0);
    assert.equal(conn.tls, false);
  }
});

inWorlds("the address as it was given, once for the connection and once for a cancel request", async (world) => {
  const addresses: DialAddress[] = [];
  const dial = dialling();
  const opts = base.host("db.invalid").port(1234).dial((address, options) => {
    addresses.push(address);
    return dial({ host: "127.0.0.1", port: newest.port }, options);
  });
  await using conn = await world.connect(opts);
  await assert.rejects(
    Promise.resolve().then(() => conn.execDrop("select pg_sleep(60)", [], { timeout: 200 })),
    (error) => error instanceof TimeoutError && error.outcome === "cancelled",
  );
  assert.equal(await conn.execValue("select 1"), 1);
  assert.deepEqual([...new Set(addresses.map((address) => JSON.stringify(address)))], [
    '{"host":"db.invalid","port":1234}',
  ]);
  assert.ok(addresses.length >= 2);
});

inWorlds("a Unix socket, an IP address, and each host of a list in turn", async (world) => {
  const addresses: DialAddress[] = [];
  const dial = dialling();
  const failing = new Opts("pg://test:1234@one,two:2,[::1]/test_db?hostaddr=,192.0.2.7,&sslmode=disable");
  const error = await failureOf(
    world,
    failing.dial((address) => {
      addresses.push(address);
      throw new Error("the tunnel is closed");
    }),
  );
  assert.ok(error instanceof ConnectionError);
  assert.match(error.message, /^Cannot connect to one:5432: the tunnel is closed; two:2 \(192\.0\.2\.7\): the tunnel/);
  assert.deepEqual(addresses, [{ host: "one", port: 5432 }, { host: "192.0.2.7", port: 2 }, {
    host: "::1",
    port: 5432,
  }]);
  const sockets: DialAddress[] = [];
  const opts = base.host("/run/none").dial((address, options) => {
    sockets.push(address);
    return dial({ host: "127.0.0.1", port: newest.port }, options);
  });
  await using conn = await world.connect(opts);
  assert.equal(await conn.execValue("select 1"), 1);
  assert.equal(sockets[0]!.path, `/run/none/.s.PGSQL.${newest.port}`);
});

inWorlds("a mode that asks for TLS needs startTls, others do without", async (world) => {
  for (const mode of ["require", "verify-ca", "verify-full"] as const) {
    const error = await failureOf(world, base.sslMode(mode).tls({ ca: CA }).dial(dialling()));
    assert.ok(error instanceof ConnectionError);
    assert.match(
      error.message,
      new RegExp(`: sslmode=${mode} asks for TLS, and (the connection of dial has no startTls|a blocking)`),
    );
    assert.equal(error.safeToRetry, false);
  }
  for (const mode of ["disable", "allow", "prefer"] as const) {
    await using conn = await world.connect(base.sslMode(mode).dial(dialling()));
    assert.equal(conn.tls, false);
  }
});

test("dial: TLS by startTls, whose certificates pyro verifies", async () => {
  const encrypted = base.dial(dialling({ tls: "chain" }));
  const ca = await certificate(encrypted);
  for (const mode of ["prefer", "require", "verify-ca"] as const) {
    await using conn = await awaiting.connect(encrypted.sslMode(mode).tls({ ca }));
    assert.equal(conn.tls, true);
    assert.match(conn.tlsInfo!.protocol, /^TLSv1/);
    await assert.rejects(conn.execDrop("select pg_sleep(60)", [], { timeout: 200 }), TimeoutError);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  const error = await failureOf(awaiting, encrypted.sslMode("verify-ca").tls({ ca: CA }));
  assert.match(error.message, /Cannot trust the server's certificate/);
});

test("dial: startTls that has verified by itself counts for the system's authorities only", async () => {
  const encrypted = base.dial(dialling({ tls: "verified" })).host("localhost");
  {
    await using conn = await awaiting.connect(encrypted.sslMode("verify-full").sslRootCert("system"));
    assert.equal(conn.tls, true);
    assert.equal(conn.tlsInfo!.peer, undefined);
    // The request's connection is verified too.
    await assert.rejects(conn.execDrop("select pg_sleep(60)", [], { timeout: 200 }), TimeoutError);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  const cases: readonly (readonly [Opts, RegExp])[] = [
    [
      encrypted.sslMode("verify-full").tls({ ca: CA }),
      /does not give its chain, and what it has verified itself counts/,
    ],
    [encrypted.sslMode("require").tls({ ca: CA }), /does not give its chain, and what it has verified itself counts/],
    [
      base.dial(dialling({ tls: "nothing" })).host("localhost").sslMode("verify-full").sslRootCert("system"),
      /does not give its chain, and it has not verified it/,
    ],
    [
      // There is no host whose name can have been compared.
      new Opts(`hostaddr=127.0.0.1 port=${newest.port} user=test password=1234 dbname=test_db`)
        .dial(dialling({ tls: "verified" })).sslMode("verify-full").sslRootCert("system"),
      /does not give its chain, and what it has verified itself counts for a host with sslrootcert=system only/,
    ],
  ];
  for (const [opts, words] of cases) {
    const error = await failureOf(awaiting, opts);
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, words);
  }
});

test("dial: a cancel request is not sent where the server is not verified as it was", async () => {
  let verified = true;
  const given = dialling({ tls: "verified" });
  const untold = dialling({ tls: "nothing" });
  const opts = base.host("localhost").sslMode("verify-full").sslRootCert("system")
    .dial((address, options) => (verified ? given : untold)(address, options));
  await using conn = await awaiting.connect(opts);
  verified = false;
  const call = conn.execDrop("select pg_sleep(2)");
  await assert.rejects(conn.cancel(), /the server's certificate is not the one/);
  await call;
});

inWorlds("options of pyro's own sockets are refused", async (world) => {
  const error = await failureOf(world, base.tcpUserTimeout(1000).dial(dialling()));
  assert.ok(error instanceof UsageError);
  assert.match(error.message, /^Cannot connect: keepalives_idle, .* are options of pyro's own sockets/);
});

inWorlds("a pool dials each of its connections", async (world) => {
  let count = 0;
  const dial = dialling();
  const opts = base.sslMode("disable").dial((address, options) => {
    count++;
    return dial(address, options);
  });
  await using pool = world.pool(opts, { poolMaxConcurrency: 3 });
  await Promise.all([1, 2, 3].map(() => pool.execValue("select pg_sleep(0.05)")));
  assert.ok(count >= 1 && count <= 3);
  assert.equal(await pool.execValue("select 1"), 1);
});

test("dial: connecting gives up in time, and what is dialled late is closed", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let aborted: AbortSignal | undefined;
  const late = base.sslMode("disable").connectTimeout(200).dial(async (_address, { signal, timeout }) => {
    assert.ok(timeout > 0 && timeout <= 200);
    aborted = signal;
    await promise;
    const { readable, writable } = new TransformStream<Uint8Array>();
    return { readable, writable, close: () => closed.resolve() };
  });
  const error = await failureOf(awaiting, late);
  assert.match(error.message, /: timed out$/);
  assert.equal(aborted!.aborted, true);
  resolve();
  await closed.promise;
});

test("dial: the caller's signal reaches the function", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const opts = base.dial((_address, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      controller.abort(reason);
    })
  );
  const { Conn } = await import("../../mod.ts");
  await assert.rejects(Conn.connect(opts, { signal: controller.signal }), (error) => error === reason);
});

/** The server's certificate, in PEM. */
async function certificate(opts: Opts): Promise<string> {
  await using conn = await awaiting.connect(opts.sslMode("require"));
  return x509.pem(Buffer.from(conn.tlsInfo!.peer!.raw));
}

const NOW = Date.now();
const CA = x509.pem(x509.authority("Nobody", { notBefore: NOW - x509.DAY, notAfter: NOW + x509.DAY }).certificate);
