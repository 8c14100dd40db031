/** Where connections and pools connect to that are given no target. */
import assert from "node:assert/strict";
import process from "node:process";
import { Conn, Pool, UsageError } from "../../mod.ts";
import * as blocking from "../../sync.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

test("DATABASE_URL: without a target, DATABASE_URL says where to connect to", async () => {
  const before = process.env.DATABASE_URL;
  try {
    process.env.DATABASE_URL = newest.fast;
    {
      await using conn = await Conn.connect();
      assert.equal(await conn.execValue("select current_user::text"), "test");
      await using other = await Conn.connect(undefined, { signal: AbortSignal.timeout(10_000) });
      assert.equal(other.closed, false);
      await using pool = new Pool();
      assert.equal(await pool.execValue("select current_user::text"), "test");
      await using small = new Pool(undefined, { poolMaxConcurrency: 1 });
      assert.equal(small.stats().max, 1);
      using wait = new blocking.Conn();
      assert.equal(wait.execValue("select current_user::text"), "test");
      using blockingPool = new blocking.Pool();
      assert.equal(blockingPool.execValue("select current_user::text"), "test");
    }
    process.env.DATABASE_URL = "pg://ada:tr0ub4dor@db.example.com/a?schema=public";
    for (const connect of [() => Conn.connect(), () => new Pool(), () => new blocking.Conn()]) {
      await assert.rejects(
        async () => await connect(),
        (error) =>
          error instanceof UsageError &&
          /use search_path instead; the string is .*DATABASE_URL's$/.test(error.message) &&
          !error.message.includes("tr0ub4dor"),
      );
    }
    for (const empty of ["", undefined]) {
      if (empty === undefined) delete process.env.DATABASE_URL;
      else process.env.DATABASE_URL = empty;
      using pool = new blocking.Pool();
      assert.equal(pool.closed, false);
    }
  } finally {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  }
});
