/** Transactions: timeouts and signals, calls inside that nobody awaits, functions that return promises. */
import assert from "node:assert/strict";
import { Conn, type Pipeline, TimeoutError, type Transaction, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { newest, servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance, worlds } from "../support/suite/worlds.ts";
import { isFree, isUsage, numbers } from "../support/suite/transactions.ts";

conformance("transaction: timeout", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  await assert.rejects(
    attempt(() =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          yield tx.execDrop("insert into t values (1)");
          yield tx.exec("select pg_sleep(0.4)");
          yield tx.execDrop("insert into t values (2)");
        }),
        { timeout: 100 },
      )
    ),
    {
      name: "TimeoutError",
      message: "Cannot finish the transaction: it was not done within 100 ms (the server has stopped it)",
    },
  );
  assert.deepEqual(await content(), []);
  await isFree(conn);
  const tx = await conn.begin({ timeout: 10_000 });
  await tx.execDrop("insert into t values (3)");
  await tx.commit({ timeout: 10_000 });
  assert.equal(await conn.tx((tx) => tx.execDrop("insert into t values (4)"), { timeout: 10_000 }), 1);
  assert.deepEqual(await content(), [3, 4]);
  await isFree(conn);
});

conformance("transaction: a timeout stops the statement that its function waits for", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary sequence ended");
  const sleep = "select pg_sleep(2)::text || nextval('ended')";
  await assert.rejects(attempt(() => conn.tx((tx) => tx.exec(sleep), { timeout: 100 })), TimeoutError);
  assert.equal(await conn.execValue("select is_called from ended"), false, "it was left to run to its end");
  await isFree(conn);
});

// With promises, the claim is sent before its time is over, and is stopped.
for (const world of worlds.filter(({ name }) => name !== "async")) {
  test(`transaction: its timeout does not close the connection on a pipeline inside (${world.name})`, async () => {
    await using conn = await world.connect(newest.fast);
    const body = given(world, function* (tx: Transaction) {
      const pipeline = tx.pipeline();
      const ticket = pipeline.exec("select pg_sleep(60)");
      assert.throws(() => pipeline.claim(ticket, { timeout: 0.0001 }), TimeoutError);
      // It waits for the statement, and would close the connection after two seconds.
      yield pipeline.close();
    });
    await assert.rejects(
      attempt(() => conn.tx(body, { timeout: 200 })),
      { name: "TimeoutError", message: /^Cannot finish the transaction/ },
    );
    await isFree(conn);
  });
}

conformance("transaction: a COMMIT that takes too long is stopped, and nothing is committed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  await conn.queryDrop(`
    create function pg_temp.wait() returns trigger language plpgsql as 'begin perform pg_sleep(30); return null; end';
    create constraint trigger slow after insert on t deferrable initially deferred for each row
      execute function pg_temp.wait();
  `);
  const tx = await conn.begin();
  await tx.execDrop("insert into t values (1)");
  await assert.rejects(
    attempt(() => tx.commit({ timeout: 100 })),
    (error) => error instanceof TimeoutError && error.outcome === "cancelled",
  );
  assert.equal(tx.closed, true);
  await isFree(conn);
  await assert.rejects(
    attempt(() => conn.tx((tx) => tx.execDrop("insert into t values (1)"), { timeout: 200 })),
    TimeoutError,
  );
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance("transaction: an onPosition that takes too long does not undo the commit", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const content = await numbers(conn);
  const onPosition = given(world, function* () {
    yield other.exec("select pg_sleep(0.8)");
    throw new Error("after the time is over");
  });
  await assert.rejects(
    attempt(() => conn.tx((tx) => tx.execDrop("insert into t values (1)"), { timeout: 500, onPosition })),
    (error) => error instanceof TimeoutError && error.outcome === "unknown",
  );
  assert.deepEqual(await content(), [1]);
  await isFree(conn);
});

conformance("transaction: a function that gives a promise needs a connection that awaits", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  const fn = async (tx: Transaction): Promise<number> => {
    await tx.execDrop("insert into t values (1)");
    return 1;
  };
  if (world.name === "async") {
    assert.equal(await conn.tx(fn), 1);
    assert.deepEqual(await content(), [1]);
  } else {
    await assert.rejects(attempt(() => conn.tx(fn)), isUsage(/promise/));
    assert.deepEqual(await content(), []);
  }
  await isFree(conn);
});

for (const { major, fast } of servers) {
  test(`transaction: what was not awaited inside is done before the COMMIT (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await conn.queryDrop("create temporary table t (n int, xid xid8 default pg_current_xact_id())");
    const promises: Promise<unknown>[] = [];
    await conn.tx((tx) => {
      // The first of these has to be learned, so that the others wait for their turn.
      for (let n = 0; n < 5; n++) promises.push(tx.execDrop("insert into t (n) values ($1)", [n]));
      promises.push(tx.queryDrop("insert into t (n) values (5)"));
    });
    assert.equal((await Promise.all(promises)).length, 6);
    assert.deepEqual(await conn.query("select count(*) as rows, count(distinct xid) as transactions from t"), [
      { rows: 6n, transactions: 1n },
    ]);
    await isFree(conn);
  });

  test(`transaction: what was not awaited inside is rolled back with it (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const content = await numbers(conn);
    const promises: Promise<unknown>[] = [];
    const mine = new Error("mine");
    await assert.rejects(
      conn.tx((tx) => {
        for (let n = 0; n < 5; n++) promises.push(tx.execDrop("insert into t values ($1)", [n]));
        throw mine;
      }),
      (error) => error === mine,
    );
    assert.equal((await Promise.allSettled(promises)).length, 5);
    assert.deepEqual(await content(), []);
    await isFree(conn);
  });

  test(`transaction: of two tx calls at once, the second is refused (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const content = await numbers(conn);
    const outcomes = await Promise.allSettled([1, 2].map((n) =>
      conn.tx(async (tx) => {
        await tx.execDrop("insert into t values ($1)", [n]);
      })
    ));
    assert.equal(outcomes[0]!.status, "fulfilled");
    assert.ok(outcomes[1]!.status === "rejected" && isUsage(/tx\.tx\(\)/)(outcomes[1]!.reason));
    assert.deepEqual(await content(), [1]);
    await isFree(conn);
  });

  test(`transaction: a signal ends tx wherever it is, and rolls back (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    const content = await numbers(conn);
    const reason = new Error("stop");
    const bodies: Record<string, (tx: Transaction) => Promise<unknown>> = {
      "in a statement": (tx) => tx.exec("select pg_sleep(30)"),
      "in many statements": (tx) => Promise.all([1, 2, 3].map(() => tx.exec("select pg_sleep($1)", [30]))),
      "in a promise of its own": () => new Promise(() => {}),
      "in a batch": (tx) => tx.execBatch("select pg_sleep($1)", [[30], [30]]),
      "in a nested one": (tx) => tx.tx((inner) => inner.exec("select pg_sleep(30)")),
      "in a statement of the connection": () => conn.exec("select pg_sleep(30)"),
    };
    for (const [where, body] of Object.entries(bodies)) {
      const controller = new AbortController();
      let kept: Transaction | undefined;
      const call = conn.tx(async (tx) => {
        kept = tx;
        await tx.execDrop("insert into t values (1)");
        setTimeout(() => controller.abort(reason), 30);
        await body(tx);
      }, { signal: controller.signal });
      await assert.rejects(call, (error) => error === reason, where);
      assert.equal(kept!.closed, true, where);
      await assert.rejects(kept!.exec("select 1"), UsageError);
      assert.deepEqual(await content(), [], where);
      await isFree(conn);
    }
    await assert.rejects(
      conn.tx(() => assert.fail("must not run"), { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    await assert.rejects(conn.begin({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
    await isFree(conn);
  });

  for (const end of ["commit", "rollback"] as const) {
    test(`transaction: ${end} given up at once leaves no transaction that nobody holds (PostgreSQL ${major})`, async () => {
      await using conn = await Conn.connect(fast);
      const tx = await conn.begin();
      await tx.execDrop("select 1");
      const controller = new AbortController();
      const reason = new Error("stop");
      const ending = tx[end]({ signal: controller.signal });
      controller.abort(reason);
      await ending.catch((error) => assert.equal(error, reason));
      await conn.ping();
      assert.equal(tx.closed, conn.transactionStatus === "idle", `closed: ${tx.closed}, ${conn.transactionStatus}`);
      await tx[Symbol.asyncDispose]();
      await isFree(conn);
    });
  }

  test(`transaction: a begin given up while others wait behind it leaves none open (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    for (let ticks = 0; ticks < 60; ticks++) {
      const controller = new AbortController();
      const reason = new Error("stop");
      const beginning = conn.begin({ signal: controller.signal }).catch((error) => assert.equal(error, reason));
      const behind = conn.query("select 1");
      for (let tick = 0; tick < ticks; tick++) await undefined;
      controller.abort(reason);
      const tx = await beginning;
      await behind;
      if (tx !== undefined) await tx.rollback();
      await isFree(conn);
    }
  });

  test(`transaction: given up while it waits to be rolled back, it is (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await conn.queryDrop("create temporary table t (n int)");
    const [failure, reason] = [new Error("mine"), new Error("stop")];
    for (const nested of [false, true]) {
      const outer = nested ? await conn.begin() : undefined;
      const controller = new AbortController();
      const { source, begun, end } = slowSource();
      const copied = Promise.withResolvers<number>();
      const made = (outer ?? conn).tx(async (tx) => {
        copied.resolve(tx.copyIn("copy t from stdin", source));
        await begun;
        throw failure;
      }, { signal: controller.signal });
      const rejected = assert.rejects(made, (error) => error === failure || error === reason);
      await begun;
      setTimeout(() => controller.abort(reason), 10);
      setTimeout(end, 50);
      assert.equal(await copied.promise, 1);
      await rejected;
      assert.deepEqual(await conn.query("table t"), [], nested ? "nested" : "outermost");
      await outer?.rollback();
      await isFree(conn);
    }
  });

  test(`transaction: given up while its portal waits to be closed, it is (PostgreSQL ${major})`, async () => {
    await using conn = await Conn.connect(fast);
    await conn.queryDrop("create temporary table t (n int)");
    const tx = await conn.begin();
    const controller = new AbortController();
    const reason = new Error("stop");
    const { source, begun, end } = slowSource();
    let copied: Promise<number> | undefined;
    await tx.execIter("select generate_series(1, 10)", [], async () => {
      copied = tx.copyIn("copy t from stdin", source);
      await begun;
      setTimeout(() => controller.abort(reason), 10);
      setTimeout(end, 50);
    }, { signal: controller.signal }).catch((error) => assert.equal(error, reason));
    await copied;
    assert.equal(await tx.execValue("select count(*) from pg_cursors where name <> ''"), 0n);
    await tx.rollback();
    await isFree(conn);
  });

  test(`transaction: rolled back with two pipelines open, of which one is being closed (PostgreSQL ${major})`, async () => {
    await using other = await Conn.connect(fast);
    await using conn = await Conn.connect(fast);
    const lock = other.id;
    await other.exec("select pg_advisory_lock($1)", [lock]);
    const failure = new Error("mine");
    const inside = Promise.withResolvers<Transaction>();
    let [first, claimed]: [Pipeline?, Promise<unknown>?] = [];
    const made = conn.tx(async (tx) => {
      first = tx.pipeline();
      const ticket = first.exec(`select pg_advisory_lock(${lock})`);
      await first.sync();
      claimed = first.claim(ticket);
      inside.resolve(tx);
      throw failure;
    });
    const rejected = assert.rejects(made, (error) => error === failure);
    const tx = await inside.promise;
    // The function has failed, and the rollback waits for the claim.
    await new Promise((resolve) => setTimeout(resolve, 10));
    const closed = first!.close();
    tx.pipeline().exec("select 1");
    await other.exec("select pg_advisory_unlock($1)", [lock]);
    await Promise.all([rejected, claimed, closed]);
    await isFree(conn);
  });
}

/** Data for a COPY, which keeps the connection until `end` is called. */
function slowSource(): { source: AsyncIterable<string>; begun: Promise<void>; end: () => void } {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const source = async function* () {
    yield "1\n";
    begun.resolve();
    await ended.promise;
  };
  return { source: source(), begun: begun.promise, end: ended.resolve };
}
