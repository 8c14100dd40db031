/**
 * Opens a session with one endpoint: dials, encrypts, starts up.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Start-up" and "SSL Session
 * Encryption".
 */
import { ConnectionError, ProtocolError } from "../errors.ts";
import type { SslMode } from "../options/settings.ts";
import type { AuthPolicy, Channel } from "../protocol/auth_policy.ts";
import type { AuthLimit, AuthMethod } from "../protocol/authentication.ts";
import { finish, type Op, type PendingRequest, perform, submit } from "../protocol/request.ts";
import { Startup } from "../protocol/startup.ts";
import type { ProtocolVersions } from "../protocol/version.ts";
import { endPointHash } from "../tls/signature_hash.ts";
import type { Endpoint } from "../transport/transport.ts";
import { sslRequest } from "../wire/frontend.ts";
import { dial, discard, type Handshake, type Link, readByte, run, startTls } from "./handshake.ts";
import { checkPeer, type RequiredPeer } from "./required_peer.ts";
import { SecretFunction, waitedFor } from "./secret_function.ts";

/** The means to open a session, clock and randomness included. */
export interface OpenPlan {
  readonly user: string;
  /** A text, or the function that gives it; undefined for none. */
  readonly password: string | SecretFunction | undefined;
  /** The function that gives a token for OAuth; undefined for none. */
  readonly token?: SecretFunction | undefined;
  /** Whether the token may be sent over TCP without TLS. */
  readonly tokenInClear?: boolean | undefined;
  /** What the server may ask for; undefined for everything. */
  readonly policy?: AuthPolicy | undefined;
  /** The user that must listen on Unix sockets; undefined for any. */
  readonly requiredPeer?: RequiredPeer | undefined;
  readonly versions: ProtocolVersions;
  /** All parameters of the StartupMessage. */
  readonly parameters: readonly (readonly [string, string])[];
  /** The time in milliseconds, on a clock that never goes back. */
  now(): number;
  /** Fresh randomness in printable ASCII without commas. */
  nonce(): string;
}

/** The progress towards an encrypted session, which decides what a failure means. */
export type Encryption = { phase: "none" | "starting" | "done" | "authenticating" };

/** A session, and the authentication method that its server requested. */
export interface OpenSession {
  readonly link: Link;
  readonly authMethod: AuthMethod;
}

/** Opens a session with one endpoint. */
export function* open(
  endpoint: Endpoint,
  plan: OpenPlan,
  sslMode: SslMode,
  by: number,
  encryption: Encryption = { phase: "none" },
): Handshake<OpenSession> {
  const encrypt = endpoint.kind === "tcp" && sslMode !== "disable";
  const preflight = endpoint.kind === "unix" ? plan.requiredPeer?.local.preflight(endpoint.path) : undefined;
  let link: Link | undefined = yield* dial(endpoint, encrypt && sslMode === "require", by);
  try {
    if (preflight !== undefined) checkPeer(plan.requiredPeer!, preflight.owner(link.peerUser));
    if (encrypt && (yield* askForTls(link, sslMode, by))) {
      encryption.phase = "starting";
      if (!link.canStartTls) {
        yield* discard(link);
        link = undefined;
        link = yield* dial(endpoint, true, by);
        if (!(yield* askForTls(link, sslMode, by))) {
          throw new ConnectionError("the server has taken back its offer of TLS");
        }
      }
      yield* startTls(link, { serverName: serverName(endpoint) }, by);
      encryption.phase = "done";
    }
    const startup = startupOf(link, plan, undefined);
    try {
      return { link, authMethod: yield* authenticate(link, startup, plan, by, by) };
    } finally {
      if (startup.wasAsked) encryption.phase = "authenticating";
    }
  } catch (error) {
    if (link !== undefined) yield* discard(link);
    throw error;
  }
}

/**
 * Opens a session on a dialled connection, and returns the authentication method that the server
 * requested. A method beyond `limit` is refused. With `askBy`, a function for the password has until then,
 * and its time does not count for `by`.
 */
export function* start(
  link: Link,
  plan: OpenPlan,
  limit: AuthLimit | undefined,
  by: number,
  askBy: number = by,
): Handshake<AuthMethod> {
  return yield* authenticate(link, startupOf(link, plan, limit), plan, by, askBy);
}

function startupOf(link: Link, plan: OpenPlan, limit: AuthLimit | undefined): Startup {
  const { user, password, token, versions, parameters, policy } = plan;
  const channel = channelOf(link);
  const tokenInClear = link.endpoint.kind === "unix" || plan.tokenInClear === true;
  const secrets = { user, password, token, tokenInClear, nonce: plan.nonce() };
  const options = { ...secrets, versions, parameters, limit, policy, channel };
  return new Startup(options, link.session);
}

/** Runs a startup; the arguments are those of {@linkcode start}. */
function* authenticate(
  link: Link,
  startup: Startup,
  plan: OpenPlan,
  by: number,
  askBy: number,
): Handshake<AuthMethod> {
  const { password, token } = plan;
  if (token === undefined && !(password instanceof SecretFunction)) return yield* run(link, perform(startup), by);
  const pending = yield* run(link, begin(startup), by);
  const waited = waitedFor(plan);
  const { wanted } = startup;
  if (!pending.settled && wanted instanceof SecretFunction) yield* wanted.ask(link, plan.now, askBy);
  return yield* run(link, finish(pending), by === askBy ? by : by + waitedFor(plan) - waited);
}

/** Submits the startup, and waits until it needs the password or has an outcome. */
function* begin(startup: Startup): Op<PendingRequest<AuthMethod>> {
  const pending = yield* submit(startup);
  yield { do: "await", condition: startup.secretWanted, pending };
  return pending;
}

/** What authentication may be bound to. */
function channelOf({ tls }: Link): Channel | undefined {
  if (tls === undefined) return undefined;
  const [certificate] = tls.chain;
  return { endPoint: () => certificate && endPointHash(certificate) };
}

/** Encrypts a connection on which TLS can start, or fails. */
export function* encrypt(link: Link, serverName: string | undefined, by: number): Handshake<void> {
  yield* askForTls(link, "require", by);
  yield* startTls(link, { serverName }, by);
}

/** Sends an SSLRequest. Returns whether the server agrees. */
function* askForTls(link: Link, sslMode: SslMode, by: number): Handshake<boolean> {
  sslRequest(link.session.outbox);
  const answer = yield* readByte(link, by);
  if (answer === WILLING) return true;
  if (answer === UNWILLING) {
    if (sslMode !== "require") return false;
    throw new ConnectionError("the server does not offer TLS, which sslmode=require asks for");
  }
  if (answer === ERROR) {
    // If TLS is required, the error's text must not be shown, since it is not authenticated. If it is only preferred,
    // the error is read like any error on an unencrypted connection.
    if (sslMode === "require") throw new ConnectionError("the server answered the request for TLS with an error");
    link.session.inbox.unread(answer);
    return false;
  }
  const byte = `0x${answer.toString(16).padStart(2, "0")}`;
  throw new ProtocolError(`the server answered the request for TLS with ${byte}, neither S nor N: is it PostgreSQL?`);
}

/**
 * The name for SNI: none for a literal address, and without the final dot of an absolute name (RFC
 * 6066, section 3).
 */
export function serverName(endpoint: Endpoint): string | undefined {
  if (endpoint.kind !== "tcp" || endpoint.host.includes(":") || /^[0-9.]+$/.test(endpoint.host)) return undefined;
  return endpoint.host.replace(/\.$/, "");
}

/** The answers to SSLRequest: S, N, or the beginning of an ErrorResponse. */
const WILLING = 0x53;
const UNWILLING = 0x4e;
const ERROR = 0x45;
