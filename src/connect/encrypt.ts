/**
 * Encrypts a connection, and verifies who is at the other end before anything else is sent.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "SSL Session Encryption".
 */
import { builtin } from "../builtin.ts";
import { ConnectionError, NOT_RETRYABLE, ProtocolError } from "../errors.ts";
import type { SslMode } from "../options/settings.ts";
import { verifyCertificate } from "../tls/verify.ts";
import type { Endpoint, TlsSession } from "../transport/transport.ts";
import { sslRequest } from "../wire/frontend.ts";
import type { CancelEncryption } from "./cancel.ts";
import { type Handshake, type Link, readByte, startTls } from "./handshake.ts";
import type { TlsPlan, TlsPreparation } from "./tls_plan.ts";

/** Whether a connection is encrypted: never, if the server offers it, or always. */
export type Encryption = "none" | "if offered" | "always";

/** Starts TLS on a connection on which both sides agreed to it, and verifies the server. */
export function* secure(link: Link, plan: TlsPlan, by: number): Handshake<void> {
  const { endpoint } = link;
  const { options, verification } = plan.prepare();
  const name = plan.serverName ?? serverName(endpoint);
  const session = yield* startTls(link, { ...options, serverName: name || undefined }, by);
  if (plan.isDirect) checkProtocol(session);
  if (verification !== undefined) verify(session, verification, hostOf(endpoint), plan.date());
  link.encrypted = {
    serverName: name || undefined,
    ...(plan.isDirect ? { isDirect: true } : {}),
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    ...(verification === undefined ? {} : proofOf(session)),
  };
}

/** What another connection to the same server must prove. */
function proofOf(session: TlsSession): Pick<CancelEncryption, "certificate" | "isVerified"> {
  return session.chain.length === 0 ? { isVerified: session.isVerified } : { certificate: certificateHash(session) };
}

/** Verifies the server by its certificates; without them, only what the transport has verified can count. */
function verify(session: TlsSession, given: TlsPreparation["verification"] & object, host: string, date: number): void {
  const { chain, isVerified } = session;
  if (chain.length > 0 || isVerified === undefined) return verifyCertificate(chain, { ...given, host }, date);
  if (isVerified && given.trustsSystem && host !== "") return;
  const problem = isVerified
    ? "what it has verified itself counts for a host with sslrootcert=system only"
    : "it has not verified it";
  throw new ConnectionError(
    `Cannot verify the server's certificate: startTls of the dial function does not give its chain, and ${problem}`,
    NOT_RETRYABLE,
  );
}

/** Encrypts the connection of a cancel request like the one that it is for. */
export function* secureAgain(link: Link, encrypted: CancelEncryption, by: number): Handshake<void> {
  const { serverName, isDirect, certificate, isVerified, minVersion, maxVersion } = encrypted;
  if (!isDirect) yield* askForTls(link, "always", "require", by);
  const session = yield* startTls(link, { serverName, minVersion, maxVersion }, by);
  if (isDirect) checkProtocol(session);
  if (isVerified && session.isVerified && session.chain.length === 0) return;
  if (!isVerified && (certificate === undefined || certificateHash(session) === certificate)) return;
  throw new ConnectionError(
    "Cannot cancel: the server's certificate is not the one that it had when the connection was opened",
    NOT_RETRYABLE,
  );
}

/** Sends an SSLRequest. Returns whether the server agrees. */
export function* askForTls(link: Link, encryption: Encryption, mode: SslMode, by: number): Handshake<boolean> {
  sslRequest(link.session.outbox);
  const answer = yield* readByte(link, by);
  if (answer === WILLING) return true;
  if (answer === UNWILLING) {
    if (encryption !== "always") return false;
    throw new ConnectionError(`the server does not offer TLS, which sslmode=${mode} asks for`);
  }
  if (answer === ERROR) {
    // If TLS is required, the error's text must not be shown, since it is not authenticated. If it is only preferred,
    // the error is read like any error on an unencrypted connection.
    if (encryption === "always") throw new ConnectionError("the server answered the request for TLS with an error");
    link.session.inbox.unread(answer);
    return false;
  }
  const byte = `0x${answer.toString(16).padStart(2, "0")}`;
  throw new ProtocolError(`the server answered the request for TLS with ${byte}, neither S nor N: is it PostgreSQL?`);
}

/** The hash of the certificate of the server, by which it is recognized. */
function certificateHash({ chain: [first] }: TlsSession): string | undefined {
  return first && builtin.crypto.createHash("sha256").update(first).digest("hex");
}

/**
 * The name for SNI: none for a literal address, and without the final dot of an absolute name (RFC
 * 6066, section 3).
 */
export function serverName(endpoint: Endpoint): string | undefined {
  if (endpoint.kind !== "tcp" || endpoint.host.includes(":") || /^[0-9.]+$/.test(endpoint.host)) return undefined;
  return endpoint.host.replace(/\.$/, "");
}

/** The host that the certificate must be for; empty if only an address was given, in `hostaddr`. */
function hostOf(endpoint: Endpoint): string {
  return endpoint.kind === "tcp" && !endpoint.isOnlyAddress ? endpoint.host : "";
}

/** Without a request, only the confirmation by ALPN tells that the server speaks this protocol. */
function checkProtocol({ alpn }: TlsSession): void {
  if (alpn === "postgresql") return;
  throw new ConnectionError(
    "the server has started TLS without confirming the protocol postgresql, which sslnegotiation=direct needs " +
      "(PostgreSQL 17 does); use sslnegotiation=postgres",
    NOT_RETRYABLE,
  );
}

/** The answers to SSLRequest: S, N, or the beginning of an ErrorResponse. */
const WILLING = 0x53;
const UNWILLING = 0x4e;
const ERROR = 0x45;
