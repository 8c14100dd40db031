/** `docs/examples/price_service.ts` with postgres.js. */
import { createServer } from "node:http";
import process from "node:process";
import postgres from "postgres";

const sql = postgres(process.env.DATABASE_URL, { connection: { statement_timeout: 5000 } });
// Promises, so that a price that changes while it is read is not kept.
const cache = new Map();
// The last function is called whenever listening begins, also again: then, anything may have changed.
await sql.listen("price", (id) => cache.delete(id), () => cache.clear());

const readPrice = async (id) => {
  const [row] = await sql`select cents from price where id = ${id}`;
  return row?.cents ?? null;
};

const server = createServer(async ({ method, url }, response) => {
  const [, id, cents] = /^\/price\/(\d+)(?:\?cents=(\d+))?$/.exec(url) ?? [];
  try {
    if (id === undefined) response.statusCode = 404;
    else if (method === "PUT") {
      await sql.begin(async (tx) => {
        await tx`insert into price values (${id}, ${cents}) on conflict (id) do update set cents = ${cents}`;
        // Not tx.notify, which uses another connection.
        await tx`select pg_notify('price', ${id})`;
      });
    } else {
      if (!cache.has(id)) cache.set(id, readPrice(id));
      response.write(String(await cache.get(id)));
    }
  } catch (error) {
    cache.delete(id);
    console.error(error);
    response.statusCode = 500;
  }
  response.end();
});
server.listen(Number(process.env.PORT ?? 8000), () => console.log(server.address()));

process.once("SIGTERM", () => {
  server.close(async () => {
    await sql.end();
    console.log("stopped");
  });
});
