/** The runtime's own web server, whose handler makes one query and answers with the row as JSON. */
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Operation, Target } from "../driver.ts";
import { KEYS } from "../workloads/people.ts";
import { Load } from "./load.ts";

/** An operation that has a load come over such a server, which is started for the first one. */
export function underLoad({ sizes }: Target, select: (id: number) => PromiseLike<unknown>): Operation {
  const respond = async (path: string): Promise<string> => JSON.stringify(await select(Number(path.slice(1))));
  let load: Promise<Load> | undefined;
  return async (i) => {
    load ??= serve(respond).then((port) => Load.start(port));
    return await (await load).request(sizes.requests, 1 + i % KEYS);
  };
}

/** Serves on a free port, which it returns. */
async function serve(respond: (path: string) => Promise<string>): Promise<number> {
  const handler = async (request: Request): Promise<Response> =>
    new Response(await respond(new URL(request.url).pathname), JSON_TYPE);
  if ("Deno" in globalThis) {
    const { addr } = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, handler);
    return (addr as Deno.NetAddr).port;
  }
  if ("Bun" in globalThis) {
    return (Reflect.get(globalThis, "Bun") as BunApi).serve({ port: 0, hostname: "127.0.0.1", fetch: handler }).port;
  }
  const server = createServer(async (request, response) => {
    const body = await respond(request.url!);
    // Which of the two ways to end a body is taken by itself differs between versions.
    response.writeHead(200, { ...JSON_TYPE.headers, "content-length": Buffer.byteLength(body) }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return (server.address() as AddressInfo).port;
}

interface BunApi {
  serve(options: { port: number; hostname: string; fetch(request: Request): Promise<Response> }): { port: number };
}

const JSON_TYPE = { headers: { "content-type": "application/json" } };
