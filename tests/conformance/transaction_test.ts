import assert from "node:assert/strict";
import {
  Conn,
  ConnectionError,
  IsolationLevel,
  ServerError,
  TimeoutError,
  type Transaction,
  UsageError,
} from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Nothing is left of a transaction, and the connection works. */
async function isFree(conn: Conn): Promise<void> {
  await conn.ping();
  assert.equal(conn.transactionStatus, "idle");
  const tx = await conn.begin();
  assert.equal(await tx.execValue("select $1::int4", [42]), 42);
  await tx.rollback();
  assert.equal(conn.transactionStatus, "idle");
}

/** A temporary table `t` of numbers; the function tells which it has, in order. */
async function numbers(conn: Conn): Promise<() => Promise<unknown>> {
  await conn.queryDrop("create temporary table t (n int check (n >= 0))");
  return async () => await conn.execValue("select coalesce(array_agg(n order by n), '{}') from t");
}

function isUsage(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

function isServer(code: string, causeCode?: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ServerError, String(error));
    assert.equal(error.code, code, error.message);
    if (causeCode !== undefined) {
      assert.ok(error.cause instanceof ServerError, String(error.cause));
      assert.equal(error.cause.code, causeCode);
    }
    return true;
  };
}

conformance("transaction: tx commits what its function did, and gives what it returns", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  const result = await conn.tx(given(world, function* (tx: Transaction) {
    assert.equal(yield tx.execDrop("insert into t values ($1), ($2)", [1, 2]), 2);
    assert.equal(conn.transactionStatus, "active");
    return ["any", "value"];
  }));
  assert.deepEqual(result, ["any", "value"]);
  assert.equal(conn.transactionStatus, "idle");
  assert.deepEqual(await content(), [1, 2]);
  assert.equal(await conn.tx(() => undefined), undefined);
  await isFree(conn);
});

conformance("transaction: what its function throws comes back as it is, rolled back", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  for (const thrown of [new Error("mine"), "a string", undefined, null, 0, { code: "40001" }]) {
    const outcome = attempt(() =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          yield tx.execDrop("insert into t values (1)");
          throw thrown;
        }),
        { retries: 2 },
      )
    );
    assert.deepEqual(await outcome.then(() => "returned", (error) => ({ error, same: error === thrown })), {
      error: thrown,
      same: true,
    });
  }
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance("transaction: a statement's error comes back as it is, rolled back", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  let seen: unknown;
  await assert.rejects(
    attempt(() =>
      conn.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop("insert into t values (1)");
        try {
          yield tx.execDrop("insert into t values ($1)", [-1]);
        } catch (error) {
          seen = error;
          throw error;
        }
      }))
    ),
    (error) => error === seen && isServer("23514")(error),
  );
  assert.deepEqual(await content(), []);
  await isFree(conn);
});

conformance("transaction: begin, commit, rollback, and disposal", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  {
    await using tx = await conn.begin();
    assert.equal(tx.closed, false);
    assert.equal(tx.id, conn.id);
    await tx.execDrop("insert into t values (1)");
    await tx.commit();
    assert.equal(tx.closed, true);
  }
  {
    await using tx = await conn.begin();
    await tx.execDrop("insert into t values (2)");
    await tx.rollback();
    assert.equal(conn.transactionStatus, "idle");
  }
  let kept: Transaction | undefined;
  {
    await using tx = await conn.begin();
    kept = tx;
    await tx.execDrop("insert into t values (3)");
  }
  assert.equal(kept.closed, true);
  assert.equal(conn.transactionStatus, "idle");
  await assert.rejects(async () => {
    await using tx = await conn.begin();
    await tx.execDrop("insert into t values (4)");
    throw new Error("from the block");
  }, /^Error: from the block$/);
  await assert.rejects(async () => {
    await using tx = await conn.begin();
    await tx.execDrop("insert into t values (-4)");
  }, isServer("23514"));
  assert.deepEqual(await content(), [1]);
  await isFree(conn);
});

conformance("transaction: every isolation level, in any spelling", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const spellings: Record<string, readonly string[]> = {
    "read uncommitted": [IsolationLevel.ReadUncommitted, "read_uncommitted", "ReadUncommitted"],
    "read committed": [IsolationLevel.ReadCommitted, "read committed", "READ-COMMITTED", "readCommitted"],
    "repeatable read": [IsolationLevel.RepeatableRead, "Repeatable Read", "REPEATABLE_READ", "repeatableread"],
    "serializable": [IsolationLevel.Serializable, "serializable", "Serializable"],
  };
  for (const [level, names] of Object.entries(spellings)) {
    for (const isolationLevel of names) {
      const show = (tx: Transaction): Promise<unknown> => tx.execValue("show transaction_isolation");
      assert.equal(await conn.tx(show, { isolationLevel }), level, isolationLevel);
      await using tx = await conn.begin({ isolationLevel });
      assert.equal(await tx.execValue("show transaction_isolation"), level, isolationLevel);
    }
  }
  await isFree(conn);
});

conformance("transaction: readOnly and deferrable, given, denied and left to the session", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const shown = (tx: Transaction): Promise<unknown> =>
    tx.execValue(
      "select concat_ws(' ', current_setting('transaction_isolation'), " +
        "current_setting('transaction_read_only'), current_setting('transaction_deferrable'))",
    );
  assert.equal(await conn.tx(shown), "read committed off off");
  assert.equal(await conn.tx(shown, { readOnly: undefined, isolationLevel: undefined }), "read committed off off");
  assert.equal(await conn.tx(shown, { readOnly: true }), "read committed on off");
  const all = { isolationLevel: "serializable", readOnly: true, deferrable: true };
  assert.equal(await conn.tx(shown, all), "serializable on on");
  {
    await using tx = await conn.begin(all);
    assert.equal(await shown(tx), "serializable on on");
    await assert.rejects(attempt(() => tx.queryDrop("create table never (n int)")), isServer("25006"));
  }
  await conn.queryDrop(`
    set default_transaction_isolation = 'repeatable read';
    set default_transaction_read_only = on;
    set default_transaction_deferrable = on;
  `);
  assert.equal(await conn.tx(shown), "repeatable read on on");
  assert.equal(await conn.tx(shown, { readOnly: false, deferrable: false }), "repeatable read off off");
  assert.equal(await conn.tx(shown, { isolationLevel: "read committed" }), "read committed on on");
  await isFree(conn);
});

conformance("transaction: wrong options are UsageErrors, and nothing begins", async (world, server) => {
  await using conn = await world.connect(server.fast);
  let runs = 0;
  const fn = (): number => ++runs;
  const wrong: [unknown, RegExp][] = [
    [{ isolationLevel: "snapshot" }, /isolation level "snapshot": it must be read uncommitted, /],
    [{ isolationLevel: "" }, /isolation level/],
    [{ isolationLevel: "serializable; drop table t" }, /isolation level/],
    [{ isolationLevel: null }, /isolation level/],
    [{ isolationLevel: 1 }, /isolation level/],
    [{ readOnly: "yes" }, /readOnly: it must be true or false/],
    [{ readOnly: null }, /readOnly/],
    [{ deferrable: 1 }, /deferrable: it must be true or false/],
    [{ timeout: -1 }, /timeout/],
    [{ timeout: "1s" }, /timeout/],
    [{ isolation: "serializable" }, /option "isolation": there are .*isolationLevel, readOnly, deferrable/],
    ["serializable", /options/],
    [null, /options/],
  ];
  for (const [options, message] of wrong) {
    await assert.rejects(attempt(() => conn.begin(options as never)), isUsage(message), JSON.stringify(options));
    await assert.rejects(attempt(() => conn.tx(fn, options as never)), isUsage(message), JSON.stringify(options));
  }
  for (const retries of [-1, 1.5, NaN, Infinity, "3", null, true]) {
    await assert.rejects(attempt(() => conn.tx(fn, { retries } as never)), isUsage(/retries/), String(retries));
  }
  await assert.rejects(attempt(() => conn.begin({ retries: 1 } as never)), isUsage(/"retries"/));
  for (const none of [undefined, null, "select 1", {}]) {
    await assert.rejects(attempt(() => conn.tx(none as never)), isUsage(/give a function/));
  }
  assert.equal(runs, 0);
  assert.equal(conn.transactionStatus, "idle");
  await isFree(conn);
});

conformance("transaction: a finished one refuses every member", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  await using statement = await conn.prepare("select 1");
  const finished: Transaction[] = [];
  await conn.tx(given(world, function* (tx: Transaction) {
    finished.push(tx);
    yield tx.execDrop("select 1");
  }));
  await assert.rejects(attempt(() =>
    conn.tx((tx) => {
      finished.push(tx);
      throw new Error("mine");
    })
  ));
  for (const end of ["commit", "rollback", "dispose"] as const) {
    await using tx = await conn.begin();
    finished.push(tx);
    if (end !== "dispose") await tx[end]();
  }
  // In another transaction that is open, too.
  await using other = await conn.begin();
  assert.equal(finished.length, 5);
  for (const tx of finished) {
    const members: Record<string, () => unknown> = {
      query: () => tx.query("select 1"),
      queryFirst: () => tx.queryFirst("select 1"),
      queryDrop: () => tx.queryDrop("select 1"),
      queryAll: () => tx.queryAll("select 1"),
      prepare: () => tx.prepare("select 1"),
      prepareBatch: () => tx.prepareBatch(["select 1"]),
      exec: () => tx.exec("select $1::int4", [1]),
      "exec of a prepared statement": () => tx.exec(statement),
      execFirst: () => tx.execFirst("select 1"),
      execOne: () => tx.execOne("select 1"),
      execValue: () => tx.execValue("select 1"),
      execDrop: () => tx.execDrop("select 1"),
      run: () => tx.run("select 1"),
      execBatch: () => tx.execBatch("insert into t values ($1)", [[1]]),
      execIter: () => tx.execIter("select 1", [], () => 1),
      stream: async () => {
        for await (const row of tx.stream("select 1")) assert.fail(JSON.stringify(row));
      },
      execPortal: () => tx.execPortal("select 1"),
      tx: () => tx.tx(() => 1),
      begin: () => tx.begin(),
      pipeline: () => tx.pipeline(),
      copyIn: () => tx.copyIn("copy t from stdin", ["1\n"]),
      copyOut: async () => {
        for await (const chunk of tx.copyOut("copy t to stdout")) assert.fail(String(chunk));
      },
      copyRows: () => tx.copyRows("t", ["n"], [[1]]),
      commit: () => tx.commit(),
      rollback: () => tx.rollback(),
    };
    for (const [name, call] of Object.entries(members)) {
      await assert.rejects(attempt(call), isUsage(/: the transaction is over$/), name);
    }
    assert.equal(tx.closed, true);
  }
  assert.equal(await other.execValue("select count(*) from t"), 0n);
  await other.rollback();
  await isFree(conn);
});

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

conformance("transaction: no second one while one is open, however it was begun", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const refused = async (pattern: RegExp): Promise<void> => {
    const before = conn.transactionStatus;
    await assert.rejects(attempt(() => conn.begin()), isUsage(pattern));
    await assert.rejects(attempt(() => conn.tx(() => assert.fail("must not run"))), isUsage(pattern));
    assert.equal(conn.transactionStatus, before);
  };
  const tx = await conn.begin();
  await refused(/tx\.tx\(\)/);
  await tx.commit();
  await conn.tx(given(world, function* () {
    for (const call of [() => conn.begin(), () => conn.tx(() => assert.fail("must not run"))]) {
      try {
        yield call();
        assert.fail("one is open");
      } catch (error) {
        isUsage(/tx\.tx\(\)/)(error);
      }
    }
  }));
  await conn.queryDrop("begin");
  await refused(/tx\.tx\(\)/);
  await assert.rejects(attempt(() => conn.exec("select 1/0")), isServer("22012"));
  await refused(/tx\.tx\(\)/);
  await conn.queryDrop("rollback");
  await isFree(conn);
});

conformance("transaction: what is called on the connection runs inside", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const content = await numbers(conn);
  const tx = await conn.begin();
  await conn.execDrop("insert into t values ($1)", [1]);
  await conn.queryDrop("insert into t values (2)");
  assert.equal(await conn.execBatch("insert into t values ($1)", [[3], [4]]), 2);
  assert.equal(await tx.execValue("select count(*) from t"), 4n);
  await tx.rollback();
  assert.deepEqual(await content(), []);
  await conn.tx(given(world, function* (tx: Transaction) {
    yield conn.execDrop("insert into t values (5)");
    assert.equal(yield tx.execValue("select count(*) from t"), 1n);
  }));
  assert.deepEqual(await content(), [5]);
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
    TimeoutError,
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
}

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
