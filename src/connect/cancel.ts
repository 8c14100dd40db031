/**
 * Cancel requests: sent on their own connection, encrypted like the one that they are for.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Canceling Requests in Progress".
 */
import { ConnectionError, UsageError } from "../errors.ts";
import type { TlsVersion } from "../options/settings.ts";
import type { Session } from "../protocol/session.ts";
import { type Address, type Endpoint, endpointName } from "../transport/transport.ts";
import { cancelRequest } from "../wire/frontend.ts";
import { dial, discard, type Handshake, type Link, readToEnd } from "./handshake.ts";
import { secureAgain, serverName } from "./encrypt.ts";

/**
 * Lets `cancel(key)` stop a connection's running statement; it can be posted to another thread. Anybody
 * who has it can stop the connection's statements, so it is a secret.
 */
export interface CancelKey {
  /** The server's address; for a connection that was upgraded to a Unix socket, the TCP address that was dialled. */
  readonly endpoint: Endpoint;
  /** Whether the connection, and so the request, is encrypted. */
  readonly tls: boolean;
  /** The name sent when encryption starts (SNI). */
  readonly serverName: string | undefined;
  /** Whether encryption starts without a request (`sslnegotiation=direct`). */
  readonly isDirect?: boolean | undefined;
  /** The SHA-256 hash of the server's certificate, if it was verified: the server of the request must have the same. */
  readonly certificate?: string | undefined;
  /** The oldest version of TLS. */
  readonly minVersion?: TlsVersion | undefined;
  /** The newest version of TLS. */
  readonly maxVersion?: TlsVersion | undefined;
  /** The process ID of the server process. */
  readonly processId: number;
  /** The secret key of the session. */
  readonly secret: Uint8Array;
}

/** How cancel requests must be encrypted. */
export type CancelEncryption = Omit<CancelTarget, "endpoint" | "tls">;

/** The address for the cancel requests of a connection. */
export interface CancelTarget extends Omit<CancelKey, "processId" | "secret"> {
  /** Whether the transport verified the server, which it then must do again. */
  readonly isVerified?: boolean | undefined;
}

/**
 * The target for cancel requests of a connection. An upgraded connection uses that of the TCP
 * connection before it.
 */
export function cancelTargetOf({ endpoint, addresses, tls, encrypted }: Link): CancelTarget {
  // A name may have several addresses, and only the connected one has the process.
  const actual = endpoint.kind === "tcp" && addresses !== undefined ? reached(endpoint, addresses.remote) : endpoint;
  return { endpoint: actual, tls: tls !== undefined, ...(encrypted ?? { serverName: serverName(endpoint) }) };
}

/** An endpoint, with the address that was reached. */
function reached(endpoint: Endpoint & { kind: "tcp" }, { host: address, port }: Address): Endpoint {
  if (address === endpoint.host) return { ...endpoint, port };
  return { ...endpoint, address, isLookedUp: endpoint.address === undefined || endpoint.isLookedUp, port };
}

/** The key of a session; undefined if the server, or a pooler, gave none. */
export function cancelKeyOf({ key }: Session, target: CancelTarget): CancelKey | undefined {
  return key && { ...target, ...key };
}

/** Sends a cancel request, and waits until the server has accepted it. */
export function* cancel(key: CancelKey, by: number): Handshake<void> {
  let link: Link;
  const { endpoint } = key;
  try {
    link = yield* dial(endpoint, key.tls, by);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConnectionError(`${endpointName(endpoint)}: ${message}`, { cause: error, safeToRetry: true });
  }
  try {
    if (key.tls) yield* secureAgain(link, key, by);
    cancelRequest(link.session.outbox, key.processId, key.secret);
    yield* readToEnd(link, by);
  } finally {
    yield* discard(link);
  }
}

/** How many milliseconds a server may take to accept a request, if connecting has this limit (0: none). */
export function cancelTimeout(connectTimeout: number): number {
  return connectTimeout === 0 ? MAX_CANCEL_TIMEOUT : Math.min(connectTimeout, MAX_CANCEL_TIMEOUT);
}

/** Checks a key that a user gave. */
export function toCancelKey(key: unknown): CancelKey {
  const { endpoint, tls, processId, secret, ...encryption } = (key ?? {}) as Partial<CancelKey>;
  const { serverName, isDirect, certificate, minVersion, maxVersion } = encryption;
  const isKey = isEndpoint(endpoint) && typeof tls === "boolean" && Number.isInteger(processId) &&
    secret instanceof Uint8Array && secret.length > 0 && secret.length <= MAX_SECRET &&
    [serverName, certificate, minVersion, maxVersion].every(isTextOrNone) &&
    (isDirect === undefined || typeof isDirect === "boolean");
  if (!isKey) throw new UsageError("Cannot cancel: give the cancelKey of a connection");
  return { endpoint, tls, serverName, isDirect, certificate, minVersion, maxVersion, processId: processId!, secret };
}

function isTextOrNone(value: unknown): boolean {
  return value === undefined || typeof value === "string";
}

function isEndpoint(endpoint: Partial<Endpoint> | null | undefined): endpoint is Endpoint {
  if (endpoint?.kind === "unix") return typeof endpoint.path === "string";
  return endpoint?.kind === "tcp" && typeof endpoint.host === "string" && Number.isInteger(endpoint.port) &&
    (endpoint.address === undefined || typeof endpoint.address === "string");
}

/** The maximum length of a secret, in bytes, in any version of the protocol. */
const MAX_SECRET = 256;
/** The maximum number of milliseconds that a server may take to accept a request, even if connecting has no limit. */
const MAX_CANCEL_TIMEOUT = 10_000;
