import assert from "node:assert/strict";
import { Conn, ConnectionError, Opts, ServerError, TimeoutError } from "../../mod.ts";
import {
  authenticationOk,
  commandComplete,
  errorResponse,
  queryReply,
  readyForQuery,
  ScriptedServer,
  type ScriptStep,
  serverMessage,
  welcome,
} from "../../src/testing/mod.ts";
import { Conn as BlockingConn } from "../../sync.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";

/** Registers a body for both kinds of connections. */
function inBoth(name: string, body: (connect: (server: ScriptedServer) => Promise<Conn>) => Promise<void>): void {
  const opts = (server: ScriptedServer): Opts => new Opts("pg://ada@library").dial(server.dial);
  test(`${name} (async)`, () => body((server) => Conn.connect(opts(server))));
  const blocking = (server: ScriptedServer): Conn => new BlockingConn(opts(server)) as unknown as Conn;
  test(`${name} (sync)`, () => body((server) => attempt(() => blocking(server))));
}

const START: ScriptStep = ["Startup", welcome({ server_version: "17.2", application_name: "shop" })];

inBoth("scripted server: replies to what it expects, in pieces of any size", async (connect) => {
  for (const chunk of [1, 7, undefined]) {
    const server = new ScriptedServer([[
      START,
      ["Query", [
        errorResponse("23505", "it is there", "ERROR", { n: "book_key", D: "Key (id)=(1)" }),
        readyForQuery(),
      ]],
      ["Query", ({ sql }) => queryReply({ sql: 25, no: 25 }, [[sql!, null], ["x", "y"]])],
    ]], { chunk });
    const conn = await connect(server);
    assert.equal(conn.transport, "scripted");
    assert.equal(conn.serverVersion, "17.2");
    assert.equal(conn.serverParams.application_name, "shop");
    await assert.rejects(attempt(() => conn.queryDrop("select 1")), (error) => {
      assert.ok(error instanceof ServerError);
      assert.deepEqual([error.code, error.constraint, error.detail], ["23505", "book_key", "Key (id)=(1)"]);
      return true;
    });
    assert.deepEqual(await conn.query("table b"), [{ sql: "table b", no: null }, { sql: "x", no: "y" }]);
    await conn.close();
    server.verify();
    assert.deepEqual(server.messages.map(({ name }) => name), ["Startup", "Query", "Query", "Terminate"]);
  }
});

inBoth("scripted server: another message than expected fails, and both sides are told", async (connect) => {
  const server = new ScriptedServer([[START, ["Parse Describe Sync", readyForQuery()]]]);
  const conn = await connect(server);
  const told = /the client said Query "select 1" where "Parse Describe Sync" is expected/;
  await assert.rejects(attempt(() => conn.query("select 1")), (error) => {
    assert.ok(error instanceof ConnectionError && error.cause instanceof Error);
    assert.match(String(error.cause), told);
    return true;
  });
  await conn.close();
  assert.throws(() => server.verify(), told);
});

inBoth("scripted server: what is missing is told", async (connect) => {
  const server = new ScriptedServer([[START, ["Query", queryReply({}, [])]], [["CancelRequest", "close"]]]);
  assert.throws(() => server.verify(), /^Error: connection 1: it was not opened$/);
  const conn = await connect(server);
  assert.throws(
    () => server.verify(),
    /connection 1: "Query" is expected, and has not come; the client has said Startup/,
  );
  await conn.query("");
  await conn.close();
  assert.throws(() => server.verify(), /connection 2: it was not opened/);
});

inBoth("scripted server: a connection without a script is refused", async (connect) => {
  const server = new ScriptedServer([[START]]);
  const conn = await connect(server);
  await assert.rejects(connect(server), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(String(error.cause), /connection 2 is opened, and there is no script for it/);
    return true;
  });
  await conn.close();
  assert.throws(() => server.verify(), /2 connections were opened, and there are 1 scripts/);
});

inBoth("scripted server: it can be silent", async (connect) => {
  // How often a cancel request is repeated does not matter here.
  const cancel: readonly ScriptStep[] = [["CancelRequest", "close"]];
  const server = new ScriptedServer([[START, ["Query", []]], ...Array(9).fill(cancel)]);
  const conn = await connect(server);
  await assert.rejects(attempt(() => conn.query("select 1", { timeout: 30 })), TimeoutError);
  await conn.close();
});

inBoth("scripted server: it can close in the middle of a reply", async (connect) => {
  const server = new ScriptedServer([[
    ["Startup", [authenticationOk(), serverMessage("Z", new Uint8Array([0x49]))]],
    ["Query", [commandComplete("BEGIN"), "close"]],
  ]]);
  const conn = await connect(server);
  await assert.rejects(attempt(() => conn.queryDrop("begin")), (error) => {
    return error instanceof ConnectionError && error.connectionLost;
  });
  await conn.close();
  server.verify();
});

test("scripted server: a chunk must have a byte", () => {
  assert.throws(() => new ScriptedServer([], { chunk: 0 }), /^UsageError: Cannot set chunk to 0: /);
});
