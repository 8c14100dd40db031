/** Pools that await while things go wrong: the server away, callers who give up, functions that hang. */
import assert from "node:assert/strict";
import { type Conn, ConnectionError, Opts, Pool, PyroError, TimeoutError, UsageError } from "../../mod.ts";
import { lackedTime } from "../support/suite/in_time.ts";
import { runScript } from "../support/processes/child.ts";
import { PostgresServer } from "../support/installed/postgres.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { asTestServer, newest } from "../support/suite/servers.ts";
import { test, testInTurn } from "../support/suite/test.ts";
import { Lines } from "../support/suite/recorder.ts";

function named(): { readonly name: string; readonly url: string } {
  const name = `pool_${crypto.randomUUID().slice(0, 8)}`;
  return { name, url: newest.url({ query: `application_name=${name}` }) };
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; !await isSo(); i++) {
    assert.ok(i < 400, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Makes a pool open so many connections, however slow the machine is. */
async function open(pool: Pool, count: number): Promise<void> {
  const conns = await Promise.all(Array.from({ length: count }, () => pool.acquire()));
  for (const conn of conns) await conn.release();
}

testInTurn("pool failure: waiters are served in their order, and those who gave up are not", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1 });
  const first = await pool.acquire();
  const order: string[] = [];
  const { signal } = new AbortController();
  const controller = new AbortController();
  const reason = new Error("enough");
  const calls = [
    pool.query("select 1").then(() => order.push("a")),
    assert.rejects(pool.acquire({ signal: controller.signal }), reason),
    assert.rejects(pool.query("select 1", { timeout: 30 }), TimeoutError),
    pool.query("select 1", { signal }).then(() => order.push("b")),
    pool.tx(() => order.push("c")),
  ];
  assert.equal(pool.stats().waiting, 5);
  controller.abort(reason);
  await calls[2];
  assert.equal(pool.stats().waiting, 3);
  await first.release();
  await Promise.all(calls);
  assert.deepEqual(order, ["a", "b", "c"]);
  assert.deepEqual([pool.stats().idle, pool.stats().refused], [1, 2]);
});

testInTurn("pool failure: aborted in the moment of being served, nothing is lost", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1 });
  for (const isBefore of [true, false]) {
    const conn = await pool.acquire();
    const controller = new AbortController();
    const call = pool.query("select 1", { signal: controller.signal });
    if (isBefore) controller.abort();
    const release = conn.release();
    controller.abort();
    await Promise.allSettled([call, release]);
    await until(() => pool.stats().idle === 1, "the connection comes back");
  }
  assert.equal(await pool.execValue("select 1"), 1);
});

testInTurn("pool failure: no more wait than may, and a check takes nobody's place", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 2, poolMaxWaiting: 0 });
  await Promise.all([pool.query("select 1"), pool.query("select 1")]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const both = await Promise.all([pool.acquire(), pool.acquire()]);
  await assert.rejects(pool.acquire(), /as many as poolMaxWaiting allows/);
  await Promise.all(both.map((conn) => conn.release()));
});

testInTurn(
  "pool failure: callers of views wait for the connections of the pool too, and no more than may",
  async () => {
    await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1, poolMaxWaiting: 1 });
    const view = pool.withTarget("primary");
    const conn = await pool.acquire();
    const waiting = view.execValue("select 1");
    for (const one of [pool, view]) await assert.rejects(one.query("select 2"), /as many as poolMaxWaiting allows/);
    await conn.release();
    assert.equal(await waiting, 1);
  },
);

testInTurn("pool failure: what callers that waited at the close have left is closed too", async () => {
  const { name, url } = named();
  const pool = new Pool(url, { poolMaxConcurrency: 1 });
  const calls = [1, 2, 3].map((n) => pool.execValue("select $1::int", [n]));
  await pool.close();
  assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
  assert.equal(pool.stats().size, 0);
  await using other = new Pool(newest.fast);
  const sessions = "select count(*)::int from pg_stat_activity where application_name = $1";
  await until(async () => await other.execValue(sessions, [name]) === 0, "no session is left");
});

testInTurn("pool failure: close ends what hangs, and all calls settle", async () => {
  let hanging = 0;
  const pool = new Pool(newest.fast, { onConnect: () => new Promise(() => hanging++) });
  const calls = [pool.query("select 1"), pool.acquire(), pool.listen("c")];
  await until(() => hanging === 2, "the functions are called");
  await pool.close({ timeout: 20 });
  for (const call of calls) await assert.rejects(call, ConnectionError);
  assert.equal(pool.stats().size, 0);
  const releasing = new Pool(newest.fast, { onRelease: () => new Promise(() => {}) });
  void (await releasing.acquire()).release();
  await releasing.close({ timeout: 20 });
  assert.equal(releasing.stats().size, 0);
});

testInTurn("pool failure: close ends a listener that waits to try again", async () => {
  await using proxy = await FaultProxy.start(newest.port);
  const pool = new Pool(proxy.opts(newest.url()));
  await pool.ping();
  proxy.refuse(true);
  const listening = pool.listen("c").then(() => "listening", (error) => error);
  // After some attempts, it waits for seconds.
  await pause(1600);
  await pool.close();
  assert.ok(await Promise.race([listening, pause(100)]) instanceof ConnectionError, "it still waits");
});

testInTurn("pool failure: an onConnect that throws at once while the pool is closed", async () => {
  // What nobody handles fails the test.
  const pool = new Pool(newest.fast, {
    onConnect: (conn) => {
      void conn.query("select pg_sleep(10)").catch(() => {});
      void pool.close({ timeout: 0 });
      throw new Error("mine");
    },
  });
  await assert.rejects(pool.query("select 1"));
  await pool.close();
  assert.equal(pool.stats().size, 0);
});

testInTurn("pool failure: an onRelease that gives another library's promise, which never settles", async () => {
  const endless = { then: () => {} } as unknown as Promise<void>;
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1, onRelease: () => endless });
  await pool.ping();
  assert.equal(await pool.execValue("select 1"), 1, "the connection is closed after five seconds");
  assert.equal(pool.stats().opened, 2);
});

testInTurn("pool failure: a caller that asks for a position does not wait longer than it may", async () => {
  await using proxy = await FaultProxy.start(newest.port);
  await using pool = new Pool(proxy.opts(newest.url()));
  const after = await pool.position();
  const anywhere = pool.withTarget("any");
  await anywhere.ping();
  const reader = pool.withTarget("any", { after });
  for (const options of [{ timeout: 50 }, { signal: AbortSignal.timeout(50) }]) {
    proxy.stall(true);
    const call = assert.rejects(reader.execValue("select 1", [], options), { name: "TimeoutError" });
    const late = pause(1500).then(() => "late");
    assert.equal(await Promise.race([call, late]), undefined, Object.keys(options)[0]);
    proxy.stall(false);
    await until(() => anywhere.stats().leased === 0, "the connection is released");
  }
  assert.equal(await reader.execValue("select 1"), 1);
});

testInTurn("pool failure: a caller waits for a view with a position and for the primary once, not twice", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1, poolAcquireTimeout: 2000 });
  const reader = pool.withTarget("any", { after: await pool.position() });
  {
    await using _only = await pool.acquire();
    const call = assert.rejects(reader.ping(), { name: "TimeoutError", message: /none within 2000 ms/ });
    assert.equal(await Promise.race([call, pause(3500).then(() => "late")]), undefined);
  }
  // A connection that is released in the second half of the time is handed out by the primary.
  const only = await pool.acquire();
  const call = reader.execValue("select 1");
  await pause(1300);
  await only.release();
  assert.equal(await call, 1);
});

testInTurn(
  "pool failure: while the server is away callers wait, attempts are few, and all go on when it is back",
  async () => {
    await using server = await PostgresServer.start({ major: newest.major });
    const lines = new Lines();
    const url = `${asTestServer(server).url({ user: "postgres", password: "", db: "postgres" })}`;
    await using pool = new Pool(new Opts(url).logger(lines), { poolMaxConcurrency: 8 });
    const news = await pool.listen("news");
    await open(pool, 8);
    assert.equal(pool.stats().size, 8);
    await server.stop("immediate");
    await until(() => pool.stats().size === 0, "losses are seen");
    const calls = Array.from({ length: 30 }, (_, n) => pool.execValue("select $1::int", [n]));
    await assert.rejects(pool.query("select 1", { timeout: 1000 }), (error) => {
      return error instanceof TimeoutError && error.cause instanceof Error && error.outcome === "not sent";
    });
    const { failed } = pool.stats();
    const failures = lines.all.filter(({ message }) => message === "cannot connect").map(({ fields }) =>
      fields.failures
    );
    assert.ok(failed > failures.length, `${failed} attempts failed, ${failures} were counted`);
    await server.resume();
    assert.deepEqual(await Promise.all(calls), Array.from({ length: 30 }, (_, n) => n));
    assert.deepEqual((await news.next()).value, { channel: "news", gap: true });
    await pool.notify("news", "again");
    assert.equal((await news.next()).value?.payload, "again");
  },
);

testInTurn(
  "pool failure: who listens anew while the others have no connection does not keep them from theirs",
  async () => {
    const { name, url } = named();
    await using pool = new Pool(url);
    await using admin = new Pool(newest.admin);
    const one = await pool.listen(`${name}_one`);
    const kill = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1";
    await admin.exec(kill, [name]);
    const two = await pool.listen(`${name}_two`);
    assert.equal((await one.next()).value?.gap, true);
    await pool.notify(`${name}_one`, "1");
    await pool.notify(`${name}_two`, "2");
    assert.equal((await one.next()).value?.payload, "1");
    for (let item = await two.next();; item = await two.next()) {
      if (item.value?.gap) continue;
      assert.equal(item.value?.payload, "2");
      break;
    }
  },
);

testInTurn("pool failure: a function that throws while a listener reconnects is tried again", async () => {
  const { name, url } = named();
  let broken = 0;
  await using pool = new Pool(url, {
    onConnect: () => {
      if (broken-- > 0) throw new TypeError("broken");
    },
  });
  await using admin = new Pool(newest.admin);
  const news = await pool.listen(name);
  broken = 2;
  await admin.exec("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", [name]);
  assert.equal((await news.next()).value?.gap, true);
});

test("pool failure: each pause between attempts ends, whenever the clock is looked at", async () => {
  // The first pause is shorter than two steps of this clock: what is in the future at one look is over at the next.
  const url = newest.url({ query: "sslmode=disable" });
  const { stdout, stderr } = await runScript("clock_steps.ts", [url, String(newest.port)]);
  assert.equal(stderr, "");
  const { attempts, outcome } = JSON.parse(stdout) as { attempts: number; outcome: string };
  assert.ok(attempts >= 5, "it goes on");
  assert.match(outcome, /the pool: it is closed/);
});

testInTurn("pool failure: a connection whose network forgets it is replaced, and its caller served", async () => {
  await using proxy = await FaultProxy.start(newest.port);
  const url = newest.url({ query: "sslmode=disable" }).replace(`:${newest.port}/`, `:${proxy.port}/`);
  await using pool = new Pool(url, { poolMaxConcurrency: 4 });
  await open(pool, 4);
  assert.equal(pool.stats().opened, 4);
  proxy.arm({ direction: "up", after: 0, then: "hold" });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const results = await Promise.all([1, 2, 3, 4].map((n) => pool.execValue("select $1::int", [n])));
  assert.deepEqual(results, [1, 2, 3, 4]);
  assert.ok(proxy.struck);
  // If the probe is late too, those that were idle as long are given up with it.
  await until(() => pool.stats().closed >= 1, "the one that did not answer is given up");
  assert.equal(pool.stats().leased, 0);
});

testInTurn("pool failure: a pool is ready at once when the server is back", async () => {
  const { name } = named();
  await using proxy = await FaultProxy.start(newest.port);
  await using admin = new Pool(newest.admin);
  const query = `application_name=${name}`;
  await using pool = new Pool(proxy.opts(newest.url({ query })), { poolMinIdle: 3, poolMaxConcurrency: 4 });
  await pool.ready();
  proxy.refuse(true);
  await admin.exec("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", [name]);
  // Without callers, it pauses for about a second now, and for half of that with one.
  await until(() => pool.stats().failed >= 5, "it tries");
  proxy.refuse(false);
  await pool.ready();
  assert.ok(pool.stats().idle >= 3, JSON.stringify(pool.stats()));
});

testInTurn("pool failure: the parameters are those of the call, whatever becomes of their array", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1 });
  const conn = await pool.acquire();
  const params = [1];
  const call = pool.execValue("select $1::int", params);
  params[0] = 2;
  await conn.release();
  assert.equal(await call, 1);
});

testInTurn("pool failure: the upgrade to the Unix socket is negotiated once", async () => {
  const { name, url } = named();
  let [late, paths]: [boolean, string[]] = [false, []];
  const onConnect = (conn: Conn): void => {
    late ||= lackedTime(conn);
    paths.push(conn.transport);
  };
  const fill = async (): Promise<Pool> => {
    [late, paths] = [false, []];
    const pool = new Pool(url, { poolMaxConcurrency: 5, onConnect });
    await open(pool, 5);
    return pool;
  };
  let filled = await fill();
  // On a busy machine one of them can keep TCP for lack of time.
  for (let attempt = 0; late && attempt < 20; attempt++) {
    await filled.close();
    filled = await fill();
  }
  await using pool = filled;
  assert.deepEqual([paths.length, new Set(paths).size], [5, 1]);
  const sessions = "select count(*)::int from pg_stat_activity where application_name = $1";
  await until(async () => await pool.execValue(sessions, [name]) === 5, "one session for each connection");
});

testInTurn("pool failure: onNotice is its user's as long as the connection is", async () => {
  await using pool = new Pool(newest.fast, { poolMaxConcurrency: 1 });
  const conn = await pool.acquire();
  const listener = (): void => {};
  conn.onNotice = listener;
  assert.equal(conn.onNotice, listener);
  const tx = await conn.begin();
  assert.equal(tx.onNotice, listener, "a transaction's is the connection's");
  await tx.rollback();
  await conn.release();
  await using next = await pool.acquire();
  assert.throws(() => conn.onNotice = listener, UsageError, "later it is somebody else's");
  assert.equal(next.onNotice, undefined);
});

testInTurn("pool failure: who begins to listen while the server is away waits for it", async () => {
  await using own = await PostgresServer.start({ major: newest.major });
  await using pool = new Pool(asTestServer(own).admin);
  await pool.query("select 1");
  await own.stop("fast");
  const early = await new Pool(asTestServer(own).admin).listen("news").then(() => null, (error) => error);
  assert.ok(
    early instanceof PyroError && !(early instanceof TimeoutError),
    `a pool that never saw it does not wait: ${early}`,
  );
  await assert.rejects(pool.listen("news", { timeout: 50 }), TimeoutError);
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(pool.listen("news", { signal: controller.signal }), reason);
  const listening = pool.listen("news");
  await own.resume();
  await using news = await listening;
  await pool.notify("news", "hello");
  assert.equal((await news.next()).value?.channel, "news");
});

testInTurn(
  "pool failure: who begins to listen waits as long as for a connection, and learns why it was in vain",
  async () => {
    await using own = await PostgresServer.start({ major: newest.major });
    await using pool = new Pool(asTestServer(own).admin, { poolAcquireTimeout: 2000 });
    await pool.query("select 1");
    await own.stop("fast");
    const error = await pool.listen("news").then(() => undefined, (error) => error);
    assert.ok(error instanceof TimeoutError && error.cause instanceof ConnectionError, String(error));
    assert.match(error.message, /could not be reached within 2000 ms/);
    const closed = pool.listen("news").then(() => undefined, (error) => error);
    await pool.close();
    assert.ok(await closed instanceof ConnectionError);
  },
);

testInTurn("pool failure: some are kept ready, replaced when they are lost, and idle ones go", async () => {
  const { name, url } = named();
  await using admin = new Pool(newest.admin);
  await using pool = new Pool(url, { poolMinIdle: 2, poolIdleTimeout: 50 });
  await pool.query("select 1");
  await until(() => pool.stats().idle === 2, "two are ready");
  await admin.exec("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1", [name]);
  await until(() => pool.stats().idle === 2 && pool.stats().closed >= 2, "two others are ready");
  await Promise.all([1, 2, 3, 4, 5].map(() => pool.query("select pg_sleep(0.05)")));
  await until(() => pool.stats().size === 2, "no more are kept");
});
