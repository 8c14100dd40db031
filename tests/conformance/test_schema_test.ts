import assert from "node:assert/strict";
import { Opts, ServerError, UsageError } from "../../mod.ts";
import { testSchema } from "../../src/testing/mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { conformance } from "../support/suite/worlds.ts";

const COUNT = "select count(*) from pg_namespace where nspname = $1";

conformance(
  "test schema: it is in front of the search path, and is dropped with what is in it",
  async (world, server) => {
    await using admin = await world.connect(new Opts(server.admin).db("test_db"));
    let name: string;
    {
      await using schema = await testSchema(admin, "file:///work/Users%20And/books.spec_test.ts?x=/y");
      ({ name } = schema);
      assert.match(name, /^test_books_spec_test_[0-9]{14}_[0-9a-f]{6}$/);
      assert.ok(!((world.name === "async" ? Symbol.dispose : Symbol.asyncDispose) in schema));
      await using conn = await world.connect(schema.opts(new Opts(server.admin).db("test_db")));
      await conn.queryDrop("create table book (title text)");
      assert.equal(await conn.execValue("select current_schemas(false)::text"), `{${name},public}`);
      assert.equal(await admin.execValue(`select count(*) from ${name}.book`), 0n);
      const opts = schema.opts(new Opts("pg://x").param("search_path", "app"));
      assert.ok(decodeURIComponent(String(opts)).includes(`search_path=${name}, app`));
    }
    assert.equal(await admin.execValue(COUNT, [name]), 0n);
  },
);

conformance(
  "test schema: what killed runs of the same file have left is dropped after a day",
  async (world, server) => {
    await using admin = await world.connect(new Opts(server.admin).db("test_db"));
    const file = `killed ${crypto.randomUUID()}`;
    const prefix = `test_${file.replaceAll(/\W/g, "_")}`.slice(0, 41);
    const now = new Date(Date.now() - 3_600_000).toISOString().replaceAll(/\D/g, "").slice(0, 14);
    const kept = [`${prefix}_${now}_0a1b2c`, `${prefix}x_20200101000000_0a1b2c`];
    const old = `${prefix}_20200101000000_0a1b2c`;
    for (const name of [...kept, old]) await admin.queryDrop(`create schema ${name}; create table ${name}.t ()`);
    try {
      await using schema = await testSchema(admin, file);
      assert.ok(schema.name.startsWith(prefix) && schema.name.length <= 63);
      assert.equal(await admin.execValue(COUNT, [old]), 0n);
      for (const name of kept) assert.equal(await admin.execValue(COUNT, [name]), 1n);
    } finally {
      for (const name of kept) await admin.queryDrop(`drop schema ${name} cascade`);
    }
  },
);

conformance("test schema: what cannot be made is refused", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await assert.rejects(attempt(() => testSchema(conn, "/...")), UsageError);
  await assert.rejects(attempt(() => conn.queryDrop("begin; select 1/0")), ServerError);
  await assert.rejects(attempt(() => testSchema(conn, "books")), ServerError);
});
