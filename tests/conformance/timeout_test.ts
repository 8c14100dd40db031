/** `timeout` and `signal` on every call, on real servers. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, Opts, Pool, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { servers } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf, type World } from "../support/suite/worlds.ts";

/** Takes far longer than any time-out here. */
const SLEEP = "select pg_sleep(20)";
const SLEEPING = "select $1::int4, pg_sleep(20)";

/** What connections and transactions have in common. */
type Executor = Pick<
  Conn,
  | "query"
  | "queryFirst"
  | "queryDrop"
  | "queryAll"
  | "exec"
  | "execFirst"
  | "execOne"
  | "execValue"
  | "execDrop"
  | "run"
  | "execBatch"
  | "execIter"
  | "stream"
  | "tx"
  | "copyIn"
  | "copyOut"
  | "copyRows"
  | "prepare"
  | "prepareBatch"
  | "begin"
>;

type Options = { timeout?: number; signal?: AbortSignal };

/** Calls that run for long, by name; `sleeper` is a table whose trigger sleeps. */
const LONG: Readonly<Record<string, (on: Executor, options: Options, world?: World) => unknown>> = {
  query: (on, options) => on.query(SLEEP, options),
  queryFirst: (on, options) => on.queryFirst(SLEEP, options),
  queryDrop: (on, options) => on.queryDrop(SLEEP, options),
  queryAll: (on, options) => on.queryAll(`select 1; ${SLEEP}`, options),
  "exec without parameters": (on, options) => on.exec(SLEEP, options),
  exec: (on, options) => on.exec(SLEEPING, [1], options),
  execFirst: (on, options) => on.execFirst(SLEEPING, [1], options),
  execOne: (on, options) => on.execOne(SLEEPING, [1], options),
  execValue: (on, options) => on.execValue(SLEEPING, [1], options),
  execDrop: (on, options) => on.execDrop(SLEEPING, [1], options),
  run: (on, options) => on.run(SLEEPING, [1], options),
  execBatch: (on, options) => on.execBatch("insert into sleeper values ($1)", [[1], [2], [3]], options),
  copyIn: (on, options) => on.copyIn("copy sleeper from stdin", "1\n2\n", options),
  copyRows: (on, options) => on.copyRows("sleeper", ["n"], [[1], [2]], options),
  stream: async (on, options) => {
    for await (const _ of on.stream(SLEEPING, [1], options));
  },
  copyOut: async (on, options) => {
    for await (const _ of on.copyOut("copy (select pg_sleep(20)) to stdout", options));
  },
  "the fetch of a portal": (on, options, world) =>
    on.execIter(
      SLEEPING,
      [1],
      given(world!, function* (portal) {
        return (yield portal.fetch(0, options)).rows;
      }),
    ),
};

const SLEEPER = `create temporary table sleeper (n int4);
  create function pg_temp.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return new; end $$;
  create trigger slow before insert on sleeper for each row execute function pg_temp.slow()`;

function isTimeout(outcome: TimeoutError["outcome"]): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof TimeoutError, String((error as Error)?.stack ?? error));
    assert.equal(error.outcome, outcome, error.message);
    assert.equal(error.connectionLost, false);
    return true;
  };
}

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

for (const server of serversOf(awaiting)) {
  const name = (text: string): string => `timeout: ${text} (PostgreSQL ${server.major})`;

  test(name("a signal stops each kind of call, with its reason by identity"), async () => {
    await using conn = await Conn.connect(server.fast);
    const world = { name: "async" } as World;
    await conn.queryDrop(SLEEPER);
    for (const [name, call] of Object.entries(LONG)) {
      const reason = { stopped: name };
      const controller = new AbortController();
      const running = attempt(() => call(conn, { signal: controller.signal }, world));
      setTimeout(() => controller.abort(reason), 30);
      await assert.rejects(running, (error) => error === reason, name);
      assert.equal(await conn.execValue("select $1::text", [name]), name);
    }
    assert.equal(await conn.execValue("select count(*) from sleeper"), 0n);
  });

  test(name("a signal that has aborted already, and one that aborts later"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop(SLEEPER);
    const signal = AbortSignal.abort("already");
    const world = { name: "async" } as World;
    for (const [name, call] of Object.entries(LONG)) {
      await assert.rejects(attempt(() => call(conn, { signal }, world)), (error) => error === "already", name);
    }
    const others = [
      conn.ping({ signal }),
      conn.prepare("select 1", { signal }),
      conn.begin({ signal }),
      conn.tx(() => 1, { signal }),
      conn.listen("x", { signal }),
      conn.notify("x", "", { signal }),
      conn.reset({ signal }),
    ];
    for (const other of others) await assert.rejects(other, (error) => error === "already");
    const controller = new AbortController();
    assert.equal(await conn.execValue("select 1", { signal: controller.signal }), 1);
    controller.abort("late");
    assert.equal(conn.transactionStatus, "idle");
    assert.equal(await conn.execValue("select 2"), 2);
  });

  test(name("given up while it waits for its turn: not sent, and the others are not touched"), async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    const slow = conn.execValue("select 'slow' from pg_sleep(0.3)");
    // What waits until a call is over has not been written.
    const waiting = conn.execBatch("insert into t values ($1)", [[1]], { timeout: 30 });
    const copying = conn.copyRows("t", ["n"], [[2]], { signal: AbortSignal.abort("no") });
    const last = conn.execValue("select 'last'");
    const [late, aborted] = await Promise.allSettled([waiting, copying]);
    assert.ok(late.status === "rejected" && isTimeout("not sent")(late.reason));
    assert.ok(aborted.status === "rejected" && aborted.reason === "no");
    assert.deepEqual(await Promise.all([slow, last]), ["slow", "last"]);
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
  });

  test(name("given up with others behind: they get what is theirs"), async () => {
    await using conn = await Conn.connect(server.fast);
    const given = conn.query("select pg_sleep(0.2), 1 as n", { timeout: 30 });
    const behind = [conn.queryFirst("select 2 as n"), conn.queryFirst("select 3 as n")];
    await assert.rejects(given, isTimeout("unknown"));
    assert.deepEqual(await Promise.all(behind), [{ n: 2 }, { n: 3 }]);
  });

  test(name("given up while a source is silent: the connection goes on, and nothing stays"), async () => {
    const silent = async function* <T>(...first: T[]): AsyncGenerator<T> {
      yield* first;
      await new Promise((resolve) => setTimeout(resolve, 8000));
    };
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int4)");
    const slow = new Promise((resolve) => setTimeout(resolve, 5000, "still waiting"));
    const calls = [
      () => conn.execBatch("insert into t values ($1)", silent([1]), { timeout: 40 }),
      () =>
        conn.execBatch("insert into t values ($1)", silent(...Array.from({ length: 400 }, (_, n) => [n])), {
          timeout: 40,
        }),
      () => conn.copyIn("copy t from stdin", silent("1\n"), { timeout: 40 }),
      () => conn.copyRows("t", ["n"], silent([1]), { timeout: 40 }),
    ];
    for (const call of calls) {
      await assert.rejects(Promise.race([call(), slow]), TimeoutError);
      assert.equal(conn.closed, false, `${call} has lost the connection`);
      assert.equal(await conn.execValue("select count(*) from t"), 0n);
    }
  });

  test(name("a dead peer: the call rejects within two seconds, everything else settles"), async () => {
    const { connect, createServer } = await import("node:net");
    let forwarding = true;
    const sockets = new Set<{ destroy(): void }>();
    const proxy = createServer((client) => {
      sockets.add(client);
      client.on("error", () => {});
      if (!forwarding) return;
      const target = connect(server.port, "127.0.0.1");
      sockets.add(target);
      target.on("error", () => {});
      client.on("data", (data) => forwarding && target.write(data));
      target.on("data", (data) => forwarding && client.write(data));
    });
    const port = await new Promise<number>((resolve) =>
      proxy.listen(0, "127.0.0.1", () => resolve((proxy.address() as { port: number }).port))
    );
    try {
      const target = new Opts(server.url({ query: "sslmode=disable" })).port(port).upgradeToUnixSocket(false);
      await using conn = await Conn.connect(target);
      await conn.queryDrop("create temporary table t (n int4)");
      await using news = await conn.listen("dead_peer");
      const next = news.next();
      forwarding = false;
      const began = performance.now();
      const call = conn.execValue("select 1", { timeout: 50 });
      call.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
      const others = Promise.allSettled([
        conn.execValue("select 2"),
        conn.tx(() => 3),
        conn.execBatch("insert into t values ($1)", [[1]]),
        next,
      ]);
      await assert.rejects(call, (error) => error instanceof TimeoutError && error.connectionLost);
      const took = performance.now() - began;
      assert.ok(took < 3600, `two seconds after the time-out, not ${Math.round(took)} ms`);
      for (const outcome of await others) {
        assert.ok(outcome.status === "rejected" && outcome.reason instanceof ConnectionError, JSON.stringify(outcome));
      }
      assert.equal(conn.closed, true);
    } finally {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    }
  });
}

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
