/** Conflicts between two connections, and the repetition of what lost. */
import assert from "node:assert/strict";
import { Conn, ServerError, TimeoutError, type Transaction, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

/** A table of its own, which two connections share. */
async function shared(conn: Conn): Promise<{ readonly name: string; [Symbol.asyncDispose](): Promise<void> }> {
  const name = `retries_${crypto.randomUUID().replaceAll("-", "")}`;
  await conn.queryDrop(`create table ${name} (id int primary key, n int); insert into ${name} values (1, 0), (2, 0)`);
  return { name, [Symbol.asyncDispose]: async () => void await conn.queryDrop(`drop table ${name}`) };
}

async function value(conn: Conn, table: string, id: number = 1): Promise<unknown> {
  return await conn.execValue(`select n from ${table} where id = $1`, [id]);
}

function isConflict(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, code);
    assert.equal(error.safeToRetry, true);
    return true;
  };
}

/** Reads, has the other connection write as often as `conflicts` says, and writes: 40001 as often. */
function increment(table: string, other: Conn, conflicts: { left: number }, seen: Transaction[]) {
  return function* (tx: Transaction): Generator<unknown, string, number> {
    seen.push(tx);
    yield tx.execValue(`select n from ${table} where id = 1`) as unknown;
    if (conflicts.left-- > 0) yield other.execDrop(`update ${table} set n = n + 100 where id = 1`);
    yield tx.execDrop(`update ${table} set n = n + 1 where id = 1`);
    return `run ${seen.length}`;
  };
}

conformance("retries: a serialization failure has the whole function run again", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await using table = await shared(other);
  const seen: Transaction[] = [];
  const fn = given(world, increment(table.name, other, { left: 2 }, seen));
  assert.equal(await conn.tx(fn, { isolationLevel: "repeatable read", retries: 5 }), "run 3");
  assert.equal(new Set(seen).size, 3, "each run has its own transaction");
  assert.ok(seen.every((tx) => tx.closed));
  await assert.rejects(attempt(() => seen[0]!.exec("select 1")), UsageError);
  assert.equal(await value(conn, table.name), 201);
  assert.equal(conn.transactionStatus, "idle");
});

conformance("retries: no more often than asked, by default not at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await using table = await shared(other);
  for (const [retries, runs] of [[undefined, 1], [0, 1], [1, 2], [3, 4]] as const) {
    const seen: Transaction[] = [];
    const fn = given(world, increment(table.name, other, { left: Infinity }, seen));
    const options = { isolationLevel: "repeatable read", retries };
    await assert.rejects(attempt(() => conn.tx(fn, options)), isConflict("40001"));
    assert.equal(seen.length, runs);
    assert.equal(conn.transactionStatus, "idle");
  }
  assert.equal(await value(conn, table.name), 800);
});

conformance("retries: the conflict of a COMMIT", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  await using table = await shared(other);
  for (const retries of [0, 2]) {
    let runs = 0;
    const outcome = attempt(() =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          runs++;
          const sum = `select sum(n) from ${table.name}`;
          yield tx.execValue(sum);
          yield tx.execDrop(`update ${table.name} set n = n + 1 where id = 1`);
          if (runs > 1) return;
          // Write skew: each reads what the other writes; who commits last has lost.
          const rival = (yield other.begin({ isolationLevel: "serializable" })) as Transaction;
          yield rival.execValue(sum);
          yield rival.execDrop(`update ${table.name} set n = n + 1 where id = 2`);
          yield rival.commit();
        }),
        { isolationLevel: "serializable", retries },
      )
    );
    if (retries === 0) await assert.rejects(outcome, isConflict("40001"));
    else await outcome;
    assert.equal(runs, retries === 0 ? 1 : 2);
    assert.equal(conn.transactionStatus, "idle");
  }
});

conformance(
  "retries: a conflict that the function has swallowed shows in the COMMIT, and counts",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    let runs = 0;
    const swallowing = given(world, function* (tx: Transaction) {
      runs++;
      try {
        yield tx.queryDrop("do $$ begin raise deadlock_detected; end $$");
      } catch {
        // As if nothing had happened.
      }
    });
    await assert.rejects(attempt(() => conn.tx(swallowing, { retries: 2 })), (error) => {
      assert.ok(error instanceof ServerError);
      assert.equal(error.code, "40000");
      assert.equal(error.safeToRetry, true);
      return isConflict("40P01")(error.cause);
    });
    assert.equal(runs, 3);
    assert.equal(conn.transactionStatus, "idle");
  },
);

conformance("retries: a conflict in a nested transaction or a batch", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const raise = "do $$ begin raise serialization_failure; end $$";
  for (
    const body of [
      (tx: Transaction) => tx.tx((inner) => inner.queryDrop(raise)),
      (tx: Transaction) => tx.execBatch(raise, [[], []]),
      (tx: Transaction) => tx.exec(raise),
      () => conn.queryDrop(raise),
    ]
  ) {
    let runs = 0;
    const fn = (tx: Transaction): Promise<unknown> => {
      runs++;
      return body(tx);
    };
    await assert.rejects(attempt(() => conn.tx(fn, { retries: 2 })), isConflict("40001"));
    assert.equal(runs, 3);
    assert.equal(conn.transactionStatus, "idle");
  }
});

conformance("retries: not for other errors", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const look: Record<string, () => unknown> = {
    "another code": () => conn.exec("select 1/0"),
    "a code of the same class": () => conn.queryDrop("do $$ begin raise transaction_rollback; end $$"),
    "a lookalike": () => {
      throw Object.assign(new Error("mine"), { code: "40001" });
    },
    "no error at all": () => {
      throw "40001";
    },
  };
  for (const [name, fail] of Object.entries(look)) {
    let runs = 0;
    const failing = (): unknown => {
      runs++;
      return fail();
    };
    const outcome = attempt(() => conn.tx(failing, { retries: 3 })).then(() => "returned", () => "threw");
    assert.equal(await outcome, "threw", name);
    assert.equal(runs, 1, name);
    assert.equal(conn.transactionStatus, "idle");
  }
});

conformance("retries: not after the function has committed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  let runs = 0;
  const committing = given(world, function* (tx: Transaction) {
    runs++;
    yield tx.execDrop("insert into t values (1)");
    yield tx.commit();
    yield conn.queryDrop("do $$ begin raise serialization_failure; end $$");
  });
  await assert.rejects(attempt(() => conn.tx(committing, { retries: 2 })), isConflict("40001"));
  assert.equal(runs, 1, "what is committed is not done again");
  assert.equal(await conn.execValue("select count(*) from t"), 1n);
});

for (const { major, fast, admin } of servers) {
  test(`retries: a deadlock (PostgreSQL ${major})`, async () => {
    await using a = await Conn.connect(admin);
    await using b = await Conn.connect(admin);
    await using table = await shared(a);
    for (const conn of [a, b]) await conn.queryDrop("set deadlock_timeout = '20ms'");
    const arrived = [0, 0];
    const both = Promise.withResolvers<void>();
    const cross = (conn: Conn, index: number, first: number, second: number): Promise<unknown> =>
      conn.tx(async (tx) => {
        await tx.execDrop(`update ${table.name} set n = n + 1 where id = $1`, [first]);
        arrived[index]!++;
        if (arrived.every((count) => count > 0)) both.resolve();
        await both.promise;
        await tx.execDrop(`update ${table.name} set n = n + 1 where id = $1`, [second]);
      }, { retries: 10 });
    await Promise.all([cross(a, 0, 1, 2), cross(b, 1, 2, 1)]);
    assert.ok(arrived[0]! + arrived[1]! > 2, "one of them was repeated");
    assert.deepEqual([await value(a, table.name, 1), await value(a, table.name, 2)], [2, 2]);
  });

  test(`retries: many connections that count are all counted (PostgreSQL ${major})`, async () => {
    await using first = await Conn.connect(fast);
    await using table = await shared(first);
    let runs = 0;
    await Promise.all(Array.from({ length: 5 }, async () => {
      await using conn = await Conn.connect(fast);
      for (let i = 0; i < 4; i++) {
        await conn.tx(async (tx) => {
          runs++;
          const n = await tx.execValue<number>(`select n from ${table.name} where id = 1`);
          await tx.execDrop(`update ${table.name} set n = $1 where id = 1`, [n! + 1]);
        }, { isolationLevel: "serializable", retries: 100 });
      }
    }));
    assert.equal(await value(first, table.name), 20);
    assert.ok(runs >= 20);
  });

  test(`retries: given up in the pause before a repetition (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const reason = new Error("stop");
    const controller = new AbortController();
    let runs = 0;
    const fn = (tx: Transaction): Promise<unknown> => {
      if (++runs === 4) setTimeout(() => controller.abort(reason), 5);
      return tx.queryDrop("do $$ begin raise serialization_failure; end $$");
    };
    const call = conn.tx(fn, { retries: 1_000_000, signal: controller.signal });
    await assert.rejects(call, (error) => error === reason);
    const after = runs;
    await conn.ping();
    assert.equal(conn.transactionStatus, "idle");
    await assert.rejects(conn.tx(fn, { retries: 1_000_000, timeout: 100 }), TimeoutError);
    assert.ok(runs > after);
    await conn.ping();
    assert.equal(conn.transactionStatus, "idle");
    const now = runs;
    await conn.exec("select pg_sleep(0.05)");
    assert.equal(runs, now, "nobody goes on");
  });

  test(`retries: other calls on the connection go on between the runs (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    let runs = 0;
    const tx = conn.tx(async (tx) => {
      if (++runs < 4) await tx.queryDrop("do $$ begin raise serialization_failure; end $$");
      return runs;
    }, { retries: 5 });
    for (let i = 0; i < 5; i++) {
      await conn.ping();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(await tx, 4);
    assert.equal(conn.transactionStatus, "idle");
  });
}
