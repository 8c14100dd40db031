/**
 * Connects: tries the endpoints in order, and the addresses of each, until a session has the attributes that are asked
 * for; retries without encryption if that is only preferred, and then upgrades.
 *
 * Source: PostgreSQL manual, libpq, "Specifying Multiple Hosts" and "SSL Mode Descriptions", for the
 * order of attempts.
 */
import { ConnectionError, ProtocolError, type PyroError, ServerError } from "../errors.ts";
import { isAddress } from "../options/ip_address.ts";
import type { SslMode } from "../options/settings.ts";
import { printable } from "../printed.ts";
import { SqlState } from "../sqlstate.ts";
import { canonicalHost, type Endpoint, endpointName, NO_OTHER_ADDRESS } from "../transport/transport.ts";
import { discard, type Handshake, type Link } from "./handshake.ts";
import type { Encryption } from "./encrypt.ts";
import { open, type OpenPlan, type OpenSession, type Progress } from "./open.ts";
import { hasFailed } from "./secret_function.ts";
import { mismatch, type SessionRole, sessionRole, type SessionTarget, suits } from "./session_role.ts";
import { type Connected, upgrade, type UpgradePlan } from "./upgrade.ts";

/** Everything that connecting needs. */
export interface ConnectPlan extends OpenPlan {
  /** The endpoints to try, in order. */
  readonly endpoints: readonly Endpoint[];
  /**
   * The passwords for each of them, if they are not all the same. `password` is then the first one's.
   */
  readonly passwords?: readonly OpenPlan["password"][] | undefined;
  readonly database: string;
  readonly sslMode: SslMode;
  /** The options that choose the client's certificate and its key; undefined if there are none. */
  readonly clientCertificate?: object | undefined;
  /** The user's function that opens connections; undefined if pyro does. */
  readonly dial?: object | undefined;
  /** Milliseconds for each endpoint, 0 for no limit. */
  readonly timeout: number;
  /** When the time of a caller is over, whichever endpoints are left. */
  readonly by?: number;
  /** The most that each of them has of that, if they do not all have the same. */
  readonly timeouts?: readonly number[];
  /** The session that is asked for; undefined if nothing is. */
  readonly attrs?: SessionTarget | undefined;
  /** Whether each connection is to have an order of its own. */
  readonly isBalanced?: boolean;
  /** Called with what an endpoint has turned out to be; with undefined if it gives no session, or not in time. */
  readonly onRole?: (endpoint: Endpoint, role: SessionRole | undefined, timedOut: boolean) => void;
  readonly upgrade: UpgradePlan;
}

/** When the time for the endpoint of that index ends, if it is tried now. */
export function timeLimit({ timeout, timeouts, by = Infinity, now }: ConnectPlan, index: number = 0): number {
  return Math.min(by, now() + Math.min(timeout || Infinity, timeouts?.[index] ?? Infinity));
}

/** Whether the time of the caller is over. What has failed then says nothing of the endpoint. */
export function isOver({ by = Infinity, now }: Pick<ConnectPlan, "by" | "now">): boolean {
  return now() + TOLERANCE >= by;
}

/**
 * Opens a session with the first endpoint that accepts one with the right attributes. The time of the first endpoint ends
 * at `firstBy`.
 */
export function* connect(plan: ConnectPlan, firstBy: number = timeLimit(plan)): Handshake<Connected> {
  const { attrs = "any" } = plan;
  const failures: Failure[] = [];
  const unsuitable: number[] = [];
  for (const i of plan.endpoints.keys()) {
    const outcome = yield* connectTo(i, plan, attrs, i === 0 ? firstBy : timeLimit(plan, i), failures);
    if (typeof outcome !== "string") return outcome;
    // As in libpq, a server's refusal ends the attempts.
    if (outcome === "refused" || isOver(plan)) throw summary(failures);
    if (outcome === "unsuitable") unsuitable.push(i);
  }
  if (attrs === "prefer-standby" || attrs === "prefer-primary") {
    for (const i of unsuitable) {
      const outcome = yield* connectTo(i, plan, "any", timeLimit(plan, i), failures);
      if (typeof outcome !== "string") return outcome;
    }
  }
  throw summary(failures);
}

/** Why an endpoint, or one of its addresses, was passed over. */
interface Failure {
  readonly endpoint: Endpoint;
  /** The address that was reached, if any was. */
  readonly address: string | undefined;
  readonly error: PyroError;
}

/** Opens a session with one endpoint, or with one of the addresses of its name. */
function* connectTo(
  index: number,
  plan: ConnectPlan,
  attrs: SessionTarget,
  by: number,
  failures: Failure[],
): Handshake<Connected | "failed" | "unsuitable" | "refused"> {
  const endpoint = plan.endpoints[index]!;
  // A password of the password file must not be sent to another host.
  const own = plan.passwords === undefined ? plan : { ...plan, password: plan.passwords[index] };
  const tried: string[] = [];
  let outcome: "failed" | "unsuitable" = "failed";
  for (;;) {
    const progress: Progress = { phase: "none" };
    const target = endpoint.kind === "unix" || tried.length === 0 ? endpoint : { ...endpoint, tried: [...tried] };
    let error: PyroError;
    try {
      const { link, authMethod } = yield* openByMode(target, own, by, progress);
      if (yield* hasAttributes(link, plan, attrs, by)) {
        return yield* upgrade(link, authMethod, own, plan.upgrade, by);
      }
      yield* discard(link);
      error = new ConnectionError(mismatch(attrs), { safeToRetry: true });
      outcome = "unsuitable";
    } catch (caught) {
      const expected = caught instanceof ConnectionError || caught instanceof ServerError ||
        caught instanceof ProtocolError;
      // A function that has failed would not have another password for another host.
      if (!expected || hasFailed(plan)) throw caught;
      if (tried.length > 0 && caught.message === NO_OTHER_ADDRESS) return outcome;
      error = caught;
      if (!isRefusal(error) && !isOver(plan)) plan.onRole?.(endpoint, undefined, plan.now() + TOLERANCE >= by);
    }
    const address = addressOf(endpoint, progress);
    failures.push({ endpoint, address, error });
    if (isRefusal(error)) return "refused";
    if (address === undefined || !(error instanceof ConnectionError) || isOver(plan)) return outcome;
    tried.push(address);
    if (plan.now() >= by) by = timeLimit(plan, index);
  }
}

/** A server's refusal, unless it is only starting or stopping. */
function isRefusal(error: PyroError): boolean {
  return error instanceof ServerError && error.code !== SqlState.CannotConnectNow;
}

/** The address of a name that was reached, so that others can be tried. */
function addressOf(endpoint: Endpoint, { link }: Progress): string | undefined {
  if (endpoint.kind === "unix" || endpoint.address !== undefined || isAddress(endpoint.host)) return undefined;
  return link?.addresses && canonicalHost(link.addresses.remote.host);
}

/** Whether a session has the attributes. If that cannot be found out, the session is closed. */
export function* hasAttributes(link: Link, plan: ConnectPlan, attrs: SessionTarget, by: number): Handshake<boolean> {
  try {
    const role = yield* sessionRole(link, attrs, by);
    plan.onRole?.(link.endpoint, role, false);
    return suits(role, attrs) ?? true;
  } catch (error) {
    yield* discard(link);
    throw error;
  }
}

/** As {@linkcode open}, with and without encryption in the order of the mode. */
function* openByMode(
  endpoint: Endpoint,
  plan: ConnectPlan,
  by: number,
  progress: Progress,
): Handshake<OpenSession> {
  const [first, second] = endpoint.kind === "unix" ? UNENCRYPTED : ENCRYPTIONS[plan.sslMode];
  let refusal: unknown;
  try {
    return yield* open(endpoint, plan, first!, by, progress);
  } catch (error) {
    if (second === undefined || !isForEncryption(error, progress, second)) throw error;
    refusal = error;
  }
  const last: Progress = { phase: "none" };
  try {
    return yield* open(endpoint, plan, second, by, last);
  } catch (error) {
    // If the server has no TLS either, its refusal of a connection in clear is the reason.
    throw second === "always" && last.phase === "none" ? refusal : error;
  } finally {
    progress.link = last.link ?? progress.link;
  }
}

/** Whether the server may accept a connection with the other kind of encryption. */
function isForEncryption(error: unknown, { phase }: Progress, next: Encryption): boolean {
  if (phase === "starting") return error instanceof ConnectionError || error instanceof ProtocolError;
  if (phase === "authenticating") return false;
  // pg_hba.conf can refuse encrypted connections (hostnossl), or all others (hostssl), before any authentication.
  return (phase === "done") === (next === "none") && error instanceof ServerError &&
    error.code === SqlState.InvalidAuthorizationSpecification;
}

/** The only failure, or an error with all of them. A server's error is thrown as it is. */
function summary(failures: readonly Failure[]): PyroError {
  const last = failures.at(-1)!.error;
  if (last instanceof ServerError) return last;
  const isOnly = ({ endpoint }: Failure): boolean =>
    failures.filter((other) => other.endpoint === endpoint).length === 1;
  const reasons = failures.map((failure) => {
    const { endpoint, address, error } = failure;
    const place = endpoint.kind === "unix" || isOnly(failure) ? endpoint : { ...endpoint, address };
    return `${endpointName(place)}: ${error.message}`;
  });
  const message = `Cannot connect to ${reasons.join("; ")}`;
  const cause = failures.length === 1
    ? last
    : new AggregateError(failures.map(({ error }) => error), printable(message));
  if (last instanceof ProtocolError) return new ProtocolError(message, { cause });
  const mayPass = failures.some(({ error }) => error.connectionLost);
  return new ConnectionError(message, { cause, connectionLost: mayPass, safeToRetry: mayPass });
}

/** Timers are early by some milliseconds. */
const TOLERANCE = 10;

const UNENCRYPTED: readonly Encryption[] = ["none"];

/** The kinds of encryption that each mode tries, in this order. */
const ENCRYPTIONS: Readonly<Record<SslMode, readonly Encryption[]>> = {
  disable: UNENCRYPTED,
  allow: ["none", "always"],
  prefer: ["if offered", "none"],
  require: ["always"],
  "verify-ca": ["always"],
  "verify-full": ["always"],
};
