/** The statement cache: statements that have become stale or are missing on the server. */
import assert from "node:assert/strict";
import { Conn, Opts, ServerError, SqlState } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformanceInTurn, serversOf } from "../support/suite/worlds.ts";

/** How many prepared statements the server has for the connection whose text begins like this, asked without making one. */
async function kept(conn: Conn, beginning: string): Promise<string[]> {
  const rows = await conn.query<{ statement: string }>(
    `select statement from pg_prepared_statements where starts_with(statement, '${beginning}') order by 1`,
  );
  return rows.map(({ statement }) => statement);
}

/** All ways to have the server drop every statement. */
const DROPS: Record<string, (conn: Conn) => unknown> = {
  "query of DEALLOCATE ALL": (conn) => conn.query("deallocate all"),
  "query of DEALLOCATE PREPARE ALL": (conn) => conn.queryDrop("DEALLOCATE\n PREPARE\tALL;"),
  "query of DISCARD ALL": (conn) => conn.query("discard all"),
  "query of several": (conn) => conn.queryAll("select 1; deallocate all; select 2"),
  "exec of DEALLOCATE ALL": (conn) => conn.exec("deallocate all"),
  "exec of DISCARD ALL": (conn) => conn.execDrop("discard all"),
  "run of DISCARD ALL": (conn) => conn.run("discard all"),
  "reset()": (conn) => conn.reset(),
};

for (const [name, drop] of Object.entries(DROPS)) {
  conformanceInTurn(`statement cache: ${name}`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using held = await conn.prepare("select $1::int4 + 2 as held");
    const use = async (): Promise<void> => {
      assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
      assert.equal(await conn.execValue("select 5"), 5);
      assert.equal(await conn.execValue(held, [1]), 3);
    };
    for (let round = 0; round < 3; round++) {
      await use();
      await drop(conn);
      await use();
      const all = ["select $1::int4 + 1", "select $1::int4 + 2 as held", "select 5"];
      assert.deepEqual(await kept(conn, "select"), all, "they have names again, one each");
    }
    // In a transaction a missing statement would end it.
    await drop(conn);
    await conn.tx(given(world, function* (tx: Conn) {
      assert.equal(yield tx.execValue(held, [2]), 4);
      assert.equal(yield tx.execValue("select $1::int4 + 1", [2]), 3);
    }) as never);
  });
}

conformanceInTurn("statement cache: DEALLOCATE ALL in a transaction, rolled back or not", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using held = await conn.prepare("select 3 as held");
  for (const end of ["commit", "rollback"] as const) {
    assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
    await using tx = await conn.begin();
    await tx.exec("deallocate all");
    assert.equal(await tx.execValue("select $1::int4 + 1", [1]), 2);
    assert.equal(await tx.execValue(held), 3);
    await tx[end]();
    assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
    assert.equal(await conn.execValue(held), 3);
  }
  assert.equal((await kept(conn, "select $1::int4 + 1")).length, 1);
});

conformanceInTurn("statement cache: a refused DISCARD ALL drops nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.exec("select 5");
  {
    await using tx = await conn.begin();
    await assert.rejects(attempt(() => tx.exec("discard all")), { code: SqlState.ActiveSqlTransaction });
  }
  assert.equal(await conn.execValue("select 5"), 5);
  assert.deepEqual(await kept(conn, "select 5"), ["select 5"]);
});

conformanceInTurn("statement cache: a stale plan is prepared again, once", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
  await using held = await conn.prepare("select * from t where n = $1 -- held");
  for (
    const [change, row] of [
      ["alter table t add m int4 default 8", { n: 7, m: 8 }],
      ["alter table t drop m", { n: 7 }],
      ["drop table t; create temporary table t (n int4, s text); insert into t values (7, 'x')", { n: 7, s: "x" }],
    ] as const
  ) {
    await conn.exec("select * from t");
    await conn.exec("select * from t where n = $1", [7]);
    await conn.queryDrop(change);
    assert.deepEqual(await conn.exec("select * from t"), [row]);
    assert.deepEqual(await conn.exec("select * from t where n = $1", [7]), [row]);
    assert.deepEqual(await conn.exec(held, [7]), [row]);
    assert.deepEqual(held.columns.map(({ name }) => name), Object.keys(row));
    assert.equal((await kept(conn, "select * from t")).length, 3, "the old ones are closed");
  }
  await conn.queryDrop("drop table t");
  for (let i = 0; i < 2; i++) {
    await assert.rejects(attempt(() => conn.exec("select * from t")), { code: SqlState.UndefinedTable });
  }
  assert.equal(await conn.execValue("select 42"), 42);
});

conformanceInTurn(
  "statement cache: a stale plan in a transaction surfaces, and the next call works",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
    await using held = await conn.prepare("select * from t -- held");
    await conn.exec("select * from t");
    for (const statement of ["select * from t", held]) {
      const column = typeof statement === "string" ? "a" : "b";
      await conn.queryDrop(unseen(`alter table t add ${column} int4`));
      {
        await using tx = await conn.begin();
        await assert.rejects(
          attempt(() => tx.exec(statement)),
          (error) => error instanceof ServerError && error.code === SqlState.FeatureNotSupported,
        );
        assert.equal(conn.transactionStatus, "failed");
      }
      {
        await using tx = await conn.begin();
        const row = await tx.execOne(statement);
        assert.ok(column in row);
        await tx.commit();
      }
    }
  },
);

conformanceInTurn("statement cache: types that were dropped and made again", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const type = `cache_mood_${conn.id}`;
  const make = async (): Promise<void> => {
    await conn.queryDrop(`drop type if exists ${type}; create type ${type} as enum ('good', 'bad')`);
  };
  await make();
  try {
    await using held = await conn.prepare(`select $1::${type} as m -- held`);
    for (let round = 0; round < 3; round++) {
      assert.equal(await conn.execValue(`select $1::${type}`, ["good"]), "good");
      assert.deepEqual(await conn.execValue(`select array['bad']::${type}[]`), ["bad"]);
      assert.deepEqual(await conn.execValue(`select $1::${type}[]`, [["bad", null]]), ["bad", null]);
      assert.equal(await conn.execValue(held, ["bad"]), "bad");
      await make();
    }
  } finally {
    await conn.queryDrop(`drop type ${type}`);
  }
});

/** All ways to set the search path. */
const PATHS: Record<string, (conn: Conn, schema: string) => unknown> = {
  "SET by query": (conn, schema) => conn.query(`set search_path to ${schema}`),
  "SET by exec": (conn, schema) => conn.exec(`set search_path to ${schema}`),
  "set_config by query": (conn, schema) => conn.query(`select set_config('search_path', '${schema}', false)`),
  "set_config with parameters": (conn, schema) =>
    conn.exec("select set_config($1, $2, false)", ["search_path", schema]),
};

for (const [name, set] of Object.entries(PATHS)) {
  for (const size of [256, 0]) {
    conformanceInTurn(`statement cache: search_path, ${name}, cache of ${size}`, async (world, server) => {
      await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
      const [a, b] = ["a", "b"].map((schema) => `cache_path_${schema}_${conn.id}`);
      await conn.queryDrop(`create schema ${a}; create schema ${b};
        create table ${a}.t (v int4); create table ${b}.t (v text);
        insert into ${a}.t values (1); insert into ${b}.t values ('x')`);
      try {
        await using held = await conn.prepare(`select v from ${a}.t -- held`);
        for (let round = 0; round < 2; round++) {
          for (const [schema, v] of [[a, 1], [b, "x"]] as const) {
            await set(conn, schema!);
            for (let i = 0; i < 2; i++) {
              assert.deepEqual(await conn.exec("select v from t"), [{ v }]);
              assert.deepEqual(await conn.exec("select v from t where $1::int4 = 1", [1]), [{ v }]);
              assert.deepEqual(await conn.exec(held), [{ v: 1 }]);
            }
          }
        }
      } finally {
        await conn.queryDrop(`drop schema ${a} cascade; drop schema ${b} cascade`);
      }
    });
  }
}

conformanceInTurn("statement cache: the first missing statement turns names off", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using held = await conn.prepare("select $1::int4 + 2 as held");
  await conn.exec("select $1::int4 + 1", [1]);
  // Written so that nobody can tell by the words.
  await conn.queryDrop("do $$ begin execute 'deal' || 'locate all'; end $$");
  assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2, "prepared again, as nothing was open");
  assert.equal(await conn.execValue(held, [1]), 3);
  for (let n = 0; n < 3; n++) assert.equal(await conn.execValue("select $1::int4 * 2", [n]), n * 2);
  assert.equal(await conn.execValue(await conn.prepare("select 6")), 6);
  assert.deepEqual(await kept(conn, "select"), []);
});

conformanceInTurn(
  "statement cache: a missing statement in a transaction surfaces, and the next call works",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.exec("select $1::int4 + 1", [1]);
    await conn.queryDrop("do $$ begin execute 'deal' || 'locate all'; end $$");
    {
      await using tx = await conn.begin();
      await assert.rejects(
        attempt(() => tx.execValue("select $1::int4 + 1", [1])),
        { code: SqlState.InvalidSqlStatementName },
      );
    }
    assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
    assert.deepEqual(await kept(conn, "select"), []);
  },
);

conformanceInTurn("statement cache: the first name that is taken turns names off", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const values of [[], [1]]) {
    await using fresh = await world.connect(server.fast);
    await fresh.exec("select 'first'");
    const name = (await fresh.queryFirst<{ name: string }>("select name from pg_prepared_statements"))!.name;
    // Somebody else has the names that come next.
    const next = (n: number): string => name.replace(/\d+$/, (number) => String(Number(number) + n));
    for (let n = 1; n < 9; n++) await fresh.queryDrop(`prepare "${next(n)}" as select 'foreign'`);
    const text = values.length === 0 ? "select 5" : "select 4 + $1::int4";
    assert.equal(await fresh.execValue(text, values), 5, "prepared again, without a name");
    assert.equal(await fresh.execValue(text, values), 5);
    assert.deepEqual(await kept(fresh, "select 5"), []);
    assert.deepEqual(await kept(fresh, "select 4"), []);
  }
  assert.equal(await conn.execValue("select 42"), 42);
});

for (const server of serversOf(awaiting)) {
  const name = (what: string): string => `statement cache: ${what} (awaiting, PostgreSQL ${server.major})`;

  test(name("a stale plan with something behind it surfaces, and the next call works"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
    await conn.exec("select * from t");
    await conn.queryDrop(unseen("alter table t add m int4 default 8"));
    const [stale, behind] = await Promise.allSettled([conn.exec("select * from t"), conn.exec("select 1 as n")]);
    assert.ok(stale.status === "rejected");
    assert.equal(stale.reason.code, SqlState.FeatureNotSupported);
    assert.deepEqual(behind, { status: "fulfilled", value: [{ n: 1 }] });
    assert.deepEqual(await conn.exec("select * from t"), [{ n: 7, m: 8 }]);
  });

  test(name("a missing statement with something behind it surfaces, and the next call works"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.exec("select $1::int4 + 1 as n", [1]);
    await conn.queryDrop("do $$ begin execute 'deal' || 'locate all'; end $$");
    const calls = [1, 2].map((n) => conn.exec("select $1::int4 + 1 as n", [n]));
    const first = (await Promise.allSettled(calls))[0];
    assert.ok(first?.status === "rejected");
    assert.equal(first.reason.code, SqlState.InvalidSqlStatementName);
    assert.deepEqual(await conn.exec("select $1::int4 + 1 as n", [3]), [{ n: 4 }]);
  });

  test(name("the same string many times at once"), async () => {
    await using conn = await Conn.connect(server.fast);
    for (let round = 0; round < 2; round++) {
      const calls = Array.from({ length: 50 }, (_, n) => conn.execValue("select $1::int4 + 1", [n]));
      assert.deepEqual(await Promise.all(calls), calls.map((_, n) => n + 1));
      const others = Array.from({ length: 50 }, () => conn.execValue("select 5"));
      assert.deepEqual(await Promise.all(others), others.map(() => 5));
    }
    assert.deepEqual(await kept(conn, "select"), ["select $1::int4 + 1", "select 5"]);
  });

  test(name("DEALLOCATE ALL with calls around it"), async () => {
    await using conn = await Conn.connect(server.fast);
    const call = (n: number): Promise<unknown> => conn.execValue("select $1::int4 + 1", [n]);
    await call(0);
    const settled = await Promise.allSettled([call(1), conn.query("deallocate all"), call(2), call(3)]);
    assert.equal(settled[0]!.status, "fulfilled");
    for (const outcome of settled.slice(2)) {
      if (outcome.status === "rejected") assert.equal(outcome.reason.code, SqlState.InvalidSqlStatementName);
    }
    assert.equal(await call(4), 5);
    assert.equal((await kept(conn, "select $1::int4 + 1")).length, 1, "statements still have names");
  });
}
