/**
 * Notes on Bun:
 *
 *     DATABASE_URL=pg://… bun docs/examples/bun_serve.ts
 */
import process from "node:process";
// In a program of your own: from "@x/pyro".
import { Pool } from "../../mod.ts";
import { Notes } from "./handler.ts";

const { DATABASE_URL = "pg://", PORT = "8000", DEADLINE = "5000" } = process.env;
const pool = new Pool(DATABASE_URL, { poolMaxWaiting: 100, poolAcquireTimeout: 2000 });
const notes = new Notes(pool, { deadline: Number(DEADLINE) });
await notes.setUp();

const server = Bun.serve({
  port: Number(PORT),
  // Seconds without a byte, after which Bun ends a connection: longer than the deadline, and than the events' comments.
  idleTimeout: 30,
  fetch: (request) => notes.answer(request),
});
console.log(`Listening on http://localhost:${server.port}/`);

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);

/** Accepts no more, finishes what is under way, and only then gives up the connections that it needs. */
async function stop(): Promise<void> {
  notes.close();
  await server.stop();
  await pool.close();
}

/** Of Bun's types, what is used here; in a program of your own they come with `@types/bun`. */
declare const Bun: {
  serve(options: { port: number; idleTimeout: number; fetch(request: Request): Promise<Response> }): {
    readonly port: number;
    stop(): Promise<void>;
  };
};
