/** `execIter` and `execPortal`: time limits, signals, and calls that are not awaited. */
import assert from "node:assert/strict";
import { Conn, type Portal, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { failure, fetchAll, SERIES } from "../support/suite/portals.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

conformance(
  "execIter: a function that takes too long: what was fetched is committed, and the error does not deny it",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using other = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const outcomeOf = async (stmt: string, fetches: number): Promise<unknown> => {
      const slow = given(world, function* (portal: Portal) {
        for (let i = 0; i < fetches; i++) yield portal.fetch(1);
        yield other.exec("select pg_sleep(0.8)");
      });
      // Long enough for the fetches, also where the machine is busy.
      const error = await attempt(() => conn.execIter(stmt, [], slow, { timeout: 500 })).catch((error) => error);
      assert.ok(error instanceof TimeoutError, String(error));
      return error.outcome;
    };
    const lock = "select pg_advisory_xact_lock(734, n), n from generate_series(1, 2) as n";
    assert.equal(await outcomeOf(lock, 1), "unknown");
    const locks = "select count(*) from pg_locks where locktype = 'advisory' and classid = 734 and pid = $1";
    assert.equal(await other.execValue(locks, [conn.id]), 0n, "the statement was left open");
    const insert = "insert into t select generate_series(1, 2) returning n";
    assert.equal(await outcomeOf(insert, 1), "unknown");
    assert.equal(await outcomeOf(insert, 3), "unknown");
    assert.equal(await conn.execValue("select count(*) from t"), 4n);
    assert.equal(await outcomeOf(insert, 0), "cancelled");
    assert.equal(await conn.execValue("select count(*) from t"), 4n);
  },
);

conformance(
  "execIter, execPortal: a fetch that takes too long is stopped, and the connection goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const slow = "select pg_sleep(case n when 2 then 30 else 0 end)::text, n from generate_series(1, 3) as n";
    const error = await conn.execIter(
      slow,
      [],
      given(world, function* (portal: Portal) {
        yield portal.fetch(1);
        return yield* failure(() => portal.fetch(1, { timeout: 100 }));
      }),
    );
    assert.ok(error instanceof TimeoutError && error.outcome === "cancelled", String(error));
    assert.equal(await conn.execValue("select 1"), 1);

    await assert.rejects(
      attempt(() =>
        conn.tx(given(world, function* (tx) {
          const portal = yield tx.execPortal(slow);
          yield portal.fetch(0, { timeout: 100 });
        }))
      ),
      TimeoutError,
    );
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance("execIter: its timeout is for all that its function does", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const start = performance.now();
  await assert.rejects(
    attempt(() =>
      conn.execIter("select pg_sleep(6)::text", [], given(world, (portal: Portal) => fetchAll(portal)), {
        timeout: 100,
      })
    ),
    (error) => error instanceof TimeoutError,
  );
  assert.ok(performance.now() - start < 5_000, "it is not waited for to its end");
  assert.equal(await conn.execValue("select 1"), 1);
});

for (const server of serversOf(awaiting)) {
  const on = `(PostgreSQL ${server.major})`;

  test(`execIter: an async function, and calls in it that are not awaited ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const all = await conn.execIter(SERIES, [4], async (portal) => {
      const fetches = [portal.fetch(1), portal.fetch(2), portal.fetch(0)];
      return (await Promise.all(fetches)).map(({ rows }) => rows.length);
    });
    assert.deepEqual(all, [1, 2, 1]);
    // Not even in the function.
    let late: Promise<unknown> | undefined;
    await conn.execIter(SERIES, [4], (portal) => {
      late = portal.fetch(1).then(() => "fetched", (error) => error.name);
    });
    assert.ok(["fetched", "UsageError"].includes(await late as string), String(await late));
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(`execIter: calls made beside it, and in it, are refused ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    const iter = conn.execIter(SERIES, [2], async (portal) => {
      await assert.rejects(conn.exec("select 1"), /execIter is open/);
      return (await portal.fetch(0)).rows.length;
    });
    // It is not known when its function ends, so they do not wait.
    await assert.rejects(conn.execValue("select 7"), (error) => {
      assert.ok(error instanceof UsageError && /execIter is open/.test(error.message), String(error));
      return true;
    });
    assert.equal(await iter, 2);
    assert.equal(await conn.execValue("select 7"), 7);
  });

  test(`execIter: its signal stops the fetch, or the wait for its function ${on}`, async () => {
    await using conn = await Conn.connect(server.fast);
    for (const work of [(portal: Portal) => portal.fetch(0), () => new Promise<never>(() => {})]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      setTimeout(() => controller.abort(reason), 100);
      const iter = conn.execIter("select pg_sleep(30)::text", [], work, { signal: controller.signal });
      await assert.rejects(iter, (error) => error === reason);
      assert.equal(await conn.execValue("select 1"), 1);
    }
    const aborted = AbortSignal.abort(new Error("before"));
    await assert.rejects(conn.execIter(SERIES, [1], () => assert.fail(), { signal: aborted }), /before/);
  });
}
