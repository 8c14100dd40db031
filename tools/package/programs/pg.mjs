// A program of pg's, with query classes of other packages.
import pg, { Client, types } from "pg";
import { createRequire } from "node:module";
import Cursor from "pg-cursor";
import QueryStream from "pg-query-stream";

const require = createRequire(import.meta.url);
const shared = [
  require("pg").Client === Client,
  pg.Client === Client,
  require("pg-types").getTypeParser === types.getTypeParser,
];
const pool = new pg.Pool({ connectionString: process.env.URL.replace("pg:", "postgres:") });
const { rows } = await pool.query("select $1::int4 as n", [1]);
const client = await pool.connect();
const cursor = client.query(new Cursor("select generate_series(1, 3) as n"));
rows.push(...await cursor.read(2));
await cursor.close();
for await (const row of client.query(new QueryStream("select 9 as n"))) rows.push(row);
client.release();
await pool.end();
// The process ends by itself when the pool has ended.
console.log(JSON.stringify([shared, rows.map(({ n }) => n), pg.native ?? "none"]));
