/** The upgrade from TCP to the Unix socket, against real servers, sockets and poolers. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type Conn, PyroError, type Upgrade } from "../../mod.ts";
import { inTime } from "../support/suite/in_time.ts";
import { startForwarder, startPeer } from "../support/network/peer.ts";
import { PgBouncer } from "../support/installed/pgbouncer.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { newest, servers } from "../support/suite/servers.ts";
import { testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

/** Takes the directory's rights away for a while. Root may read everything; for root it is no directory at all. */
function withoutAccess(directory: string): Disposable {
  if (process.getuid?.() === 0) {
    rmSync(directory, { recursive: true });
    writeFileSync(directory, "");
  } else {
    chmodSync(directory, 0);
  }
  return { [Symbol.dispose]: () => chmodSync(directory, 0o755) };
}

function inEveryWorld(name: string, body: (world: World) => Promise<void>): void {
  for (const world of worlds) testInTurn(`upgrade: ${name} (${world.name})`, () => body(world));
}

/** What the server says of the connection: whether it came through a socket. */
async function isLocal(conn: Conn): Promise<unknown> {
  return await conn.execValue("select inet_client_addr() is null");
}

async function expectUpgraded(world: World, url: string): Promise<Upgrade> {
  await using conn = await inTime(() => world.connect(url));
  assert.deepEqual([conn.transport, conn.tls, await isLocal(conn)], ["unix", false, true]);
  assert.equal(conn.upgrade.attempted, true);
  assert.equal(conn.upgrade.upgraded, true);
  assert.equal(conn.upgrade.reason, undefined);
  return conn.upgrade;
}

async function expectKept(world: World, url: string, reason: RegExp, attempted: boolean): Promise<Upgrade> {
  return await checkKept(await inTime(() => world.connect(url)), reason, attempted);
}

async function checkKept(kept: Conn, reason: RegExp, attempted: boolean): Promise<Upgrade> {
  await using conn = kept;
  assert.deepEqual([conn.transport, await isLocal(conn)], ["tcp", false]);
  assert.deepEqual([conn.upgrade.attempted, conn.upgrade.upgraded], [attempted, false]);
  assert.match(conn.upgrade.reason ?? "", reason);
  return conn.upgrade;
}

/** A server whose sockets tests may move about. */
function startWithSockets(...names: string[]): Promise<PostgresServer> {
  return PostgresServer.start({ major: newest.major, socketDirectories: names });
}

function urlOf(server: { port: number }, query = ""): string {
  return `pg://postgres@127.0.0.1:${server.port}/postgres?${query}`;
}

function socketIn(server: PostgresServer, index: number): string {
  return `${server.socketDirectories[index]}/.s.PGSQL.${server.port}`;
}

for (const server of servers) {
  for (const world of worlds) {
    const where = `(${world.name}, PostgreSQL ${server.major})`;
    testInTurn(`upgrade: as superuser, to the first directory of the server ${where}`, async () => {
      assert.deepEqual((await expectUpgraded(world, server.url({ user: "postgres", password: "" }))).tried, []);
    });
    testInTurn(`upgrade: as an ordinary role, which may not ask for the directories ${where}`, async () => {
      const { tried } = await expectUpgraded(world, server.url());
      assert.ok(tried.every(({ path }) => /^(\/var)?\/run\/postgresql\//.test(path)));
    });
    testInTurn(`upgrade: a socket that asks for less, or for the system's word ${where}`, async () => {
      await expectUpgraded(world, server.url({ user: "auth_weaker", password: "secret" }));
      await expectUpgraded(world, server.url({ user: "auth_peer", password: "secret" }));
    });
    testInTurn(
      `upgrade: a known socket that asks for less does not make TCP's password needless ${where}`,
      async () => {
        await expectUpgraded(world, server.url({ user: "auth_weaker", password: "secret" }));
        for (const password of ["wrong", ""]) {
          await assert.rejects(world.connect(server.url({ user: "auth_weaker", password })), PyroError);
        }
        await expectUpgraded(world, server.url({ user: "auth_weaker", password: "secret" }));
      },
    );
    testInTurn(
      `upgrade: a socket that asks for the secret that TCP asked for, and is the server's ${where}`,
      async () => {
        for (const user of ["auth_scram", "auth_md5", "auth_password"]) {
          await expectUpgraded(world, server.url({ user, password: "secret" }));
        }
      },
    );
    testInTurn(`upgrade: a socket that asks for more than TCP did ${where}`, async () => {
      const url = server.url({ user: "auth_stronger", password: "secret" });
      const { tried } = await expectKept(world, url, /no socket led to the server/, true);
      assert.match(tried.at(-1)!.reason, /asks for the password in clear text, more than allowed here/);
    });
    testInTurn(`upgrade: not wanted ${where}`, async () => {
      await expectKept(world, server.url({ query: "upgrade_to_unix_socket=off" }), /switched off/, false);
      await expectKept(world, server.url({ query: "sslmode=require" }), /sslmode=require/, false);
      const hosts = server.url().replace("127.0.0.1", "127.0.0.1,localhost").replace(/:\d+\//, `/`);
      await expectKept(world, `${hosts}?port=${server.port},${server.port}`, /several hosts/, false);
    });
    testInTurn(`upgrade: by name and by IPv4 address ${where}`, async () => {
      await expectUpgraded(world, server.url().replace("127.0.0.1", "localhost"));
      await expectUpgraded(world, server.url({ query: "sslmode=disable" }));
    });
  }
}

inEveryWorld("missing, unreadable and stale sockets are passed over", async (world) => {
  await using server = await startWithSockets("missing", "denied", "stale", "notasocket", 'good, "one"');
  await using other = await startWithSockets("s");
  rmSync(socketIn(server, 0));
  using _ = withoutAccess(server.socketDirectories[1]!);
  renameSync(socketIn(other, 0), socketIn(server, 2));
  await other.stop("immediate");
  rmSync(socketIn(server, 3));
  mkdirSync(socketIn(server, 3));
  const { tried } = await expectUpgraded(world, urlOf(server));
  assert.deepEqual(tried.map(({ path }) => path), [0, 1, 2, 3].map((i) => socketIn(server, i)));
  assert.match(tried[0]!.reason, /no such file/);
  assert.match(tried[1]!.reason, /permission denied|not a directory/i);
  assert.match(tried[2]!.reason, /refused/);
});

inEveryWorld("another server behind the same path", async (world) => {
  await using server = await startWithSockets("s");
  await using other = await startWithSockets("s");
  renameSync(socketIn(other, 0), socketIn(server, 0));
  const { tried } = await expectKept(world, urlOf(server), /no socket led to the server/, true);
  assert.deepEqual(tried, [{ path: socketIn(server, 0), reason: "the socket leads to another server" }]);
});

inEveryWorld("a forwarded port, with and without a server's socket of that port", async (world) => {
  await using server = await startWithSockets("s");
  await using forwarder = await startForwarder(server.port);
  await expectKept(world, urlOf(forwarder), /there is something in between/, true);
  // A server of its own on the very port that the forwarder listens on, but on another address.
  await using neighbour = await PostgresServer.start({
    major: newest.major,
    port: forwarder.port,
    listen: "127.0.0.2",
    socketDirectories: ["s"],
  });
  await using conn = await inTime(() => world.connect(urlOf(forwarder)));
  assert.equal(conn.transport, "tcp");
  assert.equal(await conn.execValue("select current_setting('port')"), String(server.port));
  assert.ok(neighbour.port === forwarder.port);
});

inEveryWorld("PgBouncer on the TCP port of a server whose socket has that port", async (world) => {
  await using server = await PostgresServer.start({
    major: newest.major,
    listen: "127.0.0.2",
    socketDirectories: ["s"],
  });
  for (const host of ["127.0.0.2", server.socketDirectories[0]!]) {
    await using bouncer = await PgBouncer.start({
      port: server.port,
      server: `host=${host} port=${server.port} user=postgres`,
    });
    await using conn = await inTime(() => world.connect(urlOf(bouncer)));
    assert.equal(conn.transport, "tcp");
    assert.match(conn.upgrade.reason ?? "", /there is something in between/);
    assert.equal(await conn.queryDrop("select 1"), 1);
  }
});

inEveryWorld("a socket that never answers costs no more than its time", async (world) => {
  await using server = await startWithSockets("s");
  rmSync(socketIn(server, 0));
  await using silent = await startPeer({ then: "silence" }, socketIn(server, 0));
  const begun = performance.now();
  // On a busy machine the question who the server is can take the time already.
  let conn = await world.connect(urlOf(server));
  while (conn.upgrade.tried.length === 0) {
    await conn.close();
    conn = await world.connect(urlOf(server));
  }
  const { tried } = await checkKept(conn, /no socket led to the server/, true);
  assert.ok(performance.now() - begun >= 450, "the socket was given its time");
  assert.match(tried[0]!.reason, /timed out/);
  assert.equal(silent.port, 0);
});

inEveryWorld("no socket at all", async (world) => {
  await using server = await PostgresServer.start({
    major: newest.major,
    settings: { unix_socket_directories: "" },
  });
  await expectKept(world, urlOf(server), /the server has no Unix socket/, true);
});

inEveryWorld("the TCP connection that was given up is closed", async (world) => {
  const name = `upgraded-${crypto.randomUUID().slice(0, 8)}`;
  await using conn = await inTime(() => world.connect(newest.url({ query: `application_name=${name}` })));
  assert.equal(conn.transport, "unix");
  const count = "select count(*) from pg_stat_activity where application_name = $1";
  for (let attempt = 0; await conn.execValue(count, [name]) !== 1n; attempt++) {
    assert.ok(attempt < 100, "one session is left");
    await conn.execDrop("select pg_sleep(0.02)");
  }
});

inEveryWorld("an ordinary role's question leaves no complaint in the server's log", async (world) => {
  await using server = await startWithSockets("s", "/tmp");
  {
    await using admin = await world.connect(urlOf(server, "upgrade_to_unix_socket=no"));
    await admin.queryDrop("create role ordinary login");
  }
  await expectUpgraded(world, urlOf(server).replace("postgres@", "ordinary@"));
  assert.doesNotMatch(server.log, /ERROR|FATAL/);
});
