/** Large objects, by the server's functions: they need nothing of the client but bytea and oid. */
import assert from "node:assert/strict";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("large objects: made, read, written in parts, truncated and removed", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251);
  const id = await conn.execValue<number>("select lo_from_bytea(0, $1)", [data]);
  assert.ok(typeof id === "number" && id > 0);
  try {
    assert.deepEqual(await conn.execValue("select lo_get($1)", [id]), data);
    assert.deepEqual(await conn.execValue("select lo_get($1, $2, $3)", [id, 1000, 10]), data.slice(1000, 1010));
    await conn.execDrop("select lo_put($1, $2, $3)", [id, 5n, new Uint8Array([1, 2, 3])]);
    assert.deepEqual(
      await conn.execValue("select lo_get($1, 4, 5)", [id]),
      new Uint8Array([data[4]!, 1, 2, 3, data[8]!]),
    );
  } finally {
    assert.equal(await conn.execValue("select lo_unlink($1)", [id]), 1);
  }
  await assert.rejects(attempt(() => conn.execValue("select lo_get($1)", [id])), { code: "42704" });
});

conformance("large objects: a descriptor lives as long as its transaction", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const READ_AND_WRITE = 0x60000;
  const id = await conn.tx(given(world, function* (tx) {
    const id = (yield tx.execValue("select lo_create(0)")) as number;
    const file = (yield tx.execValue("select lo_open($1, $2)", [id, READ_AND_WRITE])) as number;
    for (let part = 0; part < 5; part++) {
      const written = yield tx.execValue("select lowrite($1, $2)", [file, new Uint8Array(70_000).fill(part)]);
      assert.equal(written, 70_000);
    }
    assert.equal(yield tx.execValue("select lo_tell64($1)", [file]), 350_000n);
    assert.equal(yield tx.execValue("select lo_lseek64($1, $2, 0)", [file, 69_999n]), 69_999n);
    assert.deepEqual(yield tx.execValue("select loread($1, 2)", [file]), new Uint8Array([0, 1]));
    assert.equal(yield tx.execValue("select lo_truncate64($1, 100)", [file]), 0);
    assert.equal(yield tx.execValue("select lo_close($1)", [file]), 0);
    return id;
  }));
  assert.deepEqual(await conn.execValue("select lo_get($1)", [id]), new Uint8Array(100));
  const rolledBack = attempt(() =>
    conn.tx(given(world, function* (tx) {
      yield tx.execDrop("select lo_unlink($1)", [id]);
      throw new Error("no");
    }))
  );
  await assert.rejects(rolledBack, /^Error: no$/);
  assert.equal(await conn.execValue("select length(lo_get($1))", [id]), 100);
  await conn.execDrop("select lo_unlink($1)", [id]);
});
