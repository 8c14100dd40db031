/** Batches: sources of parameter sets, sizes, and what may happen meanwhile. */
import assert from "node:assert/strict";
import { type Conn, Opts, ServerError, sql, type Transaction, UsageError } from "../../mod.ts";
import { given } from "../support/suite/call_bodies.ts";
import {} from "../support/suite/test.ts";
import { conformanceInTurn, type World } from "../support/suite/worlds.ts";
import { content, count, Counted, fails, INSERT, isFree, type Sets, singles, table } from "../support/suite/batches.ts";

conformanceInTurn("batch: no sets, some sets, from arrays and iterables", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  assert.equal(await conn.execBatch(INSERT, []), 0);
  assert.equal(await conn.execBatch(INSERT, [], { chunk: 10 }), 0);
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execBatch(INSERT, [[1], [2]]), 2);
  assert.equal(await conn.execBatch(INSERT, new Set([[3], [4]])), 2);
  assert.equal(
    await conn.execBatch(
      INSERT,
      (function* () {
        yield [5];
        yield [6];
      })(),
    ),
    2,
  );
  assert.equal(await conn.execBatch(INSERT, singles(7, 10).values()), 3);
  const source = new Counted((index) => index < 5 ? [10 + index] : undefined);
  assert.equal(await conn.execBatch(INSERT, source), 5);
  assert.equal(source.returned, 0, "it has come to its end by itself");
  assert.equal(source.tooMuch, 0, "an end is the end");
  assert.deepEqual(await content(conn), singles(1, 15).flat());
  await isFree(conn);
});

conformanceInTurn("batch: an argument that is no source is a UsageError", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  for (const sets of [undefined, null, 1, {}, () => [[1]]]) {
    const error = await fails(() => conn.execBatch(INSERT, sets as never));
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, /iterable/);
  }
  for (const chunk of [0, -1, 1.5, NaN, Infinity, "2", null]) {
    const error = await fails(() => conn.execBatch(INSERT, [[1]], { chunk } as never));
    assert.ok(error instanceof UsageError && /chunk/.test(error.message), String(error));
  }
  for (const options of [{ rows: "array" }, { size: 2 }, 1, []]) {
    assert.ok(await fails(() => conn.execBatch(INSERT, [[1]], options as never)) instanceof UsageError);
  }
  for (const statement of [undefined, 1, {}]) {
    assert.ok(await fails(() => conn.execBatch(statement as never, [[1]])) instanceof UsageError);
  }
  assert.equal(await count(conn), 0);
  await isFree(conn);
});

conformanceInTurn("batch: an async source needs a connection that awaits", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  const sets = (async function* () {
    yield [1];
    await new Promise((resolve) => setTimeout(resolve, 1));
    yield [2];
  })();
  if (world.name === "async") assert.equal(await conn.execBatch(INSERT, sets), 2);
  else assert.ok(await fails(() => conn.execBatch(INSERT, sets)) instanceof UsageError);
  assert.equal(await count(conn), world.name === "async" ? 2 : 0);
  await isFree(conn);
});

conformanceInTurn("batch: sizes around those of a request and of a chunk", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  for (const size of [1, 2, 127, 128, 129, 255, 256, 257, 1000]) {
    for (const chunk of [undefined, 1, 100, 128, 129, size]) {
      if (chunk === 1 && size > 200) continue;
      assert.equal(await conn.execBatch(INSERT, singles(0, size), { chunk }), size, `${size} by ${chunk}`);
      assert.equal(await conn.execDrop("delete from t"), size, `${size} by ${chunk}`);
    }
  }
  await isFree(conn);
});

conformanceInTurn("batch: what one call with each set does", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int, s text, b bytea, j jsonb, a int[])");
  const sets = [
    [1, "one", new Uint8Array([1]), { a: [1] }, [1, null]],
    [null, null, null, null, null],
    ["3", "", new Uint8Array(0), [], []],
  ];
  const insert = "insert into t values ($1, $2, $3, $4, $5)";
  assert.equal(await conn.execBatch(insert, sets), 3);
  for (const set of sets) await conn.execDrop(insert, set);
  const rows = await conn.query("select row_to_json(t)::text as row from t");
  assert.equal(rows.length, 6);
  assert.deepEqual(rows.slice(0, 3), rows.slice(3));
  assert.equal(await conn.execBatch("update t set s = $2 where n = $1 returning *", [[1, "x"], [3, "y"], [9, "z"]]), 4);
  assert.equal(await conn.execBatch("select generate_series(1, $1::int4)", [[0], [3], [1000]]), 1003);
  assert.equal(await conn.execBatch("delete from t", [[], []]), 6);
  assert.equal(await conn.execBatch("", [[], []]), 0);
  assert.equal(await conn.execBatch("create temporary table if not exists other (n int)", [[], []]), 0);
  await isFree(conn);
});

conformanceInTurn("batch: strings, prepared statements and templates", async (world, server) => {
  for (const statementCacheSize of [0, 256]) {
    await using conn = await world.connect(new Opts(server.fast).statementCacheSize(statementCacheSize));
    await table(conn);
    assert.equal(await conn.execBatch(INSERT, singles(0, 300)), 300);
    assert.equal(await conn.execBatch(INSERT, singles(300, 900), { chunk: 250 }), 600);
    await using statement = await conn.prepare(INSERT);
    assert.equal(await conn.execBatch(statement, singles(900, 1200)), 300);
    assert.equal(await conn.execBatch(statement, singles(1200, 1300), { chunk: 1 }), 100);
    assert.equal(await conn.execBatch(sql`insert into ${sql.id("t")} values ($1)`, singles(1300, 1301)), 1);
    assert.equal(await count(conn), 1301);
    const error = await fails(() => conn.execBatch(sql`insert into t values (${1})`, [[]]));
    assert.ok(error instanceof UsageError && /values/.test(error.message), String(error));
    await isFree(conn);
  }
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const foreign = await other.prepare("select 1");
  assert.ok(await fails(() => conn.execBatch(foreign, [[]])) instanceof UsageError);
  const disposed = await conn.prepare("select 1");
  await disposed.close();
  assert.ok(await fails(() => conn.execBatch(disposed, [[]])) instanceof UsageError);
  await isFree(conn);
});

conformanceInTurn("batch: a source may use one array again and again", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  const sets = function* (): Generator<number[]> {
    const set = [0];
    for (set[0] = 0; set[0] < 300; set[0]++) yield set;
  };
  assert.equal(await conn.execBatch("insert into t values ($1) on conflict do nothing", sets()), 300);
  assert.equal(await count(conn), 300);
  await isFree(conn);
});

conformanceInTurn("batch: COPY is refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  for (
    const statement of ["copy t from stdin", "COPY t TO STDOUT", "/* x */ copy t from stdin", "-- x\ncopy t to stdout"]
  ) {
    for (const given of [statement, await conn.prepare(statement)]) {
      const error = await fails(() => conn.execBatch(given, [[], []]));
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, /copyIn|copyOut|copyRows/);
      await isFree(conn);
      await conn.tx(given_(world, conn, given));
      await isFree(conn);
    }
  }
});

function given_(world: World, conn: Conn, statement: Parameters<Conn["execBatch"]>[0]): (tx: Transaction) => unknown {
  return given(world, function* (tx: Transaction) {
    try {
      yield tx.execBatch(statement, [[]]);
      assert.fail("it is refused");
    } catch (error) {
      assert.ok(error instanceof UsageError, String(error));
    }
    assert.equal(conn.transactionStatus, "active");
  });
}

conformanceInTurn("batch: in a transaction it is a savepoint, however that was begun", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  await conn.queryDrop("begin");
  assert.equal(await conn.execBatch(INSERT, singles(0, 200)), 200);
  assert.ok(await fails(() => conn.execBatch(INSERT, [[500], [1]])) instanceof ServerError);
  assert.equal(conn.transactionStatus, "active");
  assert.equal(await conn.execBatch(INSERT, []), 0);
  assert.equal(await count(conn), 200);
  await conn.queryDrop("commit");
  assert.equal(await count(conn), 200);
  await using tx = await conn.begin();
  assert.equal(await conn.execBatch(INSERT, [[500]]), 1);
  const inner = await tx.begin();
  assert.equal(await inner.execBatch(INSERT, [[501]]), 1);
  await inner.rollback();
  assert.equal(await tx.execValue("select count(*) from t"), 201n);
  const error = await fails(() => tx.execBatch(INSERT, [[502]], { chunk: 1 }));
  assert.ok(error instanceof UsageError && /chunk/.test(error.message), String(error));
  assert.equal(await tx.execValue("select count(*) from t"), 201n);
  await tx.commit();
  assert.equal(await count(conn), 201);
  await isFree(conn);
});

conformanceInTurn("batch: a source is told when no more is wanted", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  for (
    const bad of [[-1], [{}], "no array"] as const
  ) {
    const source = new Counted((index) => index === 200 ? bad as never : [index]);
    await fails(() => conn.execBatch(INSERT, source));
    assert.equal(source.returned, 1, String(bad));
    assert.ok(source.taken < 100_000, "it was not read for ever");
    assert.equal(await count(conn), 0);
    await isFree(conn);
  }
  const angry = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false as const, value: [-1] }),
      return: () => {
        throw new Error("from return");
      },
    }),
  };
  assert.equal((await fails(() => conn.execBatch(INSERT, angry))).code, "23514");
  await isFree(conn);
});

conformanceInTurn("batch: its source cannot use the connection, and does not hang", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  // The limit is for the test to fail, where it would hang.
  const limit = { timeout: 1000 };
  const members: Record<string, () => unknown> = {
    exec: () => conn.exec("select $1::int4", [1], limit),
    query: () => conn.query("select 1", limit),
    prepare: () => conn.prepare("select 1", limit),
    ping: () => conn.ping(limit),
    execBatch: () => conn.execBatch(INSERT, [[5]], limit),
    begin: () => conn.begin(limit),
    tx: () => conn.tx(() => 1, limit),
    execIter: () => conn.execIter("select 1", [], () => 1, limit),
    copyIn: () => conn.copyIn("copy t from stdin", ["1\n"], limit),
    copyRows: () => conn.copyRows("t", ["n"], [[1]], limit),
    notify: () => conn.notify("channel", "", limit),
    reset: () => conn.reset(limit),
  };
  for (const [name, call] of Object.entries(members)) {
    for (const before of [0, 300]) {
      const sets: Sets = world.name === "async"
        ? (async function* () {
          for (const set of singles(0, before)) yield set;
          await call();
          yield [before];
        })()
        : (function* () {
          for (const set of singles(0, before)) yield set;
          call();
          yield [before];
        })();
      const error = await fails(() => conn.execBatch(INSERT, sets));
      assert.ok(error instanceof UsageError, `${name}: ${error}`);
      assert.equal(error.index, before, name);
      assert.equal(await count(conn), 0, name);
      await isFree(conn);
    }
  }
});

conformanceInTurn("batch: a source may use another connection", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await table(conn);
  const sets = other.stream("select generate_series(1, 1000)", [], { batch: 100, rows: "array" });
  assert.equal(await conn.execBatch(INSERT, sets as unknown as Sets), 1000);
  assert.equal(await count(conn), 1000);
  await isFree(conn);
  await isFree(other);
});

conformanceInTurn("batch: 100,000 sets, with more replies than buffers hold", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  const source = new Counted((index) => index < 100_000 ? [index] : undefined);
  assert.equal(await conn.execBatch(INSERT, source), 100_000);
  assert.equal(await count(conn), 100_000);
  const text = "x".repeat(2000);
  assert.equal(await conn.execBatch("select $1::text from generate_series(1, 10)", Array(3000).fill([text])), 30_000);
  await isFree(conn);
});
