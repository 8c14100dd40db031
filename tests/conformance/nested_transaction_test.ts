import assert from "node:assert/strict";
import { Conn, ServerError, type Transaction, UsageError } from "../../mod.ts";
import { attempt, type Body, given } from "../support/suite/call_bodies.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

async function table(conn: Conn): Promise<() => Promise<unknown>> {
  await conn.queryDrop("create temporary table t (n int check (n >= 0))");
  return async () => await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

function add(tx: Conn | Transaction, n: number): unknown {
  return tx.execDrop("insert into t values ($1)", [n]);
}

async function isFree(conn: Conn): Promise<void> {
  await conn.ping();
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.tx((tx) => tx.execValue("select 42")), 42);
}

/** What a call throws, in a body; `undefined` if it does not. */
function* thrownBy(call: () => unknown): Body<unknown> {
  try {
    yield call();
  } catch (error) {
    return error;
  }
  return undefined;
}

conformance("nested transaction: several levels, each kept or undone by itself", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  const mine = new Error("mine");
  await conn.tx(given(world, function* (one: Transaction) {
    yield add(one, 1);
    const value = yield one.tx(given(world, function* (two: Transaction) {
      yield add(two, 2);
      const error = yield* thrownBy(() =>
        two.tx(given(world, function* (three: Transaction) {
          yield add(three, 3);
          yield three.tx((four) => add(four, 4) as number);
          throw mine;
        }))
      );
      assert.equal(error, mine);
      yield two.tx((three) => add(three, 5) as number);
      return "value";
    }));
    assert.equal(value, "value");
    const error = yield* thrownBy(() => one.tx((two) => add(two, -6) as number));
    assert.ok(error instanceof ServerError && error.code === "23514", String(error));
    assert.equal(conn.transactionStatus, "active");
    yield add(one, 7);
  }));
  assert.deepEqual(await content(), [1, 2, 5, 7]);
  await isFree(conn);
});

conformance("nested transaction: its end is undone with the outer one", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  const mine = new Error("mine");
  const outer = attempt(() =>
    conn.tx(given(world, function* (tx: Transaction) {
      yield tx.tx((inner) => add(inner, 1) as number);
      throw mine;
    }))
  );
  await assert.rejects(outer, (error) => error === mine);
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance("nested transaction: begin, commit, rollback, disposal", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  {
    await using tx = await conn.begin();
    await add(tx, 1);
    {
      await using inner = await tx.begin();
      await add(inner, 2);
      await inner.commit();
      assert.equal(inner.closed, true);
      await assert.rejects(attempt(() => inner.exec("select 1")), UsageError);
    }
    {
      await using inner = await tx.begin();
      await add(inner, 3);
      await inner.rollback();
    }
    {
      await using inner = await tx.begin();
      await add(inner, 4);
    }
    assert.equal(tx.closed, false);
    await add(tx, 5);
    await tx.commit();
  }
  assert.deepEqual(await content(), [1, 2, 5]);
  await isFree(conn);
});

conformance(
  "nested transaction: one in which a statement has failed is 40000, and the outer one goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const content = await table(conn);
    await conn.tx(given(world, function* (tx: Transaction) {
      yield add(tx, 1);
      const error = yield* thrownBy(() =>
        tx.tx(given(world, function* (inner: Transaction) {
          yield add(inner, 2);
          yield* thrownBy(() => inner.exec("select 1/0"));
        }))
      );
      assert.ok(error instanceof ServerError && error.code === "40000", String(error));
      assert.ok(error.cause instanceof ServerError && error.cause.code === "22012", String(error.cause));
      assert.equal(conn.transactionStatus, "active");
      yield add(tx, 3);
    }));
    assert.deepEqual(await content(), [1, 3]);
    const tx = await conn.begin();
    const inner = await tx.begin();
    await assert.rejects(attempt(() => inner.exec("table missing")), ServerError);
    await assert.rejects(
      attempt(() => inner.commit()),
      (error) =>
        error instanceof ServerError && error.code === "40000" && (error.cause as ServerError).code === "42P01",
    );
    assert.equal(inner.closed, true);
    await add(tx, 4);
    await tx.commit();
    assert.deepEqual(await content(), [1, 3, 4]);
    await isFree(conn);
  },
);

conformance(
  "nested transaction: a failure that the outer one has undone is not the cause of the next",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const outer = attempt(() =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield* thrownBy(() => tx.tx((inner) => inner.exec("select 1/0")));
        yield* thrownBy(() => tx.exec("table missing"));
      }))
    );
    await assert.rejects(
      outer,
      (error) => error instanceof ServerError && (error.cause as ServerError).code === "42P01",
    );
    await isFree(conn);
  },
);

conformance("nested transaction: options belong to the outermost", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  for (
    const options of [{ isolationLevel: "serializable" }, { readOnly: true }, { deferrable: false }, { retries: 1 }]
  ) {
    await assert.rejects(attempt(() => tx.tx(() => assert.fail("must not run"), options)), UsageError);
    if (!("retries" in options)) await assert.rejects(attempt(() => tx.begin(options)), UsageError);
  }
  assert.equal(conn.transactionStatus, "active");
  assert.equal(await tx.tx((inner) => inner.execValue("select 1"), { readOnly: undefined, timeout: 10_000 }), 1);
  await tx.rollback();
  await isFree(conn);
});

conformance("nested transaction: the outer one waits for its end, and ends it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  const tx = await conn.begin();
  const inner = await tx.begin();
  const innermost = await inner.begin();
  await add(innermost, 1);
  await assert.rejects(attempt(() => tx.commit()), /nested/);
  await assert.rejects(attempt(() => inner.commit()), /nested/);
  await assert.rejects(attempt(() => tx.begin()), /another one is open/);
  await assert.rejects(attempt(() => tx.tx(() => assert.fail("must not run"))), /another one is open/);
  assert.equal(conn.transactionStatus, "active");
  // What the outer one runs meanwhile is a part of the innermost.
  await add(tx, 2);
  await innermost.rollback();
  await add(inner, 3);
  await inner.commit();
  await tx.commit();
  assert.deepEqual(await content(), [3]);

  const again = await conn.begin();
  const nested = await again.begin();
  await add(nested, 4);
  await again.rollback();
  assert.equal(nested.closed, true);
  for (
    const call of [() => nested.commit(), () => nested.rollback(), () => nested.exec("select 1"), () => nested.begin()]
  ) {
    await assert.rejects(attempt<unknown>(call), UsageError);
  }
  {
    await using disposed = nested;
    assert.equal(disposed.closed, true);
  }
  assert.deepEqual(await content(), [3]);
  await isFree(conn);
});

conformance("nested transaction: one left open in tx fails it, rolled back", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  let kept: Transaction | undefined;
  const outer = attempt(() =>
    conn.tx(given(world, function* (tx: Transaction) {
      yield add(tx, 1);
      kept = yield tx.begin();
    }))
  );
  await assert.rejects(outer, UsageError);
  assert.equal(kept?.closed, true);
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance("nested transaction: the outer one ended from inside", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await table(conn);
  const mine = new Error("mine");
  const outer = attempt(() =>
    conn.tx(given(world, function* (tx: Transaction) {
      yield add(tx, 1);
      yield tx.tx(given(world, function* (inner: Transaction) {
        yield tx.rollback();
        assert.equal(inner.closed, true);
        throw mine;
      }));
    }))
  );
  await assert.rejects(outer, (error) => error === mine);
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance(
  "nested transaction: its function's error comes back also after SQL has ended the transaction",
  async (world, server) => {
    for (const end of ["commit", "rollback", "rollback; begin"]) {
      await using conn = await world.connect(server.fast);
      const mine = new Error("mine");
      const outer = attempt(() =>
        conn.tx((tx) =>
          tx.tx(given(world, function* (inner: Transaction) {
            yield inner.queryDrop(end);
            throw mine;
          }))
        )
      );
      await assert.rejects(outer, (error) => error === mine, end);
      await isFree(conn);
    }
  },
);

conformance(
  "nested transaction: a failing statement after SQL has ended the transaction inside",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const outer = attempt(() =>
      conn.tx((tx) =>
        tx.tx(given(world, function* (inner: Transaction) {
          yield inner.queryDrop("commit");
        }))
      )
    );
    await assert.rejects(outer, (error) => error instanceof ServerError || error instanceof UsageError);
    await isFree(conn);
  },
);

for (const { major, fast } of servers) {
  test(`nested transaction: what was not awaited inside stays inside (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const content = await table(conn);
    const promises: Promise<unknown>[] = [];
    const mine = new Error("mine");
    await conn.tx(async (tx) => {
      const inner = tx.tx((inner) => {
        for (let n = 0; n < 5; n++) promises.push(add(inner, n) as Promise<number>);
        throw mine;
      });
      await assert.rejects(inner, (error) => error === mine);
      await Promise.allSettled(promises);
    });
    assert.equal(promises.length, 5);
    assert.deepEqual(await content(), []);
    await isFree(conn);
  });

  test(`nested transaction: a signal ends it, and the outer one goes on (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const content = await table(conn);
    const reason = new Error("stop");
    await conn.tx(async (tx) => {
      await add(tx, 1);
      const controller = new AbortController();
      const inner = tx.tx(async (inner) => {
        await add(inner, 2);
        setTimeout(() => controller.abort(reason), 30);
        await inner.exec("select pg_sleep(30)");
      }, { signal: controller.signal });
      await assert.rejects(inner, (error) => error === reason);
      await add(tx, 3);
    });
    assert.deepEqual(await content(), [1, 3]);
    await isFree(conn);
  });
}
