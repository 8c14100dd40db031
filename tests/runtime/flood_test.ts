/**
 * Limits of time while the server sends without end, as fast as it can: each of them is over before the
 * flood is. Without the limit, a call would be answered in the end.
 */
import assert from "node:assert/strict";
import { ConnectionError, Opts, TimeoutError } from "../../mod.ts";
import {
  authentication,
  backendKeyData,
  commandComplete,
  concat,
  dataRow,
  parameterStatus,
  readyForQuery,
  rowDescription,
} from "../support/scripted/backend.ts";
import { Flood } from "../support/network/flood.ts";
import { testInTurn } from "../support/suite/test.ts";
import { type World, worlds } from "../support/suite/worlds.ts";

const WELCOME = concat(authentication(0), backendKeyData(), readyForQuery());
const ROW = dataRow("x".repeat(500));
const ROWS = { beginning: rowDescription({ a: 25 }), message: ROW, end: done("SELECT 1") };
const SETTING = parameterStatus("application_name", "x".repeat(500));

function done(tag: string): Uint8Array {
  return concat(commandComplete(tag), readyForQuery());
}

function opts({ port }: Flood): Opts {
  return new Opts().host("127.0.0.1").port(port).user("u").db("d").sslMode("disable").upgradeToUnixSocket(false);
}

/** Registers a body for some of the worlds; the flood must not have come to its end when it has. */
function flooding(
  name: string,
  flood: Parameters<typeof Flood.start>[0],
  body: (world: World, flood: Flood) => Promise<void>,
  isMeant: (world: World) => boolean = () => true,
): void {
  for (const world of worlds.filter(isMeant)) {
    testInTurn(`flood: ${name} (${world.name})`, async () => {
      await using running = await Flood.start(flood);
      await body(world, running);
      assert.ok(running.begun > 0);
      assert.equal(running.over, 0, "the flood goes on");
    });
  }
}

flooding(
  "connectTimeout ends connecting",
  { flooded: "startup", welcome: WELCOME, beginning: authentication(0), message: SETTING, end: WELCOME },
  async (world, flood) => {
    await assert.rejects(world.connect(opts(flood).connectTimeout(1500)), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, /timed out/);
      return true;
    });
  },
);

flooding(
  "a call's timeout ends it, and the wait for a cancel request without effect",
  { flooded: "query", welcome: WELCOME, ...ROWS },
  async (world, flood) => {
    await using conn = await world.connect(opts(flood));
    await assert.rejects(async () => await conn.queryDrop("select", { timeout: 200 }), TimeoutError);
    assert.equal(conn.closed, true);
  },
);

flooding(
  "a call's timeout ends what gives rows one by one",
  { flooded: "query", welcome: WELCOME, ...ROWS },
  async (world, flood) => {
    await using conn = await world.connect(opts(flood));
    await assert.rejects(async () => await conn.execDrop("select", [], { timeout: 200 }));
    assert.equal(conn.closed, true);
  },
);

flooding(
  "a notification is waited for no longer than told",
  {
    flooded: "query",
    welcome: WELCOME,
    beginning: done("LISTEN"),
    message: SETTING,
    end: done("UNLISTEN"),
  },
  async (world, flood) => {
    await using conn = await world.connect(opts(flood));
    const notifications = await conn.listen("channel", { timeout: 2000 });
    assert.equal((await notifications.next()).done, true);
    assert.equal(conn.closed, true, "the server does not confirm that listening has ended");
  },
  // With promises, listening has no time-out.
  ({ name }) => name !== "async",
);

flooding(
  "close waits for calls no longer than told",
  { flooded: "query", welcome: WELCOME, ...ROWS },
  async (world, flood) => {
    const conn = await world.connect(opts(flood));
    const call = conn.queryDrop("select");
    const failing = assert.rejects(call, ConnectionError);
    await conn.close({ timeout: 200 });
    await failing;
  },
  // Blocking connections have no calls to wait for.
  ({ name }) => name === "async",
);

flooding(
  "a cancel request is given up",
  { flooded: "cancel request", welcome: WELCOME, message: ROW, end: new Uint8Array() },
  async (world, flood) => {
    const conn = await world.connect(opts(flood).connectTimeout(5000));
    const failing = assert.rejects(conn.queryDrop("select"), ConnectionError);
    await assert.rejects(conn.cancel(), ConnectionError);
    await conn.close({ timeout: 0 });
    await failing;
  },
  ({ name }) => name === "async",
);

flooding(
  "a call whose cancel request is not taken ends",
  { flooded: "cancel request", welcome: WELCOME, message: ROW, end: new Uint8Array() },
  async (world, flood) => {
    await using conn = await world.connect(opts(flood));
    await assert.rejects(async () => await conn.queryDrop("select", { timeout: 100 }), TimeoutError);
    assert.equal(conn.closed, true);
  },
);
