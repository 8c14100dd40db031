/** `docs/examples/csv_import.ts` with pg and pg-copy-streams. */
import { createReadStream } from "node:fs";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from } from "pg-copy-streams";

const client = new pg.Client(process.env.DATABASE_URL);
await client.connect();
try {
  await client.query("begin");
  // All columns are text at first, so that one bad value does not end the COPY.
  await client.query(`create temporary table incoming (
    line int8 generated always as identity (start 2), name text, born text, city text
  ) on commit drop`);
  const copy = client.query(from("copy incoming (name, born, city) from stdin (format csv, header)"));
  await pipeline(createReadStream(process.argv[2]), copy);
  const { rowCount: added } = await client.query(`
    insert into person (name, born, city)
    select name, born::date, city from incoming where pg_input_is_valid(born, 'date')
    on conflict do nothing`);
  const refused = await client.query(
    "select * from incoming where pg_input_is_valid(born, 'date') is not true order by line",
  );
  const cities = await client.query("select city, count(*) as people from person group by city order by city");
  await client.query("commit");
  console.log(`${copy.rowCount} lines, ${added} people added`);
  for (const { line, name, born } of refused.rows) console.log(`line ${line}: ${name} is not born on ${born}`);
  for (const { city, people } of cities.rows) console.log(`${city}: ${people}`);
} finally {
  // A transaction that is still open is rolled back.
  await client.end();
}
