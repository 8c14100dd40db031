/** SQL of files, with its parameters. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("sql.file, sql.raw: the parameters are the second argument", async (world, server) => {
  const directory = mkdtempSync(join(tmpdir(), "pyro_sql_"));
  try {
    const path = join(directory, "double.sql");
    writeFileSync(path, "select $1::int4 * 2 + coalesce($2::int4, $1)");
    await using conn = await world.connect(server.fast);
    await using pool = world.pool(server.fast);
    for (const client of [conn, pool]) {
      assert.equal(await client.execValue(sql.file(path), [20, 2]), 42);
      assert.equal(await client.execValue(sql.file(path), [20, null]), 60);
      assert.deepEqual(await client.exec(sql.raw("select $1::text as a"), ["b"], { rows: "array" }), [["b"]]);
      assert.equal(await client.execValue(sql.raw("select 1")), 1);
    }
    await using statement = await conn.prepare(sql.file(path));
    assert.equal(await conn.execValue(statement, [1, 1]), 3);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
