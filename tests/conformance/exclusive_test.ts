/** What may run while an exclusive operation has the connection for itself. */
import assert from "node:assert/strict";
import { type Conn, type Portal, UsageError } from "../../mod.ts";
import { type Body, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

const SERIES = "select n from generate_series(1, $1::int4) as n";

/** Every method that talks to the server. */
const CALLS: Readonly<Record<string, (conn: Conn) => unknown>> = {
  ping: (conn) => conn.ping(),
  query: (conn) => conn.query("select 1"),
  queryFirst: (conn) => conn.queryFirst("select 1"),
  queryDrop: (conn) => conn.queryDrop("select 1"),
  queryAll: (conn) => conn.queryAll("select 1"),
  prepare: (conn) => conn.prepare("select 1"),
  prepareBatch: (conn) => conn.prepareBatch(["select 1"]),
  exec: (conn) => conn.exec("select 1"),
  "exec with parameters": (conn) => conn.exec("select $1::int8 + 7", [1]),
  execFirst: (conn) => conn.execFirst("select 1"),
  execOne: (conn) => conn.execOne("select 1"),
  execValue: (conn) => conn.execValue("select 1"),
  execDrop: (conn) => conn.execDrop("select 1"),
  run: (conn) => conn.run("select 1"),
  execBatch: (conn) => conn.execBatch("select $1::int4", [[1]]),
  execIter: (conn) => conn.execIter("select 1", [], () => 1),
  stream: (conn) => conn.stream("select 1").next(),
  tx: (conn) => conn.tx(() => 1),
  begin: (conn) => conn.begin(),
  pipeline: (conn) => conn.pipeline(),
  copyIn: (conn) => conn.copyIn("copy nowhere from stdin", []),
  copyOut: (conn) => conn.copyOut("copy (select 1) to stdout"),
  copyRows: (conn) => conn.copyRows("nowhere", ["a"], []),
  listen: (conn) => conn.listen("nowhere"),
  notify: (conn) => conn.notify("nowhere"),
  reset: (conn) => conn.reset(),
};

function* refusesAll(conn: Conn, open: string): Body<void> {
  for (const [name, call] of Object.entries(CALLS)) {
    let error: unknown;
    try {
      yield call(conn);
    } catch (thrown) {
      error = thrown;
    }
    assert.ok(error instanceof UsageError, `${name}: ${error}`);
    assert.match(error.message, new RegExp(`: ${open} is open`), name);
    assert.ok(error.safeToRetry && !error.connectionLost, name);
  }
}

conformance("exclusive: while a stream is open, every other call is refused, by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for await (const _ of conn.stream(SERIES, [1000], { batch: 10 })) {
    await given(world, refusesAll)(conn, "a stream");
    break;
  }
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("exclusive: while execIter is open, every other call is refused, by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.execIter(
    SERIES,
    [3],
    given(world, function* (portal: Portal) {
      yield portal.fetch(1);
      yield* refusesAll(conn, "execIter");
      assert.deepEqual((yield portal.fetch(0)).rows, [{ n: 2 }, { n: 3 }]);
      // To its end.
      yield* refusesAll(conn, "execIter");
    }),
  );
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("exclusive: while copyOut is open, every other call is refused, by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  for await (const _ of conn.copyOut("copy (select generate_series(1, 1000000)) to stdout")) {
    await given(world, refusesAll)(conn, "copyOut");
    break;
  }
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("exclusive: while a pipeline is open, every other call is refused, by its name", async (world, server) => {
  await using conn = await world.connect(server.fast);
  {
    await using pipeline = conn.pipeline();
    await given(world, refusesAll)(conn, "a pipeline");
    const ticket = pipeline.exec("select 1 as n");
    await given(world, refusesAll)(conn, "a pipeline");
    assert.deepEqual(await pipeline.claim(ticket), [{ n: 1 }]);
  }
  assert.equal(await conn.execValue("select 1"), 1);
});

conformance("exclusive: a connection is closed while a stream is open", async (world, server) => {
  const conn = await world.connect(server.fast);
  const rows = conn.stream(SERIES, [1000], { batch: 10 });
  await rows.next();
  await conn.close();
  assert.equal(conn.closed, true);
  const others = async (): Promise<void> => {
    for await (const _ of rows);
  };
  await assert.rejects(others(), { name: "ConnectionError" });
  assert.deepEqual(await rows.return(), { done: true, value: undefined });
});
