/**
 * Cancel requests: a connection of their own, encrypted like the one whose work is to stop.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Canceling Requests in Progress".
 */
import { ConnectionError, UsageError } from "../errors.ts";
import type { Session } from "../protocol/session.ts";
import { type Endpoint, endpointName } from "../transport/transport.ts";
import { cancelRequest } from "../wire/frontend.ts";
import { dial, discard, type Handshake, type Link, readToEnd } from "./handshake.ts";
import { encrypt, serverName } from "./open.ts";

/**
 * What `cancel(key)` needs to stop what a connection runs, from anywhere: it can be posted to another
 * thread. It lets its owner stop the connection's statements, so it is a secret.
 */
export interface CancelKey {
  /** Where the server is: for a connection that was upgraded to a Unix socket, the TCP address that was dialled. */
  readonly endpoint: Endpoint;
  /** Whether the connection is encrypted, as then the request is too. */
  readonly tls: boolean;
  /** The name that encryption begins with (SNI). */
  readonly serverName: string | undefined;
  /** Process ID of the server process. */
  readonly processId: number;
  /** What proves that one may. */
  readonly secret: Uint8Array;
}

/** Where cancel requests for a connection go. */
export type CancelTarget = Pick<CancelKey, "endpoint" | "tls" | "serverName">;

/** The target for cancel requests of a connection; an upgraded connection has that of the TCP connection before it. */
export function cancelTargetOf({ endpoint, addresses, tls }: Link): CancelTarget {
  // A name may lead to several servers, and only the one that it led to then has the process.
  const actual = endpoint.kind === "tcp" && addresses !== undefined ? { ...endpoint, ...addresses.remote } : endpoint;
  return { endpoint: actual, tls, serverName: serverName(endpoint) };
}

/** The key of a session; undefined if the server, or a pooler, gave none. */
export function cancelKeyOf({ key }: Session, target: CancelTarget): CancelKey | undefined {
  return key && { ...target, ...key };
}

/** Sends a cancel request, and waits until the server has taken it. */
export function* cancel(key: CancelKey, by: number): Handshake<void> {
  let link: Link;
  const { endpoint, serverName: name } = key;
  try {
    link = yield* dial(endpoint.kind === "tcp" ? { ...endpoint, name } : endpoint, key.tls, by);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConnectionError(`${endpointName(endpoint)}: ${message}`, { cause: error, safeToRetry: true });
  }
  try {
    if (key.tls) yield* encrypt(link, key.serverName, by);
    cancelRequest(link.session.outbox, key.processId, key.secret);
    yield* readToEnd(link, by);
  } finally {
    yield* discard(link);
  }
}

/** For how many milliseconds a server may take to accept a request, where connecting to it has that limit (0: none). */
export function cancelTimeout(connectTimeout: number): number {
  return connectTimeout === 0 ? MAX_CANCEL_TIMEOUT : Math.min(connectTimeout, MAX_CANCEL_TIMEOUT);
}

/** A key as it came from elsewhere. */
export function toCancelKey(key: unknown): CancelKey {
  const { endpoint, tls, serverName, processId, secret } = (key ?? {}) as Partial<CancelKey>;
  const isKey = isEndpoint(endpoint) && typeof tls === "boolean" && Number.isInteger(processId) &&
    secret instanceof Uint8Array && secret.length > 0 && (serverName === undefined || typeof serverName === "string");
  if (!isKey) throw new UsageError("Cannot cancel: give the cancelKey of a connection");
  return { endpoint, tls, serverName, processId: processId!, secret };
}

function isEndpoint(endpoint: Partial<Endpoint> | null | undefined): endpoint is Endpoint {
  if (endpoint?.kind === "unix") return typeof endpoint.path === "string";
  return endpoint?.kind === "tcp" && typeof endpoint.host === "string" && Number.isInteger(endpoint.port);
}

/** Milliseconds that a server may take to accept a request: one that does not is not waited for without end. */
const MAX_CANCEL_TIMEOUT = 10_000;
