/** Makes the plan of a connection from its settings. */
import { UsageError } from "../errors.ts";
import { type Environment, withEnvironment } from "../options/environment.ts";
import type { Settings } from "../options/settings.ts";
import type { Endpoint } from "../transport/transport.ts";
import type { ConnectPlan } from "./connect.ts";
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
  const { password, sslMode = "prefer", connectTimeout = 30_000 } = settings;
  const user = settings.user ?? environment.osUser();
  if (user === undefined || user === "") {
    throw new UsageError(
      "Cannot connect: no user is given, and the operating system's cannot be learned; name one, or set PGUSER",
    );
  }
  return {
    endpoints: endpointsOf(settings),
    sslMode,
    user,
    password,
    parameters: parametersOf(settings, user),
    timeout: connectTimeout,
    upgrade: { skipReason: skipReasonOf(settings), local: environment.local },
    now: environment.now,
    nonce: environment.nonce,
  };
}

function endpointsOf({ socket, hosts = ["localhost"], ports = [undefined], keepAlive = true }: Settings): Endpoint[] {
  if (socket !== undefined) return [{ kind: "unix", path: socket }];
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw new UsageError(
      `Cannot connect: ${ports.length} ports are given for ${hosts.length} hosts; give one, or one each`,
    );
  }
  return hosts.map((host, i) => {
    const port = (ports.length === 1 ? ports[0] : ports[i]) ?? DEFAULT_PORT;
    return host.startsWith("/")
      ? { kind: "unix", path: `${host.replace(/\/+$/, "")}/.s.PGSQL.${port}` }
      : { kind: "tcp", host, port, keepAlive };
  });
}

function parametersOf({ db, applicationName, param = {} }: Settings, user: string): [string, string][] {
  return [
    ["user", user],
    ["database", db ?? user],
    ["client_encoding", "UTF8"],
    ...(applicationName === undefined ? [] : [["application_name", applicationName] as [string, string]]),
    ...Object.entries(param),
  ];
}

function skipReasonOf({ upgradeToUnixSocket = true, pgbouncer, sslMode, hosts = [] }: Settings): string | undefined {
  if (!upgradeToUnixSocket) return "it is switched off";
  if (pgbouncer) return "pgbouncer=true says that a pooler stands between";
  if (sslMode === "require") return "sslmode=require asks for TLS, which Unix sockets do not have";
  if (hosts.length > 1) return "several hosts were given";
  return undefined;
}

const DEFAULT_PORT = 5432;
