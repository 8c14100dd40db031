/**
 * What another session changes while a connection has statements prepared: one call may fail, and the
 * next one knows better.
 *
 * The other session hides what it does from its own connection, so that nothing is learned in the
 * process that a real one could not have told.
 */
import assert from "node:assert/strict";
import { type Conn, DecodeError, EncodeError, Opts, type Pool, ServerError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { unseen } from "../support/suite/hidden_effects.ts";
import { conformanceInTurn, type World } from "../support/suite/worlds.ts";

/** A change, and a value that only fits behind it. */
interface Migration {
  readonly name: string;
  readonly setup: string;
  readonly sql: string;
  readonly before: unknown;
  readonly change: string;
  readonly after: unknown;
  /** What copyRows copies the value to. */
  readonly table?: string;
}

const MIGRATIONS: readonly Migration[] = [
  {
    name: "int4 to int8",
    setup: "create table t (v int4)",
    sql: "insert into t values ($1)",
    before: 1,
    change: "alter table t alter v type int8",
    after: 3_000_000_000,
    table: "t",
  },
  {
    name: "int4 to text",
    setup: "create table t (v int4)",
    sql: "insert into t values ($1) returning v",
    before: 1,
    change: "alter table t alter v type text",
    after: "many",
    table: "t",
  },
  {
    name: "int4 to int4[]",
    setup: "create table t (v int4)",
    sql: "insert into t values ($1)",
    before: 1,
    change: "alter table t alter v type int4[] using array[v]",
    after: [1, 2],
    table: "t",
  },
  {
    name: "timestamp to date",
    setup: "create table t (v timestamp)",
    sql: "insert into t values ($1)",
    before: "2020-01-01 00:00:00",
    change: "alter table t alter v type date",
    after: "2020-01-02",
    table: "t",
  },
  {
    name: "an attribute more",
    setup: "create type pair as (a int4); create table t (v int4)",
    sql: "insert into t select ($1::pair).a",
    before: { a: 1 },
    change: "alter type pair add attribute b int4",
    after: { a: 1, b: 2 },
  },
  {
    name: "an attribute less, in an array",
    setup: "create type pair as (a int4, b int4); create table t (v int4)",
    sql: "insert into t select cardinality($1::pair[])",
    before: [{ a: 1, b: 2 }],
    change: "alter type pair drop attribute b",
    after: [{ a: 1 }],
  },
  {
    name: "an attribute of another type",
    setup: "create type pair as (a int4, b int4); create table t (v int4)",
    sql: "insert into t values (($1::pair).a)",
    before: { a: 1, b: 2 },
    change: "alter type pair alter attribute b type text",
    after: { a: 1, b: "two" },
  },
  {
    name: "another function",
    setup: "create function f(v int4) returns int4 language sql as 'select v'; create table t (v text)",
    sql: "insert into t select f($1)::text",
    before: 1,
    change: "drop function f; create function f(v text) returns text language sql as 'select v'",
    after: "one",
  },
  {
    name: "a value of an enum by another name",
    setup: "create type mood as enum ('sad'); create table t (v mood)",
    sql: "insert into t values ($1)",
    before: "sad",
    change: "alter type mood rename value 'sad' to 'glad'",
    after: "glad",
    table: "t",
  },
];

/** Ways to give a value to a statement, which is prepared already where that can be. */
const MEANS: Record<string, (conn: Conn, sql: string, value: unknown, world: World) => unknown> = {
  "exec": (conn, sql, value) => conn.execDrop(sql, [value]),
  "execBatch": (conn, sql, value) => conn.execBatch(sql, [[value], [value]]),
  "stream": async (conn, sql, value) => {
    for await (const _ of conn.stream(sql, [value]));
  },
  "execIter": (conn, sql, value, world) =>
    conn.execIter(
      sql,
      [value],
      given(world, function* (portal: { fetch(n: number): unknown }) {
        yield portal.fetch(0);
      }) as never,
    ),
  "pipeline": async (conn, sql, value) => {
    // A pipeline cannot ask what an object means, and says so.
    if (typeof value === "object") await conn.execDrop(sql, [value]);
    await using pipeline = conn.pipeline();
    await pipeline.claim(pipeline.exec(sql, [value]));
  },
};

async function withSchema(
  world: World,
  server: { readonly fast: string },
  options: (opts: Opts) => Opts,
  body: (conn: Conn, elsewhere: (sql: string) => Promise<unknown>, schema: string) => Promise<void>,
): Promise<void> {
  const schema = `migration_${crypto.randomUUID().replaceAll("-", "")}`;
  const opts = new Opts(server.fast).param("search_path", schema).param("client_min_messages", "warning");
  await using other = await world.connect(opts);
  await using conn = await world.connect(options(opts));
  await other.queryDrop(`create schema ${schema}`);
  const elsewhere = async (sql: string): Promise<void> => {
    for (const statement of sql.split(";")) await other.queryDrop(unseen(statement));
  };
  try {
    await body(conn, elsewhere, schema);
  } finally {
    await other.queryDrop(`drop schema ${schema} cascade`);
  }
}

/** Calls until one succeeds; how often it has failed before. */
async function failuresOf(call: () => unknown): Promise<number> {
  for (let failures = 0;; failures++) {
    try {
      await attempt(call);
      return failures;
    } catch (error) {
      const isAllowed = error instanceof ServerError || error instanceof EncodeError || error instanceof DecodeError;
      if (failures > 0 || !isAllowed) throw error;
    }
  }
}

for (const size of [256, 0]) {
  conformanceInTurn(`migration: the second call knows better, cache of ${size}`, async (world, server) => {
    for (const { setup, sql, before, change, after, table, name } of MIGRATIONS) {
      await withSchema(world, server, (opts) => opts.statementCacheSize(size), async (conn, elsewhere) => {
        await conn.queryDrop(setup);
        const means = Object.entries(MEANS).map(([means, use]) => ({ means, text: `${sql} -- ${means}`, use }));
        const held = await conn.prepare(`${sql} -- held`);
        for (const { text } of means) await conn.execDrop(text, [before]);
        await conn.execDrop(held, [before]);
        if (table !== undefined) await conn.copyRows(table, ["v"], [[before]]);
        await elsewhere(change);
        const call = async (what: string, use: () => unknown): Promise<void> => {
          try {
            await failuresOf(use);
            await attempt(use);
          } catch (error) {
            throw new Error(`${name}, ${what}`, { cause: error });
          }
        };
        for (const { means: what, text, use } of means) await call(what, () => use(conn, text, after, world));
        await call("held", () => conn.execDrop(held, [after]));
        if (table !== undefined) await call("copyRows", () => conn.copyRows(table, ["v"], [[after]]));
        assert.equal(conn.transactionStatus, "idle");
      });
    }
  });
}

conformanceInTurn(
  "migration: what the server refuses to bind is bound anew at once, where nothing is open",
  async (world, server) => {
    await withSchema(world, server, (opts) => opts, async (conn, elsewhere) => {
      await conn.queryDrop("create table t (v int4); create type pair as (a int4, b int4)");
      await using held = await conn.prepare("insert into t values ($1)");
      await conn.execDrop("insert into t values ($1)", [1]);
      await conn.execDrop("insert into t select (($1::pair).a)", [{ a: 1, b: 1 }]);
      await elsewhere("alter table t alter v type text; alter type pair alter attribute b type int8");
      assert.equal(await conn.execDrop("insert into t values ($1)", ["many"]), 1);
      assert.equal(await conn.execDrop(held, ["more"]), 1);
      assert.equal(await conn.execDrop("insert into t select (($1::pair).a)", [{ a: 1, b: 1 }]), 1);
      assert.equal(await conn.execValue("select count(*)::int4 from t"), 5, "each was done once");
    });
  },
);

conformanceInTurn(
  "migration: in a transaction the error surfaces, and the next one knows better",
  async (world, server) => {
    await withSchema(world, server, (opts) => opts, async (conn, elsewhere) => {
      await conn.queryDrop("create table t (v int4)");
      const sql = "insert into t values ($1)";
      await using held = await conn.prepare(`${sql} -- held`);
      await conn.execDrop(sql, [1]);
      for (const [type, value] of [["text", "many"], ["int8", 3_000_000_000], ["text", "more"]] as const) {
        await elsewhere(`delete from t; alter table t alter v type ${type} using null`);
        for (const statement of [sql, held]) {
          for (let n = 0; n < 3; n++) {
            await using tx = await conn.begin();
            if (n === 0) await attempt(() => tx.execDrop(statement, [value])).catch(() => {});
            else assert.equal(await tx.execDrop(statement, [value]), 1);
          }
        }
      }
    });
  },
);

conformanceInTurn("migration: a value that is wrong costs the statement nothing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const count = async (): Promise<unknown> =>
    (await conn.queryFirst<{ n: number }>("select count(*)::int4 as n from pg_prepared_statements"))!.n;
  await conn.execValue("select $1::int4", ["1"]);
  for (let n = 0; n < 3; n++) {
    await assert.rejects(attempt(() => conn.execValue("select $1::int4", ["x"])), { code: "22P02" });
    await assert.rejects(attempt(() => conn.execValue("select $1::int4", [2 ** 40])), EncodeError);
    assert.equal(await conn.execValue("select $1::int4", [n]), n);
  }
  assert.equal(await count(), 1);
});

for (const how of ["reset", "reloadTypes", "pool.reloadTypes"] as const) {
  conformanceInTurn(`migration: an attribute that was renamed is known after ${how}()`, async (world, server) => {
    await withSchema(world, server, (opts) => opts, async (conn, elsewhere, schema) => {
      const opts = new Opts(server.fast).param("search_path", schema).poolMaxConcurrency(2);
      await using pool: Pool = world.pool(opts);
      await conn.queryDrop("create type person as (first text, last text)");
      const sql = "select row('Ada', 'Lovelace')::person";
      const ask = async (): Promise<unknown[]> => [await conn.execValue(sql), await pool.execValue(sql)];
      const old = { first: "Ada", last: "Lovelace" };
      assert.deepEqual(await ask(), [old, old]);
      await elsewhere("alter type person rename attribute first to given");
      assert.deepEqual(await ask(), [old, old], "nothing tells of it");
      if (how === "pool.reloadTypes") pool.reloadTypes();
      else await conn[how]();
      const known = { given: "Ada", last: "Lovelace" };
      assert.deepEqual(await ask(), [known, known], "connections to one database share what they know");
    });
  });
}

conformanceInTurn("migration: whoever has given a connection back cannot reload its types", async (world, server) => {
  await using pool = world.pool(server.fast);
  const conn = await pool.acquire();
  conn.reloadTypes();
  await conn.release();
  assert.throws(() => conn.reloadTypes(), /the connection was released to its pool/);
});

conformanceInTurn("migration: a pool's calls that follow it do not fail", async (world, server) => {
  await withSchema(world, server, (opts) => opts, async (conn, elsewhere, schema) => {
    await conn.queryDrop("create table t (v int4)");
    await using pool = world.pool(new Opts(server.fast).param("search_path", schema).poolMaxConcurrency(4));
    const insert = "insert into t values ($1)";
    const all = <T>(call: (n: number) => T | Promise<T>): Promise<Awaited<T>[]> =>
      Promise.all(Array.from({ length: 100 }, (_, n) => call(n)));
    await all((n) => pool.execDrop(insert, [n]));
    await all(() => pool.exec("select * from t limit 1"));
    await elsewhere("alter table t add w int4");
    for (const [row] of await all(() => pool.exec("select * from t limit 1"))) {
      assert.deepEqual(Object.keys(row!), ["v", "w"]);
    }
    await elsewhere("alter table t alter v type int8");
    await all((n) => pool.execDrop(insert, [3_000_000_000 + n]));
    await elsewhere("alter table t alter v type text");
    await all((n) => pool.execDrop(insert, [`${n} more`]));
    assert.equal(await pool.execValue("select count(*)::int4 from t"), 300, "each was done once");
    await assert.rejects(attempt(() => pool.execDrop(insert, [{}])), EncodeError);
  });
});

conformanceInTurn(
  "migration: a pool repeats a batch that is an array, as long as nothing of it is committed",
  async (world, server) => {
    await withSchema(world, server, (opts) => opts, async (conn, elsewhere, schema) => {
      await conn.queryDrop("create table t (v int4)");
      await using pool = world.pool(new Opts(server.fast).param("search_path", schema).poolMaxConcurrency(1));
      const insert = "insert into t values ($1) returning *";
      const sets = Array.from({ length: 300 }, (_, n) => [n]);
      const count = (): unknown => pool.execValue("select count(*)::int4 from t");
      const isStale = (error: unknown): boolean => error instanceof ServerError && error.code === "0A000";
      assert.equal(await pool.execBatch(insert, sets), 300);
      await elsewhere("alter table t add w int4");
      assert.equal(await pool.execBatch(insert, sets), 300);
      assert.equal(await count(), 600, "each was done once");
      await elsewhere("alter table t add x int4");
      assert.equal(await pool.execBatch(insert, sets, { chunk: 100 }), 300);
      assert.equal(await count(), 900);
      await elsewhere("alter table t add y int4");
      await assert.rejects(attempt(() => pool.execBatch(insert, sets.values())), isStale);
      assert.equal(await count(), 900, "an iterator may be used up");
      assert.equal(await pool.execBatch(insert, sets.values()), 300);
    });
  },
);
