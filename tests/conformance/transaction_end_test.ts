/** Transactions: a COMMIT that fails, ends by SQL and by the loss of the connection, what was left open inside. */
import assert from "node:assert/strict";
import { ConnectionError, type ServerError, type Transaction, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";
import { isFree, isServer, isUsage, numbers } from "../support/suite/transactions.ts";

conformance("transaction: what was opened in it ends with it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const tx = await conn.begin();
  const portal = await tx.execPortal("select generate_series(1, 10) as n");
  assert.equal((await portal.fetch(1)).rows.length, 1);
  const statement = await tx.prepare("select 5");
  await tx.commit();
  await assert.rejects(attempt(() => portal.fetch(1)), isUsage(/closed/));
  await portal.close();
  assert.equal(await conn.execValue(statement), 5, "statements are the session's, and stay");
  await isFree(conn);
});

conformance("transaction: a COMMIT that fails is an error", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int unique deferrable initially deferred)");
  await assert.rejects(
    attempt(() => conn.tx((tx) => tx.execDrop("insert into t values (1), (1)"))),
    (error) => isServer("23505")(error) && (error as ServerError).query === "COMMIT",
  );
  await isFree(conn);
  const tx = await conn.begin();
  await tx.execDrop("insert into t values (1), (1)");
  await assert.rejects(attempt(() => tx.commit()), isServer("23505"));
  assert.equal(tx.closed, true);
  await assert.rejects(attempt(() => tx.rollback()), isUsage(/over/));
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
  await isFree(conn);
});

conformance(
  "transaction: a COMMIT answered by ROLLBACK is 40000, and says which statement failed",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const failing: [string, (tx: Transaction) => unknown][] = [
      ["22012", (tx) => tx.query("select 1; select 1/0")],
      ["22012", (tx) => tx.exec("select 1/$1::int4", [0])],
      ["42P01", (tx) => tx.prepare("table missing")],
      ["42703", (tx) => tx.copyIn("copy t (missing) from stdin", ["1\n"])],
      ["22P02", (tx) => tx.copyIn("copy t from stdin", ["x\n"])],
      ["22012", (tx) => tx.execPortal("select 1/$1::int4", [0])],
      [
        "22012",
        (tx) => tx.execIter("select 1/(n - 1) from generate_series(1, 2) as n", [], (portal) => portal.fetch(0)),
      ],
    ];
    for (const [code, call] of failing) {
      await assert.rejects(
        attempt(() =>
          conn.tx(given(world, function* (tx: Transaction) {
            yield tx.execDrop("insert into t values (1)");
            try {
              const got = yield call(tx);
              // A portal fails when rows are asked for.
              if (got?.fetch !== undefined) {
                yield got.fetch(1);
              }
            } catch (error) {
              isServer(code)(error);
            }
            // Not the first failure.
            try {
              yield tx.exec("select 1");
            } catch (error) {
              isServer("25P02")(error);
            }
          }))
        ),
        isServer("40000", code),
        `${code} ${call}`,
      );
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
      await isFree(conn);
    }
    const tx = await conn.begin();
    await assert.rejects(attempt(() => tx.exec("select 1/0")), isServer("22012"));
    await assert.rejects(attempt(() => tx.commit()), isServer("40000", "22012"));
    assert.equal(tx.closed, true);
    await isFree(conn);
    // The next transaction's failure is its own.
    const next = await conn.begin();
    await assert.rejects(attempt(() => next.exec("table missing")), isServer("42P01"));
    await assert.rejects(attempt(() => next.commit()), isServer("40000", "42P01"));
    await isFree(conn);
  },
);

conformance("transaction: ended by SQL inside", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  for (const end of ["commit", "rollback"]) {
    await assert.rejects(
      attempt(() =>
        conn.tx(given(world, function* (tx: Transaction) {
          yield tx.execDrop("insert into t values (1)");
          yield tx.queryDrop(end);
        }))
      ),
      isUsage(/a statement has ended the transaction/),
    );
    await isFree(conn);
    const mine = new Error("mine");
    await assert.rejects(
      attempt(() =>
        conn.tx(given(world, function* (tx: Transaction) {
          yield tx.queryDrop(end);
          throw mine;
        }))
      ),
      (error) => error === mine,
    );
    await isFree(conn);
    await using tx = await conn.begin();
    await tx.queryDrop(end);
  }
  assert.deepEqual(await content(), [1]);
  await isFree(conn);
});

conformance("transaction: the function may end it itself", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  for (const [end, n] of [["commit", 1], ["rollback", 2]] as const) {
    const result = await conn.tx(given(world, function* (tx: Transaction) {
      yield tx.execDrop("insert into t values ($1)", [n]);
      yield tx[end]();
      return end;
    }));
    assert.equal(result, end);
    await isFree(conn);
  }
  assert.deepEqual(await content(), [1]);
});

conformance("transaction: the connection lost inside", async (world, server) => {
  for (const swallow of [true, false]) {
    await using conn = await world.connect(server.fast);
    let seen: unknown;
    await assert.rejects(
      attempt(() =>
        conn.tx(
          given(world, function* (tx: Transaction) {
            try {
              yield tx.exec("select pg_terminate_backend(pg_backend_pid())");
            } catch (error) {
              seen = error;
              if (!swallow) throw error;
            }
          }),
          { retries: 3 },
        )
      ),
      (error) => {
        assert.ok(error instanceof ConnectionError, String(error));
        assert.ok(swallow || error === seen);
        return true;
      },
    );
    assert.equal(conn.closed, true);
  }
  await using conn = await world.connect(server.fast);
  {
    await using tx = await conn.begin();
    await assert.rejects(attempt(() => tx.exec("select pg_terminate_backend(pg_backend_pid())")), ConnectionError);
    assert.equal(tx.closed, true);
    await assert.rejects(attempt(() => tx.exec("select 1")), ConnectionError);
  }
  await assert.rejects(attempt(() => conn.begin()), ConnectionError);
});

conformance(
  "transaction: what was open inside when the connection was lost is not in the way",
  async (world, server) => {
    for (const inside of ["nested", "pipeline"] as const) {
      await using conn = await world.connect(server.fast);
      const tx = await conn.begin();
      const opened = inside === "nested" ? await tx.begin() : tx.pipeline();
      const terminate = "select pg_terminate_backend(pg_backend_pid())";
      if ("claim" in opened) {
        const ticket = opened.exec(terminate);
        await assert.rejects(attempt(() => opened.claim(ticket)), ConnectionError);
      } else await assert.rejects(attempt(() => opened.exec(terminate)), ConnectionError);
      for (const call of [() => tx.begin(), () => tx.commit()]) {
        await assert.rejects(attempt<unknown>(call), { name: "ConnectionError", connectionLost: true });
      }
      await tx.rollback();
    }
  },
);

conformance("transaction: whatever was left open inside, it is over afterwards", async (world, server) => {
  const copy = "copy (select repeat('x', 100) from generate_series(1, 10000)) to stdout";
  const iterator = (source: object): AsyncIterator<unknown> =>
    (source as AsyncIterable<unknown>)[Symbol.asyncIterator]?.() ??
      (source as unknown as Iterable<unknown>)[Symbol.iterator]();
  type Left = { close(): unknown };
  const openers: Record<string, (tx: Transaction) => Generator<unknown, Left | undefined, unknown>> = {
    *"a new pipeline"(tx) {
      const pipeline = tx.pipeline();
      pipeline.exec("select 1");
      yield undefined;
      return pipeline;
    },
    *"a pipeline in use"(tx) {
      const pipeline = tx.pipeline();
      pipeline.exec("select 1");
      yield pipeline.sync();
      return pipeline;
    },
    *copyOut(tx) {
      yield iterator(tx.copyOut(copy)).next();
      return undefined;
    },
    *stream(tx) {
      yield iterator(tx.stream("select generate_series(1, 1000)", { batch: 10 })).next();
      return undefined;
    },
    *"a portal"(tx) {
      yield tx.execPortal("select 1");
      return undefined;
    },
  };
  for (const [name, open] of Object.entries(openers)) {
    for (const throws of [false, true]) {
      const where = `${name}, ${throws ? "throwing" : "returning"}`;
      await using conn = await world.connect(server.fast);
      const mine = new Error("mine");
      let left: { [Symbol.asyncDispose]?(): unknown; [Symbol.dispose]?(): unknown } | undefined;
      const outcome = await attempt(() =>
        conn.tx(given(world, function* (tx: Transaction) {
          left = (yield* open(tx)) as typeof left;
          if (throws) throw mine;
        }))
      ).then(() => undefined, (error) => error);
      if (throws) assert.equal(outcome, mine, where);
      else assert.ok(outcome === undefined || outcome instanceof UsageError, where);
      assert.equal(conn.transactionStatus, "idle", where);
      await left?.[Symbol.asyncDispose]?.();
      left?.[Symbol.dispose]?.();
      await isFree(conn);
    }
  }
});

conformance("transaction: begin and its disposal with a pipeline open inside", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using tx = await conn.begin();
    const pipeline = tx.pipeline();
    pipeline.exec("select 1");
    await pipeline.sync();
    await assert.rejects(attempt(() => tx.commit()), isUsage(/a pipeline is open/));
    assert.equal(tx.closed, false, "a commit that was not tried has not ended it");
  }
  assert.equal(conn.transactionStatus, "idle");
  await isFree(conn);
});

conformance("transaction: what waits behind its end is not executed outside of it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const rows = await numbers(conn);
  for (const how of ["rollback", "commit"] as const) {
    const tx = await conn.begin();
    // A string with parameters is learned first, and keeps what is called meanwhile waiting.
    const learned = attempt(() => tx.execDrop(`insert into t values ($1) /* ${how} */`, [1]));
    const over = attempt(() => tx[how]());
    const late = attempt(() => tx.execDrop("insert into t values ($1)", [2]));
    await assert.rejects(late, isUsage(/^Cannot execute the statement: the transaction is over$/));
    await Promise.all([learned, over]);
    assert.equal(conn.transactionStatus, "idle");
    await isFree(conn);
  }
  assert.deepEqual(await rows(), [1]);
});
