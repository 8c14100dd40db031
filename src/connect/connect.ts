/**
 * Connects: tries the endpoints in order, retries without encryption if that is only preferred, and
 * then upgrades.
 *
 * Source: PostgreSQL manual, libpq, "Specifying Multiple Hosts" and "SSL Mode Descriptions", for the
 * order of attempts.
 */
import { ConnectionError, ProtocolError, type PyroError, ServerError } from "../errors.ts";
import type { SslMode } from "../options/settings.ts";
import { printable } from "../printed.ts";
import { SqlState } from "../sqlstate.ts";
import { type Endpoint, endpointName } from "../transport/transport.ts";
import type { Handshake } from "./handshake.ts";
import type { Encryption } from "./encrypt.ts";
import { open, type OpenPlan, type OpenSession, type Progress } from "./open.ts";
import { hasFailed } from "./secret_function.ts";
import { type Connected, upgrade, type UpgradePlan } from "./upgrade.ts";

/** Everything that connecting needs. */
export interface ConnectPlan extends OpenPlan {
  /** The endpoints to try, in order. */
  readonly endpoints: readonly Endpoint[];
  /**
   * The passwords for each of them, if they are not all the same; undefined for none. `password` is then
   * the first one's.
   */
  readonly passwords?: readonly (string | undefined)[];
  readonly sslMode: SslMode;
  /** The options that choose the client's certificate and its key; undefined if there are none. */
  readonly clientCertificate?: object | undefined;
  /** The user's function that opens connections; undefined if pyro does. */
  readonly dial?: object | undefined;
  /** Milliseconds for each endpoint, 0 for no limit. */
  readonly timeout: number;
  readonly upgrade: UpgradePlan;
}

/** The database among the parameters of the startup message; undefined for the user's. */
export function databaseOf(parameters: ConnectPlan["parameters"]): string | undefined {
  return parameters.find(([name]) => name === "database")?.[1];
}

/** When the time for an endpoint ends that is tried now. */
export function timeLimit({ timeout, now }: ConnectPlan): number {
  return timeout === 0 ? Infinity : now() + timeout;
}

/** Opens a session with the first endpoint that accepts one. The time of the first one ends at `firstBy`. */
export function* connect(plan: ConnectPlan, firstBy: number = timeLimit(plan)): Handshake<Connected> {
  const failures: { endpoint: Endpoint; error: PyroError }[] = [];
  for (const [i, endpoint] of plan.endpoints.entries()) {
    // A password of the password file must not be sent to another host.
    const own = plan.passwords === undefined ? plan : { ...plan, password: plan.passwords[i] };
    const by = i === 0 ? firstBy : timeLimit(plan);
    try {
      const { link, authMethod } = yield* openByMode(endpoint, own, by);
      return yield* upgrade(link, authMethod, own, plan.upgrade, by);
    } catch (error) {
      const expected = error instanceof ConnectionError || error instanceof ServerError ||
        error instanceof ProtocolError;
      // A function that has failed would not have another password for another host.
      if (!expected || hasFailed(plan)) throw error;
      failures.push({ endpoint, error });
      // As in libpq, a server's refusal ends the attempts.
      if (error instanceof ServerError && error.code !== SqlState.CannotConnectNow) break;
    }
  }
  throw summary(failures);
}

/** As {@linkcode open}, with and without encryption in the order of the mode. */
function* openByMode(endpoint: Endpoint, plan: ConnectPlan, by: number): Handshake<OpenSession> {
  const [first, second] = endpoint.kind === "unix" ? UNENCRYPTED : ENCRYPTIONS[plan.sslMode];
  const progress: Progress = { phase: "none" };
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
function summary(failures: readonly { endpoint: Endpoint; error: PyroError }[]): PyroError {
  const last = failures.at(-1)!.error;
  if (last instanceof ServerError) return last;
  const reasons = failures.map(({ endpoint, error }) => `${endpointName(endpoint)}: ${error.message}`);
  const message = `Cannot connect to ${reasons.join("; ")}`;
  const cause = failures.length === 1
    ? last
    : new AggregateError(failures.map(({ error }) => error), printable(message));
  if (last instanceof ProtocolError) return new ProtocolError(message, { cause });
  const mayPass = failures.some(({ error }) => error.connectionLost);
  return new ConnectionError(message, { cause, connectionLost: mayPass, safeToRetry: mayPass });
}

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
