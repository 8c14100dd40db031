/**
 * Prices over HTTP, from a cache that every instance of the service keeps true by LISTEN:
 *
 *     DATABASE_URL=pg://… node docs/examples/price_service.ts
 */
import { createServer } from "node:http";
import process from "node:process";
import { Opts, Pool } from "@x/pyro";

const pool = new Pool(new Opts(process.env.DATABASE_URL!).timeout(5000));
// Promises, so that a price that changes while it is read is not kept.
const cache = new Map<string, Promise<unknown>>();
const changes = await pool.listen("price");

const server = createServer(async ({ method, url }, response) => {
  const [, id, cents] = /^\/price\/(\d+)(?:\?cents=(\d+))?$/.exec(url!) ?? [];
  try {
    if (id === undefined) response.statusCode = 404;
    else if (method === "PUT") {
      await pool.tx(async (tx) => {
        await tx.execDrop("insert into price values ($1, $2) on conflict (id) do update set cents = $2", [id, cents]);
        await tx.notify("price", id);
      });
    } else {
      if (!cache.has(id)) cache.set(id, pool.execValue("select cents from price where id = $1", [id]));
      response.write(String(await cache.get(id)));
    }
  } catch (error) {
    cache.delete(id!);
    console.error(error);
    response.statusCode = 500;
  }
  response.end();
});
server.listen(Number(process.env.PORT ?? 8000), () => console.log(server.address()));

process.once("SIGTERM", () => server.close(() => pool.close()));
for await (const { gap, payload } of changes) {
  // After a gap, anything may have changed.
  if (gap) cache.clear();
  else cache.delete(payload);
}
console.log("stopped");
