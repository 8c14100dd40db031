/** `resolveUnknown`: what became of a COMMIT whose connection was lost, on a server that goes on. */
import assert from "node:assert/strict";
import { ConnectionError, type Pool, type PoolTransactionOptions, type Transaction } from "../../mod.ts";
import { type Fault, FaultProxy } from "../../src/testing/mod.ts";
import { attempt, type Body, given } from "../support/suite/call_bodies.ts";
import { schema } from "../support/suite/own_schema.ts";
import type { TestServer } from "../support/suite/servers.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

/** What the server has got of COMMIT when the connection is lost: all of it, or a part. */
const ARRIVED: Fault = { direction: "down", after: 0, then: "reset" };
const LOST: Fault = { direction: "up", after: 3, then: "reset" };

/** Inserts rows in a transaction of a pool; the first connection has the fault at COMMIT. */
async function insert(
  world: World,
  server: TestServer,
  fault: Fault,
  options: PoolTransactionOptions,
  setup: string = "",
): Promise<{ readonly result: unknown; readonly runs: number; readonly rows: unknown; readonly pool: Pool["stats"] }> {
  await using own = await schema(server, `create table ledger (n int4); ${setup}`);
  await using proxy = await FaultProxy.start(server.port);
  const url = server.url({ query: `sslmode=disable&upgrade_to_unix_socket=no&search_path=${own.name}` });
  await using pool = world.pool(url.replace(`:${server.port}/`, `:${proxy.port}/`), { poolMaxConcurrency: 1 });
  let runs = 0;
  const work = given(world, function* (tx: Transaction): Body<string> {
    yield tx.execDrop("insert into ledger values ($1)", [++runs]);
    if (runs === 1) proxy.arm(fault);
    return `run ${runs}`;
  });
  const result = await attempt(() => pool.tx(work, options)).catch((error) => error);
  const rows = await pool.execColumn("select n from ledger");
  return { result, runs, rows, pool: () => pool.stats() };
}

conformance("resolve unknown: a COMMIT that has arrived was done once", async (world, server) => {
  const { result, runs, rows } = await insert(world, server, ARRIVED, { resolveUnknown: true, retries: 2 });
  assert.equal(result, "run 1");
  assert.equal(runs, 1);
  assert.deepEqual(rows, [1]);
});

conformance("resolve unknown: a COMMIT that has not arrived is done again, if retries allow", async (world, server) => {
  const { result, runs, rows } = await insert(world, server, LOST, { resolveUnknown: true, retries: 2 });
  assert.equal(result, "run 2");
  assert.equal(runs, 2);
  assert.deepEqual(rows, [2]);
});

conformance("resolve unknown: without retries, the error says that nothing was committed", async (world, server) => {
  const { result, rows } = await insert(world, server, LOST, { resolveUnknown: true });
  assert.ok(result instanceof ConnectionError);
  assert.equal(result.outcome, undefined);
  assert.equal(result.safeToRetry, true);
  assert.deepEqual(rows, []);
});

conformance("resolve unknown: who does not ask for it has the doubt", async (world, server) => {
  for (const options of [{ retries: 2 }, { retries: 2, resolveUnknown: false }]) {
    const { result, runs, rows } = await insert(world, server, ARRIVED, options);
    assert.ok(result instanceof ConnectionError);
    assert.equal(result.outcome, "unknown");
    assert.equal(runs, 1);
    assert.deepEqual(rows, [1]);
  }
});

/** A COMMIT that takes its time. */
const slow = (seconds: number): string => `
  create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(${seconds}); return null; end $$;
  create constraint trigger slow after insert on ledger deferrable initially deferred for each row execute function slow();`;

conformance("resolve unknown: a COMMIT that is under way is waited for", async (world, server) => {
  const { result, runs } = await insert(world, server, ARRIVED, { resolveUnknown: true, retries: 2 }, slow(1));
  assert.equal(result, "run 1");
  assert.equal(runs, 1);
});

conformance("resolve unknown: within the call's time, and no longer", async (world, server) => {
  const { result, runs } = await insert(world, server, ARRIVED, { resolveUnknown: true, timeout: 1500 }, slow(3));
  assert.ok(result instanceof ConnectionError);
  assert.equal(result.outcome, "unknown");
  assert.equal(runs, 1);
});

conformance(
  "resolve unknown: with settings, a role, a read-only transaction, and a wrong value",
  async (world, server) => {
    await using pool = world.pool(server.fast);
    const settings = { "app.user": "7" };
    const options = { resolveUnknown: true, settings, role: "test", isolationLevel: "serializable", readOnly: true };
    const work = given(world, function* (tx: Transaction): Body<unknown> {
      return yield tx.execFirst("select current_setting('app.user') as u, current_user::text as r");
    });
    assert.deepEqual(await pool.tx(work, options), { u: "7", r: "test" });
    await assert.rejects(
      attempt(() => pool.tx(work, { resolveUnknown: 1 as never })),
      /Cannot set resolveUnknown to 1: it must be true or false/,
    );
    await using conn = await pool.acquire();
    await assert.rejects(
      attempt(() => conn.tx(work, { resolveUnknown: true } as never)),
      /Cannot use option "resolveUnknown"/,
    );
  },
);
