/** Parameters are read when the call is made: what becomes of them while it waits is nothing to it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Json, Opts, Pool, Range, sql } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { conformance } from "../support/suite/worlds.ts";

/** An object that gives its state away by toJSON only. */
class Counter {
  #count = 1;
  change(): void {
    this.#count = 9;
  }
  toJSON(): number {
    return this.#count;
  }
}

/** Values that can be changed: their type, the value, how it is changed, and the text that it had before. */
const CASES: readonly (() => [type: string, value: unknown, change: () => void, text: string])[] = [
  () => {
    const bytes = Uint8Array.of(1, 2);
    return ["bytea", bytes, () => bytes.fill(9), "\\x0102"];
  },
  () => {
    const bytes = Buffer.from("ab");
    return ["bytea", bytes, () => bytes.fill(9), "\\x6162"];
  },
  () => {
    const { buffer } = Uint8Array.of(1, 2);
    return ["bytea", buffer, () => new Uint8Array(buffer).fill(9), "\\x0102"];
  },
  () => {
    const bytes = Uint8Array.of(1, 2);
    return ["bytea", new DataView(bytes.buffer, 1), () => bytes.fill(9), "\\x02"];
  },
  () => {
    const array: unknown[] = [1, null, 2];
    return ["int4[]", array, () => array.fill(9), "{1,NULL,2}"];
  },
  () => {
    const inner = [1, 2];
    return ["int4[]", [inner, [3, 4]], () => inner.fill(9), "{{1,2},{3,4}}"];
  },
  () => {
    const bytes = Uint8Array.of(1);
    return ["bytea[]", [bytes], () => bytes.fill(9), '{"\\\\x01"}'];
  },
  () => {
    const date = new Date(0);
    return ["timestamptz", date, () => date.setTime(1e12), "1970-01-01 00:00:00+00"];
  },
  () => {
    const date = new Date(0);
    return ["tstzrange", new Range(date, null), () => date.setTime(1e12), '["1970-01-01 00:00:00+00",)'];
  },
  () => {
    const object = { a: 1, b: [{ c: "x" }], d: new Date(0) };
    const change = (): void => {
      object.a = 9;
      object.b[0]!.c = "y";
      object.b.push({ c: "z" });
      object.d.setTime(1);
    };
    return ["json", object, change, '{"a":1,"b":[{"c":"x"}],"d":"1970-01-01T00:00:00.000Z"}'];
  },
  () => {
    const list = ["x"];
    return ["json", Json(list), () => list.push("y"), '["x"]'];
  },
  () => {
    const counter = new Counter();
    return ["json", { counter }, () => counter.change(), '{"counter":1}'];
  },
  () => {
    const counter = new Counter();
    return ["json", counter, () => counter.change(), "1"];
  },
  () => {
    const pair = { a: 1, b: "x" };
    return ["pg_temp.changed_pair", pair, () => Object.assign(pair, { a: 9, b: "y" }), "(1,x)"];
  },
  () => {
    const point = { x: 1, y: 2 };
    return ["point", point, () => point.x = 9, "(1,2)"];
  },
  () => {
    const values = [1, "x", null];
    return ["text[]", values, () => values.length = 0, "{1,x,NULL}"];
  },
];

conformance("parameters: what is changed after the call was made is sent as it was", async (world, server) => {
  const opts = new Opts(server.fast).param("TimeZone", "UTC");
  await using conn = await world.connect(opts);
  await conn.queryDrop("create type pg_temp.changed_pair as (a int, b text)");
  for (const make of CASES) {
    const [type] = make();
    const text = `select $1::${type}::text as v`;
    const statement = await conn.prepare(text);
    const name = sql.id(...type.replace("[]", "").split("."));
    const brackets = type.endsWith("[]") ? sql`[]` : sql``;
    const calls: [string, (value: unknown) => unknown][] = [
      ["executed first", (value) => conn.execValue(text, [value])],
      ["executed again", (value) => conn.execValue(text, [value])],
      ["behind another", (value) => {
        const other = conn.exec(`select $1::int, '${type}'`, [1]);
        const result = conn.execValue(text, [value]);
        return Promise.all([result, other]).then(([result]) => result);
      }],
      ["prepared", (value) => conn.execValue(statement, [value])],
      ["in a template", (value) => conn.execValue(sql`select ${value}::${name}${brackets}::text as v`)],
      ["in a pipeline", (value) => {
        const pipeline = conn.pipeline();
        const ticket = pipeline.exec<{ v: string }>(statement, [value]);
        return { pipeline, ticket };
      }],
    ];
    for (const [way, call] of calls) {
      const [, value, change, expected] = make();
      const pending = call(value);
      change();
      let result = await pending;
      if (way === "in a pipeline") {
        const { pipeline, ticket } = pending as never as { pipeline: never; ticket: never };
        await using open = pipeline as ReturnType<typeof conn.pipeline>;
        result = (await open.claimOne<{ v: string }>(ticket))!.v;
      }
      assert.equal(result, expected, `${type}, ${way}`);
    }
  }
});

conformance("parameters: what a portal is opened with later is what it was made with", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const numbers = [1, 2, 3];
  const stream = conn.stream<{ n: number }>("select unnest($1::int[]) as n", [numbers]);
  numbers.fill(9);
  const seen: number[] = [];
  for await (const { n } of stream) seen.push(n);
  assert.deepEqual(seen, [1, 2, 3]);
});

conformance("parameters: a source may use its arrays and bytes again", async (world, server) => {
  await using conn = await world.connect(server.fast);
  await conn.queryDrop("create temporary table t (n int, b bytea, a int[])");
  const rows = function* (): Generator<unknown[]> {
    const bytes = new Uint8Array(1);
    const row: unknown[] = [0, bytes, [0]];
    for (let n = 1; n <= 300; n++) {
      bytes[0] = n % 256;
      (row[2] as number[])[0] = n;
      row[0] = n;
      yield row;
    }
  };
  const check = "select count(*)::int from t where b = decode(lpad(to_hex(n % 256), 2, '0'), 'hex') and a = array[n]";
  assert.equal(await conn.execBatch("insert into t values ($1, $2, $3)", rows()), 300);
  assert.equal(await conn.execValue(check), 300);
  await conn.queryDrop("truncate t");
  assert.equal(await conn.copyRows("t", ["n", "b", "a"], rows()), 300);
  assert.equal(await conn.execValue(check), 300);
});

conformance(
  "parameters: a statement that is prepared again is sent what the call was made with",
  async (world, server) => {
    await using conn = await world.connect(server.fast);
    await using other = await world.connect(server.fast);
    await other.queryDrop(
      "drop table if exists changed_again; create table changed_again (a int); insert into changed_again values (1)",
    );
    try {
      const text = "select *, $1::bytea as v from changed_again";
      const bytes = Uint8Array.of(1);
      await conn.exec(text, [bytes]);
      await other.queryDrop("alter table changed_again add b int");
      const result = conn.execFirst<{ v: Uint8Array }>(text, [bytes]);
      bytes[0] = 9;
      assert.deepEqual((await result)!.v, Uint8Array.of(1));
    } finally {
      await other.queryDrop("drop table changed_again");
    }
  },
);

conformance("parameters: what stands in them twice, or in itself, is one thing", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const shared = { a: [1] };
  assert.deepEqual(await conn.execValue("select $1::json", [[shared, shared, { shared }]]), [shared, shared, {
    shared,
  }]);
  const cyclic: { self?: unknown } = {};
  cyclic.self = [cyclic];
  await assert.rejects(attempt(() => conn.execValue("select $1::json", [cyclic])), /\$\.self\[0\] is a part of itself/);
});

conformance(
  "parameters: objects of classes are themselves to codecs, and to types made of their members",
  async (world, server) => {
    class Place {
      x = 1;
      y = 2;
      toJSON(): string {
        return "JSON";
      }
    }
    const seen: unknown[] = [];
    const line = { parse: String, format: (value: unknown) => (seen.push(value), "{1,2,3}") };
    await using conn = await world.connect(new Opts(server.fast).codec("line", line));
    const place = new Place();
    assert.deepEqual(await conn.execValue("select $1::point", [place]), { x: 1, y: 2 });
    assert.equal(await conn.execValue("select $1::json", [place]), "JSON");
    assert.equal(await conn.execValue("select $1::line", [place]), "{1,2,3}");
    assert.equal(seen[0], place);
    await assert.rejects(attempt(() => conn.execValue("select $1::int", [place])), /a Place was given where a number/);
  },
);

test("parameters: a pool's callers that wait for a connection send what they had", async () => {
  await using pool = new Pool(new Opts(newest.fast).poolMaxConcurrency(1));
  const busy = pool.execDrop("select pg_sleep(0.2)");
  const bytes = Uint8Array.of(1);
  const calls = [
    pool.execValue("select $1::bytea", [bytes]),
    pool.execValue(sql`select ${bytes}::bytea`),
    pool.execIter(
      "select $1::bytea as v",
      [bytes],
      async (portal) => (await portal.fetch<{ v: Uint8Array }>()).rows[0]!.v,
    ),
  ];
  const stream = pool.stream<{ v: Uint8Array }>(sql`select ${bytes}::bytea as v`);
  bytes[0] = 9;
  for (const value of await Promise.all(calls)) assert.deepEqual(value, Uint8Array.of(1));
  for await (const { v } of stream) assert.deepEqual(v, Uint8Array.of(1));
  await busy;
});
