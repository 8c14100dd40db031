import assert from "node:assert/strict";
import { ConnectionError, Opts, ServerError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { type Line, Lines } from "../support/suite/recorder.ts";
import { runtime } from "../support/suite/runtime.ts";
import { conformance } from "../support/suite/worlds.ts";

/** A line without what differs from run to run. */
function summary({ level, message, fields }: Line): unknown[] {
  const { connection: _, duration: _duration, ...others } = fields;
  return [level, message, others];
}

conformance("logger: every call at level debug, its literals redacted", async (world, server) => {
  const lines = new Lines();
  const conn = await world.connect(new Opts(server.fast).logger(lines).logLevel("debug"));
  const { id } = conn;
  lines.all.length = 0;
  await conn.query("select 'secret' as s -- secret");
  await conn.exec("select $1::text, 'secret'", ["secret"]);
  await conn.execBatch("select $1::text", [["secret"], ["secret"]]);
  await assert.rejects(attempt(() => conn.exec("select $1::text::int4", ["secret"])), ServerError);
  await conn.close();
  await conn.close();
  assert.deepEqual(lines.all.map(summary), [
    ["debug", "pyro: called", { operation: "query", sql: "select ? as s", affected: 1, rows: 1 }],
    ["debug", "pyro: called", {
      operation: "exec",
      sql: "select $1::text, ?",
      parameterCount: 1,
      affected: 1,
      rows: 1,
    }],
    ["debug", "pyro: called", { operation: "execBatch", sql: "select $1::text", batchSize: 2, affected: 2 }],
    ["debug", "pyro: call failed", {
      operation: "exec",
      sql: "select $1::text::int4",
      parameterCount: 1,
      error: "ServerError",
      code: "22P02",
    }],
    ["info", "pyro: closed", {}],
  ]);
  for (const { level, fields } of lines.all) {
    assert.equal(fields.connection, id);
    assert.equal(typeof fields.duration, level === "debug" ? "number" : "undefined");
  }
});

conformance("logger: connecting, with its steps, and no password", async (world, server) => {
  const lines = new Lines();
  const opts = new Opts(server.url()).upgradeToUnixSocket(false).logger(lines).logLevel("debug");
  await using conn = await world.connect(opts);
  const steps = lines.all.filter(({ level }) => level === "debug");
  assert.deepEqual(
    steps.map(({ message, fields }) => [message, fields.step, fields.address]).filter(([, step]) => step !== "close"),
    // A blocking connection through FFI dials again for TLS, through a worker. One with promises on Deno salts the
    // password while other work goes on.
    [
      ...(world.name === "sync ffi" ? ["dial", "ask for TLS"] : []),
      "dial",
      "ask for TLS",
      "start TLS",
      "ask the server",
      ...(world.name === "async" && runtime === "deno" ? ["salt the password", "ask the server"] : []),
    ]
      .map((step) => ["pyro: connecting", step, `127.0.0.1:${server.port}`]),
  );
  const connected = lines.all.at(-1)!;
  assert.deepEqual(summary(connected), ["info", "pyro: connected", {
    transport: "tcp",
    address: "127.0.0.1",
    port: server.port,
    database: "test_db",
    user: "test",
    tls: true,
    upgraded: false,
    notUpgraded: "it is switched off",
  }]);
  assert.equal(connected.fields.connection, conn.id);
  // Durations and ports can have its digits.
  const texts = JSON.stringify(lines.all, (_, value) => typeof value === "number" ? 0 : value);
  assert.doesNotMatch(texts, /\b1234\b/);
});

conformance("logger: a step of connecting that fails", async (world, server) => {
  const lines = new Lines();
  const opts = new Opts(server.url({ password: "wrong secret" })).logger(lines).logLevel("debug");
  await assert.rejects(world.connect(opts), ServerError);
  const failures = lines.all.filter(({ message }) => message === "pyro: connecting: a step failed");
  assert.deepEqual(failures.map(({ fields }) => [fields.step, fields.error, fields.code]), [
    ["ask the server", "ServerError", "28P01"],
  ]);
  assert.doesNotMatch(JSON.stringify(lines.all), /secret/);
});

conformance(
  "logger: warnings of the server and the loss of the connection, from level warn on",
  async (world, server) => {
    const lines = new Lines();
    const conn = await world.connect(new Opts(server.fast).logger(lines).logLevel("warn"));
    await conn.queryDrop("do $$ begin raise notice 'no'; raise warning 'take care'; end $$");
    assert.deepEqual(lines.all.map(summary), [
      ["warn", "pyro: warning of the server", { code: "01000", warning: "take care" }],
    ]);
    await using admin = await world.connect(server.admin);
    await admin.queryDrop(`select pg_terminate_backend(${conn.id})`);
    await assert.rejects(async () => {
      for (;;) await conn.ping();
    });
    const { level, message, fields } = lines.all.at(-1)!;
    assert.deepEqual([level, message, fields.connection], ["warn", "pyro: connection lost", conn.id]);
    assert.match(String(fields.reason), /administrator command|closed|reset|broken pipe/);
    await conn.close();
    assert.equal(lines.all.length, 2);
  },
);

conformance("logger: level info is the default, and errors have their caller", async (world, server) => {
  const lines = new Lines();
  {
    await using conn = await world.connect(new Opts(server.fast).logger(lines));
    await assert.rejects(attempt(() => conn.query("select no_such_column")), ServerError);
  }
  assert.deepEqual(lines.all.map(({ level, message }) => [level, message]), [
    ["info", "pyro: connected"],
    ["info", "pyro: closed"],
  ]);
});

conformance("logger: statement names that are turned off", async (world, server) => {
  const lines = new Lines();
  await using conn = await world.connect(new Opts(server.fast).logger(lines).logLevel("warn"));
  await conn.exec("select $1::int4", [1]);
  await conn.query("deallocate all");
  await conn.exec("select $1::int4", [1]);
  assert.equal(lines.all.length, 0);
  // As a pooler would, without pyro's knowledge.
  await conn.query("do $$ begin execute 'deal' || 'locate all'; end $$");
  assert.equal(await conn.execValue("select $1::int4", [1]), 1);
  const { level, message, fields } = lines.all.at(-1)!;
  assert.deepEqual([level, message, lines.all.length], ["warn", "pyro: statement names turned off", 1]);
  assert.match(String(fields.reason), /pooler/);
});

conformance("logger: a connection of a pool that cannot be cleaned up", async (world, server) => {
  const lines = new Lines();
  const onRelease = (): never => {
    throw new Error("no release");
  };
  await using pool = world.pool(new Opts(server.fast).logger(lines).logLevel("error"), { name: "shop", onRelease });
  await pool.ping();
  await pool.close();
  assert.deepEqual(lines.all.map(({ level, message, fields }) => [level, message, fields.pool, fields.error]), [
    ["error", "pyro: connection not cleaned up", "shop", "Error"],
  ]);
});

conformance("logger: what it throws or rejects is ignored", async (world, server) => {
  const thrown: string[] = [];
  const logger = {
    debug(message: string): void {
      thrown.push(message);
      throw new ConnectionError("the logger is broken");
    },
    info: (message: string): Promise<void> => {
      thrown.push(message);
      return Promise.reject(new Error("the logger is broken"));
    },
  };
  await using conn = await world.connect(new Opts(server.fast).logger(logger).logLevel("debug"));
  assert.equal(await conn.execValue("select 1"), 1);
  assert.ok(thrown.includes("pyro: connected") && thrown.includes("pyro: called"));
});
