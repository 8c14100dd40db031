/** `docs/examples/csv_import.ts` with postgres.js. */
import { createReadStream } from "node:fs";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";

const sql = postgres(process.env.DATABASE_URL);
try {
  const { rows, added, refused, cities } = await sql.begin(async (sql) => {
    // All columns are text at first, so that one bad value does not end the COPY.
    await sql`create temporary table incoming (
      line int8 generated always as identity (start 2), name text, born text, city text
    ) on commit drop`;
    const copy = await sql`copy incoming (name, born, city) from stdin (format csv, header)`.writable();
    await pipeline(createReadStream(process.argv[2]), copy);
    const [{ rows }] = await sql`select count(*) as rows from incoming`;
    const { count: added } = await sql`
      insert into person (name, born, city)
      select name, born::date, city from incoming where pg_input_is_valid(born, 'date')
      on conflict do nothing`;
    const refused = await sql`select * from incoming where pg_input_is_valid(born, 'date') is not true order by line`;
    const cities = await sql`select city, count(*) as people from person group by city order by city`;
    return { rows, added, refused, cities };
  });
  console.log(`${rows} lines, ${added} people added`);
  for (const { line, name, born } of refused) console.log(`line ${line}: ${name} is not born on ${born}`);
  for (const { city, people } of cities) console.log(`${city}: ${people}`);
} finally {
  await sql.end();
}
