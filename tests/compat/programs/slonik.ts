/** Slonik: typed queries, streams, transactions; it makes types' parsers per connection. */
import { deepEqual, equal, errorOf, load, type Loaded, part, url } from "./program.ts";

const { createPool, sql } = await load("slonik");
const { z } = await load("zod");
const pool = await createPool(url);

await part("write", async () => {
  await pool.query(sql.unsafe`
    create table people (id serial primary key, name text not null constraint people_name_key unique, at timestamptz,
      big bigint, price numeric, day date, data jsonb)
  `);
  const { rowCount, command } = await pool.query(sql.unsafe`
    insert into people (name, at, big, price, day, data)
    values (${"Ada"}, ${sql.timestamp(new Date("2024-01-02T03:04:05.678Z"))}, ${9007199254740n}, 1.5, '2024-01-02', ${
    sql.jsonb({ a: [1] })
  })
  `);
  deepEqual([rowCount, command], [1, "INSERT"]);
  await pool.query(sql.unsafe`insert into people (name) select * from ${sql.unnest([["Bob"], ["Cid"]], ["text"])}`);
});

await part("read", async () => {
  const ada = await pool.one(sql.unsafe`select * from people where name = ${"Ada"}`);
  deepEqual({ ...ada }, {
    id: 1,
    name: "Ada",
    at: Date.parse("2024-01-02T03:04:05.678Z"),
    big: 9007199254740n,
    price: 1.5,
    day: "2024-01-02",
    data: { a: [1] },
  });
  deepEqual([...await pool.anyFirst(sql.type(z.object({ name: z.string() }))`select name from people order by id`)], [
    "Ada",
    "Bob",
    "Cid",
  ]);
  equal(await pool.oneFirst(sql.unsafe`select count(*) from people`), 3n);
});

await part("stream", async () => {
  const names: string[] = [];
  await pool.stream(sql.unsafe`select name from people order by id`, (stream: Loaded) => {
    stream.on("data", ({ data }: Loaded) => names.push(data.name));
  });
  deepEqual(names, ["Ada", "Bob", "Cid"]);
});

await part("transaction", async () => {
  await pool.transaction(async (outer: Loaded) => {
    await outer.query(sql.unsafe`insert into people (name) values ('Dan')`);
    await errorOf(outer.transaction(async (inner: Loaded) => {
      await inner.query(sql.unsafe`insert into people (name) values ('Eve')`);
      throw new Error("back to the savepoint");
    }));
  });
  await errorOf(pool.transaction(async (outer: Loaded) => {
    await outer.query(sql.unsafe`insert into people (name) values ('Fay')`);
    throw new Error("back");
  }));
  deepEqual([...await pool.anyFirst(sql.unsafe`select name from people order by id`)], ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  const error = await errorOf(pool.query(sql.unsafe`insert into people (name) values ('Ada')`));
  deepEqual([error.constructor.name, error.constraint], ["UniqueIntegrityConstraintViolationError", "people_name_key"]);
});

await pool.end();
