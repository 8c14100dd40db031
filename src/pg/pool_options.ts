/** The options of pools. */
import { printAs } from "../inspection.ts";
import { hide } from "./connection_parameters.ts";
import type { PoolConfig } from "./interfaces.ts";

/** The options as the pool uses them, with their defaults. */
export interface ResolvedPoolConfig extends PoolConfig {
  /** The greatest number of clients. */
  max: number;
  /** How many clients are kept although they are idle. */
  min: number;
  /** How often a client is used. */
  maxUses: number;
  /** Whether the process may end while clients are idle. */
  allowExitOnIdle: boolean;
  /** Seconds after which a client is closed, 0 for never. */
  maxLifetimeSeconds: number;
}

/** The options with their defaults. Secrets are not shown when they are printed. */
export function resolve(given: PoolConfig): ResolvedPoolConfig {
  const options = {
    ...given,
    max: given.max || (given as { poolSize?: number }).poolSize || 10,
    min: given.min || 0,
    maxUses: given.maxUses || Infinity,
    allowExitOnIdle: given.allowExitOnIdle || false,
    maxLifetimeSeconds: given.maxLifetimeSeconds || 0,
    idleTimeoutMillis: given.idleTimeoutMillis === undefined ? IDLE_TIMEOUT : given.idleTimeoutMillis,
  };
  if ("password" in given) hide(options, "password", given.password);
  if (typeof given.connectionString === "string") hidePasswords(options, given.connectionString);
  if (typeof given.ssl === "object" && given.ssl?.key) hide(given.ssl, "key", given.ssl.key);
  return options;
}

/** Hides passwords in the connection string where options are shown. It stays enumerable, since programs copy options. */
function hidePasswords(options: object, connectionString: string): void {
  const shown = connectionString
    .replace(/^([^:/?#]+:\/\/[^:/?#]*:)[^/?#]*@/, "$1***@")
    .replace(/([?&](?:ssl)?password=)[^&#]*/gi, "$1***");
  const toJSON = (): object => ({ ...options, connectionString: shown });
  printAs(options, (_, inspect) => inspect(toJSON()));
  hide(options, "toJSON", toJSON);
}

const IDLE_TIMEOUT = 10_000;
