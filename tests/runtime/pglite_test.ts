/** Connections of both kinds to PGlite in this process. */
import assert from "node:assert/strict";
import { after } from "node:test";
import { ConnectionError, EncodeError, ServerError, SqlState, TimeoutError, UsageError } from "../../mod.ts";
import { pglite, type PgliteDatabase } from "../../src/pglite/mod.ts";
import { createPglite } from "../support/installed/pglite.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, failureOf, type World, worlds } from "../support/suite/worlds.ts";

// It takes seconds to start, so all tests share it; each finds the session reset.
const db = await createPglite();
after(() => db.close());

const WORLDS: readonly World[] = [awaiting, worlds.at(-1)!];

function inWorlds(name: string, body: (world: World) => Promise<void>): void {
  for (const world of WORLDS) test(`pglite: ${name} (${world === awaiting ? "async" : "sync"})`, () => body(world));
}

inWorlds("a session with its state", async (world) => {
  await using conn = await world.connect(pglite(db));
  assert.equal(conn.transport, "pglite");
  assert.equal(conn.tls, false);
  assert.equal(conn.upgrade.attempted, false);
  assert.equal(conn.cancelKey, undefined);
  assert.match(conn.serverVersion, /^\d+\.\d+/);
  assert.equal(conn.transactionStatus, "idle");
  await conn.ping();
});

inWorlds("values of many types, text and binary, and types of the database's own", async (world) => {
  await using conn = await world.connect(pglite(db));
  await conn.queryDrop("create temporary table t (a int8, b numeric, c timestamptz, d jsonb, e int4[], f bytea)");
  await conn.queryDrop("create type pg_temp.mood as enum ('sad', 'glad')");
  const params = [1n, "1.50", new Date(0), { x: 1 }, [1, null], new Uint8Array([0, 255])];
  for (let i = 0; i < 3; i++) await conn.execDrop("insert into t values ($1, $2, $3, $4, $5, $6)", params);
  const sql = "select a, b, d, e, f, 'glad'::pg_temp.mood as mood from t limit 1";
  const row = { a: 1n, b: "1.50", d: { x: 1 }, e: [1, null], f: new Uint8Array([0, 255]), mood: "glad" };
  for (let i = 0; i < 3; i++) assert.deepEqual(await conn.exec(sql), [row]);
  assert.deepEqual(await conn.query(sql), [row]);
  await assert.rejects(attempt(() => conn.exec("select $1::int4", ["x".repeat(3), 1])), UsageError);
  await assert.rejects(attempt(() => conn.exec("select $1::int4", [new Map()])), EncodeError);
  assert.equal(await conn.execValue("select count(*) from t"), 3n);
});

inWorlds("errors leave it usable, in and outside of transactions", async (world) => {
  await using conn = await world.connect(pglite(db));
  for (const call of [() => conn.query("selec 1"), () => conn.exec("select 1/$1::int4", [0])]) {
    await assert.rejects(attempt(call), ServerError);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  await conn.queryDrop("create temporary table t (a int4 primary key)");
  const tx = await conn.begin();
  await tx.execDrop("insert into t values (1)");
  await assert.rejects(attempt(() => tx.execDrop("insert into t values (1)")), {
    code: SqlState.UniqueViolation,
  });
  assert.equal(conn.transactionStatus, "failed");
  await tx.rollback();
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

inWorlds("large values, pipelines, batches, streams", async (world) => {
  await using conn = await world.connect(pglite(db));
  const text = "0123456789".repeat(300_000);
  assert.equal(await conn.execValue("select $1::text", [text]), text);
  {
    await using pipeline = conn.pipeline();
    const tickets = Array.from({ length: 50 }, (_, i) => pipeline.exec("select $1::int4 as n", [i]));
    for (const [i, ticket] of tickets.entries()) assert.deepEqual(await pipeline.claimOne(ticket), { n: i });
  }
  await conn.queryDrop("create temporary table t (a int4)");
  const sets = Array.from({ length: 1000 }, (_, i) => [i]);
  assert.equal(await conn.execBatch("insert into t values ($1)", sets), 1000);
  let sum = 0;
  for await (const { a } of conn.stream<{ a: number }>("select a from t", [], { batch: 100 })) sum += a;
  assert.equal(sum, 499_500);
});

inWorlds("COPY in both directions", async (world) => {
  await using conn = await world.connect(pglite(db));
  await conn.queryDrop("create temporary table t (a int4 primary key, b text)");
  assert.equal(await conn.copyIn("copy t from stdin", ["1\tone\n2\t", "two\n"]), 2);
  assert.equal(await conn.copyRows("t", ["a", "b"], [[3, "three"], [4, null]]), 2);
  let out = "";
  for await (const chunk of conn.copyOut("copy t to stdout")) out += new TextDecoder().decode(chunk);
  assert.equal(out, "1\tone\n2\ttwo\n3\tthree\n4\t\\N\n");
  const many = Array.from({ length: 20_000 }, (_, i) => `${i + 10}\t${"x".repeat(20)}\n`);
  assert.equal(await conn.copyIn("copy t from stdin", many), 20_000);
  assert.equal(await conn.execValue("select count(*) from t"), 20_004n);
});

inWorlds("a COPY that fails, is misplaced, or has no data leaves it usable", async (world) => {
  await using conn = await world.connect(pglite(db));
  await conn.queryDrop("create temporary table t (a int4)");
  const failing: readonly (readonly [call: () => unknown, kind: new (...parts: never[]) => Error, words: RegExp])[] = [
    [() => conn.copyIn("copy t from stdin", ["x\n"]), ServerError, /invalid input syntax/],
    [() => conn.copyIn("copy nowhere from stdin", ["1\n"]), ServerError, /does not exist/],
    [() => conn.copyIn("copy t from stdin; select 1", ["1\n"]), ServerError, /COPY FROM STDIN must be the only/],
    [() => conn.copyIn("select 1", ["1\n"]), UsageError, /must be COPY/],
    [() => conn.query("copy t from stdin"), UsageError, /use copyIn\(\)/],
    [() => conn.exec("copy t from stdin"), UsageError, /use copyIn\(\)/],
    [() => conn.exec("copy t from stdin"), UsageError, /use copyIn\(\)/],
    [() => conn.query("copy t to stdout"), UsageError, /use copyOut\(\)/],
  ];
  for (const [call, kind, words] of failing) {
    await assert.rejects(attempt(call), (error) => error instanceof kind && words.test(error.message), String(words));
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
  }
  const broken = function* (): Generator<string> {
    yield "1\n";
    throw new RangeError("no more");
  };
  await assert.rejects(attempt(() => conn.copyIn("copy t from stdin", broken())), /no more/);
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

inWorlds("notifications of its own", async (world) => {
  await using conn = await world.connect(pglite(db));
  await using news = await conn.listen("news");
  await conn.notify("news", "hello");
  for await (const { payload } of news) {
    assert.equal(payload, "hello");
    break;
  }
});

inWorlds("settings of the session's start, and what PGlite cannot do", async (world) => {
  const opts = pglite(db).applicationName("it's").param("statement_timeout", "5s").param("DateStyle", "German");
  await using conn = await world.connect(opts);
  assert.equal(await conn.execValue("show application_name"), "it's");
  assert.equal(await conn.execValue("show statement_timeout"), "5s");
  assert.equal(conn.serverParams.DateStyle, "German, DMY");
  await conn.close();
  const refused = await failureOf(world, pglite(db).param("no_such_setting", "1"));
  assert.ok(refused instanceof ServerError);
  assert.match(refused.message, /unrecognized configuration parameter "no_such_setting"/);
  const options = await failureOf(world, pglite(db).param("options", "-c geqo=off"));
  assert.match(options.message, /takes no command-line options/);
});

inWorlds("one connection at a time; the next one finds a session that is reset", async (world) => {
  await using conn = await world.connect(pglite(db));
  const second = await failureOf(world, pglite(db));
  assert.ok(second instanceof ServerError);
  assert.equal(second.code, SqlState.TooManyConnections);
  assert.match(second.message, /PGlite has one session, which another connection uses/);
  await conn.queryDrop("create temporary table left_over (a int4)");
  await conn.queryDrop("set statement_timeout = '7s'");
  await conn.query("begin");
  await conn.close();
  await using next = await world.connect(pglite(db));
  assert.deepEqual(await next.query("select name from pg_prepared_statements"), []);
  assert.equal(next.transactionStatus, "idle");
  assert.equal(await next.execValue("select to_regclass('left_over')"), null);
  assert.equal(await next.execValue("show statement_timeout"), "0");
});

inWorlds("the user of the next session is the database's own", async (world) => {
  const who = "select session_user || ' ' || current_user";
  let own: unknown;
  for (const change of ["set session authorization pglite_guest", "set role pglite_guest"]) {
    await using conn = await world.connect(pglite(db));
    own ??= await conn.execValue(who);
    assert.equal(await conn.execValue(who), own);
    await conn.queryDrop(
      `do $$ begin create role pglite_guest; exception when duplicate_object then end $$; ${change}`,
    );
    assert.match(String(await conn.execValue(who)), / pglite_guest$/);
  }
  await using conn = await world.connect(pglite(db));
  assert.equal(await conn.execValue(who), own);
  assert.deepEqual((await db.query(`${who} as who`)).rows, [{ who: own }]);
});

inWorlds("a time limit, though nothing can be cancelled", async (world) => {
  await using conn = await world.connect(pglite(db));
  // It is over by the time that anybody can look at the clock.
  const call = attempt(() => conn.execValue("select 1 from pg_sleep(0.2)", [], { timeout: 50 }));
  const outcome = await call.catch((error) => error);
  assert.ok(outcome === 1 || outcome instanceof TimeoutError, String(outcome));
  assert.equal(conn.closed, false);
  await conn.cancel();
  assert.equal(await conn.execValue("select 2"), 2);
});

inWorlds("a pool has one connection", async (world) => {
  await using pool = world.pool(pglite(db));
  const values = await Promise.all([1, 2, 3].map((n) => pool.execValue("select $1::int4", [n])));
  assert.deepEqual(values, [1, 2, 3]);
  assert.equal(pool.stats().size, 1);
});

test("pglite: its own queries go on beside a connection", async () => {
  await using conn = await awaiting.connect(pglite(db));
  await conn.queryDrop("create temporary table t (a int4)");
  const calls = Array.from({ length: 20 }, async (_, i) => {
    if (i % 2 === 0) await conn.execDrop("insert into t values ($1)", [i]);
    else await db.query(`insert into t values (${i})`);
  });
  await Promise.all(calls);
  assert.equal(await conn.execValue("select count(*) from t"), 20n);
});

test("pglite: what is no database, has not started, or cannot block is refused", async () => {
  for (const given of [undefined, null, {}, "memory://"]) {
    assert.throws(() => pglite(given as never), /^UsageError: Cannot use PGlite: give a database/);
  }
  const starting: PgliteDatabase = {
    ready: false,
    waitReady: Promise.resolve(),
    execProtocolRaw: (message) => db.execProtocolRaw(message),
    execProtocolRawSync: (message) => db.execProtocolRawSync(message),
    runExclusive: (fn) => db.runExclusive(fn),
  };
  const blocking = WORLDS[1]!;
  assert.match((await failureOf(blocking, pglite(starting))).message, /has not started; await its waitReady before/);
  const { execProtocolRawSync: _, ...worker } = starting;
  assert.match((await failureOf(blocking, pglite(worker))).message, /this PGlite runs in a worker/);
  await using conn = await awaiting.connect(pglite(starting));
  assert.equal(await conn.execValue("select 1"), 1);
});

inWorlds("a database that fails or is closed loses the connection", async (world) => {
  let problem: Error | undefined;
  let closed = false;
  const check = (): void => {
    if (problem !== undefined) throw problem;
  };
  const failing: PgliteDatabase = {
    get closed() {
      return closed;
    },
    async execProtocolRaw(message) {
      check();
      return await db.execProtocolRaw(message);
    },
    execProtocolRawSync(message) {
      check();
      return db.execProtocolRawSync(message);
    },
    runExclusive: (fn) => db.runExclusive(fn),
  };
  for (const fail of [() => problem = new Error("memory access out of bounds"), () => closed = true]) {
    problem = undefined;
    await using conn = await world.connect(pglite(failing));
    fail();
    await assert.rejects(
      attempt(() => conn.query("select 1")),
      (error) => error instanceof ConnectionError && /out of bounds|PGlite was closed/.test(error.message),
    );
    assert.equal(conn.closed, true);
  }
  assert.match((await failureOf(world, pglite(failing))).message, /^Cannot connect to pglite:5432: PGlite was closed$/);
});

test("pglite: closing is no error once the database was closed (sync)", async () => {
  const world = worlds.at(-1)!;
  const own = await createPglite();
  const conn = await world.connect(pglite(own));
  await conn.queryDrop("create temporary table t (n int)");
  const pool = world.pool(pglite(own));
  await own.close();
  await conn.close();
  assert.equal(conn.closed, true);
  await conn.close();
  const closed = /PGlite was closed/;
  await assert.rejects(attempt(() => pool.query("select 1")), closed);
  await pool.close();
  assert.match((await failureOf(world, pglite(own))).message, closed);
});

async function attempt<T>(call: () => T): Promise<Awaited<T>> {
  return await call();
}
