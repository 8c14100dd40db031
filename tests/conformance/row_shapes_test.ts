/** The shapes of rows: names in camel case, nested objects, what `as` makes of them, columns, Maps, typed arrays. */
import assert from "node:assert/strict";
import { DecodeError, EncodeError, Opts, type StandardSchema, UsageError } from "../../mod.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("names: rows have names in camel case, columns those of the database", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).names("camel"));
  const sql =
    `select 1 as user_id, 2 as "_own", 3 as "two__2", 4 as "asIs", 5 as a_b_c, '{"in_side": 1}'::json as the_json`;
  const expected = { userId: 1, _own: 2, two__2: 3, asIs: 4, aBC: 5, theJson: { in_side: 1 } };
  for (let i = 0; i < 100; i++) assert.deepEqual(await conn.execFirst(sql), expected);
  assert.deepEqual(await conn.query(sql), [expected]);
  assert.deepEqual((await conn.run(sql)).columns[0]?.name, "user_id");
  for await (const row of conn.stream(sql)) assert.deepEqual(row, expected);
});

conformance("names: composites and copied rows have them both ways", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).names("camel"));
  await conn.queryDrop("create type pg_temp.full_name as (first_name text, last_name text)");
  await conn.queryDrop("create temporary table person (user_id int, full_name pg_temp.full_name)");
  const ada = { userId: 1, fullName: { firstName: "Ada", lastName: "Lovelace" } };
  assert.equal(await conn.copyRows("pg_temp.person", ["userId", "full_name"], [ada]), 1);
  assert.deepEqual(await conn.exec("select * from person"), [ada]);
  assert.deepEqual(await conn.execValue("select $1::pg_temp.full_name", [ada.fullName]), ada.fullName);
  await assert.rejects(
    async () => await conn.execDrop("select $1::pg_temp.full_name", [{ first_name: "", last_name: "" }]),
    EncodeError,
  );
});

conformance("nest: a dot in a name begins an object inside", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const sql =
    `select 1 as id, 'Ada' as "author.name", 2 as "author.born.month", null as "author.died", 'x' as "__proto__.y"`;
  const expected = JSON.parse(
    '{"id": 1, "author": {"name": "Ada", "born": {"month": 2}, "died": null}, "__proto__": {"y": "x"}}',
  ) as object;
  for (let i = 0; i < 100; i++) assert.deepEqual(await conn.exec(sql, { nest: true }), [expected]);
  assert.equal((await conn.execFirst<Record<string, unknown>>(sql))?.["author.name"], "Ada");
  assert.deepEqual(await conn.execFirst(`select 1 as "a.b", 2 as "a.b", 3 as "a.c"`, { nest: true }), {
    a: { b: 2, c: 3 },
  });
  for (const both of [`select 1 as a, 2 as "a.b"`, `select 1 as "a.b", 2 as a`]) {
    await assert.rejects(async () => await conn.exec(both, { nest: true }), /"a" is both a value and an object/);
  }
  await assert.rejects(async () => await conn.exec(sql, { nest: true, rows: "array" }), UsageError);
  await assert.rejects(async () => await conn.exec(sql, { nest: 1 } as object), UsageError);
});

conformance("nest: values of types that are looked up late are where they belong", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).names("camel"));
  await conn.queryDrop("create type pg_temp.pair as (a_a int, b_b int)");
  const sql = `select row(1, 2)::pg_temp.pair as "in_ner.the_pair", 3 as "in_ner.n"`;
  assert.deepEqual(await conn.queryFirst(sql, { nest: true }), { inNer: { thePair: { aA: 1, bB: 2 }, n: 3 } });
});

conformance("as: a function of the row, whose result has the call's type", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const as = ({ n }: { n: number }): string => `n${n}`;
  const sql = "select n from generate_series(1, $1) as n";
  const all: string[] = await conn.exec(sql, [2], { as });
  assert.deepEqual(all, ["n1", "n2"]);
  const first: string | null = await conn.execFirst(sql, [2], { as });
  assert.equal(first, "n1");
  assert.equal(await conn.execFirst(sql, [0], { as }), null);
  assert.equal(await conn.execOne("select 7 as n", { as }), "n7");
  const { rows, affected }: { rows: string[]; affected: number } = await conn.run(sql, [2], { as });
  assert.deepEqual([rows, affected], [["n1", "n2"], 2]);
  assert.deepEqual(await conn.query("select 1 as n", { as }), ["n1"]);
  assert.deepEqual((await conn.queryAll("select 1 as n; select 2 as n", { as })).flatMap(({ rows }) => rows), [
    "n1",
    "n2",
  ]);
  assert.deepEqual(await conn.exec(sql, [2], { rows: "array", as: ([n]: [number]) => -n }), [-1, -2]);
  const streamed: string[] = [];
  for await (const text of conn.stream(sql, [3], { batch: 2, as })) streamed.push(text);
  assert.deepEqual(streamed, ["n1", "n2", "n3"]);
  assert.deepEqual(await conn.execIter(sql, [2], (portal) => portal.fetch(), { as }), {
    rows: ["n1", "n2"],
    hasMore: false,
  });
  await using pipeline = conn.pipeline();
  const ticket = pipeline.exec<{ n: number }>(sql, [2]);
  await pipeline.sync();
  assert.deepEqual(await pipeline.claim(ticket, { as }), ["n1", "n2"]);
});

conformance("as: what it throws comes back unchanged, and the connection goes on", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const reason = new RangeError("mine");
  const as = (): never => {
    throw reason;
  };
  for (const call of [() => conn.exec("select 1", { as }), () => conn.query("select 1", { as })]) {
    await assert.rejects(async () => await call(), (error) => error === reason);
  }
  assert.equal(await conn.execValue("select 1"), 1);
  for (const as of [null, 5, {}, { "~standard": {} }]) {
    await assert.rejects(async () => await conn.exec("select 1", { as } as object), UsageError);
  }
});

conformance(
  "as: an async function is refused, and what its promise rejects with is nobody's",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    const as = (row: object): Promise<object> => Promise.reject(new Error(`mine: ${typeof row}`));
    await using pool = world.pool(server.fast);
    const calls: (() => unknown)[] = [
      async () => {
        await using pipeline = conn.pipeline();
        await pipeline.claim(pipeline.exec("select 1 as n"), { as });
      },
      () => conn.exec("select generate_series(1, 3) as n", { as }),
      () => conn.query("select 1 as n", { as }),
      () => conn.queryAll("select 1 as n", { as }),
      () => conn.execFirst("select 1 as n", { as }),
      () => conn.execOne("select 1 as n", { as }),
      () => conn.execMap("select 1 as n", [], "n", { as }),
      async () => {
        for await (const _ of conn.stream("select 1 as n", { as }));
      },
      () => pool.exec("select 1 as n", { as }),
    ];
    const refusal = { name: "UsageError", message: /^Cannot use as: its function has returned a promise/ };
    for (const call of calls) await assert.rejects(async () => void await call(), refusal);
    assert.deepEqual(await conn.exec("select 1 where false", { as }), []);
    assert.equal(await conn.execValue("select 1"), 1);
  },
);

conformance("as: a schema checks rows, and gives what it makes of them", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const schema: StandardSchema<{ name: string }> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (row) => {
        const { name } = row as { name: unknown };
        if (typeof name === "string") return { value: { name: name.toUpperCase() } };
        return { issues: [{ message: "must be text", path: ["name"] }, { message: "is odd", path: [{ key: 5 }] }] };
      },
    },
  };
  const rows: { name: string }[] = await conn.exec("select 'ada' as name", { as: schema });
  assert.deepEqual(rows, [{ name: "ADA" }]);
  await assert.rejects(async () => await conn.exec("select 5 as name", { as: schema }), (error) => {
    assert.ok(error instanceof DecodeError);
    assert.equal(error.message, 'Cannot return a row: "name": must be text; "5": is odd');
    return true;
  });
  const slow = {
    "~standard": { version: 1, vendor: "test", validate: () => Promise.resolve({ value: 1 }) },
  } as const;
  await assert.rejects(async () => await conn.exec("select 1", { as: slow }), /asynchronous/);
});

conformance("execColumn, execMap: the first column, and rows by a column", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).names("camel"));
  await using pool = world.pool(new Opts(server.fast).names("camel"));
  const people = "select * from (values (1, 'Ada'), (2, 'Alan')) as p (person_id, name) where person_id <= $1";
  for (const executor of [conn, pool]) {
    assert.deepEqual(await executor.execColumn("select n from generate_series(1, $1) as n", [3]), [1, 2, 3]);
    assert.deepEqual(await executor.execColumn("select 1 where false"), []);
    assert.deepEqual(await executor.execColumn("select 1", { types: "text" }), ["1"]);
    const byId = await executor.execMap<number>(people, [2], "personId");
    assert.deepEqual([...byId], [[1, { personId: 1, name: "Ada" }], [2, { personId: 2, name: "Alan" }]]);
    const names: Map<number, string> = await executor.execMap(people, [2], "personId", {
      as: ({ name }: { name: string }) => name,
    });
    assert.equal(names.get(2), "Alan");
    await assert.rejects(
      async () => await executor.execMap(people, [2], "person_id"),
      /there is no column "person_id"/,
    );
    for (const key of [1, 1n, Symbol("a"), null, undefined, ["a"]]) {
      await assert.rejects(async () => await executor.execMap("select 1 as a", [], key as never), {
        name: "UsageError",
        message: `Cannot make a Map of the rows: the column must be a string, its name, not ${typeof key}`,
      });
      await assert.rejects(async () => await executor.exec("select 1", { rows: key ?? 0 } as never), {
        name: "UsageError",
        message: /^Cannot set rows to .*: it must be "object" or "array"$/,
      });
    }
    await assert.rejects(
      async () => await executor.execMap("select 1 as a from generate_series(1, 2)", [], "a"),
      UsageError,
    );
    await assert.rejects(async () => await executor.execMap("select '{1}'::int[] as a", [], "a"), UsageError);
  }
});

conformance("numberArrays: typed arrays, and back", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).numberArrays("typed"));
  const sql = `select '{1.5,-2}'::float8[] as f8, '{0.5}'::float4[] as f4, '{1,-2}'::int4[] as i4, '{7}'::int2[] as i2,
    '{9007199254740993}'::int8[] as i8, '{4294967295}'::oid[] as o, '{}'::int4[] as none, '{a}'::text[] as t`;
  const expected = {
    f8: Float64Array.of(1.5, -2),
    f4: Float32Array.of(0.5),
    i4: Int32Array.of(1, -2),
    i2: Int16Array.of(7),
    i8: BigInt64Array.of(9007199254740993n),
    o: Uint32Array.of(4294967295),
    none: new Int32Array(0),
    t: ["a"],
  };
  for (let i = 0; i < 3; i++) assert.deepEqual(await conn.execFirst(sql), expected);
  assert.deepEqual(await conn.queryFirst(sql), expected);
  for (const [type, value] of [["float8[]", expected.f8], ["int8[]", expected.i8], ["int4[]", expected.none]]) {
    assert.deepEqual(await conn.execValue(`select $1::${type}`, [value]), value);
  }
  for (const bad of ["'{1,null}'::int4[]", "'{{1},{2}}'::int4[]"]) {
    await assert.rejects(async () => await conn.exec(`select ${bad}`), /which a typed array cannot have/);
    await assert.rejects(async () => await conn.query(`select ${bad}`), /which a typed array cannot have/);
  }
  await assert.rejects(async () => await conn.exec("select $1::int4[]", [Uint8Array.of(1)]), EncodeError);
});

conformance("numberArrays: int8 as numbers has arrays of numbers", async (world, server) => {
  await using conn = await world.connect(new Opts(server.fast).numberArrays("typed").int8("number"));
  assert.deepEqual(await conn.execValue("select '{1,2}'::int8[]"), [1, 2]);
  assert.deepEqual(await conn.execValue("select '{1,2}'::int4[]"), Int32Array.of(1, 2));
});
