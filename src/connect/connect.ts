/**
 * Connecting: which endpoint to try after which, encryption where it is only preferred, and then the
 * upgrade.
 *
 * Source: PostgreSQL manual, libpq, "Specifying Multiple Hosts" and "SSL Mode Descriptions", for
 * what is tried after what.
 */
import { ConnectionError, ProtocolError, type PyroError, ServerError } from "../errors.ts";
import type { SslMode } from "../options/settings.ts";
import { printable } from "../printed.ts";
import { SqlState } from "../sqlstate.ts";
import { type Endpoint, endpointName } from "../transport/transport.ts";
import type { Handshake } from "./handshake.ts";
import { type Encryption, open, type OpenPlan, type OpenSession } from "./open.ts";
import { type Connected, upgrade, type UpgradePlan } from "./upgrade.ts";

/** Everything that connecting needs to know. */
export interface ConnectPlan extends OpenPlan {
  /** What to try, in this order. */
  readonly endpoints: readonly Endpoint[];
  readonly sslMode: SslMode;
  /** Milliseconds for each endpoint, 0 for no limit. */
  readonly timeout: number;
  readonly upgrade: UpgradePlan;
}

/** Opens a session with the first endpoint that gives one. */
export function* connect(plan: ConnectPlan): Handshake<Connected> {
  const failures: { endpoint: Endpoint; error: PyroError }[] = [];
  for (const endpoint of plan.endpoints) {
    const by = plan.timeout === 0 ? Infinity : plan.now() + plan.timeout;
    try {
      const { link, authMethod } = yield* openPreferringTls(endpoint, plan, by);
      return yield* upgrade(link, authMethod, plan, plan.upgrade, by);
    } catch (error) {
      const expected = error instanceof ConnectionError || error instanceof ServerError ||
        error instanceof ProtocolError;
      if (!expected) throw error;
      failures.push({ endpoint, error });
      // As libpq: a server that is there and says no has decided.
      if (error instanceof ServerError && error.code !== SqlState.CannotConnectNow) break;
    }
  }
  throw summary(failures);
}

/** As {@linkcode open}, and where encryption is only preferred, again without it if that is what failed. */
function* openPreferringTls(
  endpoint: Endpoint,
  plan: ConnectPlan,
  by: number,
): Handshake<OpenSession> {
  const encryption: Encryption = { phase: "none" };
  try {
    return yield* open(endpoint, plan, plan.sslMode, by, encryption);
  } catch (error) {
    // pg_hba.conf can refuse encrypted connections (hostnossl); the server says so before it asks for anything.
    const unwanted = error instanceof ServerError && error.code === SqlState.InvalidAuthorizationSpecification;
    const retry = encryption.phase === "starting" || (encryption.phase === "done" && unwanted);
    if (plan.sslMode !== "prefer" || !retry) throw error;
    return yield* open(endpoint, plan, "disable", by);
  }
}

/** The one failure, or all of them in one error. What the server said goes to the caller as it is. */
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
