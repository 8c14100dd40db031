/** Strict transactions: calls that would surprise are refused, with the stacks of both. */
import assert from "node:assert/strict";
import { type Conn, Opts, Pool, UsageError } from "../../mod.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

/** The error of a call that must be refused, as functions of `tx` can return it in both worlds. */
async function refusalOf(call: () => unknown): Promise<UsageError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    assert.equal(error.safeToRetry, true);
    return error;
  }
  throw new assert.AssertionError({ message: "it was not refused" });
}

/** The value as it is. A call in its place would be a tail call, and Bun keeps no frames of those. */
function keptFrame<T>(value: T): T {
  return value;
}

/** Checks that an error names the functions that made the call and began the transaction. */
function assertStacks(error: UsageError, caller: string, beginner: string): void {
  assert.match(error.stack!, new RegExp(caller));
  assert.ok(error.cause instanceof Error);
  assert.equal(error.cause.message, "the transaction was begun here");
  assert.match(error.cause.stack!, new RegExp(beginner));
}

conformance("strict transactions: the connection is refused while a transaction is open", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).strictTransactions(true));
  await conn.queryDrop("create temporary table note (text text)");
  const stmt = await conn.prepare("insert into note values ('statement')");
  function callsConnection(): unknown {
    return keptFrame(conn.execDrop("insert into note values ('outside')"));
  }
  function beginsTransaction() {
    return keptFrame(conn.begin());
  }
  const tx = await beginsTransaction();
  const refusal = await refusalOf(callsConnection);
  assert.match(refusal.message, /^Cannot execute the statement on the connection while a transaction is open inside/);
  assertStacks(refusal, "callsConnection", "beginsTransaction");
  const calls: readonly ((conn: Conn) => unknown)[] = [
    (conn) => conn.queryDrop("insert into note values ('outside')"),
    (conn) => conn.execBatch("insert into note values ($1)", [["outside"]]),
    (conn) => conn.copyRows("note", ["text"], [["outside"]]),
    (conn) => conn.copyIn("copy note from stdin", "outside\n"),
    (conn) => conn.notify("strict"),
    (conn) => conn.listen("strict"),
    (conn) => conn.ping(),
    (conn) => conn.begin(),
    (conn) => conn.tx(() => {}),
    (conn) => conn.execDrop(stmt),
    (conn) => conn.copyOut("copy note to stdout"),
    (conn) => conn.pipeline(),
    (conn) => conn.execIter("select 1", [], () => {}),
  ];
  for (const call of calls) await refusalOf(() => call(conn));
  await refusalOf(async () => {
    for await (const _ of conn.stream("select 1"));
  });
  assert.equal(await tx.execDrop(stmt), 1);
  await tx.commit();
  assert.deepEqual(await conn.query("table note"), [{ text: "statement" }]);
  assert.equal(await conn.execDrop(stmt), 1);
});

conformance("strict transactions: the outer one is refused while one is nested in it", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).strictTransactions(true));
  const tx = await conn.begin();
  function beginsNested() {
    return keptFrame(tx.begin());
  }
  const nested = await beginsNested();
  function callsOuter(): unknown {
    return keptFrame(tx.execDrop("select 1"));
  }
  const refusal = await refusalOf(callsOuter);
  assert.match(refusal.message, /^Cannot execute the statement on a transaction while a transaction is open inside/);
  assertStacks(refusal, "callsOuter", "beginsNested");
  assertStacks(
    await refusalOf(() => conn.execDrop("select 1")),
    "strict_transactions_test",
    "strict_transactions_test",
  );
  assert.equal(await nested.execValue("select 1"), 1);
  await nested.rollback();
  assert.equal(await tx.execValue("select 2"), 2);
  await tx.begin();
  // It ends the nested one too.
  await tx.rollback();
  assert.equal(await conn.execValue("select 3"), 3);
});

conformance("strict transactions: a pool is refused inside of its tx functions", async (world, server) => {
  const opts = new Opts(server.fast).strictTransactions(true);
  await using pool = world.pool(opts, { poolMaxConcurrency: 3 });
  await using other = world.pool(opts);
  function callsPool(): unknown {
    return keptFrame(pool.execDrop("select 1"));
  }
  const calls: readonly (() => unknown)[] = [
    callsPool,
    () => pool.queryDrop("select 1"),
    () => pool.execBatch("select $1", [["x"]]),
    () => pool.acquire(),
    () => pool.tx(() => {}),
    () => pool.withTarget("any").execDrop("select 1"),
  ];
  // Not awaited inside, since functions of the blocking tx give no promises.
  const refusals: Promise<UsageError>[] = [];
  async function beginsTransaction() {
    return await pool.tx((tx) => {
      for (const call of calls) refusals.push(refusalOf(call));
      const value = other.execValue("select 2");
      const inner = tx.execValue("select 1");
      const nested = tx.tx(() => refusals.push(refusalOf(callsPool)));
      return world.name === "async" ? Promise.all([inner, nested, value]).then(([inner]) => inner) : inner;
    });
  }
  assert.equal(await beginsTransaction(), 1);
  assert.equal(refusals.length, calls.length + 1);
  for (const refusal of refusals) assert.match((await refusal).message, /^Cannot use the pool inside of a tx function/);
  assertStacks(await refusals[0]!, "callsPool", "beginsTransaction");
  assert.equal(await pool.execValue("select 3"), 3);
  // Of a connection taken from the pool, too.
  await using conn = await pool.acquire();
  const later: Promise<UsageError>[] = [];
  await conn.tx((tx) => {
    later.push(refusalOf(callsPool), refusalOf(() => conn.execDrop("select 1")));
    return tx.execDrop("select 1");
  });
  assert.match((await later[0]!).message, /the pool inside/);
  assert.match((await later[1]!).message, /on the connection/);
});

conformance("strict transactions: without the option, nothing is refused", async (world, server) => {
  await using pool = world.pool(server.fast);
  const values: unknown[] = [];
  await pool.tx((tx) => {
    values.push(pool.execValue("select 1"));
    return tx.execValue("select 2");
  });
  assert.equal(await values[0], 1);
  await using conn = await world.connect(new Opts(server.fast).strictTransactions(false));
  await using tx = await conn.begin();
  assert.equal(await conn.execValue("select 3"), 3);
  await tx.rollback();
});

test("strict transactions: calls of other tasks are not refused by a pool", async () => {
  await using pool = new Pool(new Opts(newest.fast).strictTransactions(true));
  const { promise: hasBegun, resolve: begun } = Promise.withResolvers<void>();
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const transaction = pool.tx(async () => {
    begun();
    await mayEnd;
    await assert.rejects(pool.ping(), UsageError);
  });
  await hasBegun;
  assert.equal(await pool.execValue("select 1"), 1);
  end();
  await transaction;
});
