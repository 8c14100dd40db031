/** Makes the plan of a connection from its settings. */
import { UsageError } from "../errors.ts";
import { DEFAULT_CHOICES } from "../options/choices.ts";
import { type Environment, withEnvironment } from "../options/environment.ts";
import { filePasswords } from "../options/password_file.ts";
import { allowedMethods } from "../options/require_auth.ts";
import { isSocketHost } from "../options/option_values.ts";
import type { ProtocolVersion, Settings } from "../options/settings.ts";
import type { AuthPolicy } from "../protocol/auth_policy.ts";
import type { ProtocolVersions } from "../protocol/version.ts";
import { type Endpoint, shuffled, type TcpOptions } from "../transport/transport.ts";
import { PROTOCOL_3_0, PROTOCOL_3_2 } from "../wire/codes.ts";
import type { ConnectPlan } from "./connect.ts";
import { problemOfToken, SecretFunction } from "./secret_function.ts";
import { effectiveSslMode, type TlsEnvironment, tlsPlanOf } from "./tls_plan.ts";
import type { Hashing } from "../protocol/startup.ts";
import type { UpgradePlan } from "./upgrade.ts";

/** The capabilities of the driver and the runtime. */
export interface ConnectEnvironment extends Environment, TlsEnvironment {
  now(): number;
  /** A number from 0 to 1. */
  random(): number;
  nonce(): string;
  readonly hashing: Hashing;
  local: UpgradePlan["local"];
}

/** The plan for the settings `given`, completed from the environment and the defaults. */
export function planOf(given: Settings, environment: ConnectEnvironment): ConnectPlan {
  const settings = withEnvironment(given, environment);
  if ((settings.dates ?? DEFAULT_CHOICES.dates) === "temporal" && !("Temporal" in globalThis)) {
    throw new UsageError(
      "Cannot connect: this runtime has no Temporal, whose objects dates and times become by default; choose " +
        'dates("string") or dates("date"), install a polyfill as globalThis.Temporal before, or use a runtime that ' +
        "has it, such as Node 26, Deno 2.9 or Bun 1.4",
    );
  }
  const { connectTimeout = 30_000 } = settings;
  const user = settings.user || environment.osUser();
  if (!user) {
    throw new UsageError(
      "Cannot connect: no user is given, and the operating system's cannot be learned; name one, or set PGUSER",
    );
  }
  const database = settings.db || user;
  const addresses = addressesOf(settings, environment.random);
  const { password, passwords } = passwordsOf(settings, addresses, { user, database }, environment);
  return {
    endpoints: addresses.map((address) => endpointOf(address, settings)),
    sslMode: effectiveSslMode(settings),
    tls: tlsPlanOf(settings, environment),
    clientCertificate: clientCertificateOf(settings),
    user,
    database,
    password,
    passwords,
    token: tokenOf(settings),
    tokenInClear: effectiveSslMode(settings) === "disable",
    policy: policyOf(settings),
    requiredPeer: settings.requirePeer ? { name: settings.requirePeer, local: environment.local } : undefined,
    versions: versionsOf(settings),
    parameters: parametersOf(settings, user, database),
    timeout: connectTimeout,
    attrs: settings.targetSessionAttrs,
    isBalanced: settings.loadBalanceHosts ?? false,
    dial: settings.dial,
    upgrade: { skipReason: skipReasonOf(settings, addresses.length), local: environment.local },
    now: environment.now,
    nonce: environment.nonce,
    hashing: environment.hashing,
  };
}

/** The options that choose the client's certificate; the default files are the same for all connections. */
function clientCertificateOf({ sslCert, sslKey, sslCertMode, tls }: Settings): object | undefined {
  const given = [sslCert, sslKey, sslCertMode, tls?.cert, tls?.key];
  return given.some((value) => value !== undefined) ? given : undefined;
}

/** One of the places to connect to, as it was given. */
interface Address {
  /** Empty for the default. */
  readonly host: string;
  /** Dialled instead of looking the host up; empty for none. */
  readonly hostAddr: string;
  readonly port: number;
}

/** The places in the order in which they are tried. */
function addressesOf(settings: Settings, random: () => number): Address[] {
  const listed = listedAddressesOf(settings);
  return settings.loadBalanceHosts ? shuffled(listed, random) : listed;
}

function listedAddressesOf(settings: Settings): Address[] {
  const { socket, ports = [undefined] } = settings;
  if (socket !== undefined) return [addressOfSocket(socket, ports[0])];
  const [hosts, hostAddrs] = hostsOf(settings);
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new UsageError(
      `Cannot connect: ${ports.length} ports are given for ${hosts.length} hosts; give one, or one each`,
    );
  }
  return hosts.map((host, i) => ({
    host,
    hostAddr: hostAddrs[i] ?? "",
    port: (ports.length === 1 ? ports[0] : ports[i]) ?? DEFAULT_PORT,
  }));
}

/** The hosts, and the addresses to dial for them. As in libpq, no hosts or no addresses are as many empty ones. */
function hostsOf({ hosts = [""], hostAddrs = [""] }: Settings): [readonly string[], readonly string[]] {
  if (isNone(hostAddrs)) return [hosts, []];
  if (isNone(hosts)) return [hostAddrs.map(() => ""), hostAddrs];
  if (hosts.length === hostAddrs.length) return [hosts, hostAddrs];
  throw new UsageError(
    `Cannot connect: ${hostAddrs.length} addresses are given in hostaddr for ${hosts.length} hosts; give one each`,
  );
}

function isNone(list: readonly string[]): boolean {
  return list.length === 1 && list[0] === "";
}

/** The directory of a socket file, and the port in its name. */
function addressOfSocket(socket: string, port: number = DEFAULT_PORT): Address {
  const [, host, digits] = /^(.*)\/\.s\.PGSQL\.(\d+)$/s.exec(socket) ?? [];
  return host === undefined
    ? { host: socket, hostAddr: "", port }
    : { host: host || "/", hostAddr: "", port: Number(digits) };
}

function endpointOf({ host, hostAddr, port }: Address, settings: Settings): Endpoint {
  const { socket, keepAlive = true } = settings;
  if (socket !== undefined) return { kind: "unix", path: socket };
  if (hostAddr === "" && isSocketHost(host)) {
    // The name of an abstract socket is no path: each slash counts.
    return { kind: "unix", path: `${host.startsWith("@") ? host : host.replace(/\/+$/, "")}/.s.PGSQL.${port}` };
  }
  const options = tcpOptionsOf(settings);
  return {
    kind: "tcp",
    host: host || hostAddr || DEFAULT_HOST,
    ...(hostAddr === "" ? {} : { address: hostAddr }),
    ...(hostAddr !== "" && host === "" ? { isOnlyAddress: true } : {}),
    ...(settings.loadBalanceHosts ? { isShuffled: true } : {}),
    port,
    keepAlive,
    ...(options === undefined ? {} : { options }),
  };
}

/** The options of TCP sockets that are set; undefined if none is. As in libpq, 0 is the system's default. */
function tcpOptionsOf(settings: Settings): TcpOptions | undefined {
  const { keepAlive = true, keepAlivesIdle, keepAlivesInterval, keepAlivesCount, tcpUserTimeout } = settings;
  const probes = {
    keepAliveIdle: keepAlivesIdle,
    keepAliveInterval: keepAlivesInterval,
    keepAliveCount: keepAlivesCount,
  };
  const options = Object.entries({ ...(keepAlive ? probes : {}), userTimeout: tcpUserTimeout });
  const set = options.filter(([, value]) => value !== undefined && value !== 0);
  return set.length === 0 ? undefined : Object.fromEntries(set);
}

/** The password; if none is given, or an empty one, those of the password file for each of the addresses. */
function passwordsOf(
  settings: Settings,
  addresses: readonly Address[],
  { user, database }: Pick<ConnectPlan, "user" | "database">,
  environment: Environment,
): Pick<ConnectPlan, "password" | "passwords"> {
  const { password } = settings;
  if (typeof password === "function") {
    return { password: new SecretFunction("password", password), passwords: undefined };
  }
  if (password) return { password, passwords: undefined };
  const passwords = filePasswords(
    settings,
    addresses.map(({ host, hostAddr, port }) => ({ host: host || hostAddr, port, db: database, user })),
    environment,
  );
  return { password: passwords[0], passwords: passwords.length === 1 ? undefined : passwords };
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

function policyOf({ requireAuth, channelBinding = "prefer", scramMaxIterations }: Settings): AuthPolicy {
  return {
    requireAuth: requireAuth === undefined ? undefined : { text: requireAuth, methods: allowedMethods(requireAuth) },
    channelBinding,
    maxIterations: scramMaxIterations,
  };
}

function parametersOf(settings: Settings, user: string, database: string): [string, string][] {
  const applicationName = settings.applicationName ?? settings.fallbackApplicationName;
  return [
    ["user", user],
    ["database", database],
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

function skipReasonOf(settings: Settings, hosts: number): string | undefined {
  const { upgradeToUnixSocket = true, pgbouncer, channelBinding } = settings;
  const sslMode = effectiveSslMode(settings);
  if (!upgradeToUnixSocket) return "it is switched off";
  if (settings.dial !== undefined) return "dial opens the connections";
  if (pgbouncer) return "pgbouncer=true says that a pooler stands between";
  if (sslMode === "require" || sslMode.startsWith("verify-")) {
    return `sslmode=${sslMode} asks for TLS, which Unix sockets do not have`;
  }
  if (channelBinding === "require") return "channel_binding=require asks for TLS, which Unix sockets do not have";
  if (hosts > 1) return "several hosts were given";
  return undefined;
}

const VERSIONS: Readonly<Record<ProtocolVersion, number>> = {
  "3.0": PROTOCOL_3_0,
  "3.2": PROTOCOL_3_2,
  latest: PROTOCOL_3_2,
};

const DEFAULT_HOST = "localhost";
const DEFAULT_PORT = 5432;
