/** Connects and says how. Arguments: world, URL. */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { inTime } from "../suite/in_time.ts";

const [world, url] = process.argv.slice(2);
try {
  if (world === "async") {
    const { Conn } = await import("../../../async.ts");
    await using conn = await inTime(() => Conn.connect(url!));
    console.log(
      JSON.stringify({
        transport: conn.transport,
        tls: conn.tls,
        upgrade: conn.upgrade,
        one: await conn.execValue("select 1"),
      }),
    );
  } else {
    const { Conn } = await import("../../../sync.ts");
    using conn = await inTime(() => new Conn(url!));
    console.log(
      JSON.stringify({
        transport: conn.transport,
        tls: conn.tls,
        upgrade: conn.upgrade,
        one: conn.execValue("select 1"),
      }),
    );
  }
} catch (error) {
  console.log(JSON.stringify({ error: `${(error as Error).name}: ${(error as Error).message}` }));
}
await sleep(0);
