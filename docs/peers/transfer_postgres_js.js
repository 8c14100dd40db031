/** `docs/examples/transfer.ts` with postgres.js. */
import process from "node:process";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";

const source = postgres(process.argv[2]);
const target = postgres(process.argv[3]);
try {
  const rows = await target.begin(async (tx) => {
    await tx`truncate daily_sales`;
    const days = await source`copy (
      select sold_at::date, article, sum(cents), count(*) from sale group by 1, 2
    ) to stdout (format binary)`.readable();
    const copy = await tx`copy daily_sales from stdin (format binary)`.writable();
    let bytes = 0;
    days.on("data", (chunk) => process.stderr.write(`\r${bytes += chunk.length} bytes`));
    await pipeline(days, copy);
    const [{ rows }] = await tx`select count(*) as rows from daily_sales`;
    return rows;
  });
  console.log(`${rows} rows`);
} finally {
  await Promise.all([source.end(), target.end()]);
}
