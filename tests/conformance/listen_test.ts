/** LISTEN and NOTIFY. Channels belong to the database, which all tests share: each has a name of its own. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, type Notification, ServerError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf, type World } from "../support/suite/worlds.ts";

let count = 0;

/** A channel that no other test, process or run has. */
function channel(suffix: string = ""): string {
  return `c${++count}_${crypto.randomUUID().slice(0, 13)}${suffix}`;
}

/** What a listener is, in either world. */
type Heard = Awaited<ReturnType<Conn["listen"]>>;

/** Listens; the blocking iteration ends after some time without a notification, so that a failure is none to wait for. */
function listen(world: World, conn: Conn, name: string): Promise<Heard> {
  return Promise.resolve(conn.listen(name, world.name === "async" ? undefined : { timeout: 5000 }));
}

/** The payloads of the next notifications. */
async function payloads(news: Heard, wanted: number): Promise<string[]> {
  const heard: string[] = [];
  while (heard.length < wanted) {
    const { done, value } = await news.next();
    if (done) break;
    heard.push((value as Notification).payload);
  }
  return heard;
}

/** The channels that the server has for the connection, of those with our names. */
async function channels(conn: Conn): Promise<unknown[]> {
  return (await conn.query("select pg_listening_channels() as name order by 1")).map(({ name }) => name);
}

conformance("listen: names and payloads of every kind arrive as they are", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const names = [
    channel("UPPER and lower"),
    channel("\"quoted\" and 'single'"),
    channel("; select 1; --"),
    channel(" $1 ${x} \\ % "),
    channel(" läñgüage 🐘"),
    channel("x".repeat(63 - channel().length)).padEnd(63, "y").slice(0, 63),
  ];
  const texts = ["", "x", "with 'quotes', \"others\" and \\", "line\nbreak\tand tab", "ünïcödé 🐘", "p".repeat(7999)];
  for (const name of names) {
    await using news = await listen(world, conn, name);
    assert.equal(news.channel, name);
    for (const text of texts) await conn.notify(name, text);
    for (const text of texts) {
      const { value } = await news.next();
      assert.deepEqual({ ...value }, { channel: name, payload: text, pid: conn.id });
    }
  }
  assert.deepEqual(await channels(conn), []);
});

conformance(
  "listen: upper and lower case are different channels, and notify without a payload is empty",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const name = channel("Case");
    await using news = await listen(world, conn, name);
    await conn.notify(name.toLowerCase(), "not for us");
    await conn.notify(name);
    assert.deepEqual(await payloads(news, 1), [""]);
  },
);

conformance(
  "listen: names and payloads that cannot be are refused, and the connection goes on",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    for (const name of ["", "x".repeat(64), "ä".repeat(32), "a\0b", "\ud800", 5, null, undefined, {}]) {
      await assert.rejects(attempt(() => conn.listen(name as string)), UsageError, String(name));
      await assert.rejects(attempt(() => conn.notify(name as string)), UsageError, String(name));
    }
    const name = channel();
    for (const payload of [5, null, {}]) {
      await assert.rejects(attempt(() => conn.notify(name, payload as unknown as string)), UsageError);
    }
    await assert.rejects(attempt(() => conn.notify(name, "a\0b")), { name: "EncodeError" });
    for (const text of ["x".repeat(8000), "ä".repeat(4000)]) {
      await assert.rejects(attempt(() => conn.notify(name, text)), (error) => {
        assert.ok(error instanceof ServerError && error.code === "22023", String(error));
        return true;
      });
    }
    assert.equal(await conn.execValue("select 1"), 1);
    assert.deepEqual(await channels(conn), []);
  },
);

conformance("listen: of many that wait none is missing, and they come in their order", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const name = channel();
  await using news = await listen(world, conn, name);
  const count = 20_000;
  await conn.execDrop("select pg_notify($1, i::text) from generate_series(1, $2::int4) as i", [name, count]);
  assert.deepEqual(await payloads(news, count), Array.from({ length: count }, (_, i) => String(i + 1)));
});

conformance("listen: several channels, each with its own, in the order of the sending", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const [a, b] = [channel(), channel()] as const;
  await using first = await listen(world, conn, a);
  await using second = await listen(world, conn, b);
  const sent = Array.from({ length: 50 }, (_, n) => String(n));
  for (const text of sent) await other.notify(Number(text) % 2 === 0 ? a : b, text);
  assert.deepEqual(await payloads(second, 25), sent.filter((text) => Number(text) % 2 === 1));
  assert.deepEqual(await payloads(first, 25), sent.filter((text) => Number(text) % 2 === 0));
});

conformance(
  "listen: each of several listeners on one channel hears everything; the last to go ends it",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const name = channel();
    const first = await listen(world, conn, name);
    const second = await listen(world, conn, name);
    await conn.notify(name, "both");
    assert.deepEqual(await payloads(first, 1), ["both"]);
    assert.deepEqual(await payloads(second, 1), ["both"]);
    await first.return();
    assert.deepEqual(await channels(conn), [name]);
    await first.return();
    await conn.notify(name, "one");
    assert.equal((await first.next()).done, true);
    assert.deepEqual(await payloads(second, 1), ["one"]);
    await second.return();
    assert.deepEqual(await channels(conn), []);
  },
);

conformance(
  "listen: leaving the loop, return() and disposal end it, with what had come still there",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const name = channel();
    const news = await listen(world, conn, name);
    for (const text of ["1", "2", "3"]) await conn.notify(name, text);
    for await (const { payload } of news) {
      assert.equal(payload, "1");
      break;
    }
    assert.deepEqual(await channels(conn), []);
    await conn.notify(name, "after the end");
    assert.deepEqual(await payloads(news, 5), ["2", "3"]);
    {
      await using disposed = await listen(world, conn, name);
      assert.deepEqual(await channels(conn), [name]);
      assert.equal(disposed.channel, name);
    }
    assert.deepEqual(await channels(conn), []);
    const again = await listen(world, conn, name);
    await conn.notify(name, "again");
    assert.deepEqual(await payloads(again, 1), ["again"]);
    assert.deepEqual(await again.return(), { done: true, value: undefined });
    assert.deepEqual(await channels(conn), []);
  },
);

conformance(
  "listen: notifications come between rows, during other calls and in transactions",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const name = channel();
    await using news = await listen(world, conn, name);
    const sending = "select n, pg_notify($1, n::text) from generate_series(1, 300) as n";
    assert.equal((await conn.exec(sending, [name])).length, 300);
    await conn.queryDrop(`notify "${name}", 'simple'; select 1`);
    const rows = await conn.tx(given(world, function* (tx) {
      yield tx.execDrop("select pg_notify($1, 'inside')", [name]);
      return yield tx.exec("select 2 as n");
    }));
    assert.deepEqual(rows, [{ n: 2 }]);
    const expected = [...Array.from({ length: 300 }, (_, n) => String(n + 1)), "simple", "inside"];
    assert.deepEqual(await payloads(news, expected.length), expected);
  },
);

conformance("notify: in a transaction it arrives at its commit, and never after a rollback", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using other = await world.connect(server.fast);
  const name = channel();
  await using news = await listen(world, conn, name);
  {
    await using tx = await other.begin();
    await other.notify(name, "rolled back");
    await tx.rollback();
  }
  await using tx = await other.begin();
  await other.notify(name, "committed late");
  await conn.notify(name, "before");
  assert.deepEqual(await payloads(news, 1), ["before"]);
  await tx.commit();
  const { value } = await news.next();
  assert.deepEqual([value?.payload, value?.pid], ["committed late", other.id]);
});

conformance(
  "listen: what could not be undone at once is undone later, at the latest by the pool",
  async (world, server) => {
    await using pool = world.pool(server.fast, { poolMaxConcurrency: 1 });
    const name = channel();
    const ends: ((conn: Conn, news: Heard) => Promise<unknown>)[] = [
      async (conn, news) => {
        await using pipeline = conn.pipeline();
        pipeline.exec("select 1");
        await news.return!();
      },
      async (conn, news) => {
        const stream = conn.stream("select generate_series(1, 10)", { batch: 1 });
        await stream.next();
        await news.return!();
      },
      async (conn, news) => {
        await using tx = await conn.begin();
        await assert.rejects(attempt(() => tx.exec("select 1/0")), ServerError);
        await news.return!();
      },
      async (conn, news) => {
        await using tx = await conn.begin();
        await news.return!();
        await tx.rollback();
        assert.deepEqual(await channels(conn), [name], "the rollback has brought it back");
      },
    ];
    for (const end of ends) {
      const id = await (async () => {
        await using conn = await pool.acquire();
        await end(conn, await listen(world, conn, name));
        return conn.id;
      })();
      await using conn = await pool.acquire();
      assert.equal(conn.id, id);
      assert.deepEqual(await channels(conn), []);
    }
    await using conn = await world.connect(server.fast);
    const [one, other] = [await listen(world, conn, name), await listen(world, conn, channel())];
    {
      await using _pipeline = conn.pipeline();
      await one.return!();
    }
    await other.return!();
    assert.deepEqual(await channels(conn), [], "and by the next one that ends");
  },
);

conformance("listen: not while a stream is open, which goes on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  let rows = 0;
  for await (const _ of conn.stream("select generate_series(1, 20)", { batch: 5 })) {
    await assert.rejects(attempt(() => conn.listen(channel())), UsageError);
    await assert.rejects(attempt(() => conn.notify(channel())), UsageError);
    rows++;
  }
  assert.equal(rows, 20);
  assert.deepEqual(await channels(conn), []);
});

conformance(
  "listen: what comes while a stream is read arrives, and listening can be ended afterwards",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using other = await world.connect(server.fast);
    const name = channel();
    const news = await listen(world, conn, name);
    let rows = 0;
    for await (const _ of conn.stream("select generate_series(1, 30)", { batch: 5 })) {
      if (rows++ === 7) await other.notify(name, "meanwhile");
    }
    assert.deepEqual(await payloads(news, 1), ["meanwhile"]);
    await news.return();
    assert.deepEqual(await channels(conn), []);
  },
);

conformance("listen: the loss of the connection ends it, after what had come", async (world, server) => {
  await using admin = await world.connect(server.admin);
  const conn = await world.connect(server.fast);
  const name = channel();
  const news = await listen(world, conn, name);
  await conn.notify(name, "1");
  await conn.notify(name, "2");
  await admin.execValue("select pg_terminate_backend($1)", [conn.id]);
  assert.deepEqual(await payloads(news, 2), ["1", "2"]);
  await assert.rejects(attempt(() => news.next()), (error) => {
    assert.ok(error instanceof ConnectionError && error.connectionLost, String(error));
    return true;
  });
  assert.equal(conn.closed, true);
  await news.return();
  await conn.close();
});

conformance("listen: reset ends it", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const [a, b] = [channel(), channel()] as const;
  const [first, second] = [await listen(world, conn, a), await listen(world, conn, b)];
  await conn.notify(a, "before");
  await conn.reset();
  assert.deepEqual(await payloads(first, 2), ["before"]);
  assert.equal((await second.next()).done, true);
  assert.deepEqual(await channels(conn), []);
  await first.return();
  await using again = await listen(world, conn, a);
  await conn.notify(a, "after");
  assert.deepEqual(await payloads(again, 1), ["after"]);
});

conformance(
  "listen: in the blocking world, a time without a notification ends the iteration",
  async (world, server) => {
    if (world.name === "async") return;
    await using conn = await world.connect(server.fast);
    const name = channel();
    const news = await conn.listen(name, { timeout: 1000 });
    for (const text of ["1", "2"]) await conn.notify(name, text);
    const heard: string[] = [];
    for await (const { payload } of news) heard.push(payload);
    assert.deepEqual(heard, ["1", "2"]);
    assert.deepEqual(await channels(conn), []);
    assert.equal((await news.next()).done, true);
  },
);

conformance(
  "listen: a listener's own calls, and those to end it, in the middle of the iteration",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const name = channel();
    const heard: unknown[] = [];
    const news = await listen(world, conn, name);
    await conn.notify(name, "0");
    for await (const { payload } of news) {
      heard.push(await conn.execValue("select $1::int4 * 10", [Number(payload)]));
      if (payload === "4") break;
      await conn.notify(name, String(Number(payload) + 1));
    }
    assert.deepEqual(heard, [0, 10, 20, 30, 40]);
    assert.deepEqual(await channels(conn), []);
  },
);

for (const server of serversOf(awaiting)) {
  const name = (text: string): string => `listen: ${text} (PostgreSQL ${server.major})`;

  test(name("notifications while idle reach one who waits, and each of several who wait"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using other = await Conn.connect(server.fast);
    const wanted = channel();
    await using news = await conn.listen(wanted);
    const waiting = [news.next(), news.next()];
    await conn.ping();
    await other.notify(wanted, "1");
    await other.notify(wanted, "2");
    assert.deepEqual((await Promise.all(waiting)).map(({ value }) => value?.payload), ["1", "2"]);
  });

  test(name("return() releases who waits"), async () => {
    await using conn = await Conn.connect(server.fast);
    const news = await conn.listen(channel());
    const waiting = [news.next(), news.next()];
    await news.return();
    assert.deepEqual((await Promise.all(waiting)).map(({ done }) => done), [true, true]);
  });

  test(name("close() releases who waits"), async () => {
    const conn = await Conn.connect(server.fast);
    const news = await conn.listen(channel());
    const waiting = news.next().then(({ done }) => done, (error: unknown) => error instanceof ConnectionError);
    await conn.close();
    assert.equal(await waiting, true);
    await news.return();
  });

  test(name("a signal ends it, and leaves no listener on the signal"), async () => {
    await using conn = await Conn.connect(server.fast);
    const { signal, abort, listeners } = counted();
    const wanted = channel();
    const news = await conn.listen(wanted, { signal });
    const waiting = news.next();
    abort("enough");
    assert.equal((await waiting).done, true);
    assert.deepEqual(await channels(conn), []);
    const other = counted();
    const ended = await conn.listen(wanted, { signal: other.signal });
    await ended.return();
    assert.equal(other.listeners(), 0, "a long-lived signal would collect one for each listener that ever was");
    assert.equal(listeners(), 0);
  });

  test(name("calls of one tick: listening, ending it and listening again keep their order"), async () => {
    await using conn = await Conn.connect(server.fast);
    const wanted = channel();
    const first = await conn.listen(wanted);
    const [, second] = await Promise.all([first.return(), conn.listen(wanted), conn.notify(wanted, "x")]);
    assert.deepEqual(await payloads(second, 1), ["x"]);
    assert.deepEqual(await channels(conn), [wanted]);
    assert.equal((await first.next()).done, true);
  });
}

/** A signal that knows how many listen to it. */
function counted(): { signal: AbortSignal; abort: (reason: unknown) => void; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = new Set<unknown>();
  const [add, remove] = [signal.addEventListener, signal.removeEventListener];
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners.add(given[1]);
    add.apply(signal, given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners.delete(given[1]);
    remove.apply(signal, given);
  };
  const abort = (reason: unknown): void => {
    controller.abort(reason);
    // They were registered for once.
    listeners.clear();
  };
  return { signal, abort, listeners: () => listeners.size };
}
