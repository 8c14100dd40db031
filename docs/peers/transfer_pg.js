/** `docs/examples/transfer.ts` with pg and pg-copy-streams. */
import process from "node:process";
import { pipeline } from "node:stream/promises";
import pg from "pg";
import { from, to } from "pg-copy-streams";

const source = new pg.Client(process.argv[2]);
const target = new pg.Client(process.argv[3]);
try {
  await Promise.all([source.connect(), target.connect()]);
  await target.query("begin");
  await target.query("truncate daily_sales");
  const days = source.query(to(`copy (
    select sold_at::date, article, sum(cents), count(*) from sale group by 1, 2
  ) to stdout (format binary)`));
  let bytes = 0;
  days.on("data", (chunk) => process.stderr.write(`\r${bytes += chunk.length} bytes`));
  const copy = target.query(from("copy daily_sales from stdin (format binary)"));
  await pipeline(days, copy);
  await target.query("commit");
  console.log(`${copy.rowCount} rows`);
} finally {
  // A transaction that is still open is rolled back.
  await Promise.all([source.end(), target.end()]);
}
