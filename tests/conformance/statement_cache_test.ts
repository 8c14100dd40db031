import assert from "node:assert/strict";
import { Conn, Opts, type Portal, ServerError, SqlState, TimeoutError, type Transaction } from "../../mod.ts";
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

conformanceInTurn("statement cache: a string is prepared once", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let n = 0; n < 3; n++) {
    assert.equal(await conn.execValue("select $1::int4 + 1", [n]), n + 1);
    assert.equal(await conn.execValue("select 5"), 5);
  }
  assert.deepEqual(await kept(conn, "select"), ["select $1::int4 + 1", "select 5"]);
});

conformanceInTurn("statement cache: it keeps 256 by default", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let n = 0; n < 300; n++) assert.equal(await conn.execValue(`select ${n}`), n);
  assert.equal((await kept(conn, "select")).length, 256);
  assert.deepEqual(await kept(conn, "select 43"), []);
  assert.deepEqual(await kept(conn, "select 44"), ["select 44"]);
});

conformanceInTurn("statement cache: the least recently used goes first", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(3));
  const use = async (...names: string[]): Promise<void> => {
    for (const name of names) assert.equal(await conn.execValue(`select '${name}' || $1::text`, ["!"]), `${name}!`);
  };
  const names = async (): Promise<string[]> => (await kept(conn, "select")).map((text) => text[8]!);
  await use("a", "b", "c", "a", "d");
  assert.deepEqual(await names(), ["a", "c", "d"]);
  await use("c", "e");
  assert.deepEqual(await names(), ["c", "d", "e"]);
  await use("b", "a", "b", "c");
  assert.deepEqual(await names(), ["a", "b", "c"]);
});

conformanceInTurn("statement cache: what cannot be prepared takes no room", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(2));
  await conn.exec("select 1");
  for (let n = 0; n < 5; n++) await assert.rejects(attempt(() => conn.exec(`select bad${n}`)), ServerError);
  for (let n = 0; n < 5; n++) await assert.rejects(attempt(() => conn.exec(`select bad${n}, $1`, [1])), ServerError);
  await conn.exec("select 2");
  await conn.exec("select 3");
  assert.deepEqual(await kept(conn, "select"), ["select 2", "select 3"]);
});

conformanceInTurn("statement cache: what fails only when it runs is kept", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let n = 0; n < 3; n++) {
    await assert.rejects(attempt(() => conn.exec("select 1 / $1::int4", [0])), { code: SqlState.DivisionByZero });
    await assert.rejects(attempt(() => conn.exec("select 1 / 0")), { code: SqlState.DivisionByZero });
  }
  assert.deepEqual(await kept(conn, "select"), ["select 1 / $1::int4", "select 1 / 0"]);
});

conformanceInTurn(
  "statement cache: strings that a failed pipeline evicted are closed all the same",
  async (world, server) => {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(2));
    await conn.exec("select 'a'");
    await conn.exec("select 'b'");
    {
      await using pipeline = conn.pipeline();
      await attempt(() => pipeline.claim(pipeline.exec("select bad"))).catch(() => {});
      const [bad, c, d] = ["select bad", "select 'c'", "select 'd'"].map((text) => pipeline.exec(text));
      await assert.rejects(attempt(() => pipeline.claim(bad!)), ServerError);
      for (const ticket of [c, d]) await assert.rejects(attempt(() => pipeline.claim(ticket!)));
    }
    await conn.exec("select 'e'");
    await conn.exec("select 'f'");
    assert.deepEqual(await kept(conn, "select"), ["select 'e'", "select 'f'"]);
  },
);

conformanceInTurn("statement cache: statements of the caller's take no room in it", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(2));
  const held = await conn.prepareBatch(Array.from({ length: 5 }, (_, n) => `select ${n} as held`));
  await conn.exec("select 'a'");
  await conn.exec("select 'b'");
  await conn.exec("select 'c'");
  assert.equal((await kept(conn, "select")).length, 7);
  for (const [n, statement] of held.entries()) assert.equal(await conn.execValue(statement), n);
  for (const statement of held) await statement.close();
  assert.deepEqual(await kept(conn, "select"), ["select 'b'", "select 'c'"]);
});

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

conformanceInTurn("statement cache: size 0 keeps nothing on the server", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(0));
  await using held = await conn.prepare("select $1::int4 + 2 as held");
  const [one, two] = await conn.prepareBatch(["select 1", "select $1::int4[]"]);
  for (let n = 0; n < 3; n++) {
    assert.equal(await conn.execValue("select $1::int4 + 1", [n]), n + 1);
    assert.deepEqual(await conn.execValue("select $1::int4[]", [[n]]), [n]);
    assert.equal(await conn.execValue("select 5::int8"), 5n);
    assert.equal(await conn.execValue(held, [n]), n + 2);
    assert.equal(await conn.execValue(one!), 1);
    assert.deepEqual(await conn.execValue(two!, [[n]]), [n]);
    assert.equal(await conn.execBatch("select $1::int4", [[1], [2]]), 2);
  }
  assert.deepEqual(await kept(conn, ""), []);
  await conn.reset();
  assert.equal(await conn.execValue(held, [1]), 3);
});

conformanceInTurn("statement cache: size 0, and tables that change", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).statementCacheSize(0));
  await conn.queryDrop("create temporary table t (n int4); insert into t values (7)");
  await using held = await conn.prepare("select * from t -- held");
  for (
    const [change, row] of [
      ["alter table t add m int4 default 8", { n: 7, m: 8 }],
      ["alter table t alter n type text using 'abcd'", { n: "abcd", m: 8 }],
      ["alter table t drop m", { n: "abcd" }],
    ] as const
  ) {
    await conn.exec("select * from t");
    await conn.queryDrop(change);
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(await conn.exec("select * from t"), [row]);
      assert.deepEqual(await conn.exec(held), [row]);
    }
  }
});

for (const size of [256, 0]) {
  conformanceInTurn(
    `statement cache: another connection changes the columns, cache of ${size}`,
    async (world, server) => {
      await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
      await using other = await world.connect(server.fast);
      const table = `cache_columns_${conn.id}_${size}`;
      await other.queryDrop(`create table ${table} (n int4, access aclitem); insert into ${table} values (7)`);
      try {
        await using held = await conn.prepare(`select * from ${table} -- held`);
        const statements = [`select * from ${table}`, held];
        for (
          const [change, value] of [
            [`drop access`, 7],
            [`alter n type float4`, 7],
            [`alter n type text`, "7"],
            [`alter n type int4[] using array[7]`, [7]],
            [`alter n type bool using true`, true],
          ] as const
        ) {
          for (const statement of statements) await conn.exec(statement);
          await other.queryDrop(`alter table ${table} ${change}`);
          for (const statement of [...statements, ...statements]) {
            assert.deepEqual(await conn.exec(statement), [{ n: value }], change);
          }
        }
      } finally {
        await other.queryDrop(`drop table ${table}`);
      }
    },
  );

  conformanceInTurn(
    `statement cache: another connection changes a parameter's type, cache of ${size}`,
    async (world, server) => {
      await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
      await using other = await world.connect(server.fast);
      const table = `cache_parameter_${conn.id}_${size}`;
      for (
        const [type, value] of [["numeric", "7.50"], ["inet", "10.0.0.1"], ["uuid", crypto.randomUUID()]] as const
      ) {
        await other.queryDrop(`create table ${table} (v text)`);
        try {
          const insert = `insert into ${table} values ($1) returning v -- ${type}`;
          const select = `select v from ${table} where v = $1 limit 1 -- ${type}`;
          await using held = await conn.prepare(`${insert}, held`);
          const statements = [insert, select, held];
          for (const statement of statements) assert.deepEqual(await conn.exec(statement, [value]), [{ v: value }]);
          await other.queryDrop(`alter table ${table} alter v type ${type} using v::${type}`);
          for (const statement of [...statements, ...statements]) {
            assert.deepEqual(await conn.exec(statement, [value]), [{ v: value }], type);
          }
          await other.queryDrop(`alter table ${table} alter v type text`);
          await conn.exec(select, [value]);
          const inTransaction = given(world, function* (tx: Transaction) {
            yield other.queryDrop(`alter table ${table} alter v type ${type} using v::${type}`);
            yield tx.exec(select, [value]);
          });
          await assert.rejects(attempt(() => conn.tx(inTransaction)), { code: SqlState.UndefinedFunction });
          assert.deepEqual(await conn.exec(select, [value]), [{ v: value }], "the next call works");
        } finally {
          await other.queryDrop(`drop table ${table}`);
        }
      }
    },
  );

  conformanceInTurn(
    `statement cache: another connection changes the columns of a portal, cache of ${size}`,
    async (world, server) => {
      await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
      await using other = await world.connect(server.fast);
      const table = `cache_portal_${conn.id}_${size}`;
      await other.queryDrop(`create table ${table} (n int4); insert into ${table} values (7), (7)`);
      const sql = `select * from ${table}`;
      const fetchAll = given(world, function* (portal: Portal) {
        const first = yield portal.fetch(1);
        return [...first.rows, ...(yield portal.fetch(0)).rows];
      });
      try {
        await using held = await conn.prepare(`${sql} -- held`);
        for (const [type, value] of [["float4", 7], ["text", "7"], ["numeric", "7"], ["int4", 7]] as const) {
          for (const statement of [sql, held]) await conn.execIter(statement, [], fetchAll);
          await other.queryDrop(`alter table ${table} alter n type ${type} using n::${type}`);
          for (const statement of [sql, held]) {
            for (let i = 0; i < 2; i++) {
              assert.deepEqual(await conn.execIter(statement, [], fetchAll), [{ n: value }, { n: value }], type);
            }
          }
          assert.equal(conn.transactionStatus, "idle");
        }
      } finally {
        await other.queryDrop(`drop table ${table}`);
      }
    },
  );
}

conformanceInTurn(
  "statement cache: a call that was given up before it was sent is forgotten",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    for (let i = 0; i < 3; i++) {
      await attempt(() => conn.exec("select $1::int4 + 1", [1], { timeout: 1e-6 }))
        .catch((error) => assert.ok(error instanceof TimeoutError));
    }
    assert.equal(await conn.execValue("select $1::int4 + 1", [1]), 2);
    assert.deepEqual(await kept(conn, "select"), ["select $1::int4 + 1"]);
  },
);

conformanceInTurn(
  "statement cache: an error of the caller's own statements is not about ours",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.exec("select 5");
    for (let i = 0; i < 2; i++) {
      await assert.rejects(attempt(() => conn.exec("execute nothing_of_that_name")), {
        code: SqlState.InvalidSqlStatementName,
      });
    }
    await conn.exec("select 6");
    assert.deepEqual(await kept(conn, "select"), ["select 5", "select 6"], "statements still have names");
  },
);

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
