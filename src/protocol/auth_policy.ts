/**
 * What the client allows a server to ask for: the options `require_auth` and `channel_binding`.
 *
 * Both are checked before anything is sent. The refusals are libpq's, as is the choice of SCRAM's mechanism
 * and header.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words"; `check_expected_areq` and `pg_SASL_init` in
 * libpq's `fe-auth.c`; RFC 5802, section 6, for the header.
 */
import { type Binding, boundTo, NOT_BOUND, NOT_OFFERED, SCRAM_SHA_256, SCRAM_SHA_256_PLUS } from "../auth/scram.ts";
import { ConnectionError, NOT_RETRYABLE } from "../errors.ts";

/** What a client allows. */
export interface AuthPolicy {
  /** The methods by libpq's names, `none` included, and the option's value; undefined for all. */
  readonly requireAuth: { readonly text: string; readonly methods: ReadonlySet<string> } | undefined;
  readonly channelBinding: "disable" | "prefer" | "require";
  /** How many iterations of SCRAM's hash a server may ask for; undefined for pyro's own limit. */
  readonly maxIterations?: number | undefined;
}

/** The encryption of a connection. */
export interface Channel {
  /** The hash of the server's certificate (tls-server-end-point); undefined if it has none that is defined. */
  endPoint(): Uint8Array | undefined;
  /** Why this client does not know the certificate, so that it cannot bind to the channel; undefined if it does. */
  readonly unknown?: string | undefined;
}

/** A mechanism of SASL, and SCRAM's header. */
export interface Mechanism {
  readonly name: typeof SCRAM_SHA_256 | typeof SCRAM_SHA_256_PLUS;
  readonly binding: Binding;
}

/** Allows everything, and binds if it can. */
export const ANY_METHOD: AuthPolicy = { requireAuth: undefined, channelBinding: "prefer" };

/** Throws unless a method of libpq's name is allowed; `what` follows "the server asks for". */
export function checkMethod({ requireAuth, channelBinding }: AuthPolicy, method: string, what: string): void {
  if (requireAuth !== undefined && !requireAuth.methods.has(method)) {
    throw refused(`the server asks for ${what}, which require_auth=${requireAuth.text} does not allow`);
  }
  if (channelBinding === "require" && method !== "scram-sha-256") {
    throw refused(`the server asks for ${what}, and channel_binding=require allows ${SCRAM_SHA_256_PLUS} only`);
  }
}

/** The mechanism to use, of those that the server offers; `channel` is undefined if the connection is not encrypted. */
export function chooseScram(
  offered: readonly string[],
  { channelBinding }: AuthPolicy,
  channel: Channel | undefined,
): Mechanism | undefined {
  const isBound = offered.includes(SCRAM_SHA_256_PLUS);
  const required = channelBinding === "require";
  if (channel === undefined) {
    if (required) throw refused("channel_binding=require needs TLS, and the connection is not encrypted");
    // Something on the way has removed the encryption.
    if (isBound) throw refused(`the server offers ${SCRAM_SHA_256_PLUS} on a connection that is not encrypted`);
  }
  if (channel?.unknown !== undefined) {
    if (required) throw refused(`channel_binding=require needs the server's certificate, and ${channel.unknown}`);
    return offered.includes(SCRAM_SHA_256) ? { name: SCRAM_SHA_256, binding: NOT_BOUND } : undefined;
  }
  const endPoint = channelBinding === "disable" ? undefined : channel?.endPoint();
  if (isBound && endPoint !== undefined) return { name: SCRAM_SHA_256_PLUS, binding: boundTo(endPoint) };
  if (isBound && channel !== undefined && channelBinding !== "disable") {
    // Somebody in between can choose such a certificate. Without binding, nobody would notice.
    throw refused(
      `the server offers ${SCRAM_SHA_256_PLUS}, and the signature of its certificate has no hash to bind to; ` +
        "use another certificate, or channel_binding=disable if the certificate is verified",
    );
  }
  if (required) {
    throw refused(`channel_binding=require allows ${SCRAM_SHA_256_PLUS} only, and the server offers ${named(offered)}`);
  }
  if (!offered.includes(SCRAM_SHA_256)) return undefined;
  return {
    name: SCRAM_SHA_256,
    binding: channel === undefined || channelBinding === "disable" ? NOT_BOUND : NOT_OFFERED,
  };
}

/** The names of mechanisms for a message. */
export function named(mechanisms: readonly string[]): string {
  return mechanisms.length === 0 ? "none" : mechanisms.map((name) => JSON.stringify(name)).join(", ");
}

function refused(problem: string): ConnectionError {
  return new ConnectionError(`Cannot authenticate: ${problem}`, NOT_RETRYABLE);
}
