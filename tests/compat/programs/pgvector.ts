/** pgvector: its types, registered at run time by the OIDs of the database. */
import process from "node:process";
import { deepEqual, equal, load, part } from "./program.ts";

const { default: pg } = await load("pg");
const { default: pgvector } = await load("pgvector/pg");
const { SparseVector } = await load("pgvector");
const client = new pg.Client(process.env.VECTOR_URL);
await client.connect();
await client.query("create extension if not exists vector");
await client.query("drop table if exists items");

await part("write", async () => {
  await pgvector.registerTypes(client);
  await client.query(
    "create table items (id serial primary key, embedding vector(3), half halfvec(2), sparse sparsevec(4))",
  );
  await client.query("insert into items (embedding, half, sparse) values ($1, $2, $3), ($4, null, null)", [
    pgvector.toSql([1, 2, 3]),
    pgvector.toSql([0.5, 1.5]),
    pgvector.toSql(new SparseVector([0, 1, 0, 2])),
    pgvector.toSql([3, 2, 1]),
  ]);
});

await part("read", async () => {
  const { rows } = await client.query("select * from items order by embedding <-> $1", [pgvector.toSql([1, 2, 2])]);
  equal(rows.length, 2);
  deepEqual([rows[0].embedding, rows[0].half, rows[0].sparse.toArray()], [[1, 2, 3], [0.5, 1.5], [0, 1, 0, 2]]);
  deepEqual([rows[1].embedding, rows[1].half, rows[1].sparse], [[3, 2, 1], null, null]);
});

await client.end();
