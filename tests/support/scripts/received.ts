/** Receives much, several times, and says how much that was and how much memory is used before and after. Argument: URL. */
import process from "node:process";
import { Conn } from "../../../mod.ts";

const ROWS = 20_000;
const LENGTH = 3200;
const TIMES = 3;

await using conn = await Conn.connect(process.argv[2]!);

async function receive(): Promise<number> {
  await conn.queryDrop(`select repeat('x', ${LENGTH}) from generate_series(1, ${ROWS})`);
  if ("Bun" in globalThis) (globalThis as unknown as { Bun: { gc(now: boolean): void } }).Bun.gc(true);
  return process.memoryUsage().rss;
}

const before = await receive();
let after = 0;
for (let i = 0; i < TIMES; i++) after = await receive();
console.log(JSON.stringify([ROWS * LENGTH * TIMES, before, after]));
