import assert from "node:assert/strict";
import { type Conn, EncodeError, type TypeCodec } from "../../mod.ts";
import { attempt } from "../support/suite/call_bodies.ts";
import { connect, schema } from "../support/suite/own_schema.ts";
import { conformance } from "../support/suite/worlds.ts";

conformance("codec: for an array type, by each of its names", async (world, server) => {
  await using types = await schema(server, "create type shade as enum ('dark', 'light')");
  await using plain = await connect(world, server, types);
  const oid = await plain.execValue<number>("select 'shade[]'::regtype::oid");
  const list: TypeCodec<string> = {
    parse: (text) => text.replaceAll(",", ";"),
    format: (value) => `{${(value as Set<unknown>).values().toArray()}}`,
  };
  const keys: readonly (readonly [key: string | number, type: string, text: string, items: Set<unknown>])[] = [
    ...["_int4", "pg_catalog._int4", 1007, "int4[]", "integer[]", "INTEGER [] []"].map((key) =>
      [key, "int4", "{1;2}", new Set([1, 2])] as const
    ),
    ...["_shade", `${types.name}._shade`, oid!, "shade[]", `${types.name}.shade[]`].map((key) =>
      [key, "shade", "{dark;light}", new Set(["dark", "light"])] as const
    ),
  ];
  for (const [key, type, text, items] of keys) {
    await using conn = await connect(world, server, types, (opts) => opts.codec(key, list));
    const sql = `select '${text.replace(";", ",")}'::${type}[] as v`;
    assert.deepEqual(await conn.query(sql), [{ v: text }], String(key));
    for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ v: text }], String(key));
    assert.equal(await conn.execValue(`select $1::${type}[]`, [items]), text);
    assert.deepEqual(await conn.execValue("select array[1.5]"), ["1.5"], "other arrays are as before");
  }
});

/** Two domains, one over the other, in every place that a column can come from. */
const DOMAINS = `
  create domain cents as int4;
  create domain price as cents;
  create table item (id int4, price cents, sale price, prices cents[], name text);
  create type offer as (price cents, n int4);
  create view shop as select id, price as now, sale from item;
  insert into item values (1, 150, 100, array[150, 1], 'x'), (2, null, null, null, null);
`;

class Money {
  readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
}

const money: TypeCodec<Money> = {
  parse: (text) => new Money(Number(text)),
  decode: (bytes) => new Money(new DataView(bytes.buffer).getInt32(0)),
  format: (value) => String((value as Money).cents),
};

conformance("codec: for a domain, in columns that are declared with it", async (world, server) => {
  await using types = await schema(server, DOMAINS);
  await using plain = await connect(world, server, types);
  const oid = await plain.execValue<number>("select 'cents'::regtype::oid");
  const [a, b] = [new Money(150), new Money(100)];
  const row = { id: 1, price: a, sale: b, prices: [a, new Money(1)], name: "x" };
  const nulls = { id: 2, price: null, sale: null, prices: null, name: null };
  const sql = "select * from item order by id";
  const calls: readonly ((conn: Conn) => Promise<unknown>)[] = [
    (conn) => conn.query(sql),
    (conn) => conn.exec(sql),
    (conn) => conn.exec("select * from item where id > $1 order by id", [0]),
    async (conn) => await conn.exec(await conn.prepare(sql)),
    async (conn) => {
      const rows: unknown[] = [];
      for await (const row of conn.stream(sql)) rows.push(row);
      return rows;
    },
    async (conn) => {
      await using pipeline = conn.pipeline();
      const ticket = pipeline.exec(sql);
      const other = pipeline.exec("select 1 as n");
      const rows = await pipeline.claim(ticket);
      assert.deepEqual(await pipeline.claim(other), [{ n: 1 }]);
      return rows;
    },
    async (conn) => {
      await using tx = await conn.begin();
      return await tx.exec(sql);
    },
  ];
  for (const key of ["cents", `${types.name}.cents`, oid!]) {
    await using conn = await connect(world, server, types, (opts) => opts.codec(key, money));
    for (const call of calls) {
      await conn.queryDrop("create type unrelated as enum (); drop type unrelated");
      for (let i = 0; i < 2; i++) assert.deepEqual(await call(conn), [row, nulls], String(key));
    }
    assert.deepEqual(await conn.exec("select i.price, s.now, s.sale from item i join shop s using (id) where id = 1"), [
      { price: a, now: a, sale: b },
    ]);
    assert.deepEqual(await conn.execValue("select p from (select price as p from item limit 1) q"), a);
    assert.deepEqual(await conn.execValue("select row(7, 1)::offer"), { price: new Money(7), n: 1 });
    // Of an expression the server tells the base type.
    assert.equal(await conn.execValue("select max(price) from item"), 150);
    assert.equal(await conn.execValue("select 7::cents"), 7);
  }
});

conformance("codec: for a domain, as a parameter and in rows to copy", async (world, server) => {
  await using types = await schema(server, DOMAINS);
  await using conn = await connect(world, server, types, (opts) => opts.codec("cents", money));
  const price = new Money(250);
  assert.equal(await conn.execValue("select $1::cents + 1", [price]), 251);
  assert.deepEqual(await conn.execValue("insert into item (id, price) values (3, $1) returning price", [price]), price);
  assert.equal(await conn.copyRows("item", ["id", "price", "sale"], [[4, price, null], [5, "7", price]]), 2);
  assert.deepEqual(await conn.exec("select price, sale from item where id > 2 order by id"), [
    { price, sale: null },
    { price, sale: null },
    { price: new Money(7), sale: price },
  ]);
});

conformance("codec: for a domain, columns that are altered are asked about again", async (world, server) => {
  await using types = await schema(
    server,
    `${DOMAINS} alter table item owner to test; alter view shop owner to test;`,
  );
  await using conn = await connect(world, server, types, (opts) => opts.codec("cents", money));
  const sql = "select price as p from item where id = 1";
  for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ p: new Money(150) }]);
  await conn.queryDrop("drop view shop; alter table item alter price type int4");
  for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ p: 150 }]);
  await conn.queryDrop("alter table item alter price type cents");
  for (let i = 0; i < 2; i++) assert.deepEqual(await conn.exec(sql), [{ p: new Money(150) }]);
});

conformance("codec: one that writes binary is never passed by, where only text will do", async (world, server) => {
  await using types = await schema(server, "create table t (a int4, b money)");
  // Numbers are stored negated.
  const negated: TypeCodec<number> = {
    parse: (text) => -Number(text),
    decode: (bytes) => -new DataView(bytes.buffer, bytes.byteOffset).getInt32(0),
    encode: (value) => {
      const view = new DataView(new ArrayBuffer(4));
      view.setInt32(0, -(value as number));
      return new Uint8Array(view.buffer);
    },
  };
  await using conn = await connect(world, server, types, (opts) => opts.codec("int4", negated));
  assert.equal(await conn.execValue("select $1::int4", [5]), 5);
  // money has no binary format, so the rows go as text.
  await assert.rejects(attempt(() => conn.copyRows("t", ["a", "b"], [[5, "1"]])), (error) => {
    assert.ok(error instanceof EncodeError, String(error));
    assert.match(error.message, /"a" as int4: it must be sent as text here, but its codec has no function format/);
    return true;
  });
  await assert.rejects(attempt(() => conn.exec("select $1::int4[]", [["1", 5]])), EncodeError);
  const both = { ...negated, format: (value: unknown) => String(-(value as number)) };
  await using second = await connect(world, server, types, (opts) => opts.codec("int4", both));
  assert.equal(await second.copyRows("t", ["a", "b"], [[5, "1"]]), 1);
  assert.equal(await second.execValue("select a from t"), 5);
});
