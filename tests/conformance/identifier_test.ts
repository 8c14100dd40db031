/** One rule for names, wherever one is given: in `sql.id`, for a table, a column or a channel. */
import assert from "node:assert/strict";
import { type Conn, sql, UsageError } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

/** All that take a name. */
const TAKERS: Readonly<Record<string, (conn: Conn, name: string) => unknown>> = {
  "sql.id": (_, name) => sql.id("public", name),
  "sql.values": (_, name) => sql.values([[1]], [name]),
  "a table": (conn, name) => conn.copyRows(name, ["a"], [[1]]),
  "a table in a schema": (conn, name) => conn.copyRows(`public.${name}`, ["a"], [[1]]),
  "a column": (conn, name) => conn.copyRows("t", ["a", name], [[1, 2]]),
  "listen": (conn, name) => conn.listen(name),
  "notify": (conn, name) => conn.notify(name),
};

const LONGEST = "é".repeat(31) + "x";

conformance("names: what the server cannot have, or would cut off, is refused everywhere", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (a int)");
  const wrong: readonly (readonly [name: unknown, words: RegExp])[] = [
    ["", /must not be empty$/],
    ["a\0b", /contains a NUL character/],
    ["a\ud800", /contains a lone surrogate/],
    [`${LONGEST}x`, /has 64 bytes in UTF-8, and must have at most 63$/],
    ["x".repeat(100_000), /has 100000 bytes in UTF-8, and must have at most 63$/],
  ];
  for (const [what, take] of Object.entries(TAKERS)) {
    for (const [name, words] of wrong) {
      await assert.rejects(attempt(() => take(conn, name as string)), (error) => {
        assert.ok(error instanceof UsageError, `${what}: ${error}`);
        assert.match(error.message, words, what);
        assert.ok(error.message.length < 200, "the name is not quoted");
        return true;
      });
    }
    if (what.startsWith("a table")) continue;
    await assert.rejects(attempt(() => take(conn, 7 as never)), /must be a string, not number$/, what);
  }
  assert.equal(conn.transactionStatus, "idle");
  assert.equal(await conn.execValue("select count(*) from t"), 0n);
});

conformance("names: the longest one reaches the server whole", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const table = `${LONGEST.slice(0, -1)}"`;
  await conn.queryDrop(sql`create temporary table ${sql.id(table)} (${sql.id(LONGEST)} int)`);
  assert.equal(await conn.copyRows(sql.id(table), [LONGEST], [[1], [2]]), 2);
  assert.deepEqual(await conn.query(sql`select max(${sql.id(LONGEST)}) as n from ${sql.id(table)}`), [{ n: 2 }]);
});
