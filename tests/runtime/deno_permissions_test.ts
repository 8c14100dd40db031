/** What `docs/permissions.md` says of Deno's permissions, row by row. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runScript } from "../support/processes/child.ts";
import { runtime } from "../support/suite/runtime.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** What a script that connects reports. */
interface Report {
  readonly transport?: string;
  readonly tls?: boolean;
  readonly upgrade?: {
    readonly attempted: boolean;
    readonly reason?: string;
    readonly tried: { path: string; reason: string }[];
  };
  readonly one?: number;
  readonly error?: string;
}

const NET = `--allow-net=127.0.0.1:${newest.port}`;
const SOCKET = ["--allow-net", `--allow-read=${dirname(newest.socket)}`, `--allow-write=${dirname(newest.socket)}`];
const SUPERUSER = newest.url({ user: "postgres", password: "" });
const SOCKET_URL = `pg://test@localhost/test_db?socket=${encodeURIComponent(newest.socket)}`;

async function report(
  world: string,
  url: string,
  permissions: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const { code, stdout, stderr } = await runScript("transport.ts", [world, url], permissions, env);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /prompt|Deny|Allow\?/);
  return JSON.parse(stdout);
}

/** Reports until the upgrade was not just too slow: on a busy machine a worker can take its half second to start. */
async function reportInTime(world: string, url: string, permissions: readonly string[]): Promise<Report> {
  for (let attempt = 1;; attempt++) {
    const told = await report(world, url, permissions);
    if (attempt === 20 || told.upgrade?.tried.at(-1)?.reason !== "timed out") return told;
  }
}

// Bun and Node have no such permissions.
if (runtime === "deno") {
  for (const world of ["async", "sync"]) {
    test(`permissions: net alone reaches a server over TCP, and keeps TCP (${world})`, async () => {
      const { transport, upgrade, one } = await report(world, SUPERUSER, [NET]);
      assert.deepEqual([transport, one], ["tcp", 1]);
      assert.equal(upgrade?.attempted, true);
      assert.match(upgrade.tried[0]!.reason, /Deno's (net|read|write) permission is not granted/);
    });

    test(`permissions: net for a name is enough for cancel requests, which go to the address (${world})`, async () => {
      const url = SUPERUSER.replace("127.0.0.1", "localhost");
      const net = `--allow-net=localhost:${newest.port}`;
      const { stdout, stderr } = await runScript("time_out.ts", [world, url], [net]);
      assert.equal(stdout.trim(), "cancelled", stderr);
    });

    test(`permissions: net alone is enough for TLS (${world})`, async () => {
      const { transport, tls, one } = await report(world, newest.url({ query: "sslmode=require" }), [NET]);
      assert.deepEqual([transport, tls, one], ["tcp", true, 1]);
    });

    test(`permissions: net for a name is enough for TLS (${world})`, async () => {
      const url = newest.url({ query: "sslmode=require" }).replace("127.0.0.1", "localhost");
      const { tls, one } = await report(world, url, [`--allow-net=localhost:${newest.port}`]);
      assert.deepEqual([tls, one], [true, 1]);
    });

    test(`permissions: environment variables are read as far as that is permitted (${world})`, async () => {
      for (
        const [isEncrypted, ...permissions] of [
          [false, "--allow-env"],
          [false, "--allow-env=PGSSLMODE"],
          [true, "--allow-env", "--deny-env=PGSSLMODE"],
          [true],
        ] as const
      ) {
        const { tls } = await report(world, newest.url(), [NET, ...permissions], { PGSSLMODE: "disable" });
        assert.equal(tls, isEncrypted, permissions.join(" "));
      }
    });

    test(`permissions: net, read and write reach a Unix socket, directly and by upgrade (${world})`, async () => {
      const direct = await report(world, SOCKET_URL, SOCKET);
      assert.deepEqual([direct.transport, direct.one], ["unix", 1]);
      const upgraded = await reportInTime(world, SUPERUSER, SOCKET);
      assert.deepEqual([upgraded.transport, upgraded.one], ["unix", 1]);
    });

    test(`permissions: net, read and write do not tell whose a socket is, so it gets no password (${world})`, async () => {
      const url = newest.url({ user: "auth_scram", password: "secret" });
      const permissions = ["--allow-net", "--allow-read", "--allow-write"];
      const { transport, upgrade, one } = await reportInTime(world, url, permissions);
      assert.deepEqual([transport, one], ["tcp", 1]);
      // Of `nobody`, as whom servers of root's tests may run, the number says nothing where /proc/self cannot be read.
      const doubt = /not certain that the socket is the server's: (.*\/proc\/net|user 65534 can be any)/;
      assert.match(upgrade!.tried.at(-1)!.reason, doubt);
      const all = await reportInTime(world, url, ["-A"]);
      assert.deepEqual([all.transport, all.one], ["unix", 1]);
    });

    test(`permissions: a Unix socket without read is refused with the permission's name (${world})`, async () => {
      const { error } = await report(world, SOCKET_URL, ["--allow-net"]);
      assert.match(error ?? "", /^ConnectionError: .*\bread\b/);
    });

    test(`permissions: none at all is an error, not a prompt (${world})`, async () => {
      const { error } = await report(world, SUPERUSER, []);
      assert.match(error ?? "", /^ConnectionError: .*\bnet\b/);
    });

    test(`permissions: the user's name is needed, from the URL, a variable or the system (${world})`, async () => {
      const { error } = await report(world, `pg://127.0.0.1:${newest.port}/test_db`, [NET]);
      assert.match(error ?? "", /^UsageError: .*no user is given/);
    });
  }

  for (const world of ["async", "sync"]) {
    test(`permissions: nothing is asked for but what is said, also by threads (${world})`, async () => {
      const directory = await mkdtemp(join(tmpdir(), "pyro-audit-"));
      try {
        const file = join(directory, "audit");
        const url = newest.url({ query: "sslmode=require" });
        const { stdout } = await runScript("transport.ts", [world, url], [NET], { DENO_AUDIT_PERMISSIONS: file });
        assert.equal((JSON.parse(stdout) as Report).one, 1, stdout);
        const asked = (await readFile(file, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
        assert.deepEqual([...new Set(asked.map(({ permission }) => permission))], ["net"]);
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }

  for (const world of ["async", "sync"]) {
    test(`permissions: no file is asked for to find out whose a socket is (${world})`, async () => {
      const directory = await mkdtemp(join(tmpdir(), "pyro-audit-"));
      try {
        const file = join(directory, "audit");
        for (const url of [SUPERUSER, `${SOCKET_URL}&requirepeer=nobody`]) {
          const { stdout } = await runScript("transport.ts", [world, url], SOCKET, { DENO_AUDIT_PERMISSIONS: file });
          assert.notEqual(stdout, "");
        }
        const asked = (await readFile(file, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
        const read = asked.filter(({ permission }) => permission === "read").map(({ value }) => String(value));
        assert.ok(read.length > 0);
        assert.deepEqual(read.filter((path) => !path.startsWith(dirname(newest.socket))), []);
      } finally {
        await rm(directory, { recursive: true });
      }
    });

    test(`permissions: the system's certificates need sys, which the error names (${world})`, async () => {
      const { error } = await report(world, newest.url({ query: "sslrootcert=system" }), [NET]);
      assert.match(error ?? "", /^UsageError: Cannot read the certificates that the system trusts: .*--allow-sys$/);
      const permitted = await report(world, newest.url({ query: "sslrootcert=system" }), [NET, "--allow-sys"]);
      assert.match(permitted.error ?? "", /^ConnectionError: .*Cannot trust the server's certificate/);
    });
  }

  test("permissions: with ffi alone, the blocking Conn uses it, and the socket too", async () => {
    const { transport, one } = await report("sync", SUPERUSER, ["--allow-ffi"]);
    assert.deepEqual([transport, one], ["unix", 1]);
  });

  test("permissions: asking for ffi without the permission is an error that names it", async () => {
    const { error } = await report("sync", `${SUPERUSER}?blocking_transport=ffi`, [NET]);
    assert.match(error ?? "", /^ConnectionError: .*--allow-ffi/);
  });
}
