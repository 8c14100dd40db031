/** What a machine tells of its sockets: by tables, and on this one. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { endianness, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { findListener } from "../../src/transport/listeners.ts";
import { localSockets } from "../../src/transport/local_sockets.ts";
import type { FileStatus } from "../../src/runtime/file_system.ts";
import { type Files, follow } from "../../src/transport/path_owner.ts";
import { canonicalHost } from "../../src/transport/transport.ts";
import { runtime } from "../support/suite/runtime.ts";
import { test } from "../support/suite/test.ts";
import { worlds } from "../support/suite/worlds.ts";

/** A line of `/proc/net/tcp` or `tcp6`; words as a machine with the lowest byte first writes them. */
function line(local: string, port: number, user: number, state: string = "0A"): string {
  const words = endianness() === "LE" ? local : local.replace(/(..)(..)(..)(..)/g, "$4$3$2$1");
  const number = port.toString(16).toUpperCase().padStart(4, "0");
  const remote = "0".repeat(local.length);
  return `   0: ${words}:${number} ${remote}:0000 ${state} 00000000:00000000 00:00000000 00000000  ${user}  0 1 1 0 100`;
}

function userOf(lines: readonly string[], host: string, port: number = 5432): number | undefined {
  return findListener(["  sl  local_address rem_address   st", ...lines], { host, port });
}

const ANY = "00000000";
const LOOPBACK = "0100007F";
const ANY6 = "0".repeat(32);
const LOOPBACK6 = "00000000000000000000000001000000";
const MAPPED = "0000000000000000FFFF00000100007F";

test("listeners: the one on the address, or on all addresses", () => {
  assert.equal(userOf([line(LOOPBACK, 5432, 70)], "127.0.0.1"), 70);
  assert.equal(userOf([line(ANY, 5432, 70)], "127.0.0.1"), 70);
  assert.equal(userOf([line(LOOPBACK6, 5432, 70)], "::1"), 70);
  assert.equal(userOf([line(LOOPBACK6, 5432, 70)], "0:0:0:0:0:0:0:1"), 70);
  assert.equal(userOf([line(ANY6, 5432, 70)], "fe80::1%eth0"), 70);
  assert.equal(userOf([line(MAPPED, 5432, 70)], "127.0.0.1"), 70);
  assert.equal(userOf([line(LOOPBACK, 5432, 70)], "::ffff:127.0.0.1"), 70);
});

test("listeners: not those on other addresses and ports", () => {
  const others = [line("0200007F", 5432, 1), line(LOOPBACK, 5433, 2), line(LOOPBACK, 0x5432, 3)];
  assert.equal(userOf(others, "127.0.0.1"), undefined);
  assert.equal(userOf([...others, line(LOOPBACK, 5432, 70)], "127.0.0.1"), 70);
  assert.equal(userOf([line(LOOPBACK6, 5432, 1)], "::2"), undefined);
});

test("listeners: who is only connected does not listen, and no line is read behind that", () => {
  for (const state of ["01", "06"]) {
    const lines = function* (): Generator<string> {
      yield line(LOOPBACK, 5433, 1);
      yield line(LOOPBACK, 5432, 2, state);
      assert.fail("the search goes on");
    };
    assert.equal(findListener(lines(), { host: "127.0.0.1", port: 5432 }), undefined);
  }
});

test("addresses have one way to be written", () => {
  const ways = [
    ["127.0.0.1", "127.0.0.1"],
    ["::ffff:127.0.0.1", "127.0.0.1"],
    ["0:0:0:0:0:ffff:7f00:1", "127.0.0.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["localhost", "localhost"],
    ["not:an:address", "not:an:address"],
  ];
  for (const [given, canonical] of ways) assert.equal(canonicalHost(given!), canonical);
});

/** What is at a path: owner, mode, and the target of a link or the type of the file system that begins there. */
type Entry = readonly [uid: number, mode: number, more?: string | number];

function files(entries: Readonly<Record<string, Entry>>): Files {
  const all: Readonly<Record<string, Entry>> = { "/": [0, 0o755], "/tmp": [0, 0o1777], "/run": [0, 0o755], ...entries };
  const find = (path: string): Entry => {
    const entry = all[path];
    if (entry === undefined) throw new Error(`nothing at ${path}`);
    return entry;
  };
  const mount = (path: string): string =>
    path === "" ? "" : typeof all[path]?.[2] === "number" ? path : mount(path.replace(/\/[^/]*$/, ""));
  return {
    lstat(path): FileStatus {
      const [uid, mode, more] = find(path);
      return {
        kind: typeof more === "string" ? "link" : "other",
        dev: mount(path).length,
        ino: Object.keys(all).indexOf(path),
        uid,
        gid: uid,
        mode,
        changed: 0,
      };
    },
    membersOf: () => undefined,
    readlink: (path) => find(path)[2] as string,
    fileSystem: (path) => find(mount(path) || "/")[2] as number,
  };
}

const USERS = [0, 70, 1000];

function changeable(path: string, entries: Readonly<Record<string, Entry>>): string | undefined {
  return follow(path, USERS, files(entries)).changeable;
}

test("paths: directories that only the server's user, root or we may write keep what is in them", () => {
  assert.equal(changeable("/run/pg/s", { "/run/pg": [70, 0o755], "/run/pg/s": [70, 0o777] }), undefined);
  assert.equal(changeable("/tmp/s", { "/tmp/s": [70, 0o777] }), undefined, "a sticky one");
  assert.equal(changeable("/tmp/a/s", { "/tmp/a": [1000, 0o700], "/tmp/a/s": [70, 0o777] }), undefined);
  assert.equal(changeable("/run/pg/s", { "/run/pg": [70, 0o3777], "/run/pg/s": [70, 0o777] }), undefined);
});

test("paths: where others may write, nothing is certain", () => {
  const socket: Entry = [70, 0o777];
  for (const mode of [0o775, 0o2775, 0o777, 0o2777, 0o757]) {
    const reason = changeable("/run/pg/s", { "/run/pg": [70, mode], "/run/pg/s": socket });
    assert.equal(reason, "others than its owner may write /run/pg", mode.toString(8));
  }
  // A stranger's directory, sticky or not, and one above.
  for (const mode of [0o755, 0o1777]) {
    assert.equal(
      changeable("/tmp/a/s", { "/tmp/a": [4711, mode], "/tmp/a/s": socket }),
      "others than its owner may write /tmp",
    );
    assert.equal(changeable("/run/a/s", { "/run/a": [4711, mode], "/run/a/s": socket }), "/run/a belongs to user 4711");
  }
  assert.equal(
    changeable("/run/a/b/s", { "/run/a": [70, 0o777], "/run/a/b": [70, 0o755], "/run/a/b/s": socket }),
    "others than its owner may write /run/a",
  );
  assert.equal(changeable("/tmp/s", { "/tmp/s": [4711, 0o777] }), "others than its owner may write /tmp");
});

test("paths: a group that nobody else is in may write", () => {
  const entries: Record<string, Entry> = { "/run/pg": [70, 0o2775], "/run/pg/s": [70, 0o777] };
  const why = (mode: number, members: Files["membersOf"]): string | undefined => {
    const here = { ...files({ ...entries, "/run/pg": [70, mode] }), membersOf: members };
    return follow("/run/pg/s", USERS, here).changeable;
  };
  const others = "others than its owner may write /run/pg";
  const asked: number[][] = [];
  const alone: Files["membersOf"] = (gid, owner) => {
    asked.push([gid, owner]);
    return new Set([70, 0, 1000]);
  };
  for (const mode of [0o775, 0o2775]) assert.equal(why(mode, alone), undefined);
  assert.deepEqual(asked, [[70, 70], [70, 70]]);
  for (const mode of [0o777, 0o2777, 0o757]) assert.equal(why(mode, alone), others);
  assert.equal(why(0o775, () => new Set([70, 4711])), others);
  assert.equal(why(0o775, () => undefined), others);
});

test("paths: symbolic links are followed, and those that others can turn are not trusted", () => {
  const entries: Record<string, Entry> = {
    "/var": [0, 0o755],
    "/var/run": [0, 0o777, "/run"],
    "/var/up": [0, 0o777, "../run/./pg/"],
    "/run/pg": [70, 0o755],
    "/run/pg/s": [70, 0o777],
    "/tmp/ours": [1000, 0o777, "/run/pg"],
    "/tmp/theirs": [4711, 0o777, "/run/pg"],
    "/tmp/.s": [70, 0o777, "/run/pg/s"],
    "/tmp/loop": [0, 0o777, "loop"],
  };
  const here = files(entries);
  for (const path of ["/var/run/pg/s", "/var/up/s", "/tmp/ours/s", "/run/../run/pg//s", "/tmp/.s"]) {
    const { file, changeable } = follow(path, USERS, here);
    assert.equal(changeable, undefined, path);
    assert.equal(file.ino, here.lstat("/run/pg/s").ino, path);
  }
  assert.equal(changeable("/tmp/theirs/s", entries), "others than its owner may write /tmp");
  assert.throws(() => changeable("/tmp/loop/s", entries), /too many symbolic links/);
  assert.throws(() => changeable("/run/missing/s", entries), /nothing at/);
});

test("paths: a file system that a user mounted claims any owner", () => {
  const entries = (type: number): Record<string, Entry> => ({
    "/run/pg": [0, 0o755, type],
    "/run/pg/s": [70, 0o777],
  });
  assert.equal(changeable("/run/pg/s", entries(0x6573_5546)), "/run/pg is a user's file system");
  assert.equal(changeable("/run/pg/s", entries(0x0102_1994)), undefined, "tmpfs");
});

/** A Unix socket of ours that is listened on, in a directory of its own. */
async function ownSocket(): Promise<{ path: string; directory: string } & AsyncDisposable> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "pyro-")));
  mkdirSync(join(directory, "s"));
  const path = join(directory, "s", "socket");
  const server = await listen(path);
  return {
    path,
    directory,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true });
    },
  };
}

function listen(path: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

const { preflight, listener, ownUser } = localSockets(false);
const SELF = process.geteuid!();

// What is known of sockets is known on Linux.
if (process.platform === "linux") {
  test("local sockets: our own, by its file and by what the kernel says", async () => {
    await using socket = await ownSocket();
    assert.equal(ownUser(), SELF);
    const { refusal, owner } = preflight(socket.path);
    assert.equal(refusal, undefined);
    assert.deepEqual(owner(undefined), { uid: SELF, doubt: undefined });
    assert.deepEqual(owner(4711), { uid: 4711, doubt: undefined }, "the kernel's word is better than the file's owner");
    const link = join(socket.directory, "link");
    symlinkSync("s/socket", link);
    assert.deepEqual(preflight(link).owner(undefined), { uid: SELF, doubt: undefined });
  });

  test("local sockets: one that was replaced while it was dialled belongs to nobody", async () => {
    await using socket = await ownSocket();
    const replaced = preflight(socket.path);
    rmSync(socket.path);
    const server = await listen(socket.path);
    assert.deepEqual(replaced.owner(undefined), {
      uid: undefined,
      doubt: "the socket was replaced while it was dialled",
    });
    const moved = preflight(socket.path);
    renameSync(socket.path, `${socket.path}.moved`);
    assert.notEqual(moved.owner(undefined).doubt, undefined);
    await new Promise((resolve) => server.close(resolve));
  });

  test("local sockets: in a directory that everybody may write, the owner is in doubt", async () => {
    await using socket = await ownSocket();
    chmodSync(join(socket.directory, "s"), 0o777);
    const { uid, doubt } = preflight(socket.path).owner(undefined);
    assert.equal(uid, SELF);
    assert.match(doubt!, /^others than its owner may write .*\/s$/);
    chmodSync(join(socket.directory, "s"), 0o1777);
    assert.equal(preflight(socket.path).owner(undefined).doubt, undefined);
  });

  test("local sockets: who listens on a TCP port", async () => {
    for (const host of ["127.0.0.1", "0.0.0.0"]) {
      const server = createServer();
      const port = await new Promise<number>((resolve) =>
        server.listen(0, host, () => resolve((server.address() as { port: number }).port))
      );
      assert.deepEqual(listener({ host: "127.0.0.1", port }), { uid: SELF, doubt: undefined });
      assert.deepEqual(listener({ host: "::ffff:127.0.0.1", port }), { uid: SELF, doubt: undefined });
      if (host !== "0.0.0.0") assert.match(listener({ host: "127.0.0.2", port }).doubt!, /^nobody is seen to listen/);
      await new Promise((resolve) => server.close(resolve));
      assert.match(listener({ host: "127.0.0.1", port }).doubt!, /^nobody is seen to listen on TCP port \d+$/);
    }
  });
}

test("local sockets: what is no socket, or not there, is refused", () => {
  assert.equal(preflight(tmpdir()).refusal, "not a socket");
  assert.equal(preflight(join(tmpdir(), "missing", "socket")).refusal, "no such file or directory");
});

for (const world of worlds) {
  test(`local sockets: links that lead to each other are named in the same words everywhere (${world.name})`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "pyro-"));
    try {
      const path = join(directory, "socket");
      symlinkSync("socket", path);
      assert.equal(preflight(path).refusal, "too many symbolic links");
      // Bun's own sockets do not tell it from a refused connection.
      const isUntold = runtime === "bun" && world.name !== "sync ffi";
      await assert.rejects(world.connect(`pg://u@localhost/d?socket=${encodeURIComponent(path)}`), {
        message: `Cannot connect to ${path}: ${isUntold ? "connection refused" : "too many symbolic links"}`,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}
