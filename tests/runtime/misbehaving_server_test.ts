/**
 * Servers that close, reset or stop in mid-message, on real sockets: every call settles with an error that
 * says what happened, and nothing is left open. Attacks are in `hostile_startup_test.ts` and `hostile_session_test.ts`.
 */
import assert from "node:assert/strict";
import { type Conn, ConnectionError, Opts, PyroError } from "../../mod.ts";
import { isTransient } from "../../src/pool/failure.ts";
import {
  authentication,
  backendKeyData,
  concat,
  dataRow,
  noticeResponse,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { type Behaviour, startPeer } from "../support/network/peer.ts";
import { testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

/** Lets everybody in. */
const WELCOME = concat(authentication(0), backendKeyData(), readyForQuery());

function opts(port: number): Opts {
  return new Opts().host("127.0.0.1").port(port).user("u").password("p").db("d").sslMode("disable")
    .upgradeToUnixSocket(false).connectTimeout(20_000);
}

type Expected = { readonly type: typeof ConnectionError; readonly message: RegExp };

/** What happens before there is a session. */
const STARTUPS: readonly (readonly [name: string, behaviour: Behaviour, expected: Expected])[] = [
  ["closes", { then: "end" }, { type: ConnectionError, message: /the server closed the connection/ }],
  ["resets", { then: "reset" }, {
    type: ConnectionError,
    message: /connection reset|the server closed the connection/,
  }],
  ["ends in mid-message", { greeting: authentication(0).subarray(0, 6), then: "end" }, {
    type: ConnectionError,
    message: /the server closed the connection/,
  }],
];

/** What happens to a session. */
const QUERIES: readonly (readonly [name: string, behaviour: Behaviour, expected: Expected])[] = [
  ["closes", { greeting: WELCOME, reply: new Uint8Array(), then: "end" }, {
    type: ConnectionError,
    message: /the server closed the connection/,
  }],
  ["ends in mid-row", {
    greeting: WELCOME,
    reply: concat(rowDescription({ n: 23 }), dataRow("1").subarray(0, 9)),
    then: "end",
  }, {
    type: ConnectionError,
    message: /the server closed the connection/,
  }],
  ["resets in mid-reply", { greeting: WELCOME, reply: rowDescription({ n: 23 }), then: "reset" }, {
    type: ConnectionError,
    message: /connection reset|the server closed the connection/,
  }],
];

async function settlesWith(call: () => unknown, { type, message }: Expected): Promise<void> {
  await assert.rejects(async () => await call(), (error) => {
    assert.ok(error instanceof PyroError && error instanceof type, String((error as Error).stack));
    assert.match(error.message, message);
    assert.ok(error.connectionLost);
    return true;
  });
}

function inEveryWorld(name: string, body: (world: World) => Promise<void>): void {
  for (const world of worlds) testInTurn(`${name} (${world.name})`, () => body(world));
}

for (const [name, behaviour, expected] of STARTUPS) {
  inEveryWorld(`misbehaving server: at startup it ${name}`, async (world) => {
    await using peer = await startPeer(behaviour);
    await settlesWith(() => world.connect(opts(peer.port)), expected);
  });
}

for (const [name, behaviour, expected] of QUERIES) {
  inEveryWorld(`misbehaving server: to a query it ${name}`, async (world) => {
    await using peer = await startPeer(behaviour);
    const conn = await world.connect(opts(peer.port));
    await settlesWith(() => conn.query("select 1"), expected);
    assert.equal(conn.closed, true);
    await settlesWith(() => conn.query("select 1"), { type: ConnectionError, message: expected.message });
    await conn.close();
  });
}

inEveryWorld("misbehaving server: one that cannot start a process for us says so in plain text", async (world) => {
  const text = "could not fork new process for connection: Resource temporarily unavailable";
  await using peer = await startPeer({ greeting: new TextEncoder().encode(`E${text}\n\0`), then: "end" });
  for (const mode of ["disable", "prefer"] as const) {
    await assert.rejects(world.connect(opts(peer.port).connectTimeout(30_000).sslMode(mode)), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.ok(error.message.endsWith(`: the server refuses the connection: ${text}`), error.message);
      assert.ok(error.safeToRetry && error.connectionLost);
      return true;
    });
  }
});

inEveryWorld(
  "misbehaving server: an error in plain text may be empty, and a pool waits for such a server",
  async (world) => {
    for (const text of ["\n\0\0\0", "\0\0\0\0", "\nE\n\0"]) {
      await using peer = await startPeer({ greeting: new TextEncoder().encode(`E${text}`), then: "end" });
      await assert.rejects(world.connect(opts(peer.port).connectTimeout(30_000)), (error) => {
        assert.ok(error instanceof ConnectionError, String(error));
        assert.ok(error.message.endsWith(": the server refuses the connection: it gives no reason"), error.message);
        assert.ok(error.safeToRetry && error.connectionLost);
        assert.ok(isTransient(error));
        return true;
      });
    }
  },
);

inEveryWorld("misbehaving server: of a flood of notices while connecting, some are kept", async (world) => {
  const notice = noticeResponse("x".repeat(100));
  const count = 0x40_0000 / notice.length | 0;
  const flood = concat(
    authentication(0),
    ...Array.from({ length: count }, () => notice),
    backendKeyData(),
    readyForQuery(),
  );
  await using peer = await startPeer({ greeting: flood, then: "silence" });
  let heard = 0;
  const conn = await world.connect(opts(peer.port).connectTimeout(30_000).onNotice(() => heard++));
  await conn.close({ timeout: 0 });
  assert.ok(heard > 100 && heard < count / 2, String(heard));
});

inEveryWorld("misbehaving server: closing does not wait for what it does not say of itself", async (world) => {
  await using peer = await startPeer({ greeting: WELCOME, then: "silence" });
  const conn = await world.connect(opts(peer.port).upgradeToUnixSocket(true));
  assert.match(conn.upgrade.reason!, /does not say who it is: timed out$/);
  const closing = Promise.resolve(conn.close({ timeout: 600_000 })).then(() => "closed");
  let timer: ReturnType<typeof setTimeout>;
  const patience = new Promise((resolve) => timer = setTimeout(() => resolve("waiting"), 60_000));
  assert.equal(await Promise.race([closing, patience]), "closed");
  clearTimeout(timer!);
});

inEveryWorld("misbehaving server: it ends a session at once, and onClose is called if onConnect was", async (world) => {
  await using peer = await startPeer({ greeting: WELCOME, then: "end" });
  let lost = 0;
  const opened: Conn[] = [];
  const closed: Conn[] = [];
  const onConnect = (conn: Conn): void => {
    lost += Number(conn.closed);
    opened.push(conn);
  };
  const pool = world.pool(opts(peer.port), { onConnect, onClose: (conn) => void closed.push(conn) });
  // The end may come before the connection is used, or after.
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      await (await pool.acquire()).release();
    } catch (error) {
      assert.ok(error instanceof ConnectionError, String(error));
    }
  }
  await pool.close();
  assert.deepEqual([closed.length, lost], [opened.length, 0]);
  assert.ok(opened.every((conn) => closed.includes(conn)));
});

inEveryWorld("misbehaving server: no TLS where it is required, and a TLS handshake that fails", async (world) => {
  const no = concat(new Uint8Array([0x4e]));
  await using unwilling = await startPeer({ greeting: no, reply: WELCOME, then: "silence" });
  await assert.rejects(world.connect(opts(unwilling.port).sslMode("require")), /does not offer TLS/);
  await using conn = await world.connect(opts(unwilling.port).sslMode("prefer"));
  assert.equal(conn.tls, false);
  await using confused = await startPeer({
    greeting: new Uint8Array([0x53]),
    reply: new Uint8Array(200).fill(0x41),
    then: "end",
  });
  await assert.rejects(world.connect(opts(confused.port).sslMode("require")), /the TLS handshake failed/);
});

testInTurn("misbehaving server: every outstanding call settles (async)", async () => {
  await using peer = await startPeer({ greeting: WELCOME, reply: rowDescription({ n: 23 }), then: "end" });
  const [world] = worlds;
  const conn = await world!.connect(opts(peer.port));
  const calls = [
    conn.query("select 1"),
    conn.exec("select $1", [1]),
    conn.ping(),
    conn.prepare("select 1"),
    conn.execValue("select 1"),
  ];
  const outcomes = await Promise.allSettled(calls);
  assert.ok(outcomes.every((outcome) => outcome.status === "rejected" && outcome.reason instanceof ConnectionError));
  await conn.close();
});
