/** Makes the plan of a connection from its settings. */
import { UsageError } from "../errors.ts";
import { type Environment, withEnvironment } from "../options/environment.ts";
import { filePasswords } from "../options/password_file.ts";
import { allowedMethods } from "../options/require_auth.ts";
import type { ProtocolVersion, Settings } from "../options/settings.ts";
import type { AuthPolicy } from "../protocol/auth_policy.ts";
import type { ProtocolVersions } from "../protocol/version.ts";
import type { Endpoint } from "../transport/transport.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../wire/codes.ts";
import type { ConnectPlan } from "./connect.ts";
import { problemOfToken, SecretFunction } from "./secret_function.ts";
import type { UpgradePlan } from "./upgrade.ts";

/** The capabilities of the driver and the runtime. */
export interface ConnectEnvironment extends Environment {
  now(): number;
  nonce(): string;
  local: UpgradePlan["local"];
}

/** The plan for the settings `given`, completed from the environment and the defaults. */
export function planOf(given: Settings, environment: ConnectEnvironment): ConnectPlan {
  const settings = withEnvironment(given, environment);
  const { sslMode = "prefer", connectTimeout = 30_000 } = settings;
  const user = settings.user || environment.osUser();
  if (!user) {
    throw new UsageError(
      "Cannot connect: no user is given, and the operating system's cannot be learned; name one, or set PGUSER",
    );
  }
  const addresses = addressesOf(settings);
  return {
    endpoints: addresses.map((address) => endpointOf(address, settings)),
    sslMode,
    user,
    token: tokenOf(settings),
    tokenInClear: sslMode === "disable",
    ...passwordsOf(settings, addresses, user, environment),
    policy: policyOf(settings),
    requiredPeer: settings.requirePeer ? { name: settings.requirePeer, local: environment.local } : undefined,
    versions: versionsOf(settings),
    parameters: parametersOf(settings, user),
    timeout: connectTimeout,
    upgrade: { skipReason: skipReasonOf(settings), local: environment.local },
    now: environment.now,
    nonce: environment.nonce,
  };
}

/** One of the places to connect to, as it was given. */
interface Address {
  /** Empty for the default. */
  readonly host: string;
  readonly port: number;
}

function addressesOf({ socket, hosts = [""], ports = [undefined] }: Settings): Address[] {
  if (socket !== undefined) return [addressOfSocket(socket, ports[0])];
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new UsageError(
      `Cannot connect: ${ports.length} ports are given for ${hosts.length} hosts; give one, or one each`,
    );
  }
  return hosts.map((host, i) => ({ host, port: (ports.length === 1 ? ports[0] : ports[i]) ?? DEFAULT_PORT }));
}

/** The directory of a socket file, and the port in its name. */
function addressOfSocket(socket: string, port: number = DEFAULT_PORT): Address {
  const [, host, digits] = /^(.*)\/\.s\.PGSQL\.(\d+)$/s.exec(socket) ?? [];
  return host === undefined ? { host: socket, port } : { host: host || "/", port: Number(digits) };
}

function endpointOf({ host, port }: Address, { socket, keepAlive = true }: Settings): Endpoint {
  if (socket !== undefined) return { kind: "unix", path: socket };
  return host.startsWith("/")
    ? { kind: "unix", path: `${host.replace(/\/+$/, "")}/.s.PGSQL.${port}` }
    : { kind: "tcp", host: host || DEFAULT_HOST, port, keepAlive };
}

/** The password; if none is given, or an empty one, those of the password file. */
function passwordsOf(
  settings: Settings,
  addresses: readonly Address[],
  user: string,
  environment: Environment,
): Pick<ConnectPlan, "password" | "passwords"> {
  const { password } = settings;
  if (typeof password === "function") return { password: new SecretFunction("password", password) };
  if (password) return { password };
  const db = settings.db || user;
  const passwords = filePasswords(settings, addresses.map((address) => ({ ...address, db, user })), environment);
  return { password: passwords[0], passwords };
}

function tokenOf({ oauthToken, oauthIssuer, oauthClientId, oauthScope }: Settings): SecretFunction | undefined {
  if (oauthToken === undefined) return undefined;
  const request = {
    issuer: oauthIssuer || undefined,
    clientId: oauthClientId || undefined,
    scope: oauthScope || undefined,
  };
  return new SecretFunction("oauthToken", () => oauthToken(request), problemOfToken);
}

function policyOf({ requireAuth, channelBinding = "prefer" }: Settings): AuthPolicy {
  return {
    requireAuth: requireAuth === undefined ? undefined : { text: requireAuth, methods: allowedMethods(requireAuth) },
    channelBinding,
  };
}

function parametersOf(settings: Settings, user: string): [string, string][] {
  const applicationName = settings.applicationName ?? settings.fallbackApplicationName;
  return [
    ["user", user],
    ["database", settings.db || user],
    ["client_encoding", "UTF8"],
    ...(applicationName ? [["application_name", applicationName] as [string, string]] : []),
    // As in libpq, an empty value of options keeps PGOPTIONS out, and is not sent.
    ...Object.entries(settings.param ?? {}).filter(([name, value]) => name !== "options" || value !== ""),
  ];
}

/** As in libpq, a minimum newer than 3.0 makes the newest version the default of the maximum. */
function versionsOf({ minProtocolVersion = "3.0", maxProtocolVersion }: Settings): ProtocolVersions {
  const min = VERSIONS[minProtocolVersion];
  const max = VERSIONS[maxProtocolVersion ?? (min > PROTOCOL_3_0 ? "latest" : "3.0")];
  if (min <= max) return { min, max };
  throw new UsageError(
    `Cannot connect: min_protocol_version ${minProtocolVersion} is newer than max_protocol_version ${maxProtocolVersion}`,
  );
}

function skipReasonOf(settings: Settings): string | undefined {
  const { upgradeToUnixSocket = true, pgbouncer, sslMode, channelBinding, hosts = [] } = settings;
  if (!upgradeToUnixSocket) return "it is switched off";
  if (pgbouncer) return "pgbouncer=true says that a pooler stands between";
  if (sslMode === "require") return "sslmode=require asks for TLS, which Unix sockets do not have";
  if (channelBinding === "require") return "channel_binding=require asks for TLS, which Unix sockets do not have";
  if (hosts.length > 1) return "several hosts were given";
  return undefined;
}

const VERSIONS: Readonly<Record<ProtocolVersion, number>> = {
  "3.0": PROTOCOL_3_0,
  "3.2": PROTOCOL_3_2,
  latest: PROTOCOL_3_2,
};

const DEFAULT_HOST = "localhost";
const DEFAULT_PORT = 5432;
