/** Transactions: `tx` and `begin`, their options, and what a transaction refuses. */
import assert from "node:assert/strict";
import { IsolationLevel, type Transaction } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";
import { isFree, isServer, isUsage, numbers } from "../support/suite/transactions.ts";

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
    [{ readOnly: "yes" }, /Cannot set readOnly to "yes": it must be true or false/],
    [{ readOnly: null }, /readOnly/],
    [{ deferrable: 1 }, /Cannot set deferrable to 1: it must be true or false/],
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
  await using pool = world.pool(server.fast);
  for (const retries of [-1, 1.5, NaN, Infinity, "3", null, true, Symbol("3")]) {
    await assert.rejects(
      attempt(() => conn.tx(fn, { retries } as never)),
      isUsage(/^Cannot set retries to .+: it must be an integer from 0/),
      String(retries),
    );
    await assert.rejects(
      attempt(() => pool.tx(fn, { retries } as never)),
      isUsage(/^Cannot set retries to .+: it must be an integer from 0/),
      String(retries),
    );
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
