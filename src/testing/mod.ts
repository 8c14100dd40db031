/**
 * For tests of programs that use pyro: {@linkcode rolledBack} undoes what a test does, {@linkcode testSchema} makes a
 * schema for a test file, {@linkcode ScriptedServer} is a server that follows a script, {@linkcode FaultProxy} a proxy
 * that makes what goes wrong in networks, {@linkcode record} and {@linkcode replay} record conversations and play them
 * without a server, and {@linkcode transportChecks} are checks of transports, whether a function for `Opts.dial`
 * keeps the rules that pyro relies on. They need no particular test runner.
 *
 * @example Checks of a transport over Web streams; a test runner can register each check as a test
 * ```ts
 * import { Conn, Opts } from "@x/pyro";
 * import { transportChecks } from "@x/pyro/testing";
 *
 * const opts = new Opts("pg://").dial(async ({ host, port }, { signal }) => {
 *   return await Deno.connect({ hostname: host!, port: port!, signal });
 * });
 * for (const { name, run } of transportChecks(() => Conn.connect(opts))) {
 *   await run(); // or: test(name, run)
 *   console.log("ok", name);
 * }
 * ```
 *
 * @example Of a blocking transport, in a program of its own
 * ```ts
 * import { Conn } from "@x/pyro/sync";
 * import { transportChecks } from "@x/pyro/testing";
 *
 * // Here, pyro's own sockets.
 * for (const { name, run } of transportChecks(() => new Conn("pg://"))) {
 *   await run();
 *   console.log("ok", name);
 * }
 * ```
 *
 * @module
 */
export { type Fault, FaultProxy } from "./fault_proxy.ts";
export type { ClientMessage, Reply, ScriptStep } from "./script.ts";
export { ScriptedServer, type ScriptedServerOptions } from "./scripted_server.ts";
export * from "./server_messages.ts";
export { record, type Recording } from "./record.ts";
export { type Replay, replay } from "./replay.ts";
export { rolledBack } from "./rolled_back.ts";
export { type MadeSchema, type SchemaExecutor, type TestSchema, testSchema } from "./test_schema.ts";
export { type CheckedConn, type CheckedPipeline, type TransportCheck, transportChecks } from "./transport_checks.ts";
