/**
 * Opens a session with one endpoint: dials, encrypts, starts up.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Start-up" and "SSL Session
 * Encryption".
 */
import { ConnectionError, NOT_RETRYABLE } from "../errors.ts";
import type { PasswordLookup } from "../options/password_file.ts";
import type { AuthPolicy, Channel } from "../protocol/auth_policy.ts";
import type { AuthLimit, AuthMethod } from "../protocol/authentication.ts";
import { finish, type Op, type PendingRequest, perform, submit } from "../protocol/request.ts";
import { type Hashing, Startup } from "../protocol/startup.ts";
import type { ProtocolVersions } from "../protocol/version.ts";
import { attemptTime, type Endpoint } from "../transport/transport.ts";
import { endPointHash } from "../tls/signature_hash.ts";
import { askForTls, type Encryption, secure } from "./encrypt.ts";
import { dial, discard, type Handshake, type Link, run, salt } from "./handshake.ts";
import type { TlsPlan } from "./tls_plan.ts";
import { checkPeer, type RequiredPeer } from "./required_peer.ts";
import { SecretFunction, waitedFor } from "./secret_function.ts";

/** The means to open a session, clock and randomness included. */
export interface OpenPlan {
  readonly user: string;
  /** A text, the user's function that gives it, or where it is looked up; undefined for none. */
  readonly password: string | SecretFunction | PasswordLookup | undefined;
  /** The function that gives a token for OAuth; undefined for none. */
  readonly token?: SecretFunction | undefined;
  /** Whether the token may be sent over TCP without TLS. */
  readonly tokenInClear?: boolean | undefined;
  /** The authentication requests that are answered; undefined for all. */
  readonly policy?: AuthPolicy | undefined;
  /** The user that must listen on Unix sockets; undefined for any. */
  readonly requiredPeer?: RequiredPeer | undefined;
  readonly versions: ProtocolVersions;
  readonly tls: TlsPlan;
  /** All parameters of the StartupMessage. */
  readonly parameters: readonly (readonly [string, string])[];
  /** The time in milliseconds, on a clock that never goes back. */
  now(): number;
  /** Fresh randomness in printable ASCII without commas. */
  nonce(): string;
  readonly hashing: Hashing;
}

/** The progress towards an encrypted session, which decides what a failure means. */
export interface Progress {
  phase: "none" | "starting" | "done" | "authenticating";
  /** The last connection that was dialled. */
  link?: Link | undefined;
}

/** A session, and the authentication method that its server requested. */
export interface OpenSession {
  readonly link: Link;
  readonly authMethod: AuthMethod;
}

/** Opens a session with one endpoint. */
export function* open(
  endpoint: Endpoint,
  plan: OpenPlan,
  encryption: Encryption,
  by: number,
  progress: Progress = { phase: "none" },
): Handshake<OpenSession> {
  const preflight = endpoint.kind === "unix" ? plan.requiredPeer?.local.preflight(endpoint.path) : undefined;
  let link: Link | undefined = yield* dial(endpoint, encryption === "always", by);
  progress.link = link;
  by = shareOf(link, by, plan.now());
  try {
    if (preflight !== undefined) checkPeer(plan.requiredPeer!, preflight.owner(link.peerUser));
    if (wantsTls(link, plan.tls, encryption) && (yield* agreeOnTls(link, plan.tls, encryption, by))) {
      progress.phase = "starting";
      if (!link.canStartTls) {
        yield* discard(link);
        link = undefined;
        link = yield* dial(endpoint, true, by);
        if (!(yield* agreeOnTls(link, plan.tls, encryption, by))) {
          throw new ConnectionError("the server has taken back its offer of TLS");
        }
      }
      yield* secure(link, plan.tls, by);
      progress.phase = "done";
    }
    const startup = startupOf(link, plan, undefined);
    try {
      return { link, authMethod: yield* authenticate(link, startup, plan, by, by) };
    } finally {
      if (startup.wasAsked) progress.phase = "authenticating";
    }
  } catch (error) {
    if (link !== undefined) yield* discard(link);
    throw error;
  }
}

/** When the time for a session with one of a name's addresses ends: those that are left have their share of it. */
function shareOf({ addresses }: Link, by: number, now: number): number {
  const left = addresses?.left ?? 0;
  return left === 0 ? by : now + attemptTime(by - now, left + 1);
}

/** Whether this side wants TLS: not if it is only preferred on a connection that cannot be encrypted. */
function wantsTls({ cannotEncrypt }: Link, { mode }: TlsPlan, encryption: Encryption): boolean {
  if (encryption !== "always" || cannotEncrypt === undefined) {
    return encryption !== "none" && cannotEncrypt === undefined;
  }
  throw new ConnectionError(`sslmode=${mode} asks for TLS, and ${cannotEncrypt}`, NOT_RETRYABLE);
}

/** Whether TLS starts: both sides want it, or it starts without a request. */
function* agreeOnTls(link: Link, plan: TlsPlan, encryption: Encryption, by: number): Handshake<boolean> {
  return plan.isDirect || (yield* askForTls(link, encryption, plan.mode, by));
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
  const secrets = { user, password, token, tokenInClear, nonce: plan.nonce, hashing: plan.hashing };
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
  const hasFunction = token !== undefined || password instanceof SecretFunction;
  const { saltsLater } = plan.hashing;
  if (!hasFunction && !saltsLater) return yield* run(link, perform(startup), by);
  const pending = yield* run(link, begin(startup), by);
  const waited = waitedFor(plan);
  const { wanted } = startup;
  if (!pending.settled && wanted instanceof SecretFunction) {
    yield* wanted.ask(link, pending, plan.now, askBy);
    if (by !== askBy) by += waitedFor(plan) - waited;
    if (saltsLater) yield* run(link, untilWanted(startup, pending), by);
  }
  const { toSalt } = startup;
  if (!pending.settled && toSalt !== undefined) startup.salted = yield* salt(link, toSalt, pending, by);
  return yield* run(link, finish(pending), by);
}

/** Submits the startup, and waits until it needs something or has an outcome. */
function* begin(startup: Startup): Op<PendingRequest<AuthMethod>> {
  const pending = yield* submit(startup);
  yield* untilWanted(startup, pending);
  return pending;
}

function* untilWanted(startup: Startup, pending: PendingRequest<AuthMethod>): Op<void> {
  yield { do: "await", condition: startup.awaitWant(), pending };
}

/** The encrypted channel that authentication can be bound to; undefined in clear text. */
function channelOf({ tls }: Link): Channel | undefined {
  if (tls === undefined) return undefined;
  const [certificate] = tls.chain;
  if (certificate === undefined && tls.isVerified !== undefined) {
    return { endPoint: () => undefined, unknown: "startTls of the dial function does not give it" };
  }
  return { endPoint: () => certificate && endPointHash(certificate) };
}
