/**
 * Adds the environment's variables to the settings.
 *
 * Source: PostgreSQL manual, libpq, "Environment Variables".
 */
import { applyKeyword } from "./keywords.ts";
import type { Settings } from "./settings.ts";

/** The parts of the environment that pyro reads; on Deno, only those that need no permission prompt. */
export interface Environment {
  /** The value of an environment variable. */
  variable(name: string): string | undefined;
  /** The name of the operating system's user, undefined if it cannot be found out. */
  osUser(): string | undefined;
}

/** The settings, with missing ones taken from libpq's variables. */
export function withEnvironment(settings: Settings, environment: Environment): Settings {
  let found: Settings = {};
  for (const [name, key] of VARIABLES) {
    const value = environment.variable(name);
    // Empty variables count as unset, as in libpq.
    if (value === undefined || value === "" || isOverridden(key, settings)) continue;
    found = applyKeyword(found, key, value, name);
  }
  const { hosts, ports, ...others } = found;
  return {
    ...others,
    // A socket is a whole address, and a list of ports belongs to its hosts.
    ...(settings.socket === undefined ? { ...(hosts && { hosts }), ...(ports && { ports }) } : {}),
    ...settings,
    ...(others.param || settings.param ? { param: { ...others.param, ...settings.param } } : {}),
  };
}

/** Whether a variable has no effect because a setting excludes it. */
function isOverridden(key: string, settings: Settings): boolean {
  return key === "passfile" && settings.password !== undefined;
}

const VARIABLES: readonly (readonly [variable: string, key: string])[] = [
  ["PGHOST", "host"],
  ["PGPORT", "port"],
  ["PGUSER", "user"],
  ["PGPASSWORD", "password"],
  ["PGDATABASE", "dbname"],
  ["PGAPPNAME", "application_name"],
  ["PGSSLMODE", "sslmode"],
  ["PGCONNECT_TIMEOUT", "connect_timeout"],
  ["PGCLIENTENCODING", "client_encoding"],
  ["PGOPTIONS", "options"],
  ["PGDATESTYLE", "DateStyle"],
  ["PGTZ", "TimeZone"],
  ["PGGEQO", "geqo"],
  // Not implemented: an error, since the connection would not be what these variables require.
  ["PGCHANNELBINDING", "channel_binding"],
  ["PGGSSENCMODE", "gssencmode"],
  ["PGHOSTADDR", "hostaddr"],
  ["PGLOADBALANCEHOSTS", "load_balance_hosts"],
  ["PGMAXPROTOCOLVERSION", "max_protocol_version"],
  ["PGMINPROTOCOLVERSION", "min_protocol_version"],
  ["PGPASSFILE", "passfile"],
  ["PGREQUIREAUTH", "require_auth"],
  ["PGREQUIREPEER", "requirepeer"],
  ["PGREQUIRESSL", "requiressl"],
  ["PGSERVICE", "service"],
  ["PGSSLCERT", "sslcert"],
  ["PGSSLCRL", "sslcrl"],
  ["PGSSLCRLDIR", "sslcrldir"],
  ["PGSSLKEY", "sslkey"],
  ["PGSSLMAXPROTOCOLVERSION", "ssl_max_protocol_version"],
  ["PGSSLMINPROTOCOLVERSION", "ssl_min_protocol_version"],
  ["PGSSLNEGOTIATION", "sslnegotiation"],
  ["PGSSLROOTCERT", "sslrootcert"],
  ["PGTARGETSESSIONATTRS", "target_session_attrs"],
];
