/** Callers with promises that give up, by `signal` or `timeout`, on real servers. */
import assert from "node:assert/strict";
import { Conn, ConnectionError, Opts, TimeoutError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { isTimeout, LONG, SLEEPER } from "../support/suite/long_calls.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, serversOf, type World } from "../support/suite/worlds.ts";

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
