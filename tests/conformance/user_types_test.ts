import assert from "node:assert/strict";
import { Conn, DecodeError, EncodeError, Opts, Range, ServerError, type TypeCodec } from "../../mod.ts";
import { shown } from "../support/values/codecs.ts";
import { connect, schema } from "../support/suite/own_schema.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

const TYPES = `
  create type mood as enum ('sad', 'so so', 'it''s "ok"', '');
  create domain positive as int4 check (value > 0);
  create domain moods as mood[];
  create type place as (name text, "the x" float8, at timestamptz, mood mood, tags text[], "__proto__" int8);
  create type journey as (stops place[], span int4range, days positive, note positive);
  create type moodrange as range (subtype = mood);
  create table planet (name text, moons int4);
  alter table planet add column gone int4, add column found date;
  alter table planet drop column gone;
`;

const PLACE = {
  name: 'a "b" \\ (c), {d}',
  "the x": 0.1,
  at: Temporal.Instant.from("2024-02-29T12:34:56.789012Z"),
  mood: 'it\'s "ok"',
  tags: ["x,y", null, ""],
  ["__proto__"]: 2n ** 62n,
};
const EMPTY_PLACE = { name: null, "the x": null, at: null, mood: null, tags: null, ["__proto__"]: null };

const VALUES: readonly (readonly [type: string, value: unknown])[] = [
  ["mood", "so so"],
  ["mood", ""],
  ["mood[]", ["sad", null, 'it\'s "ok"']],
  ["positive", 7],
  ["positive[]", [1, null, [2]].slice(0, 2)],
  ["moods", ["sad", ""]],
  ["place", PLACE],
  ["place", EMPTY_PLACE],
  ["place[]", [PLACE, null, EMPTY_PLACE]],
  ["place[]", [[PLACE], [PLACE]]],
  ["journey", { stops: [PLACE, EMPTY_PLACE], span: new Range(1, 5), days: 3, note: null }],
  ["journey[]", [{ stops: null, span: Range.empty(), days: null, note: 2 }]],
  ["moodrange", new Range("sad", 'it\'s "ok"', "[]")],
  ["moodrange[]", [new Range("", null), null]],
  ["moodmultirange", [new Range("sad", "so so")]],
  ["planet", { name: "Uranus", moons: 28, found: Temporal.PlainDate.from("1781-03-13") }],
];

conformance(
  "user types: the same from query, the first exec and later ones; and as parameters",
  async (world, server) => {
    await using types = await schema(server, TYPES);
    await using conn = await connect(world, server, types);
    for (const [type, value] of VALUES) {
      const sent = await conn.execValue<string>(`select $1::${type}::text`, [value]);
      assert.deepEqual(shown(await conn.execValue(`select $1::${type}`, [value])), shown(value), type);
      const sql = `select '${sent!.replaceAll("'", "''")}'::${type} as v`;
      assert.deepEqual(shown(await conn.query(sql)), shown([{ v: value }]), `${type} queried`);
      for (let i = 0; i < 3; i++) assert.deepEqual(shown(await conn.exec(sql)), shown([{ v: value }]), `${type} ${i}`);
      assert.deepEqual(shown(await conn.exec(sql, { rows: "array" })), shown([[value]]));
    }
  },
);

conformance("user types: on first sight in every kind of call", async (world, server) => {
  await using types = await schema(server, TYPES);
  const sql =
    "select 1 as a, row('x', 1.5, null, 'sad', null, 7)::place as v, 'sad'::mood as v, array['sad']::mood[] as w";
  const v = "sad";
  const calls: readonly ((conn: Conn) => Promise<unknown>)[] = [
    (conn) => conn.query(sql),
    (conn) => conn.exec(sql),
    async (conn) => [await conn.queryFirst(sql)],
    async (conn) => [await conn.execFirst(sql)],
    async (conn) => [await conn.execOne(sql)],
    async (conn) => (await conn.run(sql)).rows,
    async (conn) => (await conn.queryAll(`select 1; ${sql}; select 2`))[1]!.rows,
    async (conn) => await conn.exec(await conn.prepare(sql)),
    async (conn) => await conn.exec((await conn.prepareBatch(["select 1", sql]))[1]!),
  ];
  for (const call of calls) {
    await using conn = await connect(world, server, types, (opts) => opts.db("test_db"));
    assert.deepEqual(await call(conn), [{ a: 1, v, w: ["sad"] }]);
  }
  await using conn = await connect(world, server, types);
  assert.equal(await conn.execValue("select 'sad'::mood"), "sad");
  assert.deepEqual(await conn.execValue("select row('x', 1.5, null, 'sad', null, 7)::place"), {
    ...EMPTY_PLACE,
    name: "x",
    "the x": 1.5,
    mood: "sad",
    ["__proto__"]: 7n,
  });
  assert.equal(await conn.queryDrop("select 'sad'::mood"), 1);
});

conformance("user types: one round trip on first sight, and none for later connections", async (world, server) => {
  await using types = await schema(server, TYPES);
  await using watcher = await Conn.connect(new Opts(server.admin).db("test_db"));
  await using first = await connect(world, server, types);
  await using second = await connect(world, server, types);
  const asked = async (conn: Conn): Promise<number> => {
    // What a session ran last is in pg_stat_activity.
    const query = await watcher.execValue<string>("select query from pg_stat_activity where pid = $1", [conn.id]);
    return Number(query!.includes("pg_type"));
  };
  assert.deepEqual(await first.query("select 'sad'::mood as m, null::journey as j"), [{ m: "sad", j: null }]);
  assert.equal(await asked(first), 1);
  assert.deepEqual(await first.query("select 'sad'::mood as m, null::place[] as j"), [{ m: "sad", j: null }]);
  assert.equal(await asked(first), 0);
  assert.deepEqual(await second.query("select 'sad'::mood as m, null::journey as j"), [{ m: "sad", j: null }]);
  assert.equal(await asked(second), 0);
});

conformance("user types: changed types are learned again", async (world, server) => {
  await using types = await schema(
    server,
    "create type pair as (a int4, b int4); create table t (p pair); insert into t values ((1, 2))",
  );
  await using conn = await connect(world, server, types);
  await using other = await connect(world, server, types);
  const rows = (conn: Conn): Promise<unknown> => conn.exec("select p from t");
  for (let i = 0; i < 2; i++) assert.deepEqual(await rows(conn), [{ p: { a: 1, b: 2 } }]);
  assert.deepEqual(await rows(other), [{ p: { a: 1, b: 2 } }]);
  await types.run(
    "alter type pair rename attribute a to x; alter type pair add attribute c text",
  );
  for (const each of [conn, other, conn]) assert.deepEqual(await rows(each), [{ p: { x: 1, b: 2, c: null } }]);
});

conformance("user types: a change by others costs one failed call, not a wrong value", async (world, server) => {
  await using types = await schema(
    server,
    "create type pair as (a int4, b int4); create table t (p pair); insert into t values ((1, 2))",
  );
  await using conn = await connect(world, server, types);
  assert.deepEqual(await conn.exec("select p from t"), [{ p: { a: 1, b: 2 } }]);
  // By another address it is another database to this process, as if another process did it.
  const elsewhere = new Opts().host("localhost").port(server.port).user("postgres").db("test_db");
  await using other = await Conn.connect(elsewhere.upgradeToUnixSocket(false));
  await other.queryDrop(`alter type ${types.name}.pair add attribute c text`);
  await assert.rejects(async () => await conn.exec("select p from t"), DecodeError);
  assert.deepEqual(await conn.exec("select p from t"), [{ p: { a: 1, b: 2, c: null } }]);
});

conformance("user types: a type dropped and made again", async (world, server) => {
  await using types = await schema(server, "");
  await using conn = await connect(world, server, types);
  await conn.queryDrop("create type shade as enum ('dark')");
  assert.equal(await conn.execValue("select $1::shade", ["dark"]), "dark");
  await conn.queryDrop("drop type shade; create type shade as (lightness int4)");
  assert.deepEqual(await conn.execValue("select $1::shade", [{ lightness: 1 }]), { lightness: 1 });
});

conformance("user types: names of attributes are checked before anything is sent", async (world, server) => {
  await using types = await schema(server, "create type pair as (a int4, b int4)");
  await using conn = await connect(world, server, types);
  for (
    const [value, message] of [
      [{ a: 1 }, /"b"/],
      [{ a: 1, b: 2, c: 3 }, /"c"/],
      [{ a: {}, b: 1 }, /object/],
      [7, /number/],
    ] as const
  ) {
    await assert.rejects(async () => await conn.execValue("select $1::pair", [value]), (error: Error) => {
      assert.ok(error instanceof EncodeError, String(error));
      assert.match(error.message, /^Cannot encode parameter \$1 as pair: /);
      assert.match(error.message, message);
      return true;
    });
  }
});

conformance("user types: arrays of a domain over an array", async (world, server) => {
  await using types = await schema(server, "create domain numbers as int4[]");
  await using conn = await connect(world, server, types);
  for (const value of [[[1, 2], [3], null], [[1, 2], [3, 4]], [[]], []]) {
    for (let i = 0; i < 2; i++) assert.deepEqual(await conn.execValue("select $1::numbers[]", [value]), value);
  }
});

conformance(
  "user types: arrays of a domain over an array whose elements are arrays themselves",
  async (world, server) => {
    await using types = await schema(
      server,
      "create domain docs as jsonb[]; create domain spans as int4multirange[]; create domain vectors as int2vector[]",
    );
    await using conn = await connect(world, server, types);
    const span = [new Range(1, 2)];
    const cases: readonly (readonly [type: string, value: unknown[]])[] = [
      ["docs", [[[1], { a: [] }, [[2], 3]], null, [4]]],
      ["spans", [[[], span], null, [span]]],
      ["vectors", [[[1, 2], [3]], null, [[4]]]],
    ];
    for (const [type, value] of cases) {
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(await conn.execValue(`select $1::${type}[]`, [value]), value, type);
        assert.equal(await conn.execValue(`select array_ndims($1::${type}[])`, [value]), 1);
      }
    }
  },
);

conformance("user types: types without a binary form are text, alone and inside of others", async (world, server) => {
  await using types = await schema(server, "create type has as (r regclass, m money, a aclitem)");
  await using conn = await connect(world, server, types);
  const has = { r: "pg_type", m: "$2.00", a: "=r/postgres" };
  const sql = "select 'pg_type'::regclass as r, '1.5'::money as m, array['pg_class'::regclass, null] as rs, " +
    "row('pg_type', 2, '=r/postgres')::has as h";
  const row = { r: "pg_type", m: "$1.50", rs: ["pg_class", null], h: has };
  assert.deepEqual(await conn.query(sql), [row]);
  for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [row]);
  assert.deepEqual(await conn.execValue("select $1::has[]", [[has, null]]), [has, null]);
  // A row of the catalog's own: its type comes with PostgreSQL, and yet has to be learned.
  for (let i = 0; i < 2; i++) {
    const { c } = await conn.execOne<{ c: Record<string, unknown> }>(
      "select c from pg_class c where relname = 'pg_type'",
    );
    assert.deepEqual([c["relname"], c["relkind"], Array.isArray(c["relacl"])], ["pg_type", "r", true]);
  }
});

conformance(
  "user types: many calls at once on first sight, with and without named statements",
  async (world, server) => {
    await using types = await schema(
      server,
      "create type mood as enum ('a', 'b'); create type pair as (n int4, m mood)",
    );
    const [one, two] = [{ n: 1, m: "a" }, { n: 2, m: "b" }];
    for (const size of [256, 1, 0]) {
      await using conn = await connect(world, server, types, (opts) => opts.statementCacheSize(size));
      const results = await Promise.all([
        conn.query("select 'a'::mood as m"),
        conn.exec("select row(1, 'a')::pair as p"),
        conn.exec("select $1::pair as p", [two]),
        conn.exec("select 1 as n"),
        conn.exec("select array[row(1, 'a')::pair] as p"),
        conn.exec("select row(1, 'a')::pair as p"),
        conn.exec("select $1::pair[] as p", [[one, two]]),
      ]);
      const expected = [[{ m: "a" }], [{ p: one }], [{ p: two }], [{ n: 1 }], [{ p: [one] }], [{ p: one }], [{
        p: [one, two],
      }]];
      assert.deepEqual(results, expected);
    }
  },
);

conformance("user types: extensions", async (world, server) => {
  await using types = await schema(server, "create extension hstore; create extension citext; create extension ltree");
  await using conn = await connect(world, server, types);
  const values: readonly (readonly [type: string, value: unknown])[] = [
    ["hstore", { a: "1", 'b "c"': null, "": "\\", ["__proto__"]: "x" }],
    ["hstore[]", [{}, { a: null }]],
    ["citext", "Ada"],
    ["citext[]", ["Ada", null]],
    ["ltree", "Top.Science"],
    ["ltree[]", ["a.b", "c"]],
    ["lquery", "*.a|b.*{1,2}"],
    ["ltxtquery", "a & b"],
  ];
  for (const [type, value] of values) {
    const text = await conn.execValue<string>(`select $1::${type}::text`, [value]);
    const sql = `select '${text!.replaceAll("'", "''")}'::${type} as v`;
    assert.deepEqual(await conn.query(sql), [{ v: value }]);
    for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ v: value }]);
  }
  assert.equal(await conn.execValue("select $1::hstore -> 'k'", [new Map([["k", "v"]])]), "v");
});

conformance("user types: anonymous records are their fields' text", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const sql = "select row(1, null, 'a \"b\"', '', array[1, 2]) as r, array[row(1, 'x')] as a";
  const row = { r: ["1", null, 'a "b"', "", "{1,2}"], a: [["1", "x"]] };
  assert.deepEqual(await conn.query(sql), [row]);
  for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [row]);
});

test("user types: a transaction that has failed is no place to learn, and says so", async () => {
  await using types = await schema(newest, "create type shade as enum ('dark')");
  await using conn = await Conn.connect(new Opts(newest.fast).param("search_path", types.name));
  await conn.queryDrop("begin");
  // Both leave together, so that the transaction has failed before the types of the first can be asked for.
  const [first, second] = await Promise.allSettled([conn.query("select 'dark'::shade"), conn.query("select 1/0")]);
  assert.ok(first.status === "rejected" && first.reason instanceof DecodeError);
  assert.match(first.reason.message, /^Cannot look up types \d+ in the catalog: current transaction is aborted/);
  assert.ok(second.status === "rejected" && second.reason instanceof ServerError);
  await conn.queryDrop("rollback");
  assert.equal(await conn.execValue("select 'dark'::shade"), "dark");
});

const shade: TypeCodec<{ shade: string }> = {
  parse: (text) => ({ shade: text }),
  format: (value) => (value as { shade: string }).shade,
};

conformance(
  "codec: for a type by its name, with its schema, or by its OID; inside of others too",
  async (world, server) => {
    await using types = await schema(
      server,
      "create type shade as enum ('dark'); create type lamp as (shade shade, n numeric)",
    );
    await using plain = await connect(world, server, types);
    const oid = await plain.execValue<number>("select 'shade'::regtype::oid");
    for (const key of ["shade", `${types.name}.shade`, oid!]) {
      await using conn = await connect(world, server, types, (opts) => opts.codec(key, shade));
      const dark = { shade: "dark" };
      for (let i = 0; i < 2; i++) assert.deepEqual(await conn.execValue("select 'dark'::shade"), dark);
      assert.deepEqual(await conn.query("select 'dark'::shade as s"), [{ s: dark }]);
      assert.deepEqual(await conn.execValue("select $1::shade[]", [[dark, null]]), [dark, null]);
      assert.deepEqual(await conn.execValue("select $1::lamp", [{ shade: dark, n: "1.50" }]), {
        shade: dark,
        n: "1.50",
      });
      assert.equal(await conn.execValue("select $1::shade::text", ["dark"]), "dark");
    }
  },
);

conformance("codec: instead of pyro's, in binary", async (world, server) => {
  const reversed: TypeCodec<string> = {
    parse: (text) => [...text].reverse().join(""),
    decode: (bytes) => [...new TextDecoder().decode(bytes)].reverse().join(""),
    encode: (value) => new TextEncoder().encode([...(value as { text: string }).text].reverse().join("")),
  };
  await using conn = await world.connect(new Opts(server.fast).codec("text", reversed));
  for (let i = 0; i < 2; i++) assert.equal(await conn.execValue("select 'abc'::text"), "cba");
  assert.equal(await conn.execValue("select $1::text::varchar", [{ text: "abc" }]), "cba");
  assert.deepEqual(await conn.execValue("select $1::text[]", [[{ text: "abc" }, null]]), ["abc", null]);
});

conformance(
  "codec: what it throws is a DecodeError or EncodeError with that cause, and the connection goes on",
  async (world, server) => {
    const thrown = new TypeError("mine");
    const broken: TypeCodec = {
      parse() {
        throw thrown;
      },
      format() {
        throw thrown;
      },
    };
    await using conn = await world.connect(new Opts(server.fast).codec("numeric", broken));
    await assert.rejects(async () => await conn.query("select 1.5 as n"), (error: Error) => {
      assert.ok(error instanceof DecodeError);
      assert.equal(error.message, 'Cannot decode column 1 "n" as numeric: its codec failed');
      assert.equal(error.cause, thrown);
      return true;
    });
    await assert.rejects(async () => await conn.exec("select $1::numeric", [1]), (error: Error) => {
      assert.ok(error instanceof EncodeError);
      assert.equal(error.message, "Cannot encode parameter $1 as numeric: its codec failed on a number");
      assert.equal(error.cause, thrown);
      return true;
    });
    for (
      const [bad, message] of [[{ format: () => 7 as never }, /format gives no string/], [{
        encode: () => "x" as never,
      }, /encode gives no Uint8Array/]] as const
    ) {
      await using conn = await world.connect(new Opts(server.fast).codec("numeric", { parse: String, ...bad }));
      await assert.rejects(async () => await conn.exec("select $1::numeric", [1]), message);
      assert.equal(await conn.execValue("select 1"), 1);
    }
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance(
  "dates: another DateStyle is read where it is binary, and refused where it is text",
  async (world, server) => {
    await using conn = await world.connect(new Opts(server.fast).param("DateStyle", "SQL, DMY"));
    const sql = "select '2024-02-03'::date as d, '2024-02-03 12:00+00'::timestamptz as t";
    for (let i = 0; i < 2; i++) {
      assert.deepEqual(
        shown(await conn.exec(sql)),
        shown([{ d: Temporal.PlainDate.from("2024-02-03"), t: Temporal.Instant.from("2024-02-03T12:00Z") }]),
      );
    }
    await assert.rejects(async () => await conn.query(sql), /ISO format; with another DateStyle/);
    assert.equal(await conn.execValue("select 1"), 1);
  },
);
