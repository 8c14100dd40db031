/** `cancel()`, `cancelKey` and `cancel(key)`. */
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { cancel, Conn, ConnectionError, Opts, ServerError, TimeoutError, UsageError } from "../../mod.ts";
import { cancel as cancelBlocking } from "../../sync.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf, type World } from "../support/suite/worlds.ts";

/** How each address of a server is reached. */
const WAYS: Readonly<Record<string, string>> = {
  TLS: "sslmode=require",
  TCP: "sslmode=disable&upgrade_to_unix_socket=no",
};

function isCanceled(error: unknown): true {
  assert.ok(error instanceof ServerError && error.code === "57014", String((error as Error)?.stack ?? error));
  return true;
}

function cancelIn(world: World): typeof cancel {
  return world.name === "async" ? cancel : (key) => attempt(() => cancelBlocking(key));
}

conformance("cancel: nothing happens when nothing runs, and later calls are right", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for (let i = 0; i < 5; i++) {
    await conn.cancel();
    assert.equal(await conn.execValue("select $1::int4 from pg_sleep(0.01)", [i]), i);
  }
  await cancelIn(world)(conn.cancelKey!);
  assert.equal(await conn.execValue("select 'still here'"), "still here");
});

conformance("cancel: a key works over each kind of connection, also as a copy", async (world, server) => {
  await using runner = await Conn.connect(server.fast);
  for (const target of [server.fast, ...Object.values(WAYS).map((query) => server.url({ query }))]) {
    // The statement is another connection's, so that a blocking one can send the request.
    await using conn = await Conn.connect(target);
    const running = conn.execValue("select pg_sleep(20)");
    const over = assert.rejects(running, isCanceled);
    await isRunning(runner, conn.id);
    const key = structuredClone(conn.cancelKey!);
    assert.deepEqual(key, conn.cancelKey);
    assert.equal(key.secret.buffer.byteLength, key.secret.length, "nothing but the secret is copied");
    await cancelIn(world)(key);
    await over;
    assert.equal(await conn.execValue("select 1"), 1);
  }
});

conformance("cancel: what is no key is a UsageError", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const key = conn.cancelKey!;
  const garbage = [
    undefined,
    null,
    "key",
    5,
    {},
    [],
    conn,
    JSON.parse(JSON.stringify(key)),
    { ...key, endpoint: null },
    { ...key, endpoint: {} },
    { ...key, endpoint: { kind: "tcp", host: 5, port: "x" } },
    { ...key, endpoint: { kind: "unix" } },
    { ...key, tls: "yes" },
    { ...key, processId: "1" },
    { ...key, processId: NaN },
    { ...key, secret: undefined },
    { ...key, secret: new Uint8Array() },
    { ...key, serverName: 5 },
  ];
  for (const [i, value] of garbage.entries()) {
    await assert.rejects(attempt(() => cancelIn(world)(value as never)), UsageError, `garbage ${i}`);
  }
});

conformance(
  "cancel: a key that is not right any more does nothing, and a server that is not there is an error",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const key = conn.cancelKey!;
    await cancelIn(world)({ ...key, secret: key.secret.map((byte) => byte ^ 1) });
    await cancelIn(world)({ ...key, processId: 1 });
    const nowhere = { kind: "tcp", host: "127.0.0.1", port: 1, keepAlive: false } as const;
    await assert.rejects(attempt(() => cancelIn(world)({ ...key, tls: false, endpoint: nowhere })), ConnectionError);
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance("cancel: another thread stops what a blocking connection runs", async (world, server) => {
  for (const target of [server.fast, ...Object.values(WAYS).map((query) => server.url({ query }))]) {
    await using conn = await world.connect(target);
    const worker = cancelLater(conn.cancelKey!);
    try {
      await assert.rejects(attempt(() => conn.execValue("select pg_sleep(20)")), isCanceled);
      assert.equal(await conn.execValue("select 1"), 1);
    } finally {
      await worker.terminate();
    }
  }
});

for (const server of serversOf(awaiting)) {
  const name = (text: string): string => `cancel: ${text} (PostgreSQL ${server.major})`;

  test(name("stops what runs, over each kind of connection, and the calls behind it are right"), async () => {
    await using watcher = await Conn.connect(server.fast);
    for (const target of [server.fast, ...Object.values(WAYS).map((query) => server.url({ query }))]) {
      await using conn = await Conn.connect(target);
      const running = conn.execValue("select pg_sleep(20)");
      const behind = [conn.execValue("select 2"), conn.query("select 3 as n")];
      const over = assert.rejects(running, isCanceled);
      await isRunning(watcher, conn.id);
      await conn.cancel();
      await over;
      assert.deepEqual(await Promise.all(behind), [2, [{ n: 3 }]]);
    }
  });

  test(name("a transaction and a pipeline learn of it as of any failure"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using watcher = await Conn.connect(server.fast);
    const over = assert.rejects(conn.tx((tx) => tx.execValue("select pg_sleep(20)")), isCanceled);
    await isRunning(watcher, conn.id);
    await conn.cancel();
    await over;
    assert.equal(conn.transactionStatus, "idle");
    {
      await using pipeline = conn.pipeline();
      const slow = pipeline.exec("select pg_sleep(20)");
      const next = pipeline.exec("select 1");
      await pipeline.sync();
      await isRunning(watcher, conn.id);
      await conn.cancel();
      await assert.rejects(pipeline.claim(slow), isCanceled);
      await assert.rejects(pipeline.claim(next), { name: "PipelineAborted" });
    }
    assert.equal(await conn.execValue("select 1"), 1);
  });

  test(name("calls made after it are never hit, however late it gets there"), async () => {
    await using proxy = await startProxy(server.port, 150);
    await using conn = await Conn.connect(through(proxy, server.url({ query: "sslmode=disable" })));
    for (const options of [undefined, { timeout: 30_000 }]) {
      const running = conn.execValue("select pg_sleep(0.05)::text || 'x'");
      const cancelling = conn.cancel();
      const after = conn.execValue("select 'after' from pg_sleep(0.3)", options);
      await Promise.allSettled([running]);
      assert.equal(await after, "after");
      await cancelling;
    }
    assert.equal(proxy.firstBytes.length, 3, "a connection, and two cancel requests");
  });

  test(name("a request that is given up by a time-out is encrypted like its connection"), async () => {
    for (const [sslmode, code] of [["require", SSL_REQUEST], ["disable", CANCEL_REQUEST]] as const) {
      await using proxy = await startProxy(server.port);
      await using conn = await Conn.connect(through(proxy, server.url({ query: `sslmode=${sslmode}` })));
      await assert.rejects(conn.query("select pg_sleep(20)", { timeout: 40 }), TimeoutError);
      const before = proxy.firstBytes.length;
      await cancel(conn.cancelKey!);
      assert.ok(before >= 2 && proxy.firstBytes.length === before + 1);
      for (const first of proxy.firstBytes.slice(1)) {
        assert.equal(new DataView(first.buffer, first.byteOffset).getInt32(4), code, sslmode);
      }
    }
  });

  test(name("it stops only the connection that it is for"), async () => {
    await using conn = await Conn.connect(server.fast);
    await using other = await Conn.connect(server.fast);
    await using watcher = await Conn.connect(server.fast);
    const over = assert.rejects(conn.execValue("select pg_sleep(20)"), isCanceled);
    const untouched = other.execValue("select 'untouched' from pg_sleep(0.3)");
    await isRunning(watcher, conn.id);
    await conn.cancel();
    await over;
    assert.equal(await untouched, "untouched");
  });
}

/** Waits until the server process runs `pg_sleep`. */
async function isRunning(watcher: Conn, id: number): Promise<void> {
  const sql = "select count(*)::int4 from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'";
  for (let attempt = 0; await watcher.execValue(sql, [id]) !== 1; attempt++) {
    assert.ok(attempt < 1000, "the statement does not run");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sends cancel requests from a thread of its own, until it is stopped: one that comes too early does nothing. */
function cancelLater(key: unknown): Worker {
  const source = `
    import { workerData } from "node:worker_threads";
    const { cancel } = await import(workerData.pyro);
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      await cancel(workerData.key);
    }`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: { key, pyro: new URL("../../mod.ts", import.meta.url).href },
  });
}

/** Something between, that knows what each connection begins with. */
interface Proxy extends AsyncDisposable {
  readonly port: number;
  readonly firstBytes: Uint8Array[];
}

/** Passes everything on; what comes on any but the first connection only after so many milliseconds. */
async function startProxy(port: number, delay: number = 0): Promise<Proxy> {
  const { connect, createServer } = await import("node:net");
  const firstBytes: Uint8Array[] = [];
  const sockets = new Set<{ destroy(): void }>();
  let connections = 0;
  const server = createServer((client) => {
    const wait = connections++ === 0 ? 0 : delay;
    const target = connect(port, "127.0.0.1");
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    client.once("data", (data) => firstBytes.push(new Uint8Array(data)));
    client.on("data", (data) => wait === 0 ? target.write(data) : setTimeout(() => target.write(data), wait));
    client.on("end", () => setTimeout(() => target.end(), wait));
    target.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return {
    port: (server.address() as { port: number }).port,
    firstBytes,
    [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      return Promise.resolve();
    },
  };
}

function through(proxy: Proxy, url: string): Opts {
  return new Opts(url).port(proxy.port).upgradeToUnixSocket(false);
}

/** Codes of the manual's section "Message Formats". */
const SSL_REQUEST = 80877103;
const CANCEL_REQUEST = 80877102;
