/** Another ordinary user of the machine listens where the upgrade looks for the server's socket. */
import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cancel, type Conn, ConnectionError, ServerError, TimeoutError } from "../../mod.ts";
import { cancel as cancelBlocking } from "../../sync.ts";
import { inTime } from "../support/suite/in_time.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { newest } from "../support/suite/servers.ts";
import { type Demand, startStranger, STRANGER } from "../support/network/stranger.ts";
import { testInTurn } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** The role that TCP asks for that. What the stranger relays to asks for nothing. */
const ROLES: Readonly<Record<Demand, string>> = {
  cleartext: "by_cleartext",
  md5: "by_md5",
  scram: "by_scram",
  relay: "by_scram",
};
const DEMANDS = Object.keys(ROLES) as Demand[];

/** A server whose socket trusts everybody, and whose TCP port asks each role for something else. */
async function startServer(): Promise<PostgresServer> {
  const server = await PostgresServer.start({
    major: newest.major,
    socketDirectories: ["s"],
    hba: [
      "local all all          trust",
      "host  all postgres     all trust",
      "host  all by_cleartext all password",
      "host  all by_md5       all md5",
      "host  all by_scram     all scram-sha-256",
    ],
  });
  await using admin = await worlds[0]!.connect(`pg://postgres@127.0.0.1:${server.port}/postgres`);
  await admin.queryDrop(`
    create role by_cleartext login password 'hunter2';
    create role by_scram login password 'hunter2';
    set password_encryption = 'md5';
    create role by_md5 login password 'hunter2';
  `);
  return server;
}

function urlOf(server: PostgresServer, access: Demand): string {
  return `pg://${ROLES[access]}:hunter2@127.0.0.1:${server.port}/postgres`;
}

function socketOf(server: PostgresServer): string {
  return `${server.socketDirectories[0]}/.s.PGSQL.${server.port}`;
}

function expectKept(conn: Conn, path: string): void {
  assert.equal(conn.transport, "tcp");
  const { reason } = conn.upgrade.tried.find((socket) => socket.path === path)!;
  assert.match(reason, new RegExp(`^user ${STRANGER} listens there, the server is user \\d+'s$`));
}

/** Waits until that connection's statement runs. */
async function running(watcher: Conn, id: number): Promise<void> {
  while ((await watcher.execValue("select state from pg_stat_activity where pid = $1", [id])) !== "active");
}

for (const world of worlds) {
  // An ordinary role may not ask for the directories, so the usual ones are tried.
  testInTurn(`upgrade: a stranger's socket is told nothing (${world.name})`, async () => {
    await using server = await startServer();
    const path = `/tmp/.s.PGSQL.${server.port}`;
    for (const access of DEMANDS) {
      await using stranger = await startStranger(path, access, socketOf(server));
      await using conn = await inTime(() => world.connect(urlOf(server, access)));
      assert.equal(await stranger.heard(), "", access);
      expectKept(conn, path);
    }
  });

  testInTurn(`upgrade: a stranger in place of a pool's socket is told nothing (${world.name})`, async () => {
    await using server = await startServer();
    await using admin = await worlds[0]!.connect(`pg://postgres@127.0.0.1:${server.port}/postgres`);
    await admin.queryDrop("grant pg_read_all_settings to by_cleartext, by_md5, by_scram");
    const path = socketOf(server);
    const moved = `${path}.moved`;
    for (const access of DEMANDS) {
      await using pool = world.pool(urlOf(server, access));
      await using first = await inTime(() => pool.acquire() as unknown as Promise<Conn>);
      assert.equal(first.transport, "unix", JSON.stringify(first.upgrade));
      renameSync(path, moved);
      await using stranger = await startStranger(path, access, moved);
      await using second = await inTime(() => pool.acquire() as unknown as Promise<Conn>);
      assert.equal(await stranger.heard(), "", access);
      expectKept(second, path);
      renameSync(moved, path);
    }
  });

  testInTurn(`upgrade: a stranger in place of the socket is told no cancel key (${world.name})`, async () => {
    await using server = await PostgresServer.start({ major: newest.major, socketDirectories: ["s"], tls: true });
    const path = socketOf(server);
    const moved = `${path}.moved`;
    for (const sslMode of ["disable", "prefer"]) {
      const url = `pg://postgres@127.0.0.1:${server.port}/postgres?sslmode=${sslMode}`;
      await using pool = world.pool(url);
      await using first = await inTime(() => pool.acquire() as unknown as Promise<Conn>);
      // By the path that the first has proven.
      await using second = (await pool.acquire()) as unknown as Conn;
      renameSync(path, moved);
      await using stranger = await startStranger(path, "relay", moved);
      for (const conn of [first, second]) {
        assert.equal(conn.transport, "unix", JSON.stringify(conn.upgrade));
        const { endpoint, tls } = conn.cancelKey!;
        assert.deepEqual(
          [endpoint, tls],
          [{ kind: "tcp", host: "127.0.0.1", port: server.port, keepAlive: true }, sslMode === "prefer"],
        );
        await assert.rejects(
          async () => await conn.query("select pg_sleep(60)", { timeout: 2000 }),
          // A worker that encrypts takes its time to start: on a busy machine more than the call waits.
          (error) => error instanceof TimeoutError && (error.outcome === "cancelled" || world.name === "sync worker"),
        );
        if (world.name !== "async") {
          cancelBlocking(conn.cancelKey!);
          continue;
        }
        for (const stop of [() => conn.cancel(), () => cancel(conn.cancelKey!)]) {
          const stopped = assert.rejects(
            conn.query("select pg_sleep(60)"),
            (error) => error instanceof ServerError && error.code === "57014",
          );
          await running(pool as unknown as Conn, conn.id);
          await stop();
          await stopped;
        }
      }
      assert.equal(await stranger.heard(), "");
      renameSync(moved, path);
    }
  });

  testInTurn(`upgrade: a stranger's socket that a user names is told what it asks for (${world.name})`, async () => {
    const secrets = { cleartext: /hunter2/, md5: /md5[0-9a-f]{32}/, scram: /,p=/ };
    for (const [demand, secret] of Object.entries(secrets)) {
      const path = join(tmpdir(), `pyro-${crypto.randomUUID()}`);
      await using stranger = await startStranger(path, demand as Demand);
      const url = `pg://ada:hunter2@localhost/postgres?socket=${encodeURIComponent(path)}`;
      await assert.rejects(world.connect(url), ConnectionError);
      assert.match(await stranger.heard(), secret);
    }
  });
}
