/** Pools, as far as they are the same in both worlds. */
import assert from "node:assert/strict";
import { ConnectionError, ServerError, sql, SqlState, TimeoutError, type Transaction, UsageError } from "../../mod.ts";
import { FaultProxy } from "../../src/testing/mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

const PID = "select pg_backend_pid()";

conformance("pool: every statement member works on any connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const table = `pool_${crypto.randomUUID().replaceAll("-", "")}`;
  assert.equal(pool.stats().opened, 0, "nothing is opened before it is needed");
  await pool.ping();
  assert.deepEqual(await pool.query("select 1 as n"), [{ n: 1 }]);
  assert.deepEqual(await pool.query<unknown>("select 1 as n", { rows: "array" }), [[1]]);
  assert.deepEqual(await pool.queryFirst("select 1 as n"), { n: 1 });
  assert.equal((await pool.queryAll("select 1; select 2")).length, 2);
  await pool.queryDrop(`create table ${table} (n int)`);
  try {
    assert.equal(await pool.execDrop(`insert into ${table} values ($1)`, [1]), 1);
    assert.equal(await pool.execBatch(`insert into ${table} values ($1)`, [[2], [3]]), 2);
    assert.equal(await pool.copyRows(table, ["n"], [[4]]), 1);
    assert.equal(await pool.copyIn(`copy ${table} from stdin`, "5\n"), 1);
    assert.equal(await pool.execValue(`select sum(n)::int from ${table}`), 15);
    assert.deepEqual(await pool.exec(`select n from ${table} where n < $1 order by n`, [3]), [{ n: 1 }, { n: 2 }]);
    assert.deepEqual(await pool.execFirst(`select n from ${table} where n = $1`, [9]), null);
    assert.deepEqual(await pool.execOne(`select n from ${table} where n = $1`, [3]), { n: 3 });
    assert.equal((await pool.run(`update ${table} set n = n`)).affected, 5);
    assert.equal(await pool.execValue(sql`select ${5}::int`), 5);
    assert.equal(await pool.execValue("select 6", { timeout: 5000 }), 6, "options in place of parameters");
    const count = given(world, function* (portal: { fetch(n: number): unknown }) {
      const { rows } = (yield portal.fetch(2)) as { rows: unknown[] };
      return rows.length;
    });
    assert.equal(await pool.execIter(`select n from ${table}`, [], count as never), 2);
    const rows: unknown[] = [];
    for await (const { n } of pool.stream<{ n: number }>(`select n from ${table} order by n`, { batch: 2 })) {
      rows.push(n);
    }
    assert.deepEqual(rows, [1, 2, 3, 4, 5]);
    let bytes = 0;
    for await (const chunk of pool.copyOut(`copy ${table} to stdout`)) bytes += chunk.length;
    assert.equal(bytes, 10);
    assert.equal(
      await pool.tx(given(world, function* (tx: Transaction) {
        yield tx.execDrop(`delete from ${table}`);
        return (yield tx.execValue(`select count(*)::int from ${table}`)) as number;
      })),
      0,
    );
  } finally {
    await pool.queryDrop(`drop table ${table}`);
  }
  const { leased, idle, size, opened } = pool.stats();
  assert.deepEqual([leased, idle, size, opened], [0, 1, 1, 1], "one after the other, one connection");
});

conformance("pool: a transaction that is run again has only the time that is left", async (world, server) => {
  await using proxy = await FaultProxy.start(server.port);
  await using pool = world.pool(proxy.opts(server.url({ query: "sslmode=disable" })));
  let runs = 0;
  const work = given(world, function* (tx: Transaction) {
    runs++;
    yield tx.execDrop("select pg_sleep(0.6)");
    proxy.arm({ direction: "down", after: 0, then: "reset" });
    yield tx.execDrop("select 1");
  });
  await assert.rejects(attempt(() => pool.tx(work, { retries: 5, timeout: 1000 })), TimeoutError);
  assert.ok(runs <= 2, `it was run ${runs} times`);
});

conformance("pool: a call that waits for a position takes no longer than its timeout", async (world, server) => {
  await using pool = world.pool(server.fast);
  // A call that has to connect goes to the primary after half of its time.
  await pool.ping();
  const reader = pool.withTarget("any", { after: "FFFFFFFF/FFFFFFFF", wait: 10_000 });
  // If it took long to connect, the primary would be asked.
  await pool.withTarget("any").ping();
  const options = { timeout: 200 };
  const calls: (() => unknown)[] = [
    () => reader.query("select 1", options),
    () => reader.execValue("select 1", [], options),
    () => reader.tx(() => 1 as never, options),
    () => reader.acquire(options),
    async () => {
      for await (const _ of reader.stream("select 1", options));
    },
  ];
  for (const call of calls) {
    const startedAt = performance.now();
    await assert.rejects(async () => void await call(), { name: "TimeoutError", message: /within 200 ms/ });
    assert.ok(performance.now() - startedAt < 5000, "before the wait is over");
  }
  // It may have to connect to the primary.
  const patient = { timeout: 20_000 };
  assert.equal(await pool.withTarget("any", { after: "FFFFFFFF/FFFFFFFF" }).execValue("select 1", [], patient), 1);
  assert.equal(pool.stats().leased, 0);
});

conformance("pool: what was taken is somebody's alone until it is given back", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const a = await pool.acquire();
  const pid = await a.execValue(PID);
  assert.notEqual(await pool.execValue(PID), pid);
  await a.release();
  assert.equal(a.closed, true);
  await using b = await pool.acquire({ timeout: 5000 });
  assert.equal(await b.execValue(PID), pid, "the one that was used last comes first");
  assert.deepEqual([pool.stats().leased, pool.stats().idle], [1, 1]);
});

conformance("pool: use after the release, and a second release", async (world, server) => {
  await using pool = world.pool(server.fast);
  const conn = await pool.acquire();
  const statement = await conn.prepare("select 1");
  const tx = await conn.begin();
  await conn.release();
  const refused = /the connection was released to its pool/;
  for (
    const call of [
      () => conn.query("select 1"),
      () => conn.exec(statement),
      () => conn.ping(),
      () => conn.begin(),
      () => conn.tx(() => 1),
      () => conn.prepare("select 1"),
      () => conn.copyIn("copy t from stdin", ""),
      () => conn.listen("c"),
      () => conn.notify("c"),
      () => conn.reset(),
      () => conn.cancel(),
      () => conn.pipeline(),
      () => conn.stream("select 1"),
      () => conn.copyOut("copy t to stdout"),
      () => tx.query("select 1"),
    ]
  ) {
    await assert.rejects(attempt<unknown>(call), (error) => {
      return error instanceof UsageError && refused.test(error.message) && !error.safeToRetry;
    }, String(call));
  }
  await assert.rejects(attempt(() => conn.release()), /Cannot release the connection/);
  await conn.close();
  {
    await using _again = conn;
  }
  assert.equal(pool.stats().idle, 1, "all of that has not touched the connection");
  await using other = await pool.acquire();
  await assert.rejects(attempt(() => other.exec(statement)), /belongs to another connection/);
  assert.equal(other.transactionStatus, "idle");
});

conformance("pool: what is left over is undone", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const channel = `left_${crypto.randomUUID()}`;
  const pid = await pool.execValue(PID);
  const leave: readonly ((conn: Awaited<ReturnType<typeof pool.acquire>>) => Promise<unknown>)[] = [
    async (conn) => await conn.begin(),
    async (conn) => await conn.queryDrop("begin"),
    async (conn) => {
      await conn.queryDrop("begin");
      await assert.rejects(attempt(() => conn.query("select 1 / 0")), ServerError);
    },
    async (conn) => {
      const stream = conn.stream("select generate_series(1, 1000)", { batch: 2 });
      await stream.next();
    },
    async (conn) => {
      const tx = await conn.begin();
      const portal = await tx.execPortal("select generate_series(1, 1000)");
      await portal.fetch(1);
    },
    async (conn) => {
      const pipeline = conn.pipeline();
      pipeline.exec("select 1");
      await pipeline.sync();
      pipeline.exec("select 2");
    },
    async (conn) => await conn.listen(channel),
    async (conn) => {
      conn.onNotice = () => assert.fail("the next user's notices are not the last one's business");
      await Promise.resolve();
    },
  ];
  for (const leaves of leave) {
    const conn = await pool.acquire();
    await leaves(conn);
    await conn.release();
    await using next = await pool.acquire();
    assert.equal(next.transactionStatus, "idle", String(leaves));
    assert.equal(next.onNotice, undefined);
    assert.equal(await next.execValue(PID), pid, "the connection is kept");
    assert.equal(await next.execValue("select count(*)::int from pg_listening_channels()"), 0);
    await next.queryDrop("do $$ begin raise notice 'x'; end $$");
  }
});

conformance(
  "pool: a transaction that a call on the pool leaves open is an error, and rolled back",
  async (world, server) => {
    await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
    const isLeftOpen = { name: "UsageError", message: /^Cannot leave a transaction open in a call on a pool: .*tx/ };
    await assert.rejects(attempt(() => pool.query("begin")), isLeftOpen);
    await assert.rejects(attempt(() => pool.execDrop("start transaction")), isLeftOpen);
    await assert.rejects(attempt(() => pool.query("begin; select 1")), isLeftOpen);
    await assert.rejects(attempt(() => pool.query("begin; select 1 / 0")), ServerError);
    assert.deepEqual(await pool.query("begin; select 1 as n; commit"), [{ n: 1 }]);
    await using conn = await pool.acquire();
    assert.equal(conn.transactionStatus, "idle");
  },
);

conformance("pool: a connection that was closed is replaced", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  const conn = await pool.acquire();
  const pid = await conn.execValue(PID);
  await conn.close();
  await conn.close();
  assert.equal(conn.closed, true);
  await assert.rejects(attempt(() => conn.query("select 1")), /the connection was closed/);
  assert.notEqual(await pool.execValue(PID), pid);
  assert.equal(pool.stats().closed, 1);
});

conformance(
  "pool: a connection that was handed out poolMaxUses times is closed when it is released",
  async (world, server) => {
    await using pool = world.pool(server.fast, { poolMaxConcurrency: 1, poolMaxUses: 2 });
    await pool.ready();
    const conn = await pool.acquire();
    const pid = await conn.execValue(PID);
    await conn.release();
    assert.deepEqual([pool.stats().idle, pool.stats().closed], [1, 0]);
    await pool.tx(given(world, function* (tx: Transaction) {
      assert.equal(yield tx.execValue(PID), pid);
      assert.equal(yield tx.execValue(PID), pid, "calls on a connection are no uses");
    }));
    assert.deepEqual([pool.stats().size, pool.stats().closed], [0, 1]);
    assert.notEqual(await pool.execValue(PID), pid);
  },
);

conformance("pool: with poolMaxUses 1, each caller has a new connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2, poolMaxUses: 1 });
  const pids = new Set<unknown>();
  const next = async (): Promise<void> => void pids.add(await pool.execValue(PID));
  for (let i = 0; i < 3; i++) await next();
  // Those that call at the same time share none; those that wait are served.
  await Promise.all(Array.from({ length: 7 }, next));
  const { size, leased, opened, closed, acquired } = pool.stats();
  assert.deepEqual([pids.size, size, leased, opened, closed, acquired], [10, 0, 0, 10, 10, 10]);
});

conformance("pool: a connection that is lost while it is out, or idle, is replaced", async (world, server) => {
  const ends: (Error | undefined)[] = [];
  const onClose = (_: unknown, error: Error | undefined): void => void ends.push(error);
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1, onClose });
  await using admin = await world.connect(server.admin);
  const conn = await pool.acquire();
  await admin.execValue("select pg_terminate_backend($1, 5000)", [conn.id]);
  await assert.rejects(attempt(() => conn.query("select 1")), ConnectionError);
  await conn.release();
  // The blocking pool has not seen its end yet. It looks before it sends; after a second it asks first.
  for (const milliseconds of [200, 1100]) {
    const pid = await pool.execValue<number>(PID);
    await admin.execValue("select pg_terminate_backend($1, 5000)", [pid]);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    assert.notEqual(await pool.execValue(PID), pid);
  }
  assert.deepEqual([pool.stats().size, pool.stats().closed], [1, 3]);
  assert.equal(ends.length, 3);
  for (const error of ends) assert.match(String(error?.message), /terminating connection due to administrator command/);
});

conformance("pool: functions that are told of connections", async (world, server) => {
  const told: string[] = [];
  let keep: boolean | undefined = undefined;
  await using pool = world.pool(server.fast, {
    poolMaxConcurrency: 1,
    onConnect: (conn) => {
      told.push(`connect ${conn.transactionStatus}`);
      return conn.queryDrop("set application_name = 'hooked'");
    },
    onRelease: (conn) => {
      told.push(`release ${conn.transactionStatus}`);
      return keep;
    },
  });
  assert.equal(await pool.execValue("show application_name"), "hooked");
  const conn = await pool.acquire();
  await conn.begin();
  await conn.release();
  assert.deepEqual(told, ["connect idle", "release idle", "release idle"]);
  keep = false;
  await (await pool.acquire()).release();
  assert.deepEqual([pool.stats().idle, pool.stats().closed], [0, 1]);
});

conformance("pool: functions that throw", async (world, server) => {
  const broken = new TypeError("broken");
  await using one = world.pool(server.fast, {
    onConnect: () => {
      throw broken;
    },
  });
  await assert.rejects(attempt(() => one.query("select 1")), broken);
  assert.deepEqual([one.stats().size, one.stats().failed], [0, 1]);
  await using other = world.pool(server.fast, {
    onRelease: () => {
      throw broken;
    },
  });
  assert.equal(await other.execValue("select 1"), 1, "the caller has its result");
  await (await other.acquire()).release();
  assert.deepEqual([other.stats().idle, other.stats().leased], [0, 0]);
});

conformance(
  "pool: blocking, a function that gives a promise is told so, as nobody waits for it",
  async (world, server) => {
    if (world.name === "async") {
      await using pool = world.pool(server.fast, { onRelease: () => Promise.resolve(false) });
      await (await pool.acquire()).release();
      assert.deepEqual([pool.stats().idle, pool.stats().closed], [0, 1], "where promises are awaited, it is");
      return;
    }
    const told = (name: string) => (error: unknown): boolean =>
      error instanceof UsageError && error.message.includes(`${name} of a blocking pool must return at once`);
    await using one = world.pool(server.fast, { onConnect: () => Promise.resolve() });
    await assert.rejects(attempt(() => one.query("select 1")), told("onConnect"));
    await using other = world.pool(server.fast, { onRelease: () => Promise.reject(new Error("not heard")) });
    await assert.rejects(attempt(() => other.execValue("select 1")), told("onRelease"));
    const conn = await other.acquire();
    await assert.rejects(attempt(() => conn.release()), told("onRelease"));
    assert.deepEqual([other.stats().size, other.stats().leased], [0, 0], "and its connection is closed");
  },
);

conformance("pool: functions that leave something, and one that closes the connection", async (world, server) => {
  await using pool = world.pool(server.fast, { onConnect: (conn) => conn.queryDrop("begin") });
  {
    await using conn = await pool.acquire();
    assert.equal(conn.transactionStatus, "idle");
  }
  await using careless = world.pool(server.fast, { onRelease: (conn) => conn.queryDrop("begin") });
  await (await careless.acquire()).release();
  assert.equal(careless.stats().idle, 0, "what is not ready for the next one is closed");
  await using closing = world.pool(server.fast, { onConnect: (conn) => conn.close() });
  await assert.rejects(attempt(() => closing.query("select 1")), (error) => {
    return error instanceof ConnectionError && /closed or lost before its first use/.test(error.message);
  });
});

conformance("pool: drained, it opens new connections", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 2 });
  const out = await pool.acquire();
  const [pid, idle] = [out.id, await pool.execValue(PID)];
  await pool.drain();
  assert.deepEqual([pool.stats().idle, pool.stats().leased], [0, 1]);
  assert.equal(await out.execValue(PID), pid, "what is in use goes on");
  await out.release();
  assert.equal(pool.stats().size, 0);
  const next = await pool.execValue(PID);
  assert.ok(next !== pid && next !== idle);
});

conformance("pool: closed, it refuses, and its connections are gone", async (world, server) => {
  const name = `closing_${crypto.randomUUID().slice(0, 8)}`;
  const pool = world.pool(`${server.fast}${server.fast.includes("?") ? "&" : "?"}application_name=${name}`);
  const out = await pool.acquire();
  await pool.query("select 1");
  const news = await pool.listen(name);
  await pool.close({ timeout: 0 });
  await pool.close();
  assert.equal(pool.closed, true);
  assert.equal(out.closed, true);
  assert.deepEqual(await news.next(), { done: true, value: undefined });
  for (
    const call of [
      () => pool.query("select 1"),
      () => pool.execValue("select 1"),
      () => pool.acquire(),
      () => pool.listen("c"),
      () => pool.tx(() => 1),
    ]
  ) {
    await assert.rejects(attempt<unknown>(call), (error) => {
      return error instanceof ConnectionError && !error.connectionLost && /the pool: it is closed/.test(error.message);
    });
  }
  await assert.rejects(attempt(() => out.query("select 1")), ConnectionError);
  await out.release();
  assert.equal(pool.stats().size, 0);
  await using conn = await world.connect(server.fast);
  const sessions = "select count(*)::int from pg_stat_activity where application_name = $1";
  for (let i = 0; await conn.execValue(sessions, [name]) !== 0; i++) {
    assert.ok(i < 100, "no session is left");
    await conn.execDrop("select pg_sleep(0.05)");
  }
});

conformance("pool: what is wrong with arguments is told, and costs no connection", async (world, server) => {
  await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
  // deno-lint-ignore no-explicit-any
  const any = pool as any;
  await pool.ping();
  for (
    const call of [
      () => any.acquire({ timout: 5 }),
      () => any.acquire({ timeout: -1 }),
      () => any.acquire("soon"),
      () => any.query(5),
      () => any.query("select 1", { timeout: -1 }),
      () => any.query("select 1", { timeout: "soon" }),
      () => any.exec("select 1", "no array", {}),
      () => any.exec("select 1", [], { rows: "columns" }),
      () => any.exec(undefined),
      () => any.exec(null, [1]),
      () => any.tx("no function"),
      () => any.listen(""),
      () => any.listen("c", { timeout: -1 }),
      () => any.close({ timeout: -1 }),
      () => any.close({ timout: 5 }),
      () => any.close(5),
    ]
  ) await assert.rejects(attempt<unknown>(call), UsageError, String(call));
  assert.deepEqual([pool.stats().idle, pool.stats().opened, pool.closed], [1, 1, false]);
  await using conn = await pool.acquire();
  const statement = await conn.prepare("select 1");
  await using wide = world.pool(server.fast);
  await assert.rejects(attempt(() => wide.exec(statement as never)), /belongs to another connection/);
});

conformance("pool: a server's refusal is told to the caller", async (world, server) => {
  await using pool = world.pool(server.url({ password: "wrong" }));
  await assert.rejects(attempt(() => pool.query("select 1")), (error) => {
    return error instanceof ServerError && error.code === SqlState.InvalidPassword;
  });
  await using nobody = world.pool("pg://u@127.0.0.1:1/d");
  await assert.rejects(attempt(() => nobody.acquire()), ConnectionError);
  await assert.rejects(attempt(() => nobody.listen("c")), ConnectionError);
});

conformance("pool: listeners hear what the pool sends, several of them on one channel", async (world, server) => {
  await using pool = world.pool(server.fast);
  const channel = `Pool ${crypto.randomUUID()}`;
  const [one, two] = [await pool.listen(channel), await pool.listen(channel)];
  assert.deepEqual([one.channel, pool.stats().leased], [channel, 0]);
  await pool.notify(channel, "a");
  await pool.notify(channel);
  for (const news of [one, two]) {
    const first = await news.next();
    assert.deepEqual([first.value!.channel, first.value!.payload, typeof first.value!.pid], [channel, "a", "number"]);
    assert.equal((await news.next()).value!.payload, "");
  }
  await one.return();
  assert.equal((await one.next()).done, true);
  await pool.notify(channel, "b");
  assert.equal((await two.next()).value!.payload, "b");
});

conformance(
  "pool: after the loss of its connection, a listener hears of the gap and goes on",
  async (world, server) => {
    const name = `gap_${crypto.randomUUID().slice(0, 8)}`;
    await using pool = world.pool(`${server.fast}${server.fast.includes("?") ? "&" : "?"}application_name=${name}`);
    await using admin = await world.connect(server.admin);
    await using news = await pool.listen(name);
    const kill = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = $1";
    assert.deepEqual(await admin.exec(kill, [name]), [{ pg_terminate_backend: true }]);
    assert.deepEqual((await news.next()).value, { channel: name, gap: true });
    await pool.notify(name, "after");
    assert.equal((await news.next()).value!.payload, "after");
  },
);
