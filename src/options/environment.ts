/**
 * Adds what the service file and the environment's variables have to the settings.
 *
 * As in libpq, a variable that is set and empty counts: it has the default, or is an error where libpq
 * takes no empty value. A variable is not looked at, not even for errors, if its setting is given.
 *
 * Source: PostgreSQL manual, libpq, "Environment Variables"; `conninfo_add_defaults` in libpq's
 * `fe-connect.c`.
 */
import type { ReadFile } from "./files.ts";
import { applyKeyword, isGiven } from "./keywords.ts";
import { withService } from "./service_file.ts";
import type { Settings } from "./settings.ts";

/** The parts of the environment that pyro reads; on Deno, only those that need no permission prompt. */
export interface Environment {
  /** The value of an environment variable. */
  variable(name: string): string | undefined;
  /** The name of the operating system's user, undefined if it cannot be found out. */
  osUser(): string | undefined;
  /** The user's home directory, undefined if it cannot be found out. */
  homeDirectory(): string | undefined;
  readonly readFile: ReadFile;
  /** Tells the user of something that is not used. */
  warn(message: string): void;
}

/** The settings, with missing ones taken from the service, and then from libpq's variables. */
export function withEnvironment(given: Settings, environment: Environment): Settings {
  let settings = withService(given, environment);
  for (const name of VARIABLES) {
    const value = environment.variable(name);
    if (value === undefined || (FOR_SESSIONS.has(name) && value.toLowerCase() === "default")) continue;
    const key = KEYS[name]!;
    if (!isGiven(settings, key) && !isPartOfSocket(key, given)) settings = applyKeyword(settings, key, value, name);
  }
  const requireSsl = environment.variable("PGREQUIRESSL");
  return requireSsl?.startsWith("1") && settings.sslMode === undefined ? { ...settings, sslMode: "require" } : settings;
}

/** A socket is a whole address: no host, address or port is missing. */
function isPartOfSocket(key: string, { socket }: Settings): boolean {
  return socket !== undefined && (key === "host" || key === "hostaddr" || key === "port");
}

/** Variables of the session's settings, for which `default` is the server's own. */
const FOR_SESSIONS: ReadonlySet<string> = new Set(["PGDATESTYLE", "PGTZ", "PGGEQO"]);

/** The keys of connection strings that the variables stand for. */
const KEYS: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGHOSTADDR: "hostaddr",
  PGPORT: "port",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGPASSFILE: "passfile",
  PGDATABASE: "dbname",
  PGAPPNAME: "application_name",
  PGSSLMODE: "sslmode",
  PGSSLNEGOTIATION: "sslnegotiation",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGSSLCERTMODE: "sslcertmode",
  PGSSLCRL: "sslcrl",
  PGSSLCRLDIR: "sslcrldir",
  PGSSLSNI: "sslsni",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version",
  PGREQUIREAUTH: "require_auth",
  PGCHANNELBINDING: "channel_binding",
  PGREQUIREPEER: "requirepeer",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGMINPROTOCOLVERSION: "min_protocol_version",
  PGMAXPROTOCOLVERSION: "max_protocol_version",
  PGCLIENTENCODING: "client_encoding",
  PGOPTIONS: "options",
  PGDATESTYLE: "DateStyle",
  PGTZ: "TimeZone",
  PGGEQO: "geqo",
  PGLOADBALANCEHOSTS: "load_balance_hosts",
  PGTARGETSESSIONATTRS: "target_session_attrs",
  // Not implemented: an error, since the connection would not be what the variable requires.
  PGGSSENCMODE: "gssencmode",
};
const VARIABLES: readonly string[] = Object.keys(KEYS);
