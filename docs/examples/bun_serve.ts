/**
 * Notes on Bun:
 *
 *     DATABASE_URL=pg://… bun docs/examples/bun_serve.ts
 */
import process from "node:process";
// In your own program: from "@x/pyro".
import { Pool } from "../../mod.ts";
import { Notes } from "./handler.ts";

const { DATABASE_URL = "pg://", PORT = "8000", DEADLINE = "5000" } = process.env;
const pool = new Pool(DATABASE_URL, { poolMaxWaiting: 100, poolAcquireTimeout: 2000 });
const notes = new Notes(pool, { deadline: Number(DEADLINE) });
await notes.setUp();

const server = Bun.serve({
  port: Number(PORT),
  // Bun ends a connection after so many seconds without traffic: more than the deadline, and than events' comments.
  idleTimeout: 30,
  fetch: (request) => notes.answer(request),
});
console.log(`Listening on http://localhost:${server.port}/`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);

/** Stops accepting requests, finishes those under way, and then closes the pool. */
async function stop(): Promise<void> {
  notes.close();
  await server.stop();
  await pool.close();
}

/** The part of Bun's types that is used here; in your own program they come with `@types/bun`. */
declare const Bun: {
  serve(options: { port: number; idleTimeout: number; fetch(request: Request): Promise<Response> }): {
    readonly port: number;
    stop(): Promise<void>;
  };
};
