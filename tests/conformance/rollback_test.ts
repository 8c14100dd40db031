/** What a transaction has changed and a rollback undoes: statements that were prepared in between mean what they meant before. */
import assert from "node:assert/strict";
import { type Conn, Opts, SqlState, type Transaction } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformanceInTurn } from "../support/suite/worlds.ts";

/** What changes the columns of `t`, seen from the schema `a`. */
const CHANGES: Record<string, readonly string[]> = {
  "alter table": ["alter table t add w text default 'x'"],
  "another table of that name": ["drop table t", "create table t (v int4, w text)", "insert into t values (1, 'x')"],
  "a temporary table": ["create temp table t as select 1 as v, 'x' as w"],
  "select into": ["select 1 as v, 'x'::text as w into temp t"],
  "explain analyze": ["explain (analyze, costs off) create temp table t as select 1 as v, 'x'::text as w"],
  "set local search_path": ["set local search_path = b"],
  "set search_path": ["SET search_path TO b"],
  "set_config": ["select set_config('search_path', 'b', true)"],
  "a block": ["do $$ begin alter table t add w text default 'x'; end $$"],
};

/** Ways in which a transaction ends without its changes; those by SQL end one that SQL has begun. */
const ENDS: Record<string, (conn: Conn, tx: Transaction | undefined) => unknown> = {
  "rollback()": (_, tx) => tx!.rollback(),
  "a COMMIT that is answered with ROLLBACK": async (_, tx) => {
    await assert.rejects(attempt(() => tx!.query("select 1 / 0")));
    await assert.rejects(attempt(() => tx!.commit()), { code: SqlState.TransactionRollback });
  },
  "ROLLBACK by query": (conn) => conn.query("rollback"),
  "ABORT by exec": (conn) => conn.exec("abort"),
  "ROLLBACK behind a comment": (conn) => conn.queryDrop("/* the end */ rollback; select 1"),
  "COMMIT by query, answered with ROLLBACK": async (conn) => {
    await assert.rejects(attempt(() => conn.query("select 1 / 0")));
    await conn.query("commit");
  },
};

const STRINGS = ["select * from t", "select * from t where v = $1"];

/** Executes what is prepared, in a transaction, where nothing is tried again. */
async function check(conn: Conn, held: unknown, expected: unknown, what: string): Promise<void> {
  await using tx = await conn.begin();
  for (const sql of STRINGS) {
    const params = sql.includes("$1") ? [1] : [];
    assert.deepEqual(await tx.exec(sql, params), expected, `${what}: ${sql}`);
  }
  assert.deepEqual(await tx.exec(held as string), expected, `${what}: held`);
  await tx.rollback();
}

/** A connection that sees the table `t` of two schemas. */
async function withTables(
  connect: (opts: Opts) => Promise<Conn>,
  server: { readonly fast: string },
  body: (conn: Conn) => Promise<void>,
): Promise<void> {
  const token = crypto.randomUUID().slice(0, 8);
  const [a, b] = [`rollback_${token}_a`, `rollback_${token}_b`];
  const opts = new Opts(server.fast).param("search_path", a).param("client_min_messages", "warning");
  await using other = await connect(opts);
  await other.queryDrop(`create schema ${a}; create schema ${b};
    create table ${a}.t (v int4); insert into ${a}.t values (1);
    create table ${b}.t (v int4, w text); insert into ${b}.t values (1, 'x')`);
  try {
    await using conn = await connect(opts);
    await body(conn);
  } finally {
    await other.queryDrop(`drop schema ${a} cascade; drop schema ${b} cascade`);
  }
}

const OLD = [{ v: 1 }];
const NEW = [{ v: 1, w: "x" }];

/** The change, for this connection's schemas. */
async function changes(conn: Conn, change: readonly string[]): Promise<string[]> {
  const path = (await conn.queryFirst<{ path: string }>("select current_schema()::text as path"))!.path;
  return change.map((sql) => sql.replace(/\bb\b(?!')|(?<=')b(?=')/, path.replace(/a$/, "b")));
}

for (const size of [256, 0]) {
  for (const [name, change] of Object.entries(CHANGES)) {
    conformanceInTurn(`rollback: ${name}, cache of ${size}`, async (world, server) => {
      const connect = (opts: Opts): Promise<Conn> => world.connect(opts.statementCacheSize(size));
      await withTables(connect, server, async (conn) => {
        const statements = await changes(conn, change);
        await using held = await conn.prepare("select * from t -- held");
        await check(conn, held, OLD, "before");
        for (const [end, finish] of Object.entries(ENDS)) {
          const tx = end.includes("by") || end.includes("behind") ? undefined : await conn.begin();
          if (tx === undefined) await conn.queryDrop("begin");
          for (const sql of statements) await conn.execDrop(sql);
          for (const sql of STRINGS) assert.deepEqual(await conn.exec(sql, sql.includes("$1") ? [1] : []), NEW, sql);
          assert.deepEqual(await conn.exec(held), NEW, "a statement that is held works where a string does");
          await finish(conn, tx);
          await check(conn, held, OLD, end);
        }
      });
    });

    conformanceInTurn(`rollback: ${name}, to a savepoint, cache of ${size}`, async (world, server) => {
      const connect = (opts: Opts): Promise<Conn> => world.connect(opts.statementCacheSize(size));
      await withTables(connect, server, async (conn) => {
        const statements = await changes(conn, change);
        await using held = await conn.prepare("select * from t -- held");
        await using tx = await conn.begin();
        const uses = async (expected: unknown): Promise<void> => {
          for (const sql of STRINGS) assert.deepEqual(await tx.exec(sql, sql.includes("$1") ? [1] : []), expected, sql);
          assert.deepEqual(await tx.exec(held), expected);
        };
        await uses(OLD);
        const nested = await tx.begin();
        for (const sql of statements) await nested.query(sql);
        await uses(NEW);
        await nested.rollback();
        await uses(OLD);
        await tx.query("savepoint s");
        for (const sql of statements) await tx.query(sql);
        await uses(NEW);
        await tx.exec("rollback to savepoint s");
        await uses(OLD);
      });
    });
  }
}

conformanceInTurn("rollback: what is local to a transaction ends with its COMMIT", async (world, server) => {
  await withTables((opts) => world.connect(opts), server, async (conn) => {
    const [local] = await changes(conn, CHANGES["set local search_path"]!);
    await using held = await conn.prepare("select * from t -- held");
    for (let round = 0; round < 2; round++) {
      await using tx = await conn.begin();
      await tx.query(local!);
      for (const statement of [...STRINGS.slice(0, 1), held]) assert.deepEqual(await tx.exec(statement), NEW);
      await tx.commit();
      await check(conn, held, OLD, "committed");
    }
  });
});

conformanceInTurn("rollback: by the release of a pool's connection", async (world, server) => {
  await withTables((opts) => world.connect(opts), server, async (conn) => {
    const schema = (await conn.queryFirst<{ path: string }>("select current_schema()::text as path"))!.path;
    await using pool = world.pool(new Opts(server.fast).param("search_path", schema).poolMaxConcurrency(1));
    {
      const taken = await pool.acquire();
      await taken.begin();
      await taken.execDrop("alter table t add w text default 'x'");
      assert.deepEqual(await taken.exec("select * from t"), NEW);
      await taken.release();
    }
    const again = await pool.acquire();
    await again.begin();
    assert.deepEqual(await again.exec("select * from t"), OLD);
    await again.release();
  });
});

conformanceInTurn("rollback: of a pipeline's group, which is a transaction of its own", async (world, server) => {
  await withTables((opts) => world.connect(opts), server, async (conn) => {
    for (const bad of ["select bad", "select 1 / 0"]) {
      {
        await using pipeline = conn.pipeline();
        const requests = ["alter table t add w text default 'x'", "select * from t", bad].map((sql) =>
          pipeline.exec(sql)
        );
        await pipeline.claim(requests[0]!);
        assert.deepEqual(await pipeline.claim(requests[1]!), NEW);
        await assert.rejects(attempt(() => pipeline.claim(requests[2]!)));
      }
      await using tx = await conn.begin();
      assert.deepEqual(await tx.exec("select * from t"), OLD);
      await tx.rollback();
    }
  });
});

conformanceInTurn(
  "rollback: of a batch that changes something, and of several statements in one string",
  async (world, server) => {
    await withTables((opts) => world.connect(opts), server, async (conn) => {
      await conn.queryDrop(
        "create function path(name text, fail bool) returns text language plpgsql as $$ begin " +
          "if fail then raise 'no'; end if; return name; end $$",
      );
      await using held = await conn.prepare("select * from t -- held");
      await check(conn, held, OLD, "before");
      await assert.rejects(attempt(() => conn.queryAll("alter table t add w text; select 1 / 0")));
      await check(conn, held, OLD, "a string");
      await assert.rejects(attempt(() => conn.execBatch("alter table t add w text", [[], []])));
      await check(conn, held, OLD, "a batch");
    });
  },
);

conformanceInTurn(
  "rollback: types that a transaction alters are known so in it, and nowhere else",
  async (world, server) => {
    const type = `rollback_pair_${crypto.randomUUID().slice(0, 8)}`;
    await using conn = await world.connect(server.fast);
    await using other = await world.connect(server.fast);
    await conn.queryDrop(`create type ${type} as (a int4)`);
    try {
      const sql = `select $1::${type} as p`;
      const use = async (conn: Conn, value: unknown): Promise<void> => {
        assert.deepEqual(await conn.execValue(sql, [value]), value);
      };
      await use(conn, { a: 1 });
      await use(other, { a: 1 });
      for (const end of ["rollback", "commit"] as const) {
        const tx = await conn.begin();
        await tx.query(`alter type ${type} add attribute b int4`);
        await use(tx as unknown as Conn, { a: 1, b: 2 });
        await tx[end]();
        const now = end === "commit" ? { a: 1, b: 2 } : { a: 1 };
        await use(conn, now);
        await use(other, now);
      }
    } finally {
      await conn.queryDrop(`drop type ${type}`);
    }
  },
);
