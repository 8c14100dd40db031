/** What is published on pyro's tracing channels. Values of parameters and rows, and passwords, are never part of it. */
import type { Upgrade } from "../connect/upgrade.ts";
import type { Endpoint } from "../transport/transport.ts";

/** What everything that is published has in common: how it ended. */
export interface TraceEvent {
  /** Milliseconds that it took; undefined until it is over. */
  readonly duration: number | undefined;
  /** What the caller gets, if it failed. */
  readonly error: unknown;
}

/** A connection, for people and machines that watch it. */
export interface ConnectionInfo {
  /** Process ID of the server process, 0 if the server did not tell. */
  readonly id: number;
  /** What carries it. */
  readonly transport: "tcp" | "unix";
  /** The host as it was given, or the path of the Unix socket. */
  readonly serverAddress: string;
  /** The server's port; undefined for a Unix socket. */
  readonly serverPort: number | undefined;
  /** The IP address that was reached, or the path of the Unix socket; undefined where the runtime does not tell. */
  readonly peerAddress: string | undefined;
  /** The port that was reached; undefined for a Unix socket. */
  readonly peerPort: number | undefined;
  /** The database that was asked for. */
  readonly database: string;
  /** The role that logged in. */
  readonly user: string;
  /** Whether it is encrypted. */
  readonly tls: boolean;
}

/**
 * A call of a method that talks to the server, on the channel `pyro:query`.
 *
 * A blocking call is published on `start` and, when it is over, on `end`; one that is awaited on
 * `start`, `end` when its promise is there, `asyncStart` and `asyncEnd` when it is over. What failed
 * is published on `error` before that. It is the same object each time.
 *
 * Streams, `copyOut` and pipelines are one event each, from the first time that they talk to the server until they
 * are closed or read to their end, published as awaited in both worlds.
 */
export interface QueryEvent extends TraceEvent {
  /** The method: "exec", "query", "copyIn", "commit", …; "fetch" of a portal. */
  readonly operation: string;
  /** The SQL text as it was given, with whatever it contains; undefined where the caller gave none, and for several. */
  readonly sql: string | undefined;
  /** How many values were given for its parameters; undefined where there can be none, and for batches. */
  readonly parameterCount: number | undefined;
  /** How many statements or sets of parameters a batch or pipeline has; undefined for others, and as long as that is not known. */
  readonly batchSize: number | undefined;
  /** The connection that was used. */
  readonly connection: ConnectionInfo;
  /** How many rows were affected or selected, as the server tells at the end; undefined where it does not. */
  readonly affected: number | undefined;
  /** How many rows the caller got, where that is a list. */
  readonly rows: number | undefined;
}

/** The opening of a connection, with the upgrade to a Unix socket, on the channel `pyro:connect`. */
export interface ConnectEvent extends TraceEvent {
  /** What may be dialled, in this order. */
  readonly endpoints: readonly Endpoint[];
  /** The database that is asked for. */
  readonly database: string;
  /** The role to log in as. */
  readonly user: string;
  /** The connection, once there is one. */
  readonly connection: ConnectionInfo | undefined;
  /** What became of the upgrade to a Unix socket, once there is a connection. */
  readonly upgrade: Upgrade | undefined;
}

/** The waiting for a connection of a pool, on the channel `pyro:acquire`. */
export interface AcquireEvent extends TraceEvent {
  /** The name of the pool. */
  readonly pool: string;
  /** The connection, once there is one. */
  readonly connection: ConnectionInfo | undefined;
}

/** An event for those who make it. */
export type Writable<E> = { -readonly [K in keyof E]: E[K] };

/** The event of waiting for a connection of that pool. */
export function acquireEvent(pool: string): Writable<AcquireEvent> {
  return { pool, connection: undefined, duration: undefined, error: undefined };
}
