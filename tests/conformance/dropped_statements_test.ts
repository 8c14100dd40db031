/** Prepared statements that the server drops or closes while calls that use them wait, or are on their way. */
import assert from "node:assert/strict";
import { Conn, Opts } from "../../mod.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

const KNOWN = "select $1::int4 + 1 as n";
const HELD = "select $1::int4 + 2 as n";
const DROPPING = ["deallocate all", "discard all", "do $$ begin execute 'deallocate all'; end $$"];

/** The texts of the statements that the server has. */
async function kept(conn: Conn): Promise<string[]> {
  const rows = await conn.query<[string]>("select statement from pg_prepared_statements order by 1", { rows: "array" });
  return rows.map(([text]) => text);
}

conformance("dropped statements: DEALLOCATE ALL in a pipeline, with known ones behind it", async (world, server) => {
  for (const syncs of [false, true]) {
    await using conn = await world.connect(server.fast);
    await using held = await conn.prepare(HELD);
    for (let i = 0; i < 2; i++) await conn.exec(KNOWN, [i]);
    {
      await using pipeline = conn.pipeline();
      const early = pipeline.exec("select $1::int4 + 3 as n", [1]);
      const all = pipeline.exec("deallocate all");
      if (syncs) await pipeline.sync();
      const tickets = [
        pipeline.exec(KNOWN, [1]),
        pipeline.exec(held, [1]),
        pipeline.exec("select $1::int4 + 3 as n", [2]),
      ];
      assert.deepEqual(await pipeline.claim(early), [{ n: 4 }]);
      await pipeline.claim(all);
      const found = [];
      for (const ticket of tickets) found.push(...await pipeline.claim(ticket));
      assert.deepEqual(found, [{ n: 2 }, { n: 3 }, { n: 5 }]);
    }
    assert.deepEqual(await conn.exec(KNOWN, [5]), [{ n: 6 }]);
    assert.deepEqual(await conn.exec(held, [5]), [{ n: 7 }]);
    assert.deepEqual(await kept(conn), [KNOWN, HELD], "they still have names");
  }
});

conformance("dropped statements: the statement that drops all others is not kept itself", async (world, server) => {
  for (const sql of DROPPING) {
    await using conn = await world.connect(server.fast);
    for (let i = 0; i < 3; i++) {
      await conn.exec(KNOWN, [i]);
      await conn.exec(sql);
      assert.deepEqual(await conn.exec(KNOWN, [i]), [{ n: i + 1 }]);
    }
    assert.deepEqual(await kept(conn), [KNOWN]);
  }
});

for (const server of serversOf(awaiting)) {
  const title = (text: string): string => `dropped statements: ${text} (PostgreSQL ${server.major})`;

  test(title("calls made right behind what drops all"), async () => {
    for (const sql of DROPPING) {
      for (const drop of [(conn: Conn) => conn.query(sql), (conn: Conn) => conn.exec(sql)]) {
        await using conn = await Conn.connect(server.fast);
        await using held = await conn.prepare(HELD);
        for (let i = 0; i < 2; i++) await conn.exec(KNOWN, [i]);
        const [, known, again] = await Promise.all([drop(conn), conn.exec(KNOWN, [1]), conn.exec(held, [1])]);
        assert.deepEqual([known, again], [[{ n: 2 }], [{ n: 3 }]], sql);
        assert.deepEqual(await kept(conn), [KNOWN, HELD], "they still have names");
      }
    }
  });

  test(title("in a transaction, a call behind DEALLOCATE ALL does not fail it"), async () => {
    await using conn = await Conn.connect(server.fast);
    for (let i = 0; i < 2; i++) await conn.exec(KNOWN, [i]);
    await using tx = await conn.begin();
    const [, known] = await Promise.all([tx.query("deallocate all"), tx.exec(KNOWN, [1])]);
    assert.deepEqual(known, [{ n: 2 }]);
    await tx.commit();
  });

  const before: Record<string, (conn: Conn) => Promise<unknown>> = {
    "reset()": (conn) => conn.reset(),
    "DEALLOCATE ALL": (conn) => conn.query("deallocate all"),
    "a statement that takes its room": (conn) => conn.exec("select $1::text", ["x"]),
    "a change of the table": (conn) => conn.query("alter table t add column if not exists b text default 'x'"),
  };
  for (const [name, call] of Object.entries(before)) {
    test(title(`a pipeline opened while ${name} waits`), async () => {
      await using conn = await Conn.connect(new Opts(server.fast).statementCacheSize(1));
      await conn.queryDrop("create temporary table t (a int4); insert into t values (1)");
      const sql = name === "a change of the table" ? "select * from t where a = $1" : KNOWN;
      await using held = await conn.prepare(HELD);
      for (let i = 0; i < 2; i++) await conn.exec(sql, [1]);
      const waiting = [conn.execBatch("select $1::int4", [[1]]), call(conn)];
      await using pipeline = conn.pipeline();
      const tickets = [
        pipeline.exec(sql, [1]),
        pipeline.exec(held, [1], { types: "text" }),
        pipeline.exec("select $1::int4 + 3 as n", [1]),
        pipeline.exec(sql, [1]),
      ];
      const found = [];
      for (const ticket of tickets) found.push(...await pipeline.claim(ticket));
      await Promise.all(waiting);
      const row = name === "a change of the table" ? { a: 1, b: "x" } : { n: 2 };
      assert.deepEqual(found, [row, { n: "3" }, { n: 4 }, row]);
      await pipeline.close();
      await held.close();
      await conn.exec("select 1");
      assert.deepEqual(await kept(conn), ["select 1"]);
    });
  }
}
