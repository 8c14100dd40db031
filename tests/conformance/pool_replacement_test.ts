/** Connections of a pool that others take the place of: closed, lost, drained, and used often enough. */
import assert from "node:assert/strict";
import { ConnectionError, type Transaction } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

const PID = "select pg_backend_pid()";

conformance("pool: a connection that was closed is replaced", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const conn = await pool.acquire();
  const pid = await conn.execValue(PID);
  await conn.close();
  await conn.close();
  assert.equal(conn.closed, true);
  await assert.rejects(attempt(() => conn.query("select 1")), /the connection was closed/);
  assert.notEqual(await pool.execValue(PID), pid);
  assert.equal(pool.stats().closed, 1);
});

conformance(
  "pool: a connection that was handed out poolMaxUses times is closed when it is released",
  async (world, server) => {
    await using pool = world.pool(server.fast, { poolMaxConcurrency: 1, poolMaxUses: 2 });
    await pool.ready();
    const conn = await pool.acquire();
    const pid = await conn.execValue(PID);
    await conn.release();
    assert.deepEqual([pool.stats().idle, pool.stats().closed], [1, 0]);
    await pool.tx(given(world, function* (tx: Transaction) {
      assert.equal(yield tx.execValue(PID), pid);
      assert.equal(yield tx.execValue(PID), pid, "calls on a connection are no uses");
    }));
    assert.deepEqual([pool.stats().size, pool.stats().closed], [0, 1]);
    assert.notEqual(await pool.execValue(PID), pid);
  },
);

conformance("pool: with poolMaxUses 1, each caller has a new connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2, poolMaxUses: 1 });
  const pids = new Set<unknown>();
  const next = async (): Promise<void> => void pids.add(await pool.execValue(PID));
  for (let i = 0; i < 3; i++) await next();
  // Those that call at the same time share none; those that wait are served.
  await Promise.all(Array.from({ length: 7 }, next));
  const { size, leased, opened, closed, acquired } = pool.stats();
  assert.deepEqual([pids.size, size, leased, opened, closed, acquired], [10, 0, 0, 10, 10, 10]);
});

conformance("pool: a connection that is lost while it is out, or idle, is replaced", async (world, server) => {
  const ends: (Error | undefined)[] = [];
  const onClose = (_: unknown, error: Error | undefined): void => void ends.push(error);
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1, onClose });
  await using admin = await world.connect(server.admin);
  const conn = await pool.acquire();
  await admin.execValue("select pg_terminate_backend($1, 5000)", [conn.id]);
  await assert.rejects(attempt(() => conn.query("select 1")), ConnectionError);
  await conn.release();
  // The blocking pool has not seen its end yet. It looks before it sends; after a second it asks first.
  for (const milliseconds of [200, 1100]) {
    const pid = await pool.execValue<number>(PID);
    await admin.execValue("select pg_terminate_backend($1, 5000)", [pid]);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    assert.notEqual(await pool.execValue(PID), pid);
  }
  assert.deepEqual([pool.stats().size, pool.stats().closed], [1, 3]);
  assert.equal(ends.length, 3);
  for (const error of ends) assert.match(String(error?.message), /terminating connection due to administrator command/);
});

conformance("pool: drained, it opens new connections", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const out = await pool.acquire();
  const [pid, idle] = [out.id, await pool.execValue(PID)];
  await pool.drain();
  assert.deepEqual([pool.stats().idle, pool.stats().leased], [0, 1]);
  assert.equal(await out.execValue(PID), pid, "what is in use goes on");
  await out.release();
  assert.equal(pool.stats().size, 0);
  const next = await pool.execValue(PID);
  assert.ok(next !== pid && next !== idle);
});
