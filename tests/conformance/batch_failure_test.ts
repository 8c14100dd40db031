/** Batches that fail or are given up: all or nothing. */
import assert from "node:assert/strict";
import {
  Conn,
  ConnectionError,
  EncodeError,
  Opts,
  type PyroError,
  ServerError,
  TimeoutError,
  type Transaction,
  UsageError,
} from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { stillHeld } from "../support/suite/garbage.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformanceInTurn } from "../support/suite/worlds.ts";
import { content, count, Counted, fails, INSERT, isFree, type Sets, singles, table } from "../support/suite/batches.ts";

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

conformanceInTurn("batch: given up while its last set is encoded, nothing of it is left", async (world, server) => {
  const encode = (milliseconds: unknown): Uint8Array => {
    for (const until = performance.now() + Number(milliseconds); performance.now() < until;);
    return new Uint8Array(24).fill(64);
  };
  const opts = new Opts(server.fast).codec("line", { parse: String, encode });
  await using conn = await world.connect(opts);
  await conn.queryDrop("create temporary table t (l line)");
  // Of the long one, a part is sent before the last set is encoded.
  for (const size of [1, 129]) {
    const sets = Array.from({ length: size }, (_, i) => [i === size - 1 ? 60 : 0]);
    for (const nested of [false, true]) {
      const tx = nested ? await conn.begin() : undefined;
      const batch = attempt(() => (tx ?? conn).execBatch("insert into t values ($1)", sets, { timeout: 30 }));
      const isDone = await batch.then(() => true, (error) => (assert.ok(error instanceof TimeoutError, error), false));
      // With promises, the rest is sent before the timer fires, and may be executed.
      assert.ok(!isDone || world.name === "async");
      const count = await (tx ?? conn).execValue("select count(*) from t");
      assert.equal(count, isDone ? BigInt(size) : 0n, `${size} sets, nested: ${nested}`);
      await tx?.commit();
      await isFree(conn);
      await conn.queryDrop("truncate t");
    }
  }
});
