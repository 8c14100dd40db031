/** Transactions that begin with settings and a role, for row security. */
import assert from "node:assert/strict";
import { Opts, ServerError, SqlState, type Transaction, UsageError } from "../../mod.ts";
import { attempt, given } from "../support/suite/call_bodies.ts";
import { schema } from "../support/suite/own_schema.ts";
import { conformance } from "../support/suite/worlds.ts";

const USER = "select current_setting('app.user', true)";

conformance("transaction settings: they hold until its end", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const awkward = `it's "7" \\ \n é 🎉`;
  await conn.tx(
    given(world, function* (tx: Transaction) {
      assert.equal(yield tx.execValue(USER), awkward);
      assert.equal(yield tx.execValue("select current_setting('statement_timeout')"), "5s");
      assert.equal(yield tx.execValue("select current_setting('app.flag') || current_setting('app.n')"), "true12");
    }),
    { settings: { "app.user": awkward, statement_timeout: "5s", "app.flag": true, "app.n": 12n }, readOnly: true },
  );
  assert.equal((await conn.execValue<string | null>(USER)) || null, null);
  assert.equal(await conn.execValue("select current_setting('statement_timeout')"), "0");
  {
    await using tx = await conn.begin({ settings: { "app.user": "b" }, isolationLevel: "serializable" });
    assert.equal(await tx.execValue(USER), "b");
    assert.equal(await tx.execValue("select current_setting('transaction_isolation')"), "serializable");
  }
  await using pool = world.pool(server.fast);
  const seen = await pool.tx(
    given(world, function* (tx: Transaction) {
      return (yield tx.execValue(USER)) as string;
    }),
    { settings: { "app.user": "c" } },
  );
  assert.equal(seen, "c");
  await conn.queryDrop("set standard_conforming_strings = off");
  await conn.tx(
    given(world, function* (tx: Transaction) {
      assert.equal(yield tx.execValue(USER), awkward);
    }),
    { settings: { "app.user": awkward } },
  );
});

conformance("transaction settings: a role, and policies of row security", async (world, server) => {
  await using own = await schema(server, "");
  await using admin = await world.connect(new Opts(server.admin).db("test_db"));
  const role = `pyro_${crypto.randomUUID().replaceAll("-", "")}`;
  const table = `${own.name}.note`;
  await admin.queryDrop(`
    create role ${role};
    create table ${table} (owner text, body text);
    insert into ${table} values ('ada', 'a'), ('alan', 'b');
    alter table ${table} enable row level security;
    create policy own on ${table} using (owner = current_setting('app.user'));
    grant usage on schema ${own.name} to ${role};
    grant select on ${table} to ${role}
  `);
  try {
    const read = given(world, function* (tx: Transaction) {
      return [yield tx.execValue("select current_user::text"), yield tx.exec(`select body from ${table}`)];
    });
    for (const [user, body] of [["ada", "a"], ["alan", "b"], ["ada", "a"]] as const) {
      assert.deepEqual(await admin.tx(read, { settings: { "app.user": user }, role }), [role, [{ body }]]);
    }
    assert.equal(await admin.execValue("select current_user::text"), "postgres");
    await assert.rejects(
      attempt(() => admin.tx(read, { role: "no_such_role" })),
      (error) => error instanceof ServerError && error.code === "22023",
    );
    assert.equal(admin.transactionStatus, "idle");
    assert.equal(await admin.execValue("select 1"), 1);
  } finally {
    await admin.queryDrop(`drop owned by ${role}; drop role ${role}`);
  }
});

conformance(
  "transaction settings: a refused setting rolls back, and a search_path means other tables",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const nothing = given(world, function* () {});
    await assert.rejects(
      attempt(() => conn.tx(nothing, { settings: { statement_timeout: "soon" } })),
      (error) => error instanceof ServerError && error.code === SqlState.InvalidParameterValue,
    );
    assert.equal(conn.transactionStatus, "idle");
    await assert.rejects(attempt(() => conn.begin({ settings: { no_such_setting: 1 } })), ServerError);
    await using first = await schema(server, "create table t as select 1 as n");
    await using second = await schema(server, "create table t as select 'two'::text as n");
    const read = given(world, function* (tx: Transaction) {
      return yield tx.execValue("select n from t");
    });
    for (const [own, n] of [[first, 1], [second, "two"], [first, 1]] as const) {
      assert.equal(await conn.tx(read, { settings: { search_path: own.name } }), n);
    }
  },
);

conformance("transaction settings: what is none is refused, and nothing is sent", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const begin = (options: unknown): unknown => conn.begin(options as never);
  for (
    const [options, reason] of [
      [{ settings: "a" }, /settings: they must be an object/],
      [{ settings: ["a"] }, /settings: they must be an object/],
      [{ settings: new Map([["app.user", "a"]]) }, /settings: they must be an object/],
      [{ settings: { "a'b": 1 } }, /setting "a'b": it must be the name of a server setting/],
      [{ settings: { "": 1 } }, /setting "": it must be the name/],
      [{ settings: { "app.user": NaN } }, /setting app\.user: it must be a string, a finite number or a boolean/],
      [{ settings: { "app.user": null } }, /setting app\.user: it must be a string, a finite number or a boolean/],
      [{ settings: { "app.user": undefined } }, /setting app\.user: it must be a string/],
      [{ settings: { "app.user": "\0" } }, /setting app\.user: it must have no NUL/],
      [{ settings: { "app.user": "\ud800" } }, /no lone surrogate/],
      [{ role: "" }, /use role: it must not be empty/],
      [{ role: 7 }, /use role: it must be a string/],
    ] as [unknown, RegExp][]
  ) {
    await assert.rejects(
      attempt(() => begin(options) as Promise<unknown>),
      (error) => error instanceof UsageError && reason.test(error.message),
    );
  }
  await using tx = await conn.begin();
  await assert.rejects(attempt(() => tx.begin({ role: "test" })), /Cannot use role in a nested transaction/);
});
