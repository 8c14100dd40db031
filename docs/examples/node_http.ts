/**
 * Notes on Node:
 *
 *     DATABASE_URL=pg://… node docs/examples/node_http.ts
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
// In your own program: from "@x/pyro".
import { Pool } from "../../mod.ts";
import { Notes } from "./handler.ts";

const { DATABASE_URL = "pg://", PORT = "8000", DEADLINE = "5000" } = process.env;
const pool = new Pool(DATABASE_URL, { poolMaxWaiting: 100, poolAcquireTimeout: 2000 });
const notes = new Notes(pool, { deadline: Number(DEADLINE) });
await notes.setUp();

const server = createServer((incoming, outgoing) => void answer(incoming, outgoing));
server.listen(Number(PORT), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}/`);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);

/** Stops accepting requests, finishes those under way, and then closes the pool. */
async function stop(): Promise<void> {
  notes.close();
  await new Promise((resolve) => server.close(resolve));
  await pool.close();
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const left = new AbortController();
  outgoing.once("close", () => left.abort());
  const response = await notes.answer(requestOf(incoming, left.signal));
  if (notes.closing) outgoing.setHeader("connection", "close");
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  // If the client disconnects early, the body ends too.
  await pipeline(Readable.fromWeb(response.body ?? new Response("").body!), outgoing).catch(() => {});
  // Otherwise the connection would stay open for another request, and the server would wait for its end.
  if (notes.closing) incoming.socket.end();
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const method = incoming.method!;
  const body = method === "GET" || method === "HEAD" ? null : Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
  // Not all types of RequestInit have `duplex` yet.
  const init = { method, headers: incoming.headers as Record<string, string>, body, signal, duplex: "half" };
  return new Request(new URL(incoming.url!, `http://${incoming.headers.host ?? "localhost"}`), init);
}
