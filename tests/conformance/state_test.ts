import assert from "node:assert/strict";
import { Opts, type ServerFields } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("state: what can be read without asking", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.equal(conn.id, await conn.execValue("select pg_backend_pid()"));
  assert.ok(conn.serverVersion.startsWith(String(server.major)));
  assert.equal(conn.serverParams.server_version, conn.serverVersion);
  assert.equal(conn.serverParams.client_encoding, "UTF8");
  assert.throws(() => {
    (conn.serverParams as Record<string, string>).client_encoding = "LATIN1";
  }, TypeError);
  assert.equal(conn.closed, false);
  assert.equal(conn.tls, false);
});

conformance("state: UTF8 has other names, by which it may be asked for", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const name of ["UNICODE", "utf8", "UTF-8", "unicode"]) {
    await conn.queryDrop(`set client_encoding = '${name}'`);
    assert.equal(await conn.execValue("select $1::text || 'ü'", ["é🐘"]), "é🐘ü", name);
    assert.ok(["UTF8", "UNICODE"].includes(conn.serverParams.client_encoding!.toUpperCase()));
  }
});

conformance("state: serverParams follow SET", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("set application_name = 'renamed'; set timezone = 'Europe/Berlin'");
  assert.equal(conn.serverParams.application_name, "renamed");
  assert.equal(conn.serverParams.TimeZone, "Europe/Berlin");
});

conformance(
  "state: transactionStatus is that of the last reply, also when that was an error",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    assert.equal(conn.transactionStatus, "idle");
    await conn.queryDrop("begin");
    assert.equal(conn.transactionStatus, "active");
    await assert.rejects(async () => await conn.execValue("select 1 / $1::int4", [0]));
    assert.equal(conn.transactionStatus, "failed");
    await conn.ping();
    assert.equal(conn.transactionStatus, "failed");
    await conn.queryDrop("rollback");
    assert.equal(conn.transactionStatus, "idle");
  },
);

conformance("state: notices reach onNotice, and what that throws hurts nobody", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const notices: ServerFields[] = [];
  conn.onNotice = (notice) => {
    notices.push(notice);
    throw new Error("from the listener");
  };
  await conn.queryDrop("do $$ begin raise notice 'first'; raise warning 'second' using hint = 'a hint'; end $$");
  assert.deepEqual(
    notices.map(({ severity, message, hint }) => [severity, message, hint]),
    [["NOTICE", "first", undefined], ["WARNING", "second", "a hint"]],
  );
  conn.onNotice = undefined;
  await conn.queryDrop("do $$ begin raise notice 'third'; end $$");
  assert.equal(notices.length, 2);
});

conformance("state: a listener's promise that rejects ends neither a call nor the process", async (world, server) => {
  let calls = 0;
  const listener = async (): Promise<void> => {
    calls++;
    await Promise.reject(new Error("from the listener"));
  };
  const conn = await world.connect(new Opts(server.fast).trace(listener).onNotice(listener));
  await conn.queryDrop("do $$ begin raise notice 'first'; end $$");
  conn.onNotice = listener;
  conn.onNotification = listener;
  conn.onClose = listener;
  const before = calls;
  await conn.queryDrop("do $$ begin raise notice 'second'; end $$");
  assert.ok(calls > before);
  await conn.close();
  // An unhandled rejection would fail the test here.
  await new Promise((resolve) => setTimeout(resolve, 5));
});

conformance("state: a listener may use the connection", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const answers: unknown[] = [];
  conn.onNotice = (notice) => {
    answers.push(conn.execValue("select $1::text || '!'", [notice.message]));
  };
  assert.deepEqual(
    await conn.query("do $$ begin raise notice 'called back'; end $$; select 1 as n"),
    [{ n: 1 }],
  );
  assert.deepEqual(await Promise.all(answers), ["called back!"]);
});

conformance(
  "state: a change of client_encoding ends the connection, as nothing could be read any more",
  async (world, server) => {
    const conn = await world.connect(server.fast);
    await assert.rejects(
      async () => await conn.queryDrop("set client_encoding = 'LATIN1'"),
      /client_encoding was changed to "LATIN1"/,
    );
    assert.equal(conn.closed, true);
    await conn.close();
  },
);
