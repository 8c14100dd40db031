import assert from "node:assert/strict";
import {
  Conn,
  ConnectionError,
  EncodeError,
  Opts,
  type PyroError,
  ServerError,
  sql,
  TimeoutError,
  type Transaction,
  UsageError,
} from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { stillHeld } from "../support/suite/garbage.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformanceInTurn, type World } from "../support/suite/worlds.ts";

type Sets = Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>;

const INSERT = "insert into t values ($1)";

/** A temporary table `t` of numbers from 0, each of them once. */
async function table(conn: Conn): Promise<void> {
  await conn.queryDrop("create temporary table t (n int unique check (n >= 0))");
}

async function content(conn: Conn): Promise<unknown> {
  return await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

async function count(conn: Conn): Promise<number> {
  return Number(await conn.execValue("select count(*) from t"));
}

/** No transaction is open, and the connection works, batches included. */
async function isFree(conn: Conn): Promise<void> {
  await conn.ping();
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execBatch("select $1::int4", [[1], [2]]), 2);
  assert.equal(await conn.tx((tx) => tx.execValue("select $1::int4", [42])), 42);
}

/** Arrays of one number each. */
function singles(from: number, to: number): number[][] {
  return Array.from({ length: to - from }, (_, i) => [from + i]);
}

/** A source that counts what is asked of it. */
class Counted implements Iterable<readonly unknown[]> {
  taken = 0;
  returned = 0;
  ended = false;
  /** How often it was asked after its end. */
  tooMuch = 0;
  readonly #next: (index: number) => readonly unknown[] | undefined;

  constructor(next: (index: number) => readonly unknown[] | undefined) {
    this.#next = next;
  }

  [Symbol.iterator](): Iterator<readonly unknown[]> {
    return {
      next: () => {
        if (this.ended || this.returned > 0) this.tooMuch++;
        const value = this.#next(this.taken);
        if (value === undefined) this.ended = true;
        else this.taken++;
        return value === undefined ? { done: true, value: undefined } : { done: false, value };
      },
      return: () => {
        this.returned++;
        return { done: true, value: undefined };
      },
    };
  }
}

async function fails(call: () => unknown): Promise<PyroError & { code?: string }> {
  let failed: unknown;
  await assert.rejects(attempt(call), (error) => {
    failed = error;
    return true;
  });
  return failed as PyroError & { code?: string };
}

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

/** How a batch can fail at the set with that index. */
const failures: Record<string, (at: number) => { sets: Sets; is: (error: PyroError & { code?: string }) => boolean }> =
  {
    "a set that cannot be encoded": (at) => ({
      sets: singles(0, 2000).with(at, [{}] as never),
      is: (error) => error instanceof EncodeError,
    }),
    "a set with too many values": (at) => ({
      sets: singles(0, 2000).with(at, [at, 1]),
      is: (error) => error instanceof UsageError || error instanceof EncodeError,
    }),
    "a set with undefined": (at) => ({
      sets: singles(0, 2000).with(at, [undefined] as never),
      is: (error) => error instanceof EncodeError,
    }),
    "a set that is no array": (at) => ({
      sets: singles(0, 2000).with(at, { 0: at, length: 1 } as never),
      is: (error) => error instanceof UsageError && /must be an array/.test(error.message),
    }),
    "the server": (at) => ({
      sets: singles(0, 2000).with(at, [-1]),
      is: (error) => error instanceof ServerError && error.code === "23514",
    }),
    "the server, because of an earlier set": (at) => ({
      sets: singles(0, 2000).with(at, [at === 0 ? 7 : 0]),
      is: (error) => error instanceof ServerError && error.code === "23505",
    }),
    "the source": (at) => ({
      sets: new Counted((index) => {
        if (index === at) throw new RangeError("from the source");
        return index < 2000 ? [index] : undefined;
      }),
      is: (error) => error instanceof RangeError && error.message === "from the source",
    }),
  };

for (const [name, make] of Object.entries(failures)) {
  conformanceInTurn(`batch: nothing stays when it fails by ${name}`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    await table(conn);
    await conn.queryDrop("insert into t values (1000000), (7)");
    await conn.queryDrop("delete from t where n = 7");
    for (const at of [0, 1, 127, 128, 129, 1000, 1999]) {
      const { sets, is } = make(at);
      const error = await fails(() => conn.execBatch(INSERT, sets));
      assert.ok(is(error), `${at}: ${error}`);
      // Of two equal values the second is the one that fails.
      const index = name.includes("earlier") && at === 0 ? 7 : at;
      assert.equal(error.index, index);
      assert.equal(error.committed, undefined);
      assert.deepEqual(await content(conn), [1000000], `at ${at}`);
      await isFree(conn);
    }
  });

  conformanceInTurn(`batch: chunks before stay when it fails by ${name}`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    await table(conn);
    for (const [at, chunk] of [[1, 1], [150, 100], [128, 128], [1999, 300], [10, 100]] as const) {
      const { sets, is } = make(at);
      const error = await fails(() => conn.execBatch(INSERT, sets, { chunk }));
      assert.ok(is(error), `${at}: ${error}`);
      const committed = at - at % chunk;
      assert.deepEqual([error.index, error.committed], [at, committed], `${at} by ${chunk}`);
      assert.deepEqual(await content(conn), singles(0, committed).flat(), `${at} by ${chunk}`);
      await isFree(conn);
      await conn.execDrop("delete from t");
    }
  });

  conformanceInTurn(`batch: what the transaction did before stays when it fails by ${name}`, async (world, server) => {
    await using conn = await world.connect(server.fast);
    await table(conn);
    for (const at of [0, 128, 1500]) {
      await conn.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop("insert into t values (1000000)");
        yield tx.execBatch(INSERT, [[1000001], [1000002]]);
        try {
          yield tx.execBatch(INSERT, make(at).sets);
          assert.fail("it fails");
        } catch (error) {
          assert.ok(make(at).is(error as PyroError), String(error));
          assert.equal((error as PyroError).index, name.includes("earlier") && at === 0 ? 7 : at);
        }
        assert.equal(conn.transactionStatus, "active");
        yield tx.execBatch(INSERT, [[1000003]]);
      }));
      assert.deepEqual(await content(conn), [1000000, 1000001, 1000002, 1000003]);
      await isFree(conn);
      await conn.execDrop("delete from t");
    }
  });
}

conformanceInTurn("batch: an error object that is thrown again says the new place", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  const again = new Error("again");
  for (const at of [3, 1]) {
    const source = new Counted((index) => {
      if (index === at) throw again;
      return [index];
    });
    const error = await fails(() => conn.execBatch(INSERT, source));
    assert.equal(error, again);
    assert.equal(error.index, at);
  }
  for (const thrown of ["text", null, Object.freeze(new Error("frozen"))]) {
    const source = new Counted(() => {
      throw thrown;
    });
    assert.equal(await fails(() => conn.execBatch(INSERT, source)), thrown);
  }
  assert.equal(await count(conn), 0);
  await isFree(conn);
});

conformanceInTurn("batch: a statement that cannot be prepared, or has other parameters", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  for (const statement of ["insert into missing values ($1)", "select 1; select 2", "selec"]) {
    const source = new Counted((index) => [index]);
    const error = await fails(() => conn.execBatch(statement, source));
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(source.taken, 0);
    assert.equal(source.returned, 1);
    await isFree(conn);
  }
  for (const set of [[], [1, 2]]) {
    const error = await fails(() => conn.execBatch(INSERT, [[1], set]));
    assert.equal(error.index, 1, String(error));
    assert.equal(await count(conn), 0);
    await isFree(conn);
  }
});

conformanceInTurn("batch: a COMMIT that fails undoes it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int unique deferrable initially deferred)");
  const error = await fails(() => conn.execBatch(INSERT, [[1], [2], [1]]));
  assert.equal(error.code, "23505");
  assert.equal(error.index, undefined, "the server has not said which it was");
  assert.equal(await count(conn), 0);
  const later = await fails(() => conn.execBatch(INSERT, [[1], [2], [3], [1], [4]], { chunk: 2 }));
  assert.equal(later.code, "23505");
  assert.equal(later.committed, 2);
  assert.deepEqual(await content(conn), [1, 2]);
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

conformanceInTurn("batch: in a transaction that has failed it fails", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  await conn.execBatch(INSERT, [[1]]);
  const tx = await conn.begin();
  await fails(() => tx.exec("select 1/0"));
  const error = await fails(() => tx.execBatch(INSERT, [[2], [3]]));
  assert.equal(error.code, "25P02");
  assert.equal(conn.transactionStatus, "failed");
  await tx.rollback();
  assert.deepEqual(await content(conn), [1]);
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

conformanceInTurn("batch: timeout", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await table(conn);
  const slow = "insert into t select $1::int4 from (select pg_sleep(case when $1 = 300 then 30 else 0 end)) s";
  const error = await fails(() => conn.execBatch(slow, singles(0, 400), { timeout: 1000 }));
  assert.ok(error instanceof TimeoutError, String(error));
  assert.equal(error.outcome, "cancelled");
  assert.equal(await count(conn), 0);
  await isFree(conn);
  let n = 0;
  const endless = new Counted(() => [n++]);
  assert.ok(await fails(() => conn.execBatch(INSERT, endless, { timeout: 200 })) instanceof TimeoutError);
  assert.equal(endless.returned, 1);
  assert.equal(await count(conn), 0);
  await isFree(conn);
  assert.equal(await conn.execBatch(INSERT, singles(0, 400), { timeout: 20_000 }), 400);
  await isFree(conn);
});

conformanceInTurn("batch: the connection lost in the middle", async (world, server) => {
  for (const chunk of [undefined, 100]) {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const deadly = "select pg_terminate_backend(pg_backend_pid()) where $1 = 300";
    const source = new Counted((index) => index < 100_000 ? [index] : undefined);
    const error = await fails(() => conn.execBatch(deadly, source, { chunk }));
    assert.ok(error instanceof ConnectionError, String(error));
    if (chunk !== undefined) assert.equal(error.committed, 300);
    assert.equal(conn.closed, true);
    assert.ok(source.ended || source.returned === 1);
    assert.ok(await fails(() => conn.execBatch(deadly, [[1]])) instanceof ConnectionError);
  }
});

conformanceInTurn("batch: a stale statement fails once, and the next call works", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const returning = "insert into t values ($1) returning *";
  assert.equal(await conn.execBatch(returning, [[1]]), 1);
  await conn.queryDrop("alter table t add m int");
  await attempt(() => conn.execBatch(returning, [[2]])).catch((error) => assert.equal(error.code, "0A000"));
  assert.equal(await conn.execBatch(returning, [[3]]), 1);
  // Dropped behind the connection's back.
  await conn.queryDrop("do $$ begin execute 'deallocate ' || 'all'; end $$");
  await attempt(() => conn.execBatch(returning, [[4]])).catch((error) => assert.equal(error.code, "26000"));
  assert.equal(await conn.execBatch(returning, [[5]]), 1);
  await isFree(conn);
});

for (const { major, fast } of servers) {
  test(`batch: other calls made meanwhile wait (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await table(conn);
    const order: string[] = [];
    const note = <T>(name: string, promise: Promise<T>): Promise<T> => promise.finally(() => order.push(name));
    const before = note("before", conn.execValue<bigint>("select count(*) from t"));
    const sets = async function* (): AsyncGenerator<number[]> {
      for (let n = 0; n < 300; n++) {
        if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        yield [n];
      }
    };
    const batch = note("batch", conn.execBatch(INSERT, sets()));
    const exec = note("exec", conn.execValue<bigint>("select count(*) from t"));
    const query = note("query", conn.queryFirst("select count(*) as n from t"));
    const second = note("second", conn.execBatch(INSERT, singles(300, 400)));
    const tx = note("tx", conn.tx((tx) => tx.execValue("select count(*) from t")));
    assert.deepEqual(await Promise.all([before, batch, exec, query, second, tx]), [
      0n,
      300,
      300n,
      { n: 300n },
      100,
      400n,
    ]);
    assert.deepEqual(order, ["before", "batch", "exec", "query", "second", "tx"]);
    await isFree(conn);
  });

  test(`batch: a signal at any moment, all or nothing (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await table(conn);
    const reason = new Error("stop");
    const outcomes = { resolved: 0, rejected: 0 };
    for (let round = 0; round < 40; round++) {
      const controller = new AbortController();
      const timer = setTimeout(() => controller.abort(reason), round % 20);
      const chunk = round < 20 ? undefined : 500;
      const sets = singles(0, 3000);
      const source = round % 2 === 0 ? sets : (async function* () {
        for (const [index, set] of sets.entries()) {
          if (index % 1000 === 999) await new Promise((resolve) => setTimeout(resolve));
          yield set;
        }
      })();
      try {
        assert.equal(await conn.execBatch(INSERT, source, { chunk, signal: controller.signal }), 3000);
        assert.equal(await count(conn), 3000);
        outcomes.resolved++;
      } catch (error) {
        assert.equal(error, reason, String(error));
        const rows = await count(conn);
        if (chunk === undefined) assert.equal(rows, 0);
        else assert.equal(rows % chunk, 0);
        outcomes.rejected++;
      }
      clearTimeout(timer);
      await isFree(conn);
      await conn.execDrop("delete from t");
    }
    assert.ok(outcomes.rejected > 0, JSON.stringify(outcomes));
  });

  test(`batch: a signal before and while it waits for its turn (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await table(conn);
    const reason = new Error("stop");
    const source = new Counted((index) => index < 10 ? [index] : undefined);
    const aborted = conn.execBatch(INSERT, source, { signal: AbortSignal.abort(reason) });
    await assert.rejects(aborted, (error) => error === reason);
    const controller = new AbortController();
    const before = conn.exec("select pg_sleep(0.1)");
    const waiting = conn.execBatch(INSERT, source, { signal: controller.signal });
    const behind = conn.execValue("select 5");
    setTimeout(() => controller.abort(reason), 10);
    await assert.rejects(waiting, (error) => error === reason);
    assert.equal(source.taken, 0);
    await before;
    assert.equal(await behind, 5);
    assert.equal(await count(conn), 0);
    await isFree(conn);
  });

  for (const taken of [0, 1, 200, 600]) {
    test(`batch: a signal while the source makes it wait, after ${taken} sets (PostgreSQL ${major})`, async () => {
      await using conn = await Conn.connect(fast);
      await table(conn);
      const reason = new Error("stop");
      const controller = new AbortController();
      let returned = 0;
      let next = 0;
      const source: AsyncIterable<number[]> = {
        [Symbol.asyncIterator]: () => ({
          next: () => {
            if (next < taken) return Promise.resolve({ done: false, value: [next++] });
            setTimeout(() => controller.abort(reason), 20);
            return new Promise<never>(() => {});
          },
          return: () => {
            returned++;
            return Promise.resolve({ done: true, value: undefined });
          },
        }),
      };
      const call = conn.execBatch(INSERT, source, { signal: controller.signal });
      const outcome = await Promise.race([
        call.then(() => "resolved", (error) => error),
        new Promise((resolve) => setTimeout(() => resolve("it hangs"), 6000).unref?.()),
      ]);
      assert.equal(outcome, reason);
      assert.equal(returned, 1, "the source was told");
      assert.equal(conn.closed, false);
      assert.equal(await count(conn), 0);
      await isFree(conn);
    });
  }

  test(`batch: a generator that never goes on does not hold a call that is given up (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await table(conn);
    const sets = async function* (): AsyncGenerator<number[]> {
      yield [1];
      await new Promise(() => {});
    };
    await assert.rejects(conn.execBatch(INSERT, sets(), { timeout: 50 }), TimeoutError);
    assert.equal(await count(conn), 0);
    await isFree(conn);
  });

  for (const limited of [false, true]) {
    test(`batch: sets that were sent are not kept${limited ? ", with a timeout neither" : ""} (PostgreSQL ${major})`, async () => {
      await using conn = await Conn.connect(fast);
      const SETS = 12_000;
      const refs: WeakRef<Uint8Array>[] = [];
      let alive = Infinity;
      const sets = async function* (): AsyncGenerator<Uint8Array[]> {
        for (let n = 0; n < SETS; n++) {
          const bytes = new Uint8Array(8192).fill(n);
          if (n % 10 === 0) refs.push(new WeakRef(bytes));
          yield [bytes];
          if (n % 500 === 499) await new Promise((resolve) => setTimeout(resolve));
        }
        alive = await stillHeld(refs.slice(0, refs.length / 2), refs.length / 4);
      };
      const options = limited ? { timeout: 60_000 } : {};
      assert.equal(await conn.execBatch("select length($1::bytea)", sets(), options), SETS);
      assert.ok(alive <= refs.length / 4, `${alive} of the first ${refs.length / 2} are still held`);
      await isFree(conn);
    });
  }
}
