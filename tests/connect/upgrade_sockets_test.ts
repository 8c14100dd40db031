import assert from "node:assert/strict";
import { ConnectionError } from "../../src/errors.ts";
import { type Connected, upgrade } from "../../src/connect/upgrade.ts";
import { Disclosure } from "../../src/protocol/startup.ts";
import { authentication, concat, errorResponse, readyForQuery } from "../support/scripted/backend.ts";
import { type Line, play, type Played, TableClock, TabledLink } from "../support/scripted/handshakes.ts";
import { type LocalFacts, localSockets } from "../support/scripted/local_sockets.ts";
import { endsOf, identity, planWith, tcp, WELCOME } from "../support/scripted/plans.ts";
import { test } from "../support/suite/test.ts";

interface Start {
  readonly secret?: number;
  readonly facts?: LocalFacts;
  readonly by?: number;
  readonly port?: number;
}

/** Begins with an open session over local TCP whose server gave that setting; the rest follows the table. */
function afterIdentity(
  directories: string | null,
  table: readonly Line[],
  { secret = Disclosure.None, facts, by = Infinity, port = 5432 }: Start = {},
  milliseconds: number = 0,
): Played<Connected> {
  const clock = new TableClock();
  const link = new TabledLink(1, tcp("localhost", port), { addresses: endsOf("127.0.0.1", 40000, "127.0.0.1", port) });
  const whole: Line[] = [
    ["identify #1", identity({ clientPort: "40000", serverPort: String(port), directories }), milliseconds],
    ...table,
  ];
  const plan = planWith(clock, { password: "secret" });
  const rules = { skipReason: undefined, local: localSockets(facts) };
  return play(upgrade(link, { disclosure: secret, scram: undefined }, plan, rules, by), whole, clock, [link]);
}

/** That TCP is kept after these failures. */
function kept(
  { value, taken }: Played<Connected>,
  ...tried: readonly (readonly [path: string, reason: RegExp])[]
): void {
  assert.equal(taken, 1);
  assert.equal(value?.upgrade.attempted, true);
  assert.equal(value?.upgrade.upgraded, false);
  assert.deepEqual(value?.upgrade.tried.map(({ path }) => path), tried.map(([path]) => path));
  for (const [i, [, reason]] of tried.entries()) assert.match(value!.upgrade.tried[i]!.reason, reason);
}

const socket = "/run/pg/.s.PGSQL.5432";

/** Asks for an MD5 hash, and then welcomes whoever gives one. */
const md5 = concat(authentication(5, (out) => out.bytes(new Uint8Array([1, 2, 3, 4]))), WELCOME);
const cleartext = concat(authentication(3), WELCOME);
const scram = authentication(10, (out) => {
  out.cstring("SCRAM-SHA-256");
  out.byte(0);
});

test("the same server behind the socket: TCP is given up for it", () => {
  const { value, taken } = afterIdentity("/run/pg", [
    [`dial ${socket}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(taken, 2);
  assert.deepEqual(value?.upgrade, { attempted: true, upgraded: true, reason: undefined, tried: [] });
  // Cancel requests go where the TCP connection went, by its address.
  assert.deepEqual(value?.verifiedSocket?.cancelTarget, {
    endpoint: { ...tcp("localhost"), address: "127.0.0.1", isLookedUp: true },
    tls: false,
    serverName: "localhost",
  });
});

test("the socket is named after the port that was dialled", () => {
  const { value } = afterIdentity("/run/pg", [
    ["dial /run/pg/.s.PGSQL.6000", {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ], { port: 6000 });
  assert.equal(value?.upgrade.upgraded, true);
});

test("directories are tried in turn, and failures on the way are told", () => {
  const { value, taken } = afterIdentity('/a, "/b,c"', [
    ["dial /a/.s.PGSQL.5432", new ConnectionError("no such file or directory")],
    ["dial /b,c/.s.PGSQL.5432", {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(taken, 2);
  assert.deepEqual(value?.upgrade.tried, [{ path: "/a/.s.PGSQL.5432", reason: "no such file or directory" }]);
});

test("directories that are withheld: the usual ones are tried", () => {
  const missing = new ConnectionError("no such file or directory");
  const played = afterIdentity(null, [
    ["dial /run/postgresql/.s.PGSQL.5432", missing],
    ["dial /var/run/postgresql/.s.PGSQL.5432", missing],
    ["dial /tmp/.s.PGSQL.5432", missing],
  ]);
  kept(
    played,
    ["/run/postgresql/.s.PGSQL.5432", /no such file/],
    ["/var/run/postgresql/.s.PGSQL.5432", /no such file/],
    ["/tmp/.s.PGSQL.5432", /no such file/],
  );
});

test("relative and abstract directories are skipped", () => {
  const { value } = afterIdentity('run, @/pg, "", ./x, /run/pg', [
    [`dial ${socket}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(value?.upgrade.upgraded, true);
  assert.deepEqual(value?.upgrade.tried, []);
});

test("a server without Unix sockets: TCP is kept", () => {
  for (const directories of ["", "@pg", "relative"]) {
    const played = afterIdentity(directories, []);
    kept(played);
    assert.match(played.value!.upgrade.reason!, /no Unix socket/);
  }
});

test("a socket that only a permission would open is not dialled", () => {
  const asked: string[] = [];
  const facts: LocalFacts = {
    refusal(path) {
      asked.push(path);
      return "permission to write /run/pg is not granted";
    },
  };
  const played = afterIdentity("/run/pg", [], { facts });
  kept(played, [socket, /permission to write/]);
  assert.deepEqual(asked, [socket]);
});

test("a path that does not fit a socket's address is not dialled", () => {
  const longest = "/" + "x".repeat(107 - 1 - "/.s.PGSQL.5432".length);
  const path = `${longest}/.s.PGSQL.5432`;
  assert.equal(path.length, 107);
  const { value } = afterIdentity(`${longest}x, ${longest.slice(1)}/é, ${longest}`, [
    [`dial ${path}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity()],
    ["discard #1"],
  ]);
  assert.equal(value?.upgrade.upgraded, true);
  assert.match(value!.upgrade.tried[0]!.reason, /107 bytes/);
  // Bytes count, not characters.
  kept(afterIdentity(`/é${longest.slice(3)}é`, []), [`/é${longest.slice(3)}é/.s.PGSQL.5432`, /107 bytes/]);
});

test("another server behind the socket: TCP is kept", () => {
  const played = afterIdentity("/run/pg", [
    [`dial ${socket}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity({ started: "1700000000.123457" })],
    ["discard #2"],
  ]);
  kept(played, [socket, /another server/]);
  assert.match(played.value!.upgrade.reason!, /no socket led to the server/);
});

test("a pooler behind the socket: TCP is kept", () => {
  const played = afterIdentity("/run/pg", [
    [`dial ${socket}`, {}],
    ["open #2", WELCOME],
    ["identify #2", identity({ clientPort: "40001", serverPort: "5432" })],
    ["discard #2"],
  ]);
  kept(played, [socket, /there is something in between/]);
});

test("whatever fails on the socket, its connection is given up and TCP is kept", () => {
  const failures: readonly [reason: RegExp, lines: readonly Line[]][] = [
    [/connection refused/, [[`dial ${socket}`, new ConnectionError("connection refused")]]],
    [/timed out/, [[`dial ${socket}`, {}], ["open #2", new ConnectionError("timed out")], ["discard #2"]]],
    [/peer authent/, [
      [`dial ${socket}`, {}],
      ["open #2", errorResponse("28000", "peer authentication failed", "FATAL")],
      ["discard #2"],
    ]],
    [/gone/, [[`dial ${socket}`, {}], ["open #2", { lose: new ConnectionError("gone") }], ["discard #2"]]],
    [/denied/, [
      [`dial ${socket}`, {}],
      ["open #2", WELCOME],
      ["identify #2", concat(errorResponse("42501", "permission denied"), readyForQuery())],
      ["discard #2"],
    ]],
    [/gone/, [
      [`dial ${socket}`, {}],
      ["open #2", WELCOME],
      ["identify #2", { lose: new ConnectionError("gone") }],
      ["discard #2"],
    ]],
    [/a bug/, [[`dial ${socket}`, {}], ["open #2", new TypeError("a bug")], ["discard #2"]]],
  ];
  for (const [reason, lines] of failures) kept(afterIdentity("/run/pg", lines), [socket, reason]);
});

test("the socket may ask for as much as TCP did, or for less", () => {
  const asks = [[Disclosure.None, WELCOME], [Disclosure.Md5, md5], [Disclosure.Cleartext, cleartext]] as const;
  for (const [asked, answer] of asks) {
    for (const secret of [Disclosure.None, Disclosure.Scram, Disclosure.Md5, Disclosure.Cleartext]) {
      if (asked > secret) continue;
      const { value } = afterIdentity("/run/pg", [
        [`dial ${socket}`, {}],
        ["open #2", answer],
        ["identify #2", identity()],
        ["discard #1"],
      ], { secret });
      assert.equal(value?.upgrade.upgraded, true, `asked for ${asked} after ${secret}`);
    }
  }
});

test("a socket that asks for more than TCP did gets nothing, and TCP is kept", () => {
  const asks = [[Disclosure.Scram, scram], [Disclosure.Md5, md5], [Disclosure.Cleartext, cleartext]] as const;
  for (const [asked, answer] of asks) {
    for (const secret of [Disclosure.None, Disclosure.Scram, Disclosure.Md5]) {
      if (asked <= secret) continue;
      const played = afterIdentity("/run/pg", [[`dial ${socket}`, {}], ["open #2", answer], ["discard #2"]], {
        secret,
      });
      kept(played, [socket, /more than allowed/]);
    }
  }
});

test("the upgrade takes at most half a second, or half of what is left", () => {
  const table: readonly Line[] = [
    [`dial ${socket}`, {}, 50],
    ["open #2", WELCOME, 50],
    ["identify #2", identity(), 50],
    ["discard #1"],
  ];
  for (const [by, until] of [[Infinity, 1500], [31_000, 1500], [2000, 1500], [1600, 1300]] as const) {
    const { limits, value } = afterIdentity("/run/pg", table, { by }, 50);
    assert.equal(value?.upgrade.upgraded, true);
    assert.deepEqual(limits, [until, until, until, until]);
  }
});

test("the time of the upgrade is looked at before each socket, also where none can be dialled", () => {
  const failure = new ConnectionError("connection refused");
  const slow = afterIdentity("/run/pg, /tmp", [[`dial ${socket}`, failure, 500]]);
  kept(slow, [socket, /connection refused/], ["/tmp/.s.PGSQL.5432", /there is no time left/]);
  const late = afterIdentity("/run/pg, /tmp", [], {}, 500);
  kept(late, [socket, /there is no time left/]);
});
