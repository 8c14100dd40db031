/**
 * Makes connections that block and closes them, without letting the event loop go on, and says how much
 * memory is used after a third of them and after all. Arguments: URL, how many.
 */
import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Conn } from "../../../sync.ts";

const [url, count] = process.argv.slice(2);
const collect = collector();

/** What is there after garbage is collected. */
function used(): number {
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collector(): () => void {
  if ("Bun" in globalThis) return () => (globalThis as unknown as { Bun: { gc(now: boolean): void } }).Bun.gc(true);
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

let before = 0;
for (let i = 1; i <= Number(count); i++) {
  new Conn(url!).close();
  if (i === Math.floor(Number(count) / 3)) before = used();
}
console.log(JSON.stringify([before, used()]));
