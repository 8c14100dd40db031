/** `docs/examples/price_service.ts` with pg. */
import { createServer } from "node:http";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, statement_timeout: 5000 });
pool.on("error", console.error);
// Promises, so that a price that changes while it is read is not kept.
const cache = new Map();
let listener;
let isStopping = false;

/** Listens on a connection of its own, and again when it is lost. */
async function listen() {
  const client = new pg.Client(process.env.DATABASE_URL);
  client.on("error", console.error);
  client.on("notification", ({ payload }) => cache.delete(payload));
  client.once("end", async () => {
    await setTimeout(isStopping ? 0 : 1000);
    if (!isStopping) await listen().catch(() => client.emit("end"));
  });
  await client.connect();
  await client.query("listen price");
  listener = client;
  // Until now, anything may have changed.
  cache.clear();
}
await listen();

async function writePrice(id, cents) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("insert into price values ($1, $2) on conflict (id) do update set cents = $2", [id, cents]);
    await client.query("select pg_notify('price', $1)", [id]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

async function readPrice(id) {
  const { rows } = await pool.query("select cents from price where id = $1", [id]);
  return rows[0]?.cents ?? null;
}

const server = createServer(async ({ method, url }, response) => {
  const [, id, cents] = /^\/price\/(\d+)(?:\?cents=(\d+))?$/.exec(url) ?? [];
  try {
    if (id === undefined) response.statusCode = 404;
    else if (method === "PUT") await writePrice(id, cents);
    else {
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
    isStopping = true;
    await Promise.all([listener.end(), pool.end()]);
    console.log("stopped");
  });
});
