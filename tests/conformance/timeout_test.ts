/** `timeout` on every call, on real servers. */
import assert from "node:assert/strict";
import { Opts, Pool, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { isTimeout, LONG, SLEEP, SLEEPER, SLEEPING } from "../support/suite/long_calls.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("timeout: stops each kind of call, and the connection goes on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(SLEEPER);
  for (const [name, call] of Object.entries(LONG)) {
    await assert.rejects(attempt(() => call(conn, { timeout: 40 }, world)), isTimeout("cancelled"), name);
    assert.equal(conn.transactionStatus, "idle", name);
    assert.equal(await conn.execValue("select $1::text", [name]), name);
  }
  assert.equal(await conn.execValue("select count(*) from sleeper"), 0n);
});

conformance("timeout: in a transaction, which then has failed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(SLEEPER);
  for (const [name, call] of Object.entries(LONG)) {
    await using tx = await conn.begin();
    await assert.rejects(attempt(() => call(tx, { timeout: 40 }, world)), isTimeout("cancelled"), name);
    await tx.rollback();
    assert.equal(conn.transactionStatus, "idle", name);
    assert.equal(await conn.execValue("select $1::text", [name]), name);
  }
});

conformance(
  "timeout: of a whole transaction, whose statement is stopped and which is rolled back",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    let finished = false;
    const call = (): unknown =>
      conn.tx(
        given(world, function* (tx) {
          yield tx.execDrop("insert into t values (1)");
          yield tx.execValue("select pg_sleep(2)");
          finished = true;
        }),
        { timeout: 60 },
      );
    await assert.rejects(attempt(call), isTimeout("cancelled"));
    assert.equal(finished, false, "the statement in it was not stopped");
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
  },
);

conformance("timeout: of a commit and of what else a transaction has", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop(
    `create temporary table slow (n int4);
     create function pg_temp.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$;
     create constraint trigger wait after insert on slow deferrable initially deferred
       for each row execute function pg_temp.wait()`,
  );
  await using tx = await conn.begin();
  await tx.execDrop("insert into slow values (1)");
  await assert.rejects(attempt(() => tx.commit({ timeout: 40 })), isTimeout("cancelled"));
  assert.equal(conn.transactionStatus, "idle");
  await using pipelined = await conn.begin();
  const pipeline = pipelined.pipeline();
  const ticket = pipeline.exec(SLEEP);
  await assert.rejects(attempt(() => pipeline.claim(ticket, { timeout: 40 })), isTimeout("cancelled"));
  await pipeline.close();
  await pipelined.rollback();
  assert.equal(await conn.execValue("select count(*) from slow"), 0n);
});

conformance("timeout: of a claim", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using pipeline = conn.pipeline();
    const slow = pipeline.exec("select pg_sleep(3)");
    await pipeline.sync();
    await assert.rejects(attempt(() => pipeline.claim(slow, { timeout: 40 })), isTimeout("cancelled"));
    const again = pipeline.exec("select 4 as n");
    assert.deepEqual(await pipeline.claim(again), [{ n: 4 }]);
  }
  assert.equal(await conn.execValue("select 5"), 5);
});

conformance("timeout: of a claim with others behind, which are claimed all the same", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using pipeline = conn.pipeline();
    const slow = pipeline.exec("select pg_sleep(0.3)");
    const behind = pipeline.exec("select 3 as n");
    await pipeline.sync();
    await assert.rejects(attempt(() => pipeline.claim(slow, { timeout: 40 })), isTimeout("unknown"));
    assert.deepEqual(await pipeline.claim(behind), [{ n: 3 }]);
  }
  assert.equal(await conn.execValue("select 5"), 5);
});

conformance("timeout: of a batch in chunks tells what was committed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n float8)");
  const sets = [[0], [0], [20], [0]];
  const sql = "insert into t select n from (select $1::float8 as n, pg_sleep($1)) as slow";
  await assert.rejects(attempt(() => conn.execBatch(sql, sets, { chunk: 1, timeout: 300 })), (error) => {
    isTimeout("cancelled")(error);
    assert.equal((error as TimeoutError).committed, 2);
    assert.equal((error as TimeoutError).index, 2);
    return true;
  });
  assert.equal(await conn.execValue("select count(*) from t"), 2n);
});

conformance("timeout: long enough, endless or 0 is no limit, and nothing is left behind", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (const timeout of [0, Infinity, 30_000, 2 ** 31, Number.MAX_VALUE, undefined]) {
    assert.equal(await conn.execValue("select 1 + $1", [1], { timeout }), 2);
    await conn.ping({ timeout });
    await conn.notify("timeout_nobody", "x", { timeout });
    assert.deepEqual(await conn.query("select pg_sleep(0.01), 3 as n", { timeout, rows: "array" }), [["", 3]]);
    const [statement] = await conn.prepareBatch(["select 1"], { timeout });
    await statement!.close();
    await using tx = await conn.begin({ timeout });
    assert.equal(await tx.tx(given(world, function* () {}), { timeout }), undefined);
    await tx.commit({ timeout });
    await conn.reset({ timeout });
  }
});

conformance("timeout: bad options are UsageErrors, and nothing is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const bad: readonly object[] = [
    ...[-1, NaN, "100", null, 1n, {}, true].map((timeout) => ({ timeout })),
    ...[{}, null, "signal", new AbortController()].map((signal) => ({ signal })),
    { timeOut: 1 },
    { Timeout: 1 },
    { signals: undefined, abort: 1 },
  ];
  const fn = given(world, function* () {});
  const calls: Readonly<Record<string, (options: never) => unknown>> = {
    ping: (options) => conn.ping(options),
    query: (options) => conn.query("select 1", options),
    queryFirst: (options) => conn.queryFirst("select 1", options),
    queryDrop: (options) => conn.queryDrop("select 1", options),
    queryAll: (options) => conn.queryAll("select 1", options),
    prepare: (options) => conn.prepare("select 1", options),
    prepareBatch: (options) => conn.prepareBatch(["select 1"], options),
    exec: (options) => conn.exec("select 1", [], options),
    "exec without parameters": (options) => conn.exec("select 1", options),
    execFirst: (options) => conn.execFirst("select 1", [], options),
    execOne: (options) => conn.execOne("select 1", [], options),
    execValue: (options) => conn.execValue("select 1", [], options),
    execDrop: (options) => conn.execDrop("select 1", [], options),
    run: (options) => conn.run("select 1", [], options),
    execBatch: (options) => conn.execBatch("select $1::int4", [[1]], options),
    execIter: (options) => conn.execIter("select 1", [], fn, options),
    stream: (options) => conn.stream("select 1", [], options),
    tx: (options) => conn.tx(fn, options),
    begin: (options) => conn.begin(options),
    copyIn: (options) => conn.copyIn("copy t from stdin", "", options),
    copyOut: (options) => conn.copyOut("copy t to stdout", options),
    copyRows: (options) => conn.copyRows("t", ["n"], [], options),
    listen: (options) => conn.listen("x", options),
    notify: (options) => conn.notify("x", "", options),
    reset: (options) => conn.reset(options),
  };
  for (const [name, call] of Object.entries(calls)) {
    for (const options of bad) {
      await assert.rejects(attempt(() => call(options as never)), UsageError, `${name} with ${Object.keys(options)}`);
    }
  }
  if (world.name !== "async") {
    for (const [name, call] of Object.entries(calls)) {
      const options = { signal: new AbortController().signal };
      await assert.rejects(attempt(() => call(options as never)), UsageError, name);
    }
  }
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("timeout: what the server stops by itself is the server's error", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("set statement_timeout = 30");
  await assert.rejects(attempt(() => conn.query(SLEEP, { timeout: 20_000 })), { name: "ServerError", code: "57014" });
});

conformance("timeout: over TLS and over TCP", async (world, server) => {
  for (const query of ["sslmode=require", "sslmode=disable&upgrade_to_unix_socket=no"]) {
    await using conn = await world.connect(server.url({ query }));
    await assert.rejects(attempt(() => conn.query(SLEEP, { timeout: 40 })), isTimeout("cancelled"), query);
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

conformance(
  "timeout: the message says how long as the caller gave it, also after a part of it has gone",
  async (world, server) => {
    await using pool = world.pool(new Opts(server.fast).poolMaxConcurrency(1));
    for (
      const [call, words] of [
        [() => pool.query(SLEEP, { timeout: 100 }), "within 100 ms"],
        [() => pool.exec(SLEEPING, [1], { timeout: 150.5 }), "within 150.5 ms"],
        [() =>
          pool.tx(
            given(world, function* (tx) {
              yield tx.query(SLEEP);
            }),
            { timeout: 100 },
          ), "within 100 ms"],
      ] as const
    ) {
      await assert.rejects(attempt<unknown>(call), (error) => {
        assert.ok(error instanceof TimeoutError, String(error));
        assert.ok(error.message.includes(words), error.message);
        return true;
      });
    }
  },
);

test("timeout: waiting for a connection of a pool is told as the caller or the options gave it", async () => {
  const server = servers.at(-1)!;
  const cases: [opts: Opts, timeout: number | undefined, words: string][] = [
    [new Opts(server.fast), 60, "none within 60 ms"],
    [new Opts(server.fast).poolAcquireTimeout(500), undefined, "none within 500 ms"],
    [new Opts(server.fast).poolAcquireTimeout(500), 30_000, "none within 500 ms"],
  ];
  for (const [opts, timeout, words] of cases) {
    await using pool = new Pool(opts.poolMaxConcurrency(1).poolMinIdle(1));
    await pool.ping();
    await using _taken = await pool.acquire();
    for (const call of [() => pool.acquire({ timeout }), () => pool.query("select 1", { timeout })]) {
      await assert.rejects(call, (error) => {
        assert.ok(error instanceof TimeoutError, String(error));
        assert.ok(error.message.includes(words), error.message);
        return true;
      });
    }
  }
});
