/** Pipelines: closing and disposal, the loss of the connection, calls beside them. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, PipelineAborted, Pool, ServerError, SqlState, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

interface N {
  n: number;
}

conformance("pipeline: disposal throws what a Sync reported that no claim did", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  const twice = (): ReturnType<typeof conn.pipeline> => {
    const pipeline = conn.pipeline();
    for (let i = 0; i < 2; i++) pipeline.exec("insert into t values (1)");
    return pipeline;
  };
  const unsent = twice();
  await assert.rejects(attempt(() => unsent.close()), { code: SqlState.UniqueViolation });
  await unsent.close();
  const sent = twice();
  await sent.sync();
  sent.exec("select 1");
  await assert.rejects(attempt(() => sent.close()), { code: SqlState.UniqueViolation });
  const partly = conn.pipeline();
  const first = partly.exec("insert into t values (1)");
  partly.exec("insert into t values (1)");
  assert.equal(await partly.claimDrop(first), 1);
  await assert.rejects(attempt(() => partly.close()), { code: SqlState.UniqueViolation });
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      for (let i = 0; i < 2; i++) pipeline.exec("insert into t values (1)");
    })(),
    { code: SqlState.UniqueViolation },
  );
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("pipeline: what a claim has reported, disposal does not", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4 unique deferrable initially deferred)");
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      for (let i = 0; i < 2; i++) {
        const ticket = pipeline.exec("insert into t values (1)");
        await pipeline.flush();
        if (i === 0) await pipeline.claim(ticket);
        else {
          await pipeline.sync();
          await pipeline.claim(ticket);
        }
      }
    })(),
    // Not a SuppressedError: it is thrown once.
    (error) => error instanceof ServerError && error.code === SqlState.UniqueViolation,
  );
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("pipeline: disposal reads the rest and swallows errors of what nobody claimed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int4)");
  {
    await using pipeline = conn.pipeline();
    pipeline.exec("insert into t values (1)");
    await pipeline.sync();
    pipeline.exec("select generate_series(1, 10000)");
    pipeline.exec("select 1/0");
    pipeline.exec("insert into t values (2)");
    await pipeline.sync();
    pipeline.exec("select bad");
    await pipeline.sync();
    pipeline.exec("insert into t values (3)");
  }
  assert.deepEqual(await conn.query("table t"), [{ n: 1 }, { n: 3 }]);
  {
    await using pipeline = conn.pipeline();
    const fails = pipeline.exec("select 1/0");
    pipeline.exec("select 2");
    await assert.rejects(attempt(() => pipeline.claim(fails)), ServerError);
    pipeline.exec("select 3");
  }
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: disposal does not replace what was thrown", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const mine = new Error("mine");
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      pipeline.exec("select 1/0");
      throw mine;
    })(),
    (error) => error === mine,
  );
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      await pipeline.claim(pipeline.exec("select 1/0"));
    })(),
    (error) => error instanceof ServerError && error.code === SqlState.DivisionByZero,
  );
  assert.equal(await conn.execValue("select 42"), 42);
});

conformance("pipeline: a closed one is of no use", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const ticket = pipeline.exec("select 1");
  await pipeline.close();
  await pipeline.close();
  assert.throws(() => pipeline.exec("select 1"), UsageError);
  await assert.rejects(attempt(() => pipeline.sync()), UsageError);
  await assert.rejects(attempt(() => pipeline.flush()), UsageError);
  await assert.rejects(attempt(() => pipeline.claim(ticket)), UsageError);
  assert.deepEqual([pipeline.pendingCount, pipeline.aborted], [0, false]);
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("pipeline: while it is open, other calls are refused by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using statement = await conn.prepare("select 1");
  await using pipeline = conn.pipeline();
  const calls: Record<string, () => unknown> = {
    ping: () => conn.ping(),
    query: () => conn.query("select 1"),
    queryAll: () => conn.queryAll("select 1"),
    exec: () => conn.exec("select 1"),
    "exec of a prepared statement": () => conn.exec(statement),
    execBatch: () => conn.execBatch("select $1::int4", [[1]]),
    execIter: () => conn.execIter("select 1", [], () => 1),
    prepare: () => conn.prepare("select 1"),
    prepareBatch: () => conn.prepareBatch(["select 1"]),
    tx: () => conn.tx(() => 1),
    begin: () => conn.begin(),
    stream: () => conn.stream("select 1"),
    pipeline: () => conn.pipeline(),
    copyIn: () => conn.copyIn("copy t from stdin", "x"),
    copyOut: () => conn.copyOut("copy t to stdout"),
    copyRows: () => conn.copyRows("t", ["a"], []),
    listen: () => conn.listen("c"),
    notify: () => conn.notify("c"),
    reset: () => conn.reset(),
  };
  for (let round = 0; round < 2; round++) {
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(
        attempt(call),
        (error) => error instanceof UsageError && /a pipeline is open/.test(error.message) && error.safeToRetry,
        name,
      );
    }
    // The first time nothing was sent yet, the second time something was.
    assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 1 as n")), [{ n: 1 }]);
  }
  await pipeline.close();
  assert.equal(await conn.execValue(statement), 1);
});

conformance("pipeline: what the connection's loss leaves", async (world, server) => {
  await using admin = await world.connect(server.admin);
  const conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const requests = [pipeline.exec<N>("select 1 as n")];
  await pipeline.sync();
  assert.deepEqual(await pipeline.claim(requests[0]!), [{ n: 1 }]);
  requests.push(pipeline.exec("select 2 as n"), pipeline.exec("select 3 as n"));
  await pipeline.flush();
  assert.deepEqual(await pipeline.claim(requests[1]!), [{ n: 2 }]);
  requests.push(pipeline.exec("select 4 as n"));
  await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
  await attempt(() => pipeline.claim(requests[2]!)).catch((error) => assert.ok(error instanceof ConnectionError));
  await assert.rejects(
    attempt(() => pipeline.claim(requests[3]!)),
    (error) =>
      error instanceof ConnectionError || (error instanceof PipelineAborted && error.cause instanceof ConnectionError),
  );
  assert.equal(conn.closed, true);
  await attempt(() => pipeline.close()).catch((error) => assert.ok(error instanceof ConnectionError));
  await conn.close();
  assert.throws(() => conn.pipeline(), ConnectionError);
});

conformance("pipeline: disposal after the loss keeps the error that told of it", async (world, server) => {
  await using admin = await world.connect(server.admin);
  const conn = await world.connect(server.fast);
  await assert.rejects(
    (async () => {
      await using pipeline = conn.pipeline();
      const ticket = pipeline.exec("select 1");
      pipeline.exec("select 2");
      await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
      await pipeline.claim(ticket);
    })(),
    (error) => error instanceof ConnectionError,
  );
  await conn.close();
});

conformance(
  "pipeline: disposal that loses the connection keeps the error of the claim that was given up",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const body = async (): Promise<void> => {
      await using pipeline = conn.pipeline();
      const slow = pipeline.exec("select pg_sleep(60)");
      // So that no cancel request is sent: its caller may still come.
      pipeline.exec("select 1");
      await pipeline.claim(slow, { timeout: 30 });
    };
    await assert.rejects(body(), { name: "TimeoutError", message: /^Cannot claim the result:/, outcome: "unknown" });
    assert.equal(conn.closed, true);
    await assert.rejects(attempt(() => conn.ping()), /the server did not answer within 2000 ms$/);
  },
);

conformance("pipeline: closing the connection ends it", async (world, server) => {
  const conn = await world.connect(server.fast);
  const pipeline = conn.pipeline();
  const ticket = pipeline.exec("select 1");
  await pipeline.sync();
  await conn.close();
  await assert.rejects(attempt(() => pipeline.claim(ticket)));
  await attempt(() => pipeline.close()).catch((error) => assert.ok(error instanceof ConnectionError));
});

for (const server of serversOf(awaiting)) {
  const name = (what: string): string => `pipeline: ${what} (awaiting, PostgreSQL ${server.major})`;

  test(name("claims at once, in order"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using pipeline = conn.pipeline();
    const requests = Array.from({ length: 100 }, (_, n) => pipeline.exec<N>("select $1::int4 as n", [n]));
    const rows = await Promise.all(requests.map((ticket) => pipeline.claimOne(ticket)));
    assert.deepEqual(rows, requests.map((_, n) => ({ n })));
    const [a, b] = [pipeline.exec<N>("select 1 as n"), pipeline.exec<N>("select 2 as n")];
    const [second, first] = await Promise.allSettled([pipeline.claim(b), pipeline.claim(a)]);
    assert.equal(second.status, "rejected");
    assert.deepEqual(first, { status: "fulfilled", value: [{ n: 1 }] });
    assert.deepEqual(await pipeline.claim(b), [{ n: 2 }]);
  });

  test(name("opened while its transaction is being rolled back"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const isOver = { name: "UsageError", message: /the transaction is over/ };
    for (const call of ["sync", "claim", "close"] as const) {
      const tx = await conn.begin();
      const rolledBack = tx.rollback();
      const pipeline = tx.pipeline();
      const ticket = pipeline.exec("insert into t values (1)");
      await rolledBack;
      await assert.rejects(call === "claim" ? pipeline.claim(ticket) : pipeline[call](), isOver, call);
      await pipeline.close().catch((error) => assert.match(error.message, isOver.message));
      assert.deepEqual(await conn.query("table t"), [], call);
      await conn.execDrop("insert into t values ($1)", [1]);
      await conn.queryDrop("truncate t");
    }
  });

  test(name("while one is being closed, it takes no more calls, and does not come back"), async () => {
    await using pool = new Pool(server.fast, { poolMaxConcurrency: 1 });
    const isClosed = { name: "UsageError", message: /: the pipeline is closed$/ };
    for (const isSent of [false, true]) {
      for (const late of ["sync", "flush"] as const) {
        await using conn = await pool.acquire();
        const pipeline = conn.pipeline();
        const ticket = pipeline.exec<N>("select 1 as n from pg_sleep(0.02)");
        if (isSent) await pipeline.sync();
        const claimed = pipeline.claim(ticket);
        const closed = pipeline.close();
        assert.throws(() => pipeline.exec("select 2"), isClosed);
        await assert.rejects(pipeline[late](), isClosed);
        assert.deepEqual(await claimed, [{ n: 1 }], "a call that was made before goes on");
        await closed;
        assert.equal(await conn.execValue("select 3"), 3);
      }
    }
    // Also if the release of its connection closes it, which another call keeps waiting.
    const conn = await pool.acquire();
    const pipeline = conn.pipeline();
    const slow = pipeline.exec<N>("select 4 as n from pg_sleep(0.05)");
    await pipeline.sync();
    const claimed = pipeline.claim(slow);
    const released = conn.release();
    const late = [pipeline.sync(), pipeline.flush()].map((call) => assert.rejects(call, isClosed));
    assert.deepEqual(await claimed, [{ n: 4 }]);
    await Promise.all([released, ...late]);
    assert.equal(await pool.execValue("select 5"), 5);
  });

  test(name("another one may be opened and closed while one is being closed"), async () => {
    await using conn = await Conn.connect(server.fast);
    for (const isUsed of [false, true]) {
      const first = conn.pipeline();
      first.exec("select pg_sleep(0.05)");
      await first.sync();
      const closed = [first.close()];
      // The first has the connection for itself now.
      await new Promise((resolve) => setTimeout(resolve, 5));
      const second = conn.pipeline();
      const ticket = second.exec<N>("select 1 as n");
      const claimed = isUsed ? second.claim(ticket) : undefined;
      closed.push(second.close());
      const others = [conn.execValue("select 2"), conn.queryFirst<N>("select 3 as n")];
      assert.deepEqual(await Promise.all(others), [2, { n: 3 }], "calls behind both wait for them");
      await Promise.all(closed);
      assert.deepEqual(await claimed, isUsed ? [{ n: 1 }] : undefined);
    }
  });

  test(name("begun while earlier calls are under way"), async () => {
    await using conn = await Conn.connect(server.fast);
    const earlier = [
      conn.exec("select pg_sleep(0.05), 1 as n"),
      conn.exec<N>("select $1::int4 as n", [2]),
      conn.query<N>("select 3 as n"),
    ];
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec<N>("select $1::int4 as n", [4]);
    await assert.rejects(conn.exec("select 1"), UsageError);
    const claimed = pipeline.claim(ticket);
    assert.deepEqual((await Promise.all(earlier)).map((rows) => rows.length), [1, 1, 1]);
    assert.deepEqual(await claimed, [{ n: 4 }]);
  });

  test(name("a sync ends the group where it is called, awaited or not"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    const slow = conn.exec("select pg_sleep(0.05)");
    {
      await using pipeline = conn.pipeline();
      const insert = pipeline.exec("insert into t values (1)");
      const first = pipeline.sync();
      const fails = pipeline.exec("select 1/0");
      const second = pipeline.sync();
      await Promise.all([slow, first, second]);
      assert.equal(await pipeline.claimDrop(insert), 1);
      await assert.rejects(pipeline.claim(fails), { code: SqlState.DivisionByZero });
    }
    assert.deepEqual(await conn.query("table t"), [{ n: 1 }], "the failure is not of the first group");
  });

  test(name("a signal, before and after the statement is sent"), async () => {
    await using conn = await Conn.connect(server.fast);
    const reason = new Error("mine");
    for (const warm of [false, true]) {
      await using pipeline = conn.pipeline();
      if (warm) await pipeline.claim(pipeline.exec("select 0"));
      for (const call of ["claim", "sync", "flush"] as const) {
        const requests = [pipeline.exec<N>("select 1 as n"), pipeline.exec<N>("select 2 as n")];
        const controller = new AbortController();
        const { signal } = controller;
        const given = call === "claim" ? pipeline.claim(requests[0]!, { signal }) : pipeline[call]({ signal });
        const settled = Promise.allSettled([given]);
        controller.abort(reason);
        const [outcome] = await settled;
        if (outcome!.status === "rejected") assert.equal(outcome!.reason, reason);
        // Whatever was sent: what is still to be claimed can be, and nothing waits for ever.
        const left = requests.slice(-pipeline.pendingCount);
        for (const ticket of left) {
          const claim = pipeline.claim(ticket);
          const late = new Promise<string>((resolve) => setTimeout(() => resolve("late"), 3000));
          assert.equal((await Promise.race([claim, late])).length, 1, `${call}, ${warm ? "later" : "first"}`);
        }
      }
      const aborted = AbortSignal.abort(reason);
      const ticket = pipeline.exec<N>("select 3 as n");
      await assert.rejects(pipeline.claim(ticket, { signal: aborted }), (error) => error === reason);
      assert.deepEqual(await pipeline.claim(ticket), [{ n: 3 }]);
    }
    assert.equal(await conn.execValue("select 42"), 42);
  });

  test(name("every claim settles when the connection is lost"), async () => {
    await using admin = await Conn.connect(server.admin);
    const conn = await Conn.connect(server.fast);
    const pipeline = conn.pipeline();
    const requests = [pipeline.exec("select pg_sleep(10)"), pipeline.exec("select 1"), pipeline.exec("select 2")];
    await pipeline.sync();
    requests.push(pipeline.exec("select 3"));
    const claims = Promise.allSettled(requests.map((ticket) => pipeline.claim(ticket)));
    const closed = Promise.allSettled([pipeline.close()]);
    await admin.exec("select pg_terminate_backend($1, 5000)", [conn.id]);
    for (const claim of await claims) {
      assert.ok(claim.status === "rejected");
      assert.ok(
        claim.reason instanceof ConnectionError ||
          (claim.reason instanceof PipelineAborted && claim.reason.cause instanceof ConnectionError),
      );
    }
    await closed;
    await conn.close();
  });

  test(name("cancel stops the statement that runs"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using pipeline = conn.pipeline();
    const slow = pipeline.exec("select pg_sleep(10)");
    const skipped = pipeline.exec("select 1");
    await pipeline.sync();
    const claim = pipeline.claim(slow);
    const outcome = Promise.allSettled([claim]);
    while (await Promise.race([outcome, new Promise((resolve) => setTimeout(resolve, 50))]) === undefined) {
      await conn.cancel();
    }
    await assert.rejects(claim, { code: SqlState.QueryCanceled });
    await assert.rejects(pipeline.claim(skipped), PipelineAborted);
    assert.deepEqual(await pipeline.claim(pipeline.exec<N>("select 1 as n")), [{ n: 1 }]);
  });
}
