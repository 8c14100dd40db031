/** `execIter`: which statements it executes, and where. */
import assert from "node:assert/strict";
import { Opts, type Portal, sql, SqlState } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { fetchAll, rows, SERIES } from "../support/suite/portals.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("execIter: statements without rows, with RETURNING, and no statement at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const iter = (text: string, count: number): Promise<unknown> =>
    attempt(() =>
      conn.execIter(
        text,
        [],
        given(world, function* (portal: Portal) {
          const first = yield portal.fetch(count);
          return [first, portal.done];
        }),
      )
    );
  assert.deepEqual(await iter("create temporary table t (n int)", 1), [{ rows: [], hasMore: false }, true]);
  assert.deepEqual(await iter("insert into t values (0)", 1), [{ rows: [], hasMore: false }, true]);
  assert.deepEqual(await iter("", 1), [{ rows: [], hasMore: false }, true]);
  // All rows are inserted at the first fetch, however many of them are wanted.
  assert.deepEqual(await iter("insert into t values (1), (2), (3) returning n", 1), [
    { rows: [{ n: 1 }], hasMore: true },
    false,
  ]);
  assert.deepEqual(await conn.query("table t"), rows(0, 3));
});

conformance("execIter: what the server reports when it commits is reported", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    "create temporary table t (n int unique deferrable initially deferred); insert into t values (1)",
  );
  for (const count of [0, 1]) {
    await assert.rejects(
      attempt(() =>
        conn.execIter(
          "insert into t values (1), (2) returning n",
          [],
          given(world, function* (portal: Portal) {
            yield portal.fetch(count);
          }),
        )
      ),
      { code: SqlState.UniqueViolation },
    );
    assert.equal(await conn.execValue("select count(*) from t"), 1n);
  }
});

conformance("execIter: prepared statements, templates, unnamed statements", async (world, server) => {
  for (const size of [256, 0]) {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
    const body = given(world, function* (portal: Portal) {
      const a = yield portal.fetch(2);
      const b = yield portal.fetch(0);
      return [...a.rows, ...b.rows];
    });
    for (let i = 0; i < 3; i++) {
      assert.deepEqual(await conn.execIter(SERIES, [5], body), rows(1, 5));
      const template = sql`select n from generate_series(1, ${5}::int4) as n`;
      assert.deepEqual(await conn.execIter(template, undefined as never, body), rows(1, 5));
    }
    await using statement = await conn.prepare(SERIES);
    assert.deepEqual(await conn.execIter(statement, [4], body), rows(1, 4));
    await conn.tx(given(world, function* (tx) {
      assert.deepEqual(yield tx.execIter(statement, [4], body), rows(1, 4));
      assert.deepEqual(yield tx.execIter(SERIES, [3], body), rows(1, 3));
    }));
    assert.equal(await conn.execValue("select count(*) from pg_cursors where name <> ''"), 0n);
  }
});

conformance("execIter: in a transaction other calls run between the fetches, and nest", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pairs = await conn.tx(given(world, function* (tx) {
    return yield tx.execIter(
      SERIES,
      [3],
      given(world, function* (outer: Portal) {
        const pairs: unknown[] = [];
        for (;;) {
          const { rows: [row], hasMore } = yield outer.fetch(1);
          if (!hasMore) return pairs;
          const inner = yield tx.execIter(
            SERIES,
            [row.n],
            given(world, function* (portal: Portal) {
              const { rows: part } = yield portal.fetch(2);
              return part.length;
            }),
          );
          pairs.push([row.n, inner, yield conn.execValue("select $1::int4 * 2", [row.n])]);
        }
      }),
    );
  }));
  assert.deepEqual(pairs, [[1, 1, 2], [2, 2, 4], [3, 2, 6]]);
});

conformance("execIter: types of the user's own", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    "create type pg_temp.portal_mood as enum ('sad', 'ok'); create type pg_temp.portal_pair as (a int, m portal_mood)",
  );
  const found = await conn.execIter(
    "select row(n, 'ok')::pg_temp.portal_pair as p, array['sad']::pg_temp.portal_mood[] as m from generate_series(1, 2) as n",
    [],
    given(world, function* (portal: Portal) {
      const first = yield portal.fetch(1);
      const second = yield portal.fetch(1);
      return [...first.rows, ...second.rows];
    }),
  );
  assert.deepEqual(found, [1, 2].map((a) => ({ p: { a, m: "ok" }, m: ["sad"] })));
});

conformance("execIter: a stale plan is made anew", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int); insert into t values (1)");
  await using statement = await conn.prepare("select * from t where a = $1");
  const all = given(world, (portal: Portal) => fetchAll(portal));
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1 }]);
  }
  await conn.queryDrop("alter table t add b int default 2");
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1, b: 2 }]);
  }
  await conn.queryDrop("deallocate all");
  for (const stmt of ["select * from t where a = $1", statement]) {
    assert.deepEqual(await conn.execIter(stmt, [1], all), [{ a: 1, b: 2 }]);
  }
});
