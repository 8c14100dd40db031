/** Connects, gives a statement up, and says what became of it. Arguments: world, URL. */
import process from "node:process";

const [world, url] = process.argv.slice(2);
const sql = "select pg_sleep(60)";
try {
  if (world === "async") {
    const { Conn } = await import("../../../async.ts");
    await using conn = await Conn.connect(url!);
    await conn.query(sql, { timeout: 50 });
  } else {
    const { Conn } = await import("../../../sync.ts");
    using conn = new Conn(url!);
    conn.query(sql, { timeout: 50 });
  }
} catch (error) {
  console.log((error as { outcome?: string }).outcome ?? String(error));
}
