/** How large a pool may get and how long things may take, from what was set. */
import { UsageError } from "../errors.ts";
import { POOL_OPTION_LIST, POOL_OPTIONS, type PoolOptionName } from "../options/pool_options.ts";
import { type Opts, settingsOf } from "../options/opts.ts";
import { type Target, toOpts } from "../options/target.ts";

/** The limits of a pool, beside those of its {@linkcode Opts}, which they come before. */
export interface PoolLimits {
  /** What it is called where it is watched. Default: its host, port and database. */
  readonly name?: string | undefined;
  /** See {@linkcode Opts.poolMaxConcurrency}. */
  readonly poolMaxConcurrency?: number | undefined;
  /** See {@linkcode Opts.poolMaxIdleConn}. */
  readonly poolMaxIdleConn?: number | undefined;
  /** See {@linkcode Opts.poolMinIdle}. */
  readonly poolMinIdle?: number | undefined;
  /** See {@linkcode Opts.poolIdleTimeout}. */
  readonly poolIdleTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxLifetime}. */
  readonly poolMaxLifetime?: number | undefined;
  /** See {@linkcode Opts.poolAcquireTimeout}. */
  readonly poolAcquireTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxWaiting}. */
  readonly poolMaxWaiting?: number | undefined;
  /** See {@linkcode Opts.poolLeakTimeout}. */
  readonly poolLeakTimeout?: number | undefined;
  /** See {@linkcode Opts.poolMaxPipelined}. */
  readonly poolMaxPipelined?: number | undefined;
}

/** All limits of a pool, by the names of their options; times in milliseconds, Infinity for no limit. */
export type Limits = Readonly<Record<PoolOptionName, number>>;

/** What was set for a pool, its name and its limits. `functions` are the options that are functions; others are refused. */
export function poolOpts(
  target: Target,
  options: unknown,
  functions: readonly string[],
): { readonly opts: Opts; readonly name: string; readonly limits: Limits } {
  if (options !== undefined && (typeof options !== "object" || options === null || Array.isArray(options))) {
    throw new UsageError("Cannot use the pool's options: they must be an object such as { poolMaxConcurrency: 20 }");
  }
  let opts = toOpts(target);
  let given: string | undefined;
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    if (functions.includes(name)) {
      if (typeof value !== "function") throw new UsageError(`Cannot use ${name}: it must be a function`);
    } else if (isLimit(name)) {
      opts = opts[name](value as number);
    } else if (name === "name") {
      if (typeof value !== "string") throw new UsageError("Cannot use name: it must be a string");
      given = value;
    } else {
      throw new UsageError(
        `Cannot use option ${JSON.stringify(name)}: there are ${
          [...Object.keys(POOL_OPTIONS), "name", ...functions].join(", ")
        }`,
      );
    }
  }
  return { opts, name: given ?? nameOf(opts), limits: limitsOf(opts) };
}

/** As the semantic conventions of OpenTelemetry have it: where the connections are to. */
function nameOf(opts: Opts): string {
  const { hosts = ["localhost"], ports = [5432], socket, db } = settingsOf(opts);
  const place = socket ?? hosts.map((host, i) => `${host}:${ports[i] ?? ports[0] ?? 5432}`).join(",");
  return db === undefined ? place : `${place}/${db}`;
}

function limitsOf(opts: Opts): Limits {
  const settings = settingsOf(opts);
  const limits = Object.fromEntries(
    POOL_OPTION_LIST.map(([name, { unit, default: initial = Infinity }]) => {
      const value = settings[name] ?? initial;
      return [name, unit === "time" && value === 0 ? Infinity : value];
    }),
  ) as Limits;
  const poolMaxIdleConn = Math.min(limits.poolMaxIdleConn, limits.poolMaxConcurrency);
  return { ...limits, poolMaxIdleConn, poolMinIdle: Math.min(limits.poolMinIdle, poolMaxIdleConn) };
}

function isLimit(name: string): name is PoolOptionName & keyof PoolLimits {
  return Object.hasOwn(POOL_OPTIONS, name);
}
