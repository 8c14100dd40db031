/** The statement cache: what is kept, for how long, and what takes no room. */
import assert from "node:assert/strict";
import { type Conn, Opts, type Portal, ServerError, SqlState, TimeoutError, type Transaction } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformanceInTurn } from "../support/suite/worlds.ts";

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

  conformanceInTurn(
    `statement cache: FETCH and EXECUTE return the columns of the cursor, or of the statement, cache of ${size}`,
    async (world, server) => {
      await using conn = await world.connect(new Opts(server.fast).statementCacheSize(size));
      const queries: readonly (readonly [sql: string, row: object])[] = [
        ["select 1::int4 as n", { n: 1 }],
        ["select 1::int4 as n", { n: 1 }],
        ["select 1.5::float4 as x", { x: 1.5 }],
        ["select 'abcd' as t", { t: "abcd" }],
        ["select 1::int4 as a, '$1'::money as b, null as c", { a: 1, b: "$1.00", c: null }],
        ["select 2::int8 as n", { n: 2n }],
      ];
      const fetchAll = given(world, function* (portal: Portal) {
        return (yield portal.fetch(0)).rows;
      });
      await conn.queryDrop("begin; declare c cursor for select 0 as n; prepare c as select 0 as n");
      await using fetch = await conn.prepare("fetch absolute 1 from c");
      await using execute = await conn.prepare("execute c");
      for (const [sql, row] of queries) {
        await conn.queryDrop(`close c; declare c scroll cursor for ${sql}; deallocate c; prepare c as ${sql}`);
        for (const statement of ["fetch absolute 1 from c", "/* */ execute c", fetch, execute]) {
          for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(statement), [row]);
          assert.deepEqual(await conn.exec(statement, [], { rows: "array" }), [Object.values(row)]);
          assert.deepEqual(await conn.execIter(statement, [], fetchAll), [row]);
          await using pipeline = conn.pipeline();
          const tickets = [pipeline.exec(statement), pipeline.exec(statement)];
          for (const ticket of tickets) assert.deepEqual(await pipeline.claim(ticket), [row]);
        }
      }
      await conn.queryDrop(
        "set datestyle = german; close c; declare c scroll cursor for select date '2024-02-29' as d",
      );
      for (const statement of ["fetch absolute 1 from c", fetch]) {
        assert.equal(
          String((await conn.execOne<{ d: unknown }>(statement)).d),
          "2024-02-29",
          "binary, if text is unclear",
        );
      }
      await conn.queryDrop("rollback; deallocate c");
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

conformanceInTurn(
  "statement cache: another time zone prepares texts with a time in them again",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const time = "select (timestamptz '2003-01-01 12:00' at time zone 'UTC')::text where $1";
    const other = "select $1::int4 as n";
    await conn.queryDrop("set time zone 'UTC'");
    assert.equal(await conn.execValue(other, [1]), 1);
    await conn.queryDrop("set time zone 'Asia/Tokyo'");
    assert.deepEqual(await kept(conn, other), [other]);
    const [{ prepare_time }] = await conn.query<{ prepare_time: unknown }>(PREPARED) as [{ prepare_time: unknown }];
    assert.equal(await conn.execValue(other, [2]), 2);
    assert.deepEqual(await conn.query(PREPARED), [{ prepare_time }], "no text has a time");
    assert.equal(await conn.execValue(time, [true]), "2003-01-01 03:00:00");
    await conn.queryDrop("begin; set local time zone 'America/New_York'");
    assert.equal(await conn.execValue(time, [true]), "2003-01-01 17:00:00");
    await conn.queryDrop("rollback");
    assert.equal(await conn.execValue(time, [true]), "2003-01-01 03:00:00");
  },
);

const PREPARED = "select prepare_time::text from pg_prepared_statements where starts_with(statement, 'select $1')";
