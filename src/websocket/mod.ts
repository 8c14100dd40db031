/**
 * Connections through WebSocket proxies, for programs that can open no sockets: the bytes of a connection travel in
 * binary messages.
 *
 * @example A proxy that is told the server by `?address=host:port`
 * ```ts
 * import { Opts } from "@x/pyro";
 * import { webSocket } from "@x/pyro/websocket";
 *
 * const opts = new Opts("pg://ada@db.internal/library").sslMode("disable").dial(webSocket("wss://proxy.example.com/v1"));
 * console.log(String(opts));
 * ```
 *
 * @module
 */
export { webSocket, type WebSocketAddress, type WebSocketOptions } from "./websocket.ts";
