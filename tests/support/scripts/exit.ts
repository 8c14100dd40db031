/** Uses a connection and comes to its end without closing it. Arguments: world, URL. */
import process from "node:process";
import { inTime } from "../suite/in_time.ts";

const [world, url] = process.argv.slice(2);
if (world === "async") {
  const { Conn } = await import("../../../mod.ts");
  const conn = await inTime(() => Conn.connect(url!));
  console.log(await conn.execValue("select 'async'"), conn.transport);
  console.error(JSON.stringify(conn.upgrade));
} else {
  const { Conn } = await import("../../../sync.ts");
  const conn = await inTime(() => new Conn(url!));
  console.log(conn.execValue("select 'sync'"), conn.transport);
  console.error(JSON.stringify(conn.upgrade));
}
