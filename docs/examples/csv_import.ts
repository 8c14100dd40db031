/**
 * Imports a CSV file of people, and reports what was imported and which lines were refused:
 *
 *     DATABASE_URL=pg://… node docs/examples/csv_import.ts people.csv
 */
import { createReadStream } from "node:fs";
import process from "node:process";
import { Conn } from "@x/pyro";

await using conn = await Conn.connect(process.env.DATABASE_URL!);
const { rows, added, refused, cities } = await conn.tx(async (tx) => {
  // All columns are text at first, so that one bad value does not end the COPY.
  await tx.queryDrop(`create temporary table incoming (
    line int8 generated always as identity (start 2), name text, born text, city text
  ) on commit drop`);
  const copy = "copy incoming (name, born, city) from stdin (format csv, header)";
  const rows = await tx.copyIn(copy, createReadStream(process.argv[2]!));
  const added = await tx.queryDrop(`
    insert into person (name, born, city)
    select name, born::date, city from incoming where pg_input_is_valid(born, 'date')
    on conflict do nothing`);
  const refused = await tx.query(
    "select * from incoming where pg_input_is_valid(born, 'date') is not true order by line",
  );
  const cities = await tx.query("select city, count(*) as people from person group by city order by city");
  return { rows, added, refused, cities };
});
console.log(`${rows} lines, ${added} people added`);
for (const { line, name, born } of refused) console.log(`line ${line}: ${name} is not born on ${born}`);
for (const { city, people } of cities) console.log(`${city}: ${people}`);
