/** Which errors say that the same call may succeed later, with nothing done: one line for each way to fail. */
import assert from "node:assert/strict";
import { type Conn, Opts, PyroError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

type Case = readonly [what: string, name: string, safeToRetry: boolean, call: () => unknown];

/** Makes each call, and compares the error's name and what it says of a repetition. */
async function check(cases: readonly Case[]): Promise<void> {
  for (const [what, name, safeToRetry, call] of cases) {
    let error: unknown;
    try {
      await attempt(call);
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof PyroError, `${what}: ${error}`);
    assert.deepEqual([error.name, error.safeToRetry], [name, safeToRetry], `${what}: ${error}`);
  }
}

conformance("safe to retry: not with wrong arguments, and not with values that do not fit", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const foreign = await other.prepare("select 1");
  const closed = await conn.prepare("select 1");
  await closed.close();
  await conn.execValue("select $1::int4", [1]);
  await check([
    ["a value", "EncodeError", false, () => conn.execValue("select $1::int4", ["x".length + 0.5])],
    ["a value of a new statement", "EncodeError", false, () => conn.execValue("select $1::int2", [1e9])],
    ["undefined", "EncodeError", false, () => conn.execValue("select $1::text", [undefined])],
    ["a set of a batch", "EncodeError", false, () => conn.execBatch("select $1::int4", [[1], [1.5]])],
    ["too few parameters", "UsageError", false, () => conn.execValue("select $1::int4", [])],
    ["too many parameters", "UsageError", false, () => conn.execValue("select $1::int4", [1, 2])],
    ["an unknown option", "UsageError", false, () => conn.query("select 1", { bogus: 1 } as never)],
    ["a bad time-out", "UsageError", false, () => conn.query("select 1", { timeout: -1 })],
    ["SQL that is none", "UsageError", false, () => conn.query(1 as never)],
    ["a closed statement", "UsageError", false, () => conn.exec(closed)],
    ["another connection's statement", "UsageError", false, () => conn.exec(foreign)],
    ["COPY as a query", "UsageError", false, () => conn.query("copy (select 1) to stdout")],
    ["rows that are too many", "UsageError", false, () => conn.execOne("select generate_series(1, 2)")],
    ["a channel without a name", "UsageError", false, () => conn.listen("")],
  ]);
});

conformance("safe to retry: not once something is over", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  await pipeline.close();
  const tx = await conn.begin();
  await tx.commit();
  const outer = await conn.begin();
  const portal = await outer.execPortal("select 1");
  await portal.close();
  await check([
    ["a closed pipeline", "UsageError", false, () => pipeline.exec("select 1")],
    ["a finished transaction", "UsageError", false, () => tx.query("select 1")],
    ["a closed portal", "UsageError", false, () => portal.fetch(1)],
  ]);
  await outer.rollback();
});

conformance("safe to retry: while the connection is busy", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  await check([
    ["beside a pipeline", "UsageError", true, () => conn.query("select 1")],
    ["a pipeline beside a pipeline", "UsageError", true, () => conn.pipeline()],
  ]);
  await pipeline.close();
  const tx = await conn.begin();
  await check([["a transaction beside a transaction", "UsageError", true, () => conn.begin()]]);
  const nested = await tx.begin();
  await check([
    ["a nested transaction beside a nested one", "UsageError", true, () => tx.begin()],
    ["a commit before the nested one's", "UsageError", true, () => tx.commit()],
  ]);
  await nested.commit();
  await tx.rollback();
  await conn.query("begin");
  await check([["a transaction beside one by SQL", "UsageError", true, () => conn.begin()]]);
  await conn.query("rollback");
  let inside: unknown;
  const portal = given(world, function* () {
    try {
      yield conn.query("select 1");
    } catch (error) {
      inside = error;
    }
  });
  await conn.execIter("select 1", [], portal);
  await check([["from the function that a call waits for", "UsageError", true, () => Promise.reject(inside)]]);
});

conformance("safe to retry: what the server refuses is not, but for conflicts", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const raise = (code: string) => () => conn.query(`do $$ begin raise 'no' using errcode = '${code}'; end $$`);
  await check([
    ["a syntax error", "ServerError", false, () => conn.query("selec")],
    ["a unique violation", "ServerError", false, raise("23505")],
    ["a serialization failure", "ServerError", true, raise("40001")],
    ["a deadlock", "ServerError", true, raise("40P01")],
    ["too many connections, as a function says", "ServerError", false, raise("53300")],
    ["cannot connect now, as a function says", "ServerError", false, raise("57P03")],
    ["a statement that was stopped", "TimeoutError", false, () => conn.query("select pg_sleep(9)", { timeout: 20 })],
  ]);
});

conformance("safe to retry: connections that are refused for now, or cannot be had", async (world, server) => {
  const db = `crowd_${crypto.randomUUID().replaceAll("-", "")}`;
  await using admin = await world.connect(server.admin);
  await admin.queryDrop(`create database ${db} connection limit 0`);
  try {
    await check([
      ["too many connections", "ServerError", true, () => world.connect(server.url({ db }))],
      ["a wrong password", "ServerError", false, () => world.connect(server.url({ password: "wrong" }))],
      ["no such database", "ServerError", false, () => world.connect(server.url({ db: "nowhere" }))],
      ["nobody there", "ConnectionError", true, () => world.connect("pg://test@127.0.0.1:1/test_db")],
      ["a wrong option", "UsageError", false, () => world.connect("pg://?sslmode=maybe")],
    ]);
  } finally {
    await admin.queryDrop(`drop database ${db}`);
  }
});

conformance(
  "safe to retry: nothing is sent on a closed connection, or by a pool that has none left",
  async (world, server) => {
    const conn = await world.connect(server.fast);
    await conn.close();
    await check([["a closed connection", "ConnectionError", true, () => conn.query("select 1")]]);
    await check(await poolCases(world, server));
  },
);

async function poolCases(world: World, server: TestServer): Promise<Case[]> {
  const pool = world.pool(new Opts(server.fast).poolMaxConcurrency(1));
  const taken: Conn = await pool.acquire();
  const error = await attempt(() => pool.query("select 1", { timeout: 50 })).then(
    () => undefined,
    (error: unknown) => error,
  );
  await taken.close();
  await pool.close();
  const name = world.name === "async" ? "TimeoutError" : "UsageError";
  return [
    ["a pool that is used up", name, true, () => Promise.reject(error)],
    ["a connection that was given back", "UsageError", false, () => taken.query("select 1")],
    ["a closed pool", "ConnectionError", true, () => pool.query("select 1")],
  ];
}
