/**
 * The sockets of Cloudflare Workers as a transport, with TLS.
 *
 * @example A Worker
 * ```ts ignore
 * import { connect } from "cloudflare:sockets";
 * import { Conn, Opts } from "@x/pyro";
 * import { workerSockets } from "@x/pyro/workers";
 *
 * export default {
 *   async fetch(_request: Request, env: { DATABASE_URL: string }): Promise<Response> {
 *     const opts = new Opts(env.DATABASE_URL).dates("string").dial(workerSockets(connect));
 *     await using conn = await Conn.connect(opts);
 *     return Response.json(await conn.query("select current_user as me"));
 *   },
 * };
 * ```
 *
 * @module
 */
export { workerSockets } from "./worker_sockets.ts";
export type { WorkerConnect, WorkerSocket, WorkerSocketOptions } from "./worker_sockets.ts";
