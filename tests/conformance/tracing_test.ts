import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { type ConnectEvent, Opts, type QueryEvent, ServerError, type Transaction } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { Watch, type Watched } from "../support/suite/recorder.ts";
import { conformance, type World } from "../support/suite/worlds.ts";

/** What an event says, but for the connection and the time. */
function summary({ event }: Watched): Record<string, unknown> {
  const { connection: _, duration, error, ...others } = event;
  assert.ok(typeof duration === "number" && duration >= 0, `${event.operation} took ${duration}`);
  const said = Object.entries({ ...others, error: error instanceof ServerError ? error.code : error });
  return Object.fromEntries(said.filter(([, value]) => value !== undefined));
}

/** What a call is published on. */
function kindsOf(world: World, failed: boolean = false): string[] {
  if (world.name === "async") return ["start", "end", ...(failed ? ["error"] : []), "asyncStart", "asyncEnd"];
  return ["start", ...(failed ? ["error"] : []), "end"];
}

conformance("trace: every method, by its name, with its SQL and numbers", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  const sql = "select n, 'secret' as s from generate_series(1, $1::int4) as n";
  await conn.ping();
  await conn.query("select 1; select n from generate_series(1, 3) as n");
  await conn.queryFirst("select n from generate_series(1, 3) as n");
  await conn.queryDrop("create temporary table trace_test (n int4)");
  await conn.queryAll("select 1; select 2");
  await conn.exec(sql, [2]);
  await conn.execFirst(sql, [3]);
  await conn.execOne(sql, [1]);
  await conn.execValue(sql, [4]);
  await conn.execDrop("insert into trace_test values ($1), ($2)", [1, 2]);
  await conn.run("update trace_test set n = n + 1 returning n");
  await conn.execBatch("insert into trace_test values ($1)", [[3], [4], [5]]);
  await conn.copyIn("copy trace_test from stdin", "6\n7\n");
  await conn.copyRows("trace_test", ["n"], [[8]]);
  await conn.notify("trace_test", "hello");
  const statement = await conn.prepare("select $1::int4");
  await conn.exec(statement, [1]);
  await statement.close();
  for (const one of await conn.prepareBatch(["select 1", "select 2"])) await one.close();
  const news = await conn.listen("trace_test");
  await news.return();
  await conn.reset();
  const all = watch.take();
  assert.deepEqual(all.map(summary), [
    { operation: "ping" },
    { operation: "query", sql: "select 1; select n from generate_series(1, 3) as n", affected: 3, rows: 3 },
    { operation: "queryFirst", sql: "select n from generate_series(1, 3) as n", affected: 3 },
    { operation: "queryDrop", sql: "create temporary table trace_test (n int4)", affected: 0 },
    { operation: "queryAll", sql: "select 1; select 2", affected: 1 },
    { operation: "exec", sql, parameterCount: 1, affected: 2, rows: 2 },
    { operation: "execFirst", sql, parameterCount: 1, affected: 3 },
    { operation: "execOne", sql, parameterCount: 1, affected: 1 },
    { operation: "execValue", sql, parameterCount: 1, affected: 4 },
    { operation: "execDrop", sql: "insert into trace_test values ($1), ($2)", parameterCount: 2, affected: 2 },
    { operation: "run", sql: "update trace_test set n = n + 1 returning n", parameterCount: 0, affected: 2, rows: 2 },
    { operation: "execBatch", sql: "insert into trace_test values ($1)", batchSize: 3, affected: 3 },
    { operation: "copyIn", sql: "copy trace_test from stdin", affected: 2 },
    { operation: "copyRows", affected: 1 },
    { operation: "notify" },
    { operation: "prepare", sql: "select $1::int4" },
    { operation: "exec", sql: "select $1::int4", parameterCount: 1, affected: 1, rows: 1 },
    { operation: "closeStatement", sql: "select $1::int4" },
    { operation: "prepareBatch", batchSize: 2 },
    { operation: "closeStatement", sql: "select 1" },
    { operation: "closeStatement", sql: "select 2" },
    { operation: "listen" },
    { operation: "unlisten" },
    { operation: "reset" },
  ]);
  for (const { kinds } of all) assert.deepEqual(kinds, kindsOf(world));
});

conformance("trace: what fails has its error, which is the caller's", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  let thrown: unknown;
  await attempt(() => conn.exec("select 1 / $1::int4", [0])).catch((error) => thrown = error);
  const [failed] = watch.take();
  assert.deepEqual(failed!.kinds, kindsOf(world, true));
  assert.equal(failed!.event.error, thrown);
  assert.ok(thrown instanceof ServerError);
  // What is refused before it begins is no call to the server.
  await assert.rejects(attempt(() => conn.exec("select 1", [], { nonsense: 1 } as never)));
  assert.deepEqual(watch.take(), []);
});

conformance("trace: transactions, with what is called in them", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  await conn.tx(given(world, function* (tx: Transaction) {
    yield tx.execDrop("select 1");
    return 7;
  }));
  const begun = await conn.begin();
  await begun.commit();
  {
    await using tx = await conn.begin();
    await tx.query("select 1");
  }
  const names = watch.take().map(({ event }) => event.operation);
  assert.deepEqual(names, ["tx", "execDrop", "begin", "commit", "begin", "query", "rollback"]);
});

conformance("trace: a portal's fetches, one by one", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  const sql = "select generate_series(1, $1::int4)";
  await conn.execIter(
    sql,
    [3],
    given(world, function* (portal) {
      yield portal.fetch(2);
      yield portal.fetch();
    }),
  );
  await using tx = await conn.begin();
  const portal = await tx.execPortal(sql, [3]);
  await portal.fetch(1);
  await portal.close();
  await portal.close();
  assert.deepEqual(watch.take().map(summary), [
    { operation: "execIter", sql, parameterCount: 1 },
    { operation: "fetch", sql, rows: 2 },
    { operation: "fetch", sql, rows: 1 },
    { operation: "begin" },
    { operation: "execPortal", sql, parameterCount: 1 },
    { operation: "fetch", sql, rows: 1 },
    { operation: "closePortal", sql },
  ]);
});

conformance("trace: a stream is one event, however it ends", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  const sql = "select 6 / (4 - n) from generate_series(1, $1::int4) as n";
  for await (const _ of conn.stream(sql, [3], { batch: 2 }));
  for await (const _ of conn.stream(sql, [3], { batch: 2 })) break;
  await assert.rejects(async () => {
    for await (const _ of conn.stream(sql, [4], { batch: 2 }));
  });
  conn.stream(sql, [3]);
  const all = watch.take();
  const what = { operation: "stream", sql, parameterCount: 1 };
  assert.deepEqual(all.map(summary), [{ ...what, rows: 3 }, { ...what, rows: 2 }, {
    ...what,
    rows: 2,
    error: "22012",
  }]);
  const kinds = ["start", "end", "asyncStart", "asyncEnd"];
  assert.deepEqual(all.map((one) => one.kinds), [kinds, kinds, kinds.toSpliced(2, 0, "error")]);
});

conformance("trace: copyOut is one event, however it ends", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  const sql = "copy (select 6 / (4000 - n) from generate_series(1, 3999) as n) to stdout";
  for await (const _ of conn.copyOut(sql));
  for await (const _ of conn.copyOut(sql)) break;
  await assert.rejects(async () => {
    for await (const _ of conn.copyOut("copy no_such_table to stdout"));
  });
  const all = watch.take();
  assert.deepEqual(all.map(summary), [
    { operation: "copyOut", sql },
    { operation: "copyOut", sql },
    { operation: "copyOut", sql: "copy no_such_table to stdout", error: "42P01" },
  ]);
});

conformance("trace: a pipeline is one event, with its first failure", async (world, server) => {
  await using conn = await world.connect(server.fast);
  using watch = new Watch(conn.id);
  {
    await using pipeline = conn.pipeline();
    const requests = [pipeline.exec("select 1"), pipeline.exec("select 2")];
    for (const ticket of requests) await pipeline.claim(ticket);
    pipeline.exec("select 3");
  }
  {
    await using pipeline = conn.pipeline();
    const ticket = pipeline.exec("select no_such_column");
    await assert.rejects(attempt(() => pipeline.claim(ticket)));
  }
  {
    await using _ = conn.pipeline();
  }
  assert.deepEqual(watch.take().map(summary), [
    { operation: "pipeline", batchSize: 3 },
    { operation: "pipeline", batchSize: 1, error: "42703" },
  ]);
});

conformance("trace: the connection, and no password", async (world, server) => {
  const connects: ConnectEvent[] = [];
  const channel = tracingChannel<unknown, ConnectEvent>("pyro:connect").start;
  const listener = (event: unknown): number => connects.push(event as ConnectEvent);
  channel.subscribe(listener);
  try {
    const opts = new Opts(server.url()).applicationName("trace_test").upgradeToUnixSocket(false);
    await using conn = await world.connect(opts);
    using watch = new Watch(conn.id);
    await conn.ping();
    const [{ event }] = watch.take() as [Watched];
    const { id, transport, serverAddress, serverPort, peerAddress, peerPort, database, user, tls } = event.connection;
    const { host, port } = { host: serverAddress, port: serverPort };
    assert.deepEqual({ id, transport, tls }, { id: conn.id, transport: "tcp", tls: conn.tls });
    assert.deepEqual([host, port, peerPort, database], ["127.0.0.1", server.port, server.port, "test_db"]);
    assert.equal(peerAddress, "127.0.0.1");
    assert.equal(user, await conn.execValue("select current_user"));
    const [connect] = connects.filter(({ connection }) => connection?.id === id);
    assert.deepEqual([connect!.database, connect!.user, connect!.error], [database, user, undefined]);
    assert.equal(connect!.connection, event.connection);
    assert.equal(connect!.upgrade, conn.upgrade);
    // Durations and ports can have its digits.
    const texts = JSON.stringify([connects, event], (_, value) => typeof value === "number" ? 0 : value);
    assert.doesNotMatch(texts, /\b1234\b/);
  } finally {
    channel.unsubscribe(listener);
  }
});

conformance("trace: connecting that fails", async (world, server) => {
  const failures: ConnectEvent[] = [];
  const channel = tracingChannel<unknown, ConnectEvent>("pyro:connect").error;
  const listener = (event: unknown): number => failures.push(event as ConnectEvent);
  const db = `no_such_database_${crypto.randomUUID()}`;
  channel.subscribe(listener);
  try {
    await assert.rejects(world.connect(new Opts(server.url()).db(db)), ServerError);
    const [failed] = failures.filter(({ database }) => database === db);
    assert.ok(failed!.error instanceof ServerError && failed!.error.code === "3D000");
    assert.deepEqual([failed!.connection, failed!.endpoints.length], [undefined, 1]);
  } finally {
    channel.unsubscribe(listener);
  }
});

conformance("trace: subscribers are in the caller's context, from the first to the last", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const storage = new AsyncLocalStorage<number>();
  const heard: (number | undefined)[] = [];
  const channel = tracingChannel<unknown, QueryEvent>("pyro:query");
  const listener = (event: unknown): void => {
    if ((event as QueryEvent).connection.id === conn.id) heard.push(storage.getStore());
  };
  channel.start.subscribe(listener);
  channel.asyncEnd.subscribe(listener);
  try {
    const calls = [1, 2, 3].map((n) => storage.run(n, () => attempt(() => conn.execValue("select $1::int4", [n]))));
    assert.deepEqual(await Promise.all(calls), [1, 2, 3]);
  } finally {
    channel.start.unsubscribe(listener);
    channel.asyncEnd.unsubscribe(listener);
  }
  assert.deepEqual(heard.sort(), world.name === "async" ? [1, 1, 2, 2, 3, 3] : [1, 2, 3]);
});
