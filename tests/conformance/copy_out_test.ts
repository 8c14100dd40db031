/** COPY TO STDOUT, and COPY where rows are expected. */
import assert from "node:assert/strict";
import { Conn, type Portal, SqlState, TimeoutError, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { test } from "../support/suite/test.ts";
import { awaiting, conformance, serversOf } from "../support/suite/worlds.ts";

const HUGE = "copy (select repeat('y', 1000) from generate_series(1, 1000000)) to stdout";

async function text(source: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let all = "";
  for await (const chunk of source) all += decoder.decode(chunk, { stream: true });
  return all;
}

conformance("copyOut: whole, empty, csv, and failures", async (world, server) => {
  await using conn = await world.connect(server.fast);
  assert.equal(await text(conn.copyOut("copy (values (1, 'ä'), (2, null)) to stdout")), "1\tä\n2\t\\N\n");
  assert.equal(await text(conn.copyOut("copy (select 1 where false) to stdout")), "");
  assert.equal((await text(conn.copyOut("copy (select repeat('x', 5000000)) to stdout"))).length, 5_000_001);
  for (
    const [sql, expected] of [
      ["select 1", { message: "Cannot copy out: the statement must be COPY … TO STDOUT" }],
      ["copy (select 1 / 0) to stdout", { code: SqlState.DivisionByZero }],
      ["copy (select 1 / (50000 - n) from generate_series(1, 100000) n) to stdout", { code: SqlState.DivisionByZero }],
      ["copy nowhere to stdout", { code: SqlState.UndefinedTable }],
    ] as const
  ) {
    await assert.rejects(text(conn.copyOut(sql)), expected, sql);
    assert.equal(await conn.execValue("select 1"), 1);
  }
  conn.copyOut(HUGE);
  assert.equal(await conn.execValue("select 1"), 1, "one that was not started holds nothing");
});

conformance("copyOut: to leave the loop stops the server, and leaves a transaction usable", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using admin = await world.connect(server.admin);
  for await (const _ of conn.copyOut(HUGE)) break;
  const state = "select state || ' ' || query as s from pg_stat_activity where pid = $1";
  assert.match((await admin.execValue<string>(state, [conn.id]))!, /^idle copy/);
  await conn.tx(given(world, function* (tx) {
    const chunks = tx.copyOut(HUGE) as unknown as Iterable<Uint8Array> & Partial<ReadableStream>;
    if (world.name === "async") {
      const reader = chunks.getReader!();
      yield reader.read();
      yield reader.cancel();
    } else for (const _ of chunks) break;
    assert.equal(yield tx.execValue("select 1"), 1);
  }));
  assert.equal(conn.transactionStatus, "idle");
});

conformance(
  "copy out of place: a UsageError names the right method, and the connection lives",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    for (const [sql, method] of [["copy t from stdin", /copyIn/], ["copy t to stdout", /copyOut/]] as const) {
      await using statement = await conn.prepare(sql);
      const calls: Record<string, () => unknown> = {
        query: () => conn.query(sql),
        queryAll: () => conn.queryAll(`select 1; ${sql}`),
        exec: () => conn.exec(sql),
        "exec again": () => conn.exec(sql),
        prepared: () => conn.exec(statement),
        stream: () => text(conn.stream(sql) as never),
        execIter: () =>
          conn.execIter(
            sql,
            [],
            given(world, function* (portal: Portal) {
              yield portal.fetch(0);
            }),
          ),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assert.rejects(attempt(call), (error) => {
          assert.ok(error instanceof UsageError, `${name}: ${error}`);
          assert.match(error.message, method, name);
          return true;
        });
        assert.equal(await conn.execValue("select 1"), 1, name);
      }
    }
  },
);

for (const server of serversOf(awaiting)) {
  test(`copy out of place: 50 calls behind it succeed (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    for (const sql of ["copy t from stdin", "copy t to stdout"]) {
      await using statement = await conn.prepare(sql);
      for (
        const call of [() => conn.query(sql), () => conn.exec(sql), () => conn.exec(sql), () => conn.exec(statement)]
      ) {
        const first = call().then(() => "fulfilled", (error) => error.name);
        const behind = Array.from({ length: 50 }, (_, i) => conn.execValue("select $1::int4", [i]));
        assert.equal(await first, "UsageError");
        assert.deepEqual(await Promise.all(behind), Array.from({ length: 50 }, (_, i) => i));
      }
    }
  });

  test(`copyOut: cancel, tee, abort (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.copyOut(HUGE).cancel();
    const [a, b] = conn.copyOut("copy (values (1)) to stdout").tee();
    assert.deepEqual(await Promise.all([text(a), text(b)]), ["1\n", "1\n"]);
    const controller = new AbortController();
    const reason = new Error("enough");
    await assert.rejects(async () => {
      for await (const _ of conn.copyOut(HUGE, { signal: controller.signal })) controller.abort(reason);
    }, (error) => error === reason);
    assert.equal(await conn.execValue("select 1"), 1);
  });
}

conformance("copyOut: a time limit in a transaction does not make it fail", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using tx = await conn.begin();
  await tx.queryDrop("create temporary table kept as select 1 as n");
  const wait = async (): Promise<void> => {
    for await (const _ of tx.copyOut("copy (select pg_sleep(20)) to stdout", { timeout: 100 }));
  };
  await assert.rejects(wait(), TimeoutError);
  assert.equal(conn.transactionStatus, "active");
  assert.equal(await tx.execValue("select n from kept"), 1);
  await tx.commit();
});

conformance("copyOut: it begins in its transaction and under its lease, or not at all", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const sql = "copy (insert into t values (1) returning n) to stdout";
  const isOver = { name: "UsageError", message: "Cannot copy out: the transaction is over" };
  for (const end of ["rollback", "commit"] as const) {
    const tx = await conn.begin();
    const data = tx.copyOut(sql);
    await tx[end]();
    await assert.rejects(text(data), isOver, end);
  }
  const outer = await conn.begin();
  const inner = await outer.begin();
  const data = inner.copyOut(sql);
  await inner.rollback();
  await assert.rejects(text(data), isOver, "nested");
  await outer.commit();
  assert.equal(await conn.execValue("select count(*) from t"), 0n);

  await using pool = world.pool(server.fast);
  const leased = await pool.acquire();
  const forgotten = leased.copyOut("copy (select 1) to stdout");
  await leased.release();
  await assert.rejects(text(forgotten), { name: "UsageError", message: /released to its pool/ });
});

for (const server of serversOf(awaiting)) {
  test(`copyOut: behind a rollback that nobody awaits (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    for (let turns = 0; turns < 10; turns++) {
      const tx = await conn.begin();
      const rolledBack = tx.rollback();
      for (let i = 0; i < turns; i++) await undefined;
      await assert.rejects(
        attempt(() => text(tx.copyOut("copy (insert into t values (1) returning n) to stdout"))),
        UsageError,
      );
      await rolledBack;
    }
    assert.equal(await conn.execValue("select count(*) from t"), 0n);
  });

  test(`copyOut: given up before it is sent, it leaves a transaction usable (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await using tx = await conn.begin();
    const reason = new Error("stop");
    for (let ticks = 0; ticks < 30; ticks++) {
      const controller = new AbortController();
      const chunks = tx.copyOut("copy (select 1) to stdout", { signal: controller.signal }).getReader();
      const read = chunks.read().catch((error) => assert.equal(error, reason));
      for (let tick = 0; tick < ticks; tick++) await undefined;
      controller.abort(reason);
      await read;
      await chunks.cancel().catch((error) => assert.equal(error, reason));
      assert.equal(await tx.execValue("select 1"), 1, `after ${ticks} ticks`);
    }
  });

  test(`copyOut: one that gives up behind another call does not end the connection (PostgreSQL ${server.major})`, async () => {
    await using conn = await Conn.connect(server.fast);
    await conn.queryDrop("create temporary table t (n int)");
    const { promise: given, resolve } = Promise.withResolvers<Uint8Array>();
    const copying = conn.copyIn(
      "copy t from stdin",
      (async function* () {
        yield await given;
      })(),
    );
    await assert.rejects(text(conn.copyOut("copy (select 1) to stdout", { timeout: 50 })), TimeoutError);
    resolve(new TextEncoder().encode("3\n"));
    assert.equal(await copying, 1);
  });
}
