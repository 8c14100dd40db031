/** The events of pyro's tracing channels. They never contain values of parameters or rows, or passwords. */
import type { Upgrade } from "../connect/upgrade.ts";
import type { Endpoint } from "../transport/transport.ts";

/** The members that all events have: how they ended. */
export interface TraceEvent {
  /** The duration in milliseconds; undefined until the end. */
  readonly duration: number | undefined;
  /** The error that the caller gets, if it failed. */
  readonly error: unknown;
}

/** A connection, as events describe it. */
export interface ConnectionInfo {
  /** The process ID of the server process, 0 if it is unknown. */
  readonly id: number;
  /** How the server is reached. */
  readonly transport: string;
  /** The host as it was given, or the path of the Unix socket. */
  readonly serverAddress: string;
  /** The server's port; undefined for a Unix socket. */
  readonly serverPort: number | undefined;
  /** The IP address that was reached, or the path of the Unix socket; undefined if the runtime does not report it. */
  readonly peerAddress: string | undefined;
  /** The port that was reached; undefined for a Unix socket. */
  readonly peerPort: number | undefined;
  /** The requested database. */
  readonly database: string;
  /** The role that logged in. */
  readonly user: string;
  /** Whether it is encrypted. */
  readonly tls: boolean;
}

/**
 * A call of a method that talks to the server, on the channel `pyro:query`.
 *
 * A blocking call is published on `start` and, when it has ended, on `end`; an awaited call on `start`, on `end`
 * when its promise has been made, and on `asyncStart` and `asyncEnd` when it has ended. A failed call is published
 * on `error` before that. It is the same object each time.
 *
 * Streams, `copyOut` and pipelines are one event each, from their first message to the server until they are
 * closed or read to their end; they are published as awaited calls, blocking ones too.
 */
export interface QueryEvent extends TraceEvent {
  /** The method: "exec", "query", "copyIn", "commit", …; "fetch" of a portal. */
  readonly operation: string;
  /** The SQL text as the caller gave it, literals included; undefined if there is none, or several. */
  readonly sql: string | undefined;
  /** The number of parameters; undefined for calls that have none, and for batches. */
  readonly parameterCount: number | undefined;
  /**
   * The number of statements or sets of parameters of a batch or pipeline; undefined for others, and
   * until it is known.
   */
  readonly batchSize: number | undefined;
  /** The connection that was used. */
  readonly connection: ConnectionInfo;
  /** The number of affected or selected rows, as the server reports it at the end; undefined if it does not. */
  readonly affected: number | undefined;
  /** The number of rows that the caller got, if the result is a list. */
  readonly rows: number | undefined;
}

/** The opening of a connection, with the upgrade to a Unix socket, on the channel `pyro:connect`. */
export interface ConnectEvent extends TraceEvent {
  /** The endpoints that may be dialled, in order. */
  readonly endpoints: readonly Endpoint[];
  /** The requested database. */
  readonly database: string;
  /** The role to log in as. */
  readonly user: string;
  /** The connection, once there is one. */
  readonly connection: ConnectionInfo | undefined;
  /** The result of the upgrade to a Unix socket, once there is a connection. */
  readonly upgrade: Upgrade | undefined;
}

/** Waiting for a connection of a pool, on the channel `pyro:acquire`. */
export interface AcquireEvent extends TraceEvent {
  /** The name of the pool. */
  readonly pool: string;
  /** The connection, once there is one. */
  readonly connection: ConnectionInfo | undefined;
}

/** An event, for the code that fills it in. */
export type Writable<E> = { -readonly [K in keyof E]: E[K] };

/** The event of waiting for a connection of a pool. */
export function acquireEvent(pool: string): Writable<AcquireEvent> {
  return { pool, connection: undefined, duration: undefined, error: undefined };
}
