/** Knex: schemas, queries, streams by pg-query-stream, transactions with savepoints, a connection of its own. */
import { deepEqual, equal, errorOf, load, type Loaded, part, until, url } from "./program.ts";

const { default: knex } = await load("knex");
const db = knex({ client: "pg", connection: url, pool: { min: 0, max: 4 } });

await part("write", async () => {
  await db.schema.createTable("people", (table: Loaded) => {
    table.increments("id");
    table.string("name").notNullable().unique();
    table.jsonb("data");
    table.specificType("tags", "text[]");
    table.decimal("price", 10, 2);
    table.bigInteger("big");
    table.binary("bytes");
    table.timestamp("at", { useTz: true });
  });
  const row = {
    name: "Ada",
    data: { a: [1, null] },
    tags: ["x", 'y"z'],
    price: "1.50",
    big: "9007199254740993",
    bytes: Buffer.from([0, 255]),
    at: new Date("2024-01-02T03:04:05.678Z"),
  };
  deepEqual(await db("people").insert(row).returning("id"), [{ id: 1 }]);
  deepEqual(await db("people").insert([{ name: "Bob" }, { name: "Cid" }]).returning(["id", "name"]), [
    { id: 2, name: "Bob" },
    { id: 3, name: "Cid" },
  ]);
  equal(await db("people").where("id", ">", 1).update({ data: { b: 1 } }), 2);
});

await part("read", async () => {
  const [ada] = await db("people").where({ name: "Ada" });
  deepEqual(ada, {
    id: 1,
    name: "Ada",
    data: { a: [1, null] },
    tags: ["x", 'y"z'],
    price: "1.50",
    big: "9007199254740993",
    bytes: Buffer.from([0, 255]),
    at: new Date("2024-01-02T03:04:05.678Z"),
  });
  deepEqual(await db("people").count("* as n").first(), { n: "3" });
  deepEqual(await db("people").pluck("name").orderBy("id"), ["Ada", "Bob", "Cid"]);
  const raw = await db.raw("select ?::int as n, ?::text as t", [7, "x"]);
  deepEqual([raw.command, raw.rowCount, raw.rows, raw.fields.map(({ name }: Loaded) => name)], [
    "SELECT",
    1,
    [{ n: 7, t: "x" }],
    ["n", "t"],
  ]);
});

await part("stream", async () => {
  const names: string[] = [];
  for await (const row of db("people").select("name").orderBy("id").stream({ highWaterMark: 1 })) names.push(row.name);
  deepEqual(names, ["Ada", "Bob", "Cid"]);
});

await part("transaction", async () => {
  await db.transaction(async (trx: Loaded) => {
    await trx("people").insert({ name: "Dan" });
    await errorOf(trx.transaction(async (inner: Loaded) => {
      await inner("people").insert({ name: "Eve" });
      throw new Error("back to the savepoint");
    }));
  });
  await errorOf(db.transaction(async (trx: Loaded) => {
    await trx("people").insert({ name: "Fay" });
    throw new Error("back");
  }));
  deepEqual(await db("people").pluck("name").orderBy("id"), ["Ada", "Bob", "Cid", "Dan"]);
});

await part("error", async () => {
  const error = await errorOf(db("people").insert({ name: "Ada" }));
  deepEqual([error.code, error.constraint, error.table, error.severity, typeof error.detail], [
    "23505",
    "people_name_unique",
    "people",
    "ERROR",
    "string",
  ]);
  equal((await errorOf(db.raw("select * frm x"))).position, "10");
});

await part("LISTEN", async () => {
  const connection = await db.client.acquireConnection();
  const heard: string[] = [];
  connection.on("notification", ({ channel, payload }: Loaded) => heard.push(`${channel}: ${payload}`));
  await connection.query("listen news");
  await db.raw("notify news, 'good'");
  await until(() => heard.length > 0);
  deepEqual(heard, ["news: good"]);
  await connection.query("unlisten *");
  await db.client.releaseConnection(connection);
});

await db.destroy();
