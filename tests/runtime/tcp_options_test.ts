/** Options of TCP sockets, read from the sockets; and abstract Unix sockets. */
import assert from "node:assert/strict";
import { Opts, UsageError } from "../../mod.ts";
import { type LibC, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_USER_TIMEOUT } from "../../src/transport/libc.ts";
import { holdLibrary, loadedLibrary, releaseLibrary } from "../../src/transport/library.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { setting } from "../support/suite/skips.ts";
import { test } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

/** An option: its key, what is given, and what the socket has then. */
const OPTIONS = [
  ["keepalives_idle", "33", TCP_KEEPIDLE, 33],
  ["keepalives_interval", "7", TCP_KEEPINTVL, 7],
  ["keepalives_count", "3", TCP_KEEPCNT, 3],
  ["tcp_user_timeout", "1500", TCP_USER_TIMEOUT, 1500],
] as const;

const ALL = OPTIONS.map(([key]) => key);

/** The table of `docs/options.md`. Bun, and FFI on each runtime, have all of them. */
function able(world: World): readonly string[] {
  if (world.name === "sync ffi" || runtime === "bun") return ALL;
  return runtime === "node" ? ALL.slice(0, 3) : ALL.slice(0, 1);
}

function url(query: string): string {
  return newest.url({ query: `upgrade_to_unix_socket=no&${query}` });
}

/** An option of the socket of this process with that local port. */
function optionOf(libc: LibC, port: number, option: number): number {
  for (let fd = 3; fd < 4096; fd++) {
    const local = new Uint8Array(128);
    const isSocket = libc.getsockname(fd, local, new Uint8Array(new Uint32Array([local.length]).buffer)) === 0;
    const isTcp = isSocket && (local[0] === 2 || local[0] === 10);
    if (!isTcp || new DataView(local.buffer).getUint16(2) !== port) continue;
    const value = new Int32Array(1);
    const length = new Uint8Array(new Uint32Array([4]).buffer);
    if (libc.getsockopt(fd, 6, option, new Uint8Array(value.buffer), length) === 0) return value[0]!;
  }
  return -1;
}

/** The values of all options of a connection's socket; undefined if they cannot be read here. */
async function valuesWith(world: World, query: string): Promise<readonly number[] | undefined> {
  const libc = loadedLibrary(true);
  if (libc !== undefined) holdLibrary();
  try {
    await using conn = await world.connect(url(query));
    const port = await conn.execValue("select inet_client_port()") as number;
    return libc && OPTIONS.map(([, , option]) => optionOf(libc, port, option));
  } finally {
    if (libc !== undefined) releaseLibrary();
  }
}

for (const world of worlds) {
  const tls = world.name === "sync ffi" ? [""] : ["", "&sslmode=require"];
  for (const [i, [key, text, , expected]] of OPTIONS.entries()) {
    for (const mode of tls) {
      test(`TCP options: ${key} is set, or refused where the runtime cannot (${world.name}${mode})`, async () => {
        const query = `${key}=${text}${mode === "" ? "&sslmode=disable" : mode}`;
        if (!able(world).includes(key)) {
          await assert.rejects(
            async () => await world.connect(url(query)),
            (error) => error instanceof UsageError && error.message.startsWith(`Cannot set ${key}: `),
          );
          return;
        }
        const before = await valuesWith(world, "sslmode=disable");
        const after = await valuesWith(world, query);
        if (before === undefined) return;
        assert.deepEqual(after, before.with(i, expected));
      });
    }
  }

  test(`TCP options: several together, as setters too (${world.name})`, async () => {
    const keys = able(world);
    const pairs = OPTIONS.filter(([key]) => keys.includes(key)).map(([key, text]) => `${key}=${text}`);
    const values = await valuesWith(world, `sslmode=disable&${pairs.join("&")}`);
    if (values !== undefined) {
      assert.deepEqual(
        values.slice(0, keys.length),
        OPTIONS.map((row) => row[3]).slice(0, keys.length),
      );
    }
    await using conn = await world.connect(new Opts(url("sslmode=disable")).keepAlivesIdle(33_000));
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`TCP options: a Unix socket has none, and keepalives=0 takes none (${world.name})`, async () => {
    const all = new Opts(newest.fast).keepAlivesIdle(1000).keepAlivesInterval(1000).keepAlivesCount(1);
    await using off = await world.connect(all.keepAlive(false));
    assert.equal(await off.execValue("select 1"), 1);
    if (setting === "deno-net") return;
    await using unix = await world.connect(all.tcpUserTimeout(1000));
    assert.equal(await unix.execValue("select 1"), 1);
  });
}

if (setting !== "deno-net") {
  test("abstract sockets: a host that begins with @", async () => {
    const name = `@pyro-${crypto.randomUUID()}`;
    await using server = await PostgresServer.start({ major: newest.major, socketDirectories: [name] });
    for (const world of worlds) {
      const opts = new Opts().host(name).port(server.port).user("postgres").db("postgres");
      await using conn = await world.connect(opts);
      assert.equal(conn.transport, "unix", world.name);
      assert.equal(await conn.execValue("select inet_client_addr() is null"), true);
      await using other = await world.connect(String(opts));
      assert.equal(await other.execValue("select 1"), 1);
      await assert.rejects(
        async () => await world.connect(opts.host(`${name}-x`)),
        /Cannot connect to @pyro-.*-x\/\.s\.PGSQL/,
      );
    }
  });
}
