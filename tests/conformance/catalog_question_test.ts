import assert from "node:assert/strict";
import { Conn, DecodeError, Opts, Range, ServerError, type TypeCodec } from "../../mod.ts";
import { catalogQuery } from "../../src/statements/type_lookup.ts";
import { newest, servers, type TestServer } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformanceInTurn } from "../support/suite/worlds.ts";

/** A database of this test's own, gone when it ends. */
async function database(server: TestServer, sql: string): Promise<{ name: string } & AsyncDisposable> {
  const name = `catalog_${crypto.randomUUID().replaceAll("-", "")}`;
  await using conn = await Conn.connect(server.admin);
  await conn.queryDrop(`create database ${name} owner test`);
  await using inside = await Conn.connect(new Opts(server.admin).db(name));
  await inside.queryDrop(`grant all on schema public to public; ${sql}`);
  return {
    name,
    async [Symbol.asyncDispose]() {
      await using conn = await Conn.connect(server.admin);
      await conn.queryDrop(`drop database ${name} with (force)`);
    },
  };
}

const TYPES = `
  create type mood as enum ('sad');
  create domain score as int4;
  create type pair as (n score, m mood);
  create type pairs as (list pair[], span int4range);
  create type moods as range (subtype = mood);
  create table stored (p pair);
`;
const SQL =
  "select 'sad'::mood as m, array[row(1, 'sad')::pair] as a, row(array[row(2, 'sad')::pair], '[1,5)')::pairs as p";
const ROW = { m: "sad", a: [{ n: 1, m: "sad" }], p: { list: [{ n: 2, m: "sad" }], span: new Range(1, 5) } };

/** Says of each value where it came from. */
const marking: TypeCodec = {
  parse: (text) => `given ${text}`,
  decode: (bytes) => `given ${bytes.length} bytes`,
  format: () => "wrong",
  encode: () => new Uint8Array(3),
};

conformanceInTurn(
  "catalog: what the user chooses for values does not reach pyro's own questions",
  async (world, server) => {
    await using types = await database(server, TYPES);
    const built = ["oid", "_oid", "name", "_name", "text", "char", "int4", "bool", "void"];
    const marked = built.reduce((opts, name) => opts.codec(name, marking), new Opts(server.fast).db(types.name));
    for (const opts of [marked, marked.int8("number").dates("string").json(() => "json").numeric(() => "numeric")]) {
      await using conn = await world.connect(opts);
      await using plain = await world.connect(new Opts(server.fast).db(types.name));
      assert.equal(await conn.execValue("select 'sad'::mood"), "sad");
      assert.deepEqual(await conn.execValue("select array['sad'::mood]"), ["sad"]);
      assert.deepEqual(await conn.execValue("select null::pairs"), null);
      // What it has learned is what the other one knows.
      assert.deepEqual(await plain.exec(SQL), [ROW]);
      await conn.notify("news", "hello");
    }
  },
);

const TRAPS = `
  create schema trap;
  grant usage on schema trap to public;
  create function trap.fall() returns bool language plpgsql as $$ begin raise 'trapped'; end $$;
  create function trap.compare(oid, oid) returns bool language sql as 'select trap.fall()';
  create function trap.compare("char", "char") returns bool language sql as 'select trap.fall()';
  create function trap.compare(text, text) returns bool language sql as 'select trap.fall()';
  create function trap.compare(int2, int4) returns bool language sql as 'select trap.fall()';
  create function trap.unnest(oid[]) returns setof oid language sql as 'select oid(7) where trap.fall()';
  create function trap.pg_notify(text, text) returns bool language sql as 'select trap.fall()';
  create operator trap.= (function = trap.compare, leftarg = oid, rightarg = oid);
  create operator trap.<> (function = trap.compare, leftarg = oid, rightarg = oid);
  create operator trap.= (function = trap.compare, leftarg = "char", rightarg = "char");
  create operator trap.= (function = trap.compare, leftarg = text, rightarg = text);
  create operator trap.> (function = trap.compare, leftarg = int2, rightarg = int4);
  create table trap.pg_type (oid text);
  create table trap.needed (oid text);
  create type trap.oid as enum ('a');
  create type trap.text as enum ('a');
`;

conformanceInTurn(
  "catalog: no setting and no name of the user's stands in the way of pyro's own questions",
  async (world, server) => {
    await using types = await database(server, TYPES + TRAPS);
    const settings: Readonly<Record<string, string>> = {
      search_path: "trap, pg_catalog, public",
      DateStyle: "German, DMY",
      IntervalStyle: "sql_standard",
      bytea_output: "escape",
      standard_conforming_strings: "off",
      quote_all_identifiers: "on",
      default_transaction_read_only: "on",
      default_transaction_isolation: "serializable",
      array_nulls: "off",
      extra_float_digits: "0",
    };
    let opts = new Opts(server.url({ db: types.name }));
    for (const [name, value] of Object.entries(settings)) opts = opts.param(name, value);
    await using conn = await world.connect(opts);
    assert.deepEqual(await conn.exec(SQL), [ROW]);
    assert.deepEqual(await conn.query(SQL), [ROW]);
    await conn.notify("news", "hello");
    // Through TCP, where the server is asked who it is.
    const { attempted, reason } = conn.upgrade;
    assert.ok(attempted ? !/does not say/.test(reason ?? "") : true, reason);
  },
);

/** What a server gives of {@linkcode SQL} that does not tell what its types are. */
const TEXTS = { m: "sad", a: '{"(1,sad)"}', p: '("{""(2,sad)""}","[1,5)")' };

conformanceInTurn(
  "catalog: where the question is refused, values are their text, in every kind of call",
  async (world, server) => {
    await using types = await database(server, `${TYPES} revoke select on pg_catalog.pg_type from public`);
    const connect = (): Promise<Conn> => world.connect(new Opts(server.fast).db(types.name));
    const calls: readonly ((conn: Conn) => Promise<unknown>)[] = [
      (conn) => conn.query(SQL),
      (conn) => conn.exec(SQL),
      (conn) => conn.exec(`${SQL} where $1`, [true]),
      async (conn) => (await conn.queryAll(`select 1; ${SQL}`))[1]!.rows,
      async (conn) => await conn.exec(await conn.prepare(SQL)),
      async (conn) => await conn.exec((await conn.prepareBatch(["select 1", SQL]))[1]!),
      async (conn) => {
        const rows: unknown[] = [];
        for await (const row of conn.stream(SQL)) rows.push(row);
        return rows;
      },
      async (conn) => {
        await using pipeline = conn.pipeline();
        const requests = [pipeline.exec(SQL), pipeline.exec("select 7 as n")];
        const rows = await pipeline.claim(requests[0]!);
        assert.deepEqual(await pipeline.claim(requests[1]!), [{ n: 7 }]);
        return rows;
      },
      async (conn) => {
        await using tx = await conn.begin();
        const rows = [await tx.exec(SQL), await tx.query(SQL)];
        assert.deepEqual(rows[0], rows[1]);
        await using portal = await tx.execPortal(SQL);
        assert.deepEqual((await portal.fetch(1)).rows, rows[0]);
        assert.equal(await tx.execValue("select 1"), 1, "the transaction goes on");
        await tx.commit();
        return rows[0];
      },
    ];
    for (const call of calls) {
      await using conn = await connect();
      for (let i = 0; i < 2; i++) assert.deepEqual(await call(conn), [TEXTS]);
    }
  },
);

conformanceInTurn(
  "catalog: where the question is refused, text is taken for parameters and rows to copy",
  async (world, server) => {
    await using types = await database(
      server,
      `${TYPES} revoke select on pg_catalog.pg_type from public; grant all on stored to public`,
    );
    await using conn = await world.connect(new Opts(server.fast).db(types.name));
    assert.equal(await conn.execValue("select $1::pair", ["(1,sad)"]), "(1,sad)");
    assert.equal(await conn.execBatch("insert into stored values ($1)", [["(1,sad)"], ["(2,sad)"], [null]]), 3);
    assert.equal(await conn.copyRows("stored", ["p"], [["(3,sad)"], { p: null }]), 2);
    const rows = await conn.exec("select p from stored where p is not null", { rows: "array" });
    assert.deepEqual(rows, [["(1,sad)"], ["(2,sad)"], ["(3,sad)"]]);
  },
);

conformanceInTurn(
  "catalog: a refusal is one role's, and one OID's, until types are forgotten",
  async (world, server) => {
    await using types = await database(
      server,
      `${TYPES} revoke select on pg_catalog.pg_type from public; grant select on pg_catalog.pg_type to auth_trust`,
    );
    await using watcher = await Conn.connect(new Opts(server.admin).db(types.name));
    await using conn = await world.connect(new Opts(server.fast).db(types.name));
    const asked = async (): Promise<boolean> => {
      const sql = "select query from pg_stat_activity where pid = $1";
      return (await watcher.execValue<string>(sql, [conn.id]))!.includes("pg_type");
    };
    for (const isFirst of [true, false, false]) {
      assert.deepEqual(
        await conn.query("select 'sad'::mood as m from generate_series(1, 3)"),
        Array(3).fill({ m: "sad" }),
      );
      assert.equal(await asked(), isFirst);
    }
    assert.equal(await conn.execValue("select null::pair"), null);
    assert.equal(await asked(), true, "of another type nothing is known yet");
    await using other = await world.connect(new Opts(server.url({ user: "auth_trust", db: types.name })));
    assert.deepEqual(await other.exec(SQL), [ROW]);
    // That was learned for all connections, since the other may read the catalog.
    await watcher.queryDrop("grant select on pg_catalog.pg_type to public");
    await conn.queryDrop("create type unrelated as enum ()");
    assert.deepEqual(await conn.exec(SQL), [ROW]);
  },
);

test("catalog: a refusal among statements of a pipeline that no Sync is behind is told", async () => {
  await using types = await database(newest, `${TYPES} revoke select on pg_catalog.pg_type from public`);
  await using conn = await Conn.connect(new Opts(newest.fast).db(types.name));
  await using pipeline = conn.pipeline();
  const first = pipeline.exec("select 'sad'::mood as m");
  const second = pipeline.exec("create table made ()");
  await pipeline.flush();
  await assert.rejects(pipeline.claim(first), (error: Error) => {
    assert.ok(error instanceof DecodeError);
    assert.match(error.message, /^Cannot look up types \d+ in the catalog: permission denied for table pg_type$/);
    assert.ok(error.cause instanceof ServerError);
    return true;
  });
  await pipeline.claimDrop(second);
  await pipeline.sync();
  const again = pipeline.exec("select 'sad'::mood as m");
  assert.deepEqual(await pipeline.claim(again), [{ m: "sad" }]);
});

/** pg_type and pg_range as PostgreSQL 11 has them, in the columns that matter. */
const ELEVEN = `
  create schema eleven;
  create view eleven.pg_type as select oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory,
    typispreferred, typisdefined, typdelim, typrelid, typelem, typarray, typinput, typoutput, typreceive, typsend,
    typmodin, typmodout, typanalyze, typalign, typstorage, typnotnull, typbasetype, typtypmod, typndims, typcollation,
    typdefaultbin, typdefault, typacl from pg_catalog.pg_type;
  create view eleven.pg_range as select rngtypid, rngsubtype, rngcollation, rngsubopc, rngcanonical, rngsubdiff
    from pg_catalog.pg_range;
`;

for (const server of servers) {
  test(`catalog: the question is one that PostgreSQL 11 understands, too (PostgreSQL ${server.major})`, async () => {
    await using types = await database(server, TYPES + ELEVEN);
    await using conn = await Conn.connect(new Opts(server.admin).db(types.name));
    const known = await conn.exec<{ oid: number }>(
      "select oid from pg_type where typnamespace = 'public'::regnamespace and typtype <> 'm' or typname in ('_int4', 'point', 'int2vector')",
    );
    const old = catalogQuery().replaceAll(/pg_catalog\.(?=pg_type|pg_range)/g, "eleven.");
    const rows = async (sql: string): Promise<unknown> =>
      await conn.exec(`select * from (${sql}) as q order by 1`, [known.map(({ oid }) => oid)], { rows: "array" });
    const [now, then] = [await rows(catalogQuery()), await rows(old)];
    assert.ok(Array.isArray(now) && now.length >= known.length);
    const withoutMultiranges = (now as unknown[][]).filter(([, , , , kind]) => kind !== "m");
    const isCommon = new Set(withoutMultiranges.map(([oid]) => oid));
    assert.deepEqual((then as unknown[][]).filter(([oid]) => isCommon.has(oid)), withoutMultiranges);
    assert.deepEqual(
      Object.fromEntries(
        (now as unknown[][]).map(([, name, , , kind]) => [name, kind]).filter(([name]) =>
          /^(_?(mood|pair|score|int4|stored)|pairs|moods|point|int2vector)$/.test(String(name))
        ),
      ),
      {
        mood: "e",
        _mood: "a",
        score: "d",
        _score: "a",
        pair: "c",
        _pair: "a",
        pairs: "c",
        moods: "r",
        int4: "b",
        _int4: "a",
        stored: "c",
        _stored: "a",
        point: "b",
        int2vector: "b",
      },
    );
  });
}
