/**
 * Notes on Deno:
 *
 *     DATABASE_URL=pg://… deno run --unstable-no-legacy-abort --allow-net --allow-env --allow-read=docs/examples/page.html docs/examples/deno_serve.ts
 */
// In your own program: from "@x/pyro".
import { Pool } from "../../mod.ts";
import { Notes } from "./handler.ts";

const { DATABASE_URL = "pg://", PORT = "8000", DEADLINE = "5000" } = Deno.env.toObject();
const pool = new Pool(DATABASE_URL, { poolMaxWaiting: 100, poolAcquireTimeout: 2000 });
const notes = new Notes(pool, { deadline: Number(DEADLINE) });
await notes.setUp();

const server = Deno.serve({
  port: Number(PORT),
  onListen: ({ port }) => console.log(`Listening on http://localhost:${port}/`),
}, (request) => notes.answer(request));

for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);

/** Stops accepting requests, finishes those under way, and then closes the pool. */
async function stop(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stop);
  notes.close();
  await server.shutdown();
  await pool.close();
}
