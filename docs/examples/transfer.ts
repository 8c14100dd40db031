/**
 * Transfers the sales of one database, summed up by day, to another one, and shows how far it is:
 *
 *     node docs/examples/transfer.ts pg://…/shop pg://…/reports
 */
import process from "node:process";
import { Conn } from "@x/pyro";

await using source = await Conn.connect(process.argv[2]!);
await using target = await Conn.connect(process.argv[3]!);
const rows = await target.tx(async (tx) => {
  await tx.queryDrop("truncate daily_sales");
  const days = source.copyOut(`copy (
    select sold_at::date, article, sum(cents), count(*) from sale group by 1, 2
  ) to stdout (format binary)`);
  return await tx.copyIn("copy daily_sales from stdin (format binary)", days, {
    onProgress: ({ bytes }) => process.stderr.write(`\r${bytes} bytes`),
  });
});
console.log(`${rows} rows`);
