/** `execPortal`: portals in a transaction, side by side. */
import assert from "node:assert/strict";
import { Conn, EncodeError, Opts, type Portal, ServerError, SqlState, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { schema } from "../support/suite/own_schema.ts";
import { rows, SERIES } from "../support/suite/portals.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

conformance("execPortal: portals interleave, with anything between their fetches", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  await using a = await tx.execPortal(SERIES, [5]);
  await using b = await tx.execPortal("select -n as m from generate_series(1, 3) as n");
  assert.deepEqual(await a.fetch(2), { rows: rows(1, 2), hasMore: true });
  assert.deepEqual(await b.fetch(1), { rows: [{ m: -1 }], hasMore: true });
  assert.equal(await tx.execValue("select 42"), 42);
  assert.deepEqual(await conn.query("select 1 as x; select 2 as y"), [{ y: 2 }]);
  assert.deepEqual(await a.fetch(2, { rows: "array" }), { rows: [[3], [4]], hasMore: true });
  assert.deepEqual(await b.fetch(0), { rows: [{ m: -2 }, { m: -3 }], hasMore: false });
  assert.equal(b.done, true);
  assert.deepEqual(await b.fetch(0), { rows: [], hasMore: false });
  assert.equal(await tx.execDrop("create temporary table t (n int)"), 0);
  assert.deepEqual(await a.fetch(0), { rows: rows(5, 5), hasMore: false });
  await a.close();
  assert.equal(a.done, true);
  await tx.commit();
});

conformance("execPortal: what is closed or disposed of is gone on the server", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  const count = async (): Promise<unknown> => await tx.execValue("select count(*) from pg_cursors where name <> ''");
  const a = await tx.execPortal(SERIES, [5]);
  {
    await using b = await tx.execPortal(SERIES, [5]);
    await b.fetch(1);
    assert.equal(await count(), 2n);
  }
  assert.equal(await count(), 1n);
  await a.close();
  await a.close();
  assert.equal(await count(), 0n);
  await assert.rejects(attempt(() => a.fetch(1)), UsageError);
  const all = await tx.execPortal(SERIES, [2]);
  await all.fetch(0);
  await all.close();
  assert.equal(await count(), 0n, "a portal of which all was fetched");
  await tx.rollback();
});

conformance(
  "execPortal: after the end of its transaction there is nothing to fetch, and closing does nothing",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    for (const end of ["commit", "rollback"] as const) {
      await using tx = await conn.begin();
      await using open = await tx.execPortal(SERIES, [5]);
      await open.fetch(1);
      await tx[end]();
      await assert.rejects(attempt(() => open.fetch(1)), (error) => {
        assert.ok(error instanceof UsageError, String(error));
        return true;
      });
      await open.close();
      await assert.rejects(attempt(() => tx.execPortal(SERIES, [5])), UsageError);
      assert.equal(await conn.execValue("select 1"), 1);
    }
  },
);

conformance(
  "execPortal: an error between fetches makes the transaction fail, portals with it",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using tx = await conn.begin();
    await using portal = await tx.execPortal(SERIES, [5]);
    await portal.fetch(1);
    await assert.rejects(attempt(() => tx.exec("select 1 / 0")), { code: SqlState.DivisionByZero });
    await assert.rejects(attempt(() => portal.fetch(1)), ServerError);
    await assert.rejects(attempt(() => tx.execPortal(SERIES, [5])), { code: SqlState.InFailedSqlTransaction });
    await portal.close();
    await tx.rollback();
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance(
  "execPortal: an error of its own ends it; one of a savepoint's leaves those opened before",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using tx = await conn.begin();
    await using before = await tx.execPortal(SERIES, [5]);
    await before.fetch(1);
    let inside: Portal | undefined;
    await assert.rejects(
      attempt(() =>
        tx.tx(given(world, function* (nested) {
          inside = yield nested.execPortal("select 1 / (3 - n) as q from generate_series(1, 5) as n");
          yield inside!.fetch(1);
          yield inside!.fetch(0);
        }))
      ),
      { code: SqlState.DivisionByZero },
    );
    await assert.rejects(attempt(() => inside!.fetch(1)), UsageError);
    assert.deepEqual(await before.fetch(1), { rows: rows(2, 2), hasMore: true });
    await tx.commit();
  },
);

conformance("execPortal: a wrong parameter and a bad statement", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  await assert.rejects(attempt(() => tx.execPortal(SERIES, [{}])), EncodeError);
  await assert.rejects(attempt(() => tx.execPortal(SERIES, [])), UsageError);
  assert.equal(conn.transactionStatus, "active");
  await using portal = await tx.execPortal(SERIES, [1]);
  assert.deepEqual(await portal.fetch(0), { rows: rows(1, 1), hasMore: false });
  await assert.rejects(attempt(() => tx.execPortal("select nonsense")), { code: SqlState.UndefinedColumn });
  await tx.rollback();
});

conformance("execPortal: a hundred at a time", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  const portals: Portal[] = [];
  for (let i = 0; i < 100; i++) {
    portals.push(await tx.execPortal("select $1::int4 * n as n from generate_series(1, 3) n", [i]));
  }
  for (const k of [1, 2, 3]) {
    for (const [i, portal] of portals.entries()) assert.deepEqual((await portal.fetch(1)).rows, [{ n: i * k }]);
  }
  await tx.commit();
});

for (const server of serversOf(awaiting)) {
  test(`execPortal: not opened again once its transaction is over (awaiting, PostgreSQL ${server.major})`, async () => {
    await using own = await schema(server, "create table t (n int)");
    // A statement without a name notices that its columns have changed when its portal has been opened.
    await using conn = await Conn.connect(own.opts(new Opts(server.fast).statementCacheSize(0)));
    for (const call of ["execPortal", "stream"] as const) {
      await using statement = await conn.prepare("insert into t values (7) returning *");
      await own.run(`alter table t add ${call} int`);
      const tx = await conn.begin();
      const opened = call === "stream" ? tx.stream(statement).next() : tx.execPortal(statement);
      const rolledBack = tx.rollback();
      await assert.rejects(opened, { name: "UsageError", message: /the transaction is over$/ });
      await rolledBack;
      assert.deepEqual(await conn.query("table t"), [], call);
    }
  });
}
