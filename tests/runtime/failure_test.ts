/**
 * Every operation under every failure, on real servers: the server process is terminated or killed, the
 * server crashes, the socket is cut after any number of bytes in either direction, the caller gives up
 * at any moment.
 *
 * One list of operations, one of failures. After each: everything has settled, the error tells what
 * happened, no socket and no server process is left; where the connection lives, the session is clean
 * and the next query works.
 */
import assert from "node:assert/strict";
import process from "node:process";
import { Conn as BlockingConn } from "../../sync.ts";
import {
  type Conn,
  ConnectionError,
  Opts,
  type PyroError,
  ServerError,
  TimeoutError,
  type Transaction,
} from "../../mod.ts";
import { isTurn, isWhole, times } from "../support/suite/extent.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { type Fault, FaultProxy } from "../../src/testing/mod.ts";
import { asTestServer, newest, servers, type TestServer } from "../support/suite/servers.ts";
import { test, testInTurn } from "../support/suite/test.ts";
import { serversOf, type World, worlds } from "../support/suite/worlds.ts";

/** What an operation works with. */
interface Scene {
  readonly world: World;
  readonly conn: Conn;
  /** For each of its calls. */
  readonly options: { readonly signal?: AbortSignal; readonly timeout?: number };
  /** Called between its steps: something may happen there. */
  readonly pause: () => void;
  /** What its preparation made. */
  kept?: unknown;
}

interface Operation {
  readonly name: string;
  readonly prepare?: (scene: Scene) => Promise<unknown>;
  readonly run: (scene: Scene) => unknown;
  /** What `run` gives if nothing happens. */
  readonly gives: unknown;
  /** Whether it runs `pg_temp.fail()`. */
  readonly fails: boolean;
  /** Whether it is one call, part of which is done then. */
  readonly isCall?: boolean;
  /** Whether it has steps between which something may happen. */
  readonly pauses: boolean;
}

// deno-lint-ignore no-explicit-any
type Any = any;

/** Others may run the same at the same time. */
const CHANNEL = `failure ${crypto.randomUUID()}`;
const FAIL = "pg_temp.fail()";
const SERIES = `select n, case when n = 7 then ${FAIL} else 1 end as ok from generate_series(1, 10) n`;
const INSERT = `insert into t select $1::int, case when $1 = 170 then ${FAIL} else 1 end`;

const OPERATIONS: readonly Operation[] = [
  {
    name: "query",
    run: ({ conn, options }) => conn.query(`select 1 as a; select ${FAIL} as n`, options),
    gives: [{ n: 1 }],
    fails: true,
    pauses: false,
  },
  {
    name: "exec, first",
    run: ({ conn, options }) => conn.execValue(`select ${FAIL} + $1::int`, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "exec, cached",
    prepare: ({ conn }) => conn.execValue(`select ${FAIL} + $1::int`, [1]),
    run: ({ conn, options }) => conn.execValue(`select ${FAIL} + $1::int`, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "prepared",
    prepare: async ({ conn }) => await conn.prepare(`select ${FAIL} + $1::int`),
    run: ({ conn, options, kept }) => conn.execValue(kept as Any, [1], options),
    gives: 2,
    fails: true,
    pauses: false,
  },
  {
    name: "prepareBatch",
    run: async ({ conn, options, pause }) => {
      const [one, two] = await conn.prepareBatch([`select ${FAIL} as n`, "select $1::int as n"], options);
      pause();
      await using _first = one!;
      await using _second = two!;
      return [await conn.execValue(one!, options), await conn.execValue(two!, [2], options)];
    },
    gives: [1, 2],
    fails: true,
    pauses: true,
  },
  {
    name: "tx",
    run: ({ world, conn, options, pause }) =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          yield tx.execDrop(`insert into t values ($1, ${FAIL})`, [1]);
          pause();
          return yield tx.execValue("select count(*)::int from t where n = $1", [1]);
        }) as Any,
        options,
      ),
    gives: 1,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "nested tx",
    run: ({ world, conn, options, pause }) =>
      conn.tx(
        given(world, function* (tx: Transaction) {
          return yield tx.tx(
            given(world, function* (inner: Transaction) {
              yield inner.execDrop(`insert into t values ($1, ${FAIL})`, [1]);
              pause();
              return yield inner.execValue("select count(*)::int from t where n = $1", [1]);
            }) as Any,
            options,
          );
        }) as Any,
        options,
      ),
    gives: 1,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "begin and commit",
    run: async ({ conn, options, pause }) => {
      await using tx = await conn.begin(options);
      await tx.execDrop(`insert into t values ($1, ${FAIL})`, [1], options);
      pause();
      await tx.commit(options);
      return tx.closed;
    },
    gives: true,
    fails: true,
    pauses: true,
  },
  {
    name: "pipeline",
    run: async ({ conn, options, pause }) => {
      await using pipeline = conn.pipeline();
      const first = [1, 2, 3].map((n) => pipeline.exec<{ n: number }>("select $1::int as n", [n]));
      await pipeline.sync(options);
      const second = [4, 5].map((n) => pipeline.exec<{ n: number }>(`select ${FAIL} * $1::int as n`, [n]));
      await pipeline.sync(options);
      const got = [];
      for (const ticket of [...first, ...second]) {
        got.push((await pipeline.claimOne(ticket, options))!.n);
        if (got.length === 2) pause();
      }
      // Nothing of the last group was sent when something happens.
      const last = pipeline.exec<{ n: number }>("select 6 as n");
      return [...got, (await pipeline.claimOne(last, options))!.n];
    },
    gives: [1, 2, 3, 4, 5, 6],
    fails: true,
    pauses: false,
  },
  {
    name: "execBatch",
    run: ({ conn, options, pause }) => conn.execBatch(INSERT, sets(300, pause), options),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execBatch in chunks",
    run: ({ conn, options, pause }) => conn.execBatch(INSERT, sets(300, pause), { chunk: 40, ...options }),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execIter",
    run: ({ world, conn, options, pause }) =>
      conn.execIter(
        SERIES,
        [],
        given(world, function* (portal: Any) {
          let count = 0;
          for (let more = true; more;) {
            const { rows, hasMore } = yield portal.fetch(3);
            count += rows.length;
            if (count === 3) pause();
            more = hasMore;
          }
          return count;
        }) as Any,
        options,
      ),
    gives: 10,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "execPortal",
    run: async ({ conn, options, pause }) => {
      await using tx = await conn.begin(options);
      await using up = await tx.execPortal(SERIES, options);
      await using down = await tx.execPortal("select generate_series(3, 1, -1) as n", options);
      const first = await up.fetch(3, options);
      pause();
      const second = await down.fetch(2, options);
      const rest = await up.fetch(0, options);
      return [first.rows.length, second.rows.length, rest.rows.length, rest.hasMore];
    },
    gives: [3, 2, 7, false],
    fails: true,
    pauses: true,
  },
  {
    name: "stream",
    run: async ({ conn, options, pause }) => {
      let count = 0;
      for await (const _ of conn.stream(SERIES, { batch: 3, ...options })) if (++count === 3) pause();
      return count;
    },
    gives: 10,
    fails: true,
    pauses: true,
  },
  {
    name: "copyIn",
    run: ({ conn, options, pause }) => conn.copyIn("copy t (n) from stdin", lines(600, pause), options),
    gives: 600,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "copyOut",
    run: async ({ conn, options, pause }) => {
      let size = 0;
      const sql = `copy (select case when n = 300 then ${FAIL} else 1 end from generate_series(1, 600) n) to stdout`;
      for await (const chunk of conn.copyOut(sql, options)) {
        if (size === 0) pause();
        size += chunk.length;
      }
      return size;
    },
    gives: 1200,
    fails: true,
    pauses: false,
  },
  {
    name: "copyRows",
    run: ({ conn, options, pause }) => conn.copyRows("t", ["n"], sets(300, pause), options),
    gives: 300,
    fails: true,
    isCall: true,
    pauses: true,
  },
  {
    name: "listen",
    run: async ({ conn, options, pause, world }) => {
      const timeout = world.name === "async" ? {} : { timeout: 5000 };
      await using news = await conn.listen(CHANNEL, { ...options, ...timeout }) as Any;
      await conn.notify(CHANNEL, "one", options);
      const next = async (): Promise<string | undefined> => {
        const { value } = await attempt(() => news.next()) as Any;
        // It ends the iteration.
        options.signal?.throwIfAborted();
        return value?.payload;
      };
      const first = await next();
      pause();
      await conn.notify(CHANNEL, "two", options);
      return [first, await next()];
    },
    gives: ["one", "two"],
    fails: false,
    pauses: true,
  },
  {
    name: "notify",
    run: ({ conn, options }) => conn.notify(`${CHANNEL}, nobody`, "x", options),
    gives: undefined,
    fails: false,
    pauses: false,
  },
  {
    name: "reset",
    run: ({ conn, options }) => conn.reset(options),
    gives: undefined,
    fails: false,
    pauses: false,
  },
  { name: "ping", run: ({ conn, options }) => conn.ping(options), gives: undefined, fails: false, pauses: false },
];

function* sets(count: number, pause: () => void): Generator<number[]> {
  for (let n = 1; n <= count; n++) {
    if (n === 140) pause();
    yield [n];
  }
}

function* lines(count: number, pause: () => void): Generator<string> {
  for (let n = 1; n <= count; n++) {
    if (n === 140) pause();
    yield `${n}\n`;
  }
}

/**
 * What every session has: a table, and a function that does what the setting `pyro.fail` says. A program
 * reads what it is given: else the server fails to write, when the program is the faster one.
 */
const SETUP = `
  create function pg_temp.fail() returns int language plpgsql as $$
  begin
    case coalesce(current_setting('pyro.fail', true), '')
      when 'terminate' then perform pg_terminate_backend(pg_backend_pid());
      when 'kill' then execute 'copy (select 1) to program ''cat >&2; kill -9 $PPID''';
      when 'shutdown' then execute 'copy (select 1) to program ''cat >&2; kill -QUIT $(head -n 1 postmaster.pid)''';
      when 'sleep' then null;
      else return 1;
    end case;
    perform pg_sleep(20);
    return 1;
  end $$;
  create temporary table t (n int, m int default ${FAIL})`;

/** The address of a server's port, with what tells the sessions of a test from others. */
function address(server: TestServer, port: number, name: string): Opts {
  return new Opts(server.url()).port(port).sslMode("disable").upgradeToUnixSocket(false).applicationName(name);
}

async function sceneOf(world: World, opts: Opts, operation: Operation, extra: Partial<Scene> = {}): Promise<Scene> {
  const conn = await world.connect(opts);
  opened.push(conn);
  await conn.queryDrop(SETUP);
  const scene: Scene = { world, conn, options: {}, pause: () => {}, ...extra };
  scene.kept = await operation.prepare?.(scene);
  return scene;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** How a call ends; whatever happens, it does so in time. */
async function outcome(what: string, call: () => unknown): Promise<Outcome> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what}: hangs` })), DEADLINE);
  try {
    return await Promise.race([late, attempt(call).then((value) => ({ value }), (error: unknown) => ({ error }))]);
  } finally {
    clearTimeout(timer);
  }
}

/** It has failed, because the connection is gone; so does everything after it. */
async function assertLost(what: string, { conn }: Scene, result: Outcome, pattern?: RegExp): Promise<void> {
  assert.ok("error" in result, `${what}: it succeeded: ${JSON.stringify(result)}`);
  const { error } = result;
  assert.ok(error instanceof ConnectionError, `${what}: ${error instanceof Error ? error.stack : String(error)}`);
  assert.equal(error.connectionLost, true, what);
  if (pattern) assert.match(`${error.message} ${(error.cause as Error | undefined)?.message}`, pattern, what);
  assert.equal(conn.closed, true, what);
  const later = await outcome(`${what}, later`, () => conn.query("select 1"));
  assert.ok("error" in later && later.error instanceof ConnectionError && later.error.safeToRetry, what);
}

/** The session is as it was, but for the statements that it keeps prepared. */
async function assertClean(what: string, { conn }: Scene): Promise<void> {
  assert.equal(conn.closed, false, what);
  assert.equal(conn.transactionStatus, "idle", what);
  const left = await outcome(`${what}, what is left`, () =>
    conn.queryFirst(`
      select 6 * 7 as answer, (select count(*)::int from pg_cursors) as cursors,
        (select count(*)::int from pg_listening_channels()) as channels`));
  assert.deepEqual(left, { value: { answer: 42, cursors: 0, channels: 0 } }, what);
  const again = await outcome(`${what}, the next`, () => conn.execValue("select $1::text", ["next"]));
  assert.deepEqual(again, { value: "next" }, what);
}

/** Waits until it is so. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + DEADLINE; !await isSo();) {
    assert.ok(performance.now() < end, `${what}: not so in time`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** No server process of these sessions is left. */
async function assertGone(server: TestServer, name: string): Promise<void> {
  using admin = new BlockingConn(server.admin);
  const sql = "select count(*)::int from pg_stat_activity where application_name = $1";
  await until(`${name}: sessions end`, () => admin.execValue(sql, [name]) === 0);
}

/** Ends the server process of a session; it is gone when this returns. */
function terminate(admin: BlockingConn, { conn }: Scene): void {
  assert.equal(admin.execValue("select pg_terminate_backend($1::int)", [conn.id]), true);
  while (admin.execValue("select count(*)::int from pg_stat_activity where pid = $1", [conn.id]) === 1);
}

let serial = 0;

/** The proxy of all tests that use one at a time. */
const proxy: FaultProxy = await FaultProxy.start(newest.port);

/** What a test has opened. */
const opened: Conn[] = [];

/** A test that fails takes no other with it. */
async function cutAll(): Promise<void> {
  proxy.release();
  for (const conn of opened.splice(0)) await conn.close({ timeout: 1 });
}

/** A name for the sessions of one test. */
function unique(): string {
  return `pyro-failure-${process.pid}-${++serial}`;
}

/** One test for each world, for each operation in it; in a short run, each on one of the runtimes. */
function matrix(
  name: string,
  operations: readonly Operation[],
  of: readonly World[],
  body: (world: World, operation: Operation, what: string) => Promise<void>,
): void {
  for (const world of of) {
    for (const [index, operation] of operations.entries()) {
      if (!isTurn(index + name.length + worlds.indexOf(world))) continue;
      const what = `failure: ${operation.name}: ${name} (${world.name})`;
      test(what, async () => {
        try {
          await body(world, operation, what);
        } finally {
          await cutAll();
        }
      });
    }
  }
}

for (const server of servers) {
  matrix(
    `the server process is terminated while it runs, PostgreSQL ${server.major}`,
    OPERATIONS.filter(({ fails }) => fails),
    worlds.filter((world) => serversOf(world).includes(server)),
    async (world, operation, what) => {
      const name = unique();
      const scene = await sceneOf(world, address(server, server.port, name), operation);
      await scene.conn.queryDrop("set pyro.fail = 'terminate'");
      const result = await outcome(what, () => operation.run(scene));
      const { error } = result as { error: PyroError };
      // Who writes to a socket that the server has closed may be told of that, and no longer of the reason.
      const isTold = error.cause instanceof ServerError;
      const reason = /terminating connection due to administrator command/;
      await assertLost(what, scene, result, isTold || !WRITERS.includes(operation.name) ? reason : undefined);
      if (isTold) assert.equal((error.cause as ServerError).code, "57P01");
      assert.equal(error.safeToRetry, false);
      await scene.conn.close();
      await assertGone(server, name);
    },
  );
}

matrix(
  "the server process is terminated between its steps",
  OPERATIONS.filter(({ pauses }) => pauses),
  worlds,
  async (world, operation, what) => {
    const name = unique();
    using admin = new BlockingConn(newest.admin);
    const pause = (): void => terminate(admin, scene);
    const scene: Scene = await sceneOf(world, address(newest, newest.port, name), operation, { pause });
    const result = await outcome(what, () => operation.run(scene));
    await assertLost(what, scene, result);
    // If the pause was long, a connection that blocks has looked before it sent the next statement.
    const { error } = result as { error: PyroError };
    if (operation.isCall) assert.equal(error.safeToRetry, error.outcome === "not sent", what);
    await scene.conn.close();
  },
);

matrix("the server process is terminated before", OPERATIONS, worlds, async (world, operation, what) => {
  using admin = new BlockingConn(newest.admin);
  const scene = await sceneOf(world, address(newest, newest.port, unique()), operation);
  terminate(admin, scene);
  await assertLost(what, scene, await outcome(what, () => operation.run(scene)));
  await scene.conn.close();
});

matrix("the socket is cut anywhere", OPERATIONS, worlds, async (world, operation, what) => {
  const name = unique();
  const opts = address(newest, proxy.port, name);
  const size = await conversationOf(world, opts, operation, what);
  const points = world.name === "async" ? times(4, 12) : world.name === "sync ffi" ? times(2, 3) : 2;
  let turn = 0;
  for (const direction of ["up", "down"] as const) {
    for (const after of spread(size[direction], points)) {
      const fault: Fault = { direction, after, then: turn++ % 2 === 0 ? "end" : "reset" };
      const where = `${what} [${fault.then} ${direction} after ${after} of ${size[direction]} bytes]`;
      const scene = await sceneOf(world, opts, operation);
      proxy.arm(fault);
      const result = await outcome(where, () => operation.run(scene));
      // What is left to do when its result is there is nobody's loss.
      if ("value" in result) assert.deepEqual(result.value, operation.gives, where);
      else await assertLost(where, scene, result);
      if ("error" in result) assert.equal((result.error as PyroError).safeToRetry, false, where);
      assert.deepEqual(await outcome(`${where}, close`, () => scene.conn.close()), { value: undefined });
      assert.ok(proxy.struck, where);
      await until(`${where}: its socket is closed`, () => proxy.open === 0);
    }
  }
  await assertGone(newest, name);
});

matrix("its caller gives up at any moment", OPERATIONS, worlds.slice(0, 1), async (world, operation, what) => {
  const name = unique();
  const opts = address(newest, proxy.port, name);
  const size = await conversationOf(world, opts, operation, what);
  const bytes = spread(size.down, times(4, 10)).map((after) => ({ after }));
  const ticks = (isWhole ? [-1, 0, 1, 2, 3, 5, 8, 13, 21] : [-1, 0, 1, 3, 8]).map((microtasks) => ({ microtasks }));
  for (const moment of [...ticks, ...bytes, { pause: true }]) {
    const where = `${what} [${JSON.stringify(moment)}]`;
    const reason = new Error("the caller has had enough");
    const controller = new AbortController();
    const giveUp = (): void => controller.abort(reason);
    const options = { signal: controller.signal };
    const pause = "pause" in moment ? giveUp : (): void => {};
    const scene = await sceneOf(world, opts, operation, { options, pause });
    proxy.arm("after" in moment ? { direction: "down", after: moment.after, then: "hold" } : undefined);
    if ("microtasks" in moment && moment.microtasks < 0) giveUp();
    const running = outcome(where, () => operation.run(scene));
    if ("microtasks" in moment) {
      for (let n = 0; n < moment.microtasks; n++) await Promise.resolve();
      giveUp();
    } else if ("after" in moment) {
      await until(`${where}: held`, () => proxy.struck);
      giveUp();
      await Promise.resolve();
      proxy.release();
    }
    const result = await running;
    if ("value" in result) assert.deepEqual(result.value, operation.gives, where);
    else assert.equal(result.error, reason, `${where}: ${(result.error as Error)?.stack}`);
    await assertClean(where, scene);
    await scene.conn.close();
    await until(`${where}: its sockets are closed`, () => proxy.open === 0);
  }
  await assertGone(newest, name);
});

testInTurn(
  "failure: the server is silent: every operation times out, and its connection is closed (async)",
  async () => {
    const outcomes = await Promise.allSettled(OPERATIONS.map(async (operation) => {
      await using silent = await FaultProxy.start(newest.port);
      const options = { timeout: 100 };
      const scene = await sceneOf(worlds[0]!, address(newest, silent.port, unique()), operation, { options });
      silent.arm({ direction: "down", after: 0, then: "hold" });
      await assertTimedOut(operation.name, scene, await outcome(operation.name, () => operation.run(scene)));
      await scene.conn.close();
      await until(`${operation.name}: its socket is closed`, () => silent.open === 0);
    }));
    const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => reason);
    assert.equal(failures.length, 0, failures.map(String).join("\n"));
  },
);

matrix(
  "the server is silent",
  OPERATIONS.filter(({ name }) => name === "exec, cached"),
  worlds.slice(1),
  async (world, operation, what) => {
    const options = { timeout: 100 };
    const scene = await sceneOf(world, address(newest, proxy.port, unique()), operation, { options });
    proxy.arm({ direction: "down", after: 0, then: "hold" });
    await assertTimedOut(what, scene, await outcome(what, () => operation.run(scene)));
    await scene.conn.close();
    await until(`${what}: its socket is closed`, () => proxy.open === 0);
  },
);

async function assertTimedOut(what: string, { conn }: Scene, result: Outcome): Promise<void> {
  assert.ok("error" in result && result.error instanceof TimeoutError, `${what}: ${JSON.stringify(result)}`);
  assert.equal(result.error.outcome, "unknown", what);
  assert.equal(result.error.safeToRetry, false, what);
  await until(`${what}: the connection is given up`, () => conn.closed);
}

/** What the log says when a whole server has gone down. */
const DOWN = { kill: "all server processes terminated", shutdown: "database system is shut down" } as const;

for (const how of ["kill", "shutdown"] as const) {
  const title = how === "kill" ? "a server process is killed with -9" : "the server is shut down at once";
  testInTurn(`failure: ${title}: everything that awaits fails, running or idle`, async () => {
    await using own = await PostgresServer.start({ major: newest.major });
    const server = asTestServer(own);
    const [world] = worlds;
    const running = await Promise.all(
      OPERATIONS.filter(({ fails }) => fails).map(async (operation) => {
        const scene = await sceneOf(world!, new Opts(server.admin), operation);
        await scene.conn.queryDrop("set pyro.fail = 'sleep'");
        return { scene, operation, result: outcome(operation.name, () => operation.run(scene)) };
      }),
    );
    const idle = await Promise.all(OPERATIONS.map((operation) => sceneOf(world!, new Opts(server.admin), operation)));
    const killer = await sceneOf(world!, new Opts(server.admin), OPERATIONS[0]!);
    const sleepers = "select count(*)::int from pg_stat_activity where wait_event = 'PgSleep'";
    await until("all of them run", async () => await killer.conn.execValue(sleepers) === running.length);
    await killer.conn.queryDrop(`set pyro.fail = '${how}'`);
    await assertLost(how, killer, await outcome(how, () => killer.conn.query(`select ${FAIL}`)));
    for (const { scene, operation, result } of running) {
      await assertLost(`${operation.name}, running`, scene, await result);
      assert.equal((await result as { error: PyroError }).error.safeToRetry, false, operation.name);
    }
    for (const [i, scene] of idle.entries()) {
      const what = `${OPERATIONS[i]!.name}, idle`;
      await until(what, () => scene.conn.closed);
      await assertLost(what, scene, await outcome(what, () => OPERATIONS[i]!.run(scene)));
    }
    for (const { conn } of [...running.map(({ scene }) => scene), ...idle, killer]) await conn.close();
  });

  testInTurn(`failure: ${title}: everything that blocks fails`, async () => {
    await using own = await PostgresServer.start({ major: newest.major });
    const server = asTestServer(own);
    let crashes = 0;
    for (const operation of OPERATIONS.filter(({ fails }) => fails).filter((_, i) => isTurn(i))) {
      crashes++;
      const scenes = await Promise.all(
        worlds.slice(1).map((world) => sceneOf(world, new Opts(server.admin), operation)),
      );
      for (const [i, scene] of scenes.entries()) {
        const what = `${operation.name}, ${i === 0 ? "running" : "idle"}`;
        if (i === 0) await scene.conn.queryDrop(`set pyro.fail = '${how}'`);
        else await until(`${what}: the server is down`, () => own.log.split(DOWN[how]).length > crashes);
        await assertLost(what, scene, await outcome(what, () => operation.run(scene)));
        await scene.conn.close();
      }
      if (how === "shutdown") {
        await own.stop("immediate");
        await own.resume();
      } else await recovered(server);
    }
  });
}

/** Waits until a server that has lost a process lets clients in again. */
async function recovered(server: TestServer): Promise<void> {
  await until("the server has recovered", async () => {
    const conn = await outcome("connect", () => new BlockingConn(server.admin));
    if ("error" in conn) return false;
    (conn.value as BlockingConn).close();
    return true;
  });
}

/** The length of an operation's conversation, when nothing happens to it. */
async function conversationOf(
  world: World,
  opts: Opts,
  operation: Operation,
  what: string,
): Promise<{ readonly up: number; readonly down: number }> {
  const scene = await sceneOf(world, opts, operation);
  proxy.arm();
  assert.deepEqual(await outcome(what, () => operation.run(scene)), { value: operation.gives }, what);
  const { passed } = proxy;
  assert.ok(passed.up > 0 && passed.down > 0, what);
  await assertClean(what, scene);
  await scene.conn.close();
  await until(`${what}: its socket is closed`, () => proxy.open === 0);
  return passed;
}

/** What is still writing when the server ends. */
const WRITERS: readonly string[] = ["pipeline", "execBatch", "execBatch in chunks", "copyIn", "copyRows"];

/** So many numbers below a size, the first and the last among them. */
function spread(size: number, points: number): number[] {
  const all = Array.from({ length: points }, (_, i) => Math.floor(i * (size - 1) / (points - 1)));
  return [...new Set(all)];
}

/** Milliseconds after which a call counts as hanging. */
const DEADLINE = 10_000;
