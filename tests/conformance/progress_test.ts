/** What is told of the progress of copies and streams. */
import assert from "node:assert/strict";
import { type Progress, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** Collects what is told; what is counted never decreases. */
class Told {
  readonly all: Progress[] = [];

  readonly onProgress = (progress: Progress): void => {
    const last = this.all.at(-1);
    assert.ok((progress.bytes ?? 0) >= (last?.bytes ?? 0) && (progress.rows ?? 0) >= (last?.rows ?? 0));
    this.all.push(progress);
  };
}

conformance("progress: bytes of copyIn and copyOut", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pool = world.pool(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const chunk = Array.from({ length: 1000 }, (_, i) => `${i}\n`).join("");
  const sent = new Told();
  assert.equal(
    await conn.copyIn("copy t from stdin", Array(100).fill(chunk), { onProgress: sent.onProgress }),
    100_000,
  );
  assert.equal(sent.all.length, 100);
  assert.deepEqual(sent.all.at(-1), { bytes: 100 * chunk.length, rows: undefined });
  const whole = new Told();
  await conn.copyIn("copy t from stdin", new TextEncoder().encode(chunk.repeat(50)), { onProgress: whole.onProgress });
  assert.ok(whole.all.length > 1, "long data is sent in pieces");
  assert.equal(whole.all.at(-1)?.bytes, 50 * chunk.length);
  for (
    const [client, sql] of [
      [conn, "copy t to stdout"],
      [pool, "copy (select generate_series(1, 50000)) to stdout"],
    ] as const
  ) {
    const received = new Told();
    let bytes = 0;
    for await (const data of client.copyOut(sql, { onProgress: received.onProgress })) {
      bytes += data.length;
      assert.equal(received.all.at(-1)?.bytes, bytes);
    }
    assert.ok(received.all.length > 1);
  }
});

conformance("progress: rows of copyRows and stream", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await using pool = world.pool(server.fast);
  await conn.queryDrop("create temporary table t (n int, text text)");
  const sent = new Told();
  const rows = Array.from({ length: 5000 }, (_, i) => [i, "text"]);
  assert.equal(await conn.copyRows("t", ["n", "text"], rows, { onProgress: sent.onProgress }), 5000);
  assert.ok(sent.all.length > 2);
  assert.equal(sent.all.at(-1)?.rows, 5000);
  // A header, 5000 rows of 2 + (4 + 4) + (4 + 4) bytes, and the end.
  assert.equal(sent.all.at(-1)?.bytes, 19 + 5000 * 18 + 2);
  const none = new Told();
  assert.equal(await conn.copyRows("t", ["n"], [], { onProgress: none.onProgress }), 0);
  assert.deepEqual(none.all.map(({ rows }) => rows), [0]);
  for (const client of [conn, pool]) {
    const received = new Told();
    const options = { batch: 400, onProgress: received.onProgress };
    for await (const _ of client.stream("select generate_series(1, 1000) as n", [], options));
    assert.deepEqual(received.all, [400, 800, 1000].map((rows) => ({ bytes: undefined, rows })));
  }
});

conformance("progress: an error of the function ends the call, and the connection lives", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int)");
  const error = new Error("stop");
  const onProgress = (): void => {
    throw error;
  };
  const iterate = async (items: AsyncIterable<unknown> | Iterable<unknown>): Promise<void> => {
    for await (const _ of items);
  };
  const same = (thrown: unknown): boolean => thrown === error;
  await assert.rejects(attempt(() => conn.copyIn("copy t from stdin", ["1\n"], { onProgress })), same);
  await assert.rejects(attempt(() => conn.copyRows("t", ["n"], [[1]], { onProgress })), same);
  await assert.rejects(iterate(conn.copyOut("copy (select 1) to stdout", { onProgress })), same);
  await assert.rejects(iterate(conn.stream("select 1", [], { onProgress })), same);
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
  const call = (options: unknown): Promise<unknown> =>
    attempt(() => conn.copyIn("copy t from stdin", "1\n", options as never));
  for (const onProgress of [1, "x", {}, null]) {
    await assert.rejects(
      call({ onProgress }),
      (error) => error instanceof UsageError && /onProgress to .+: it must be a function/.test(error.message),
    );
  }
  await assert.rejects(call({ progress: () => {} }), /there are onProgress, timeout/);
});
