// Uses both worlds. Node 22 and 24 have no Temporal.
import { Conn, Opts, Pool, sql } from "@x/pyro";
import { Conn as BlockingConn } from "@x/pyro/sync";

const dates = "Temporal" in globalThis ? "temporal" : "string";
const opts = new Opts(process.env.URL).dates(dates).blockingTransport("worker");
const conn = await Conn.connect(opts);
const texts = [await conn.execValue(sql`select ${"promises"}`), typeof await conn.execValue("select now()")];
await conn.close();
const pool = new Pool(opts);
texts.push(await pool.execValue("select 'pooled'"));
await pool.close();
const blocking = new BlockingConn(opts);
texts.push(blocking.execValue("select 'blocking'"));
blocking.close();
try {
  await Conn.connect(new Opts(process.env.URL));
  texts.push("temporal");
} catch (error) {
  texts.push(error.name, error.message.includes('dates("string")'));
}
console.log(JSON.stringify(texts));
process.exit();
