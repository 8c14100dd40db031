/** The limits of a pool, made from its options. */
import { UsageError } from "../errors.ts";
import { canonicalName } from "../options/aliases.ts";
import { bad, checkFunction, isOptions } from "../options/option_values.ts";
import { POOL_OPTION_LIST, POOL_OPTIONS, type PoolOptionName } from "../options/pool_options.ts";
import type { OptsObject } from "../options/opts_object.ts";
import { type Opts, settingsOf } from "../options/opts.ts";
import { type Target, toOpts } from "../options/target.ts";

/** The limits of a pool: the options of {@linkcode Opts} whose names begin with `pool`. They override those of its target. */
export type PoolLimits =
  & { readonly [N in keyof OptsObject as N extends `pool${string}` ? N : never]?: OptsObject[N] }
  & {
    /** The pool's name in events and logs. Default: its host, port and database. */
    readonly name?: string | undefined;
  };

/** All limits of a pool, by the names of their options; times in milliseconds, Infinity for no limit. */
export type Limits = Readonly<Record<PoolOptionName, number>>;

/**
 * Parses the target and options of a pool. `functions` names the options that are functions; unknown
 * options are refused.
 */
export function poolOpts(
  target: Target,
  options: unknown,
  functions: readonly string[],
): { readonly opts: Opts; readonly name: string; readonly limits: Limits } {
  if (options !== undefined && !isOptions(options)) {
    throw new UsageError("Cannot use the pool's options: they must be an object such as { poolMaxConcurrency: 20 }");
  }
  let opts = toOpts(target);
  let given: string | undefined;
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value === undefined) continue;
    if (functions.includes(name)) {
      checkFunction(name, value);
    } else if (isLimit(name)) {
      opts = opts[name](value as number);
    } else if (name === "name") {
      if (typeof value !== "string") throw bad("name", value, "it must be a string");
      given = value;
    } else {
      const known = `there are ${[...Object.keys(POOL_OPTIONS), "name", ...functions].join(", ")}`;
      throw new UsageError(`Cannot use option ${JSON.stringify(name)}: ${poolOptionInstead(name) ?? known}`);
    }
  }
  return { opts, name: given ?? nameOf(opts), limits: limitsOf(opts) };
}

/** What to use instead of another client's name of a pool's option, such as `max`. */
function poolOptionInstead(name: string): string | undefined {
  const advice = canonicalName(name, "option");
  return Object.keys(POOL_OPTIONS).some((option) => advice?.includes(option)) ? advice : undefined;
}

/** The default name, as in OpenTelemetry's semantic conventions: the server's address. */
function nameOf(opts: Opts): string {
  const { hosts = ["localhost"], ports = [5432], socket, db } = settingsOf(opts);
  const place = socket ?? hosts.map((host, i) => `${host}:${ports[i] ?? ports[0] ?? 5432}`).join(",");
  return db === undefined ? place : `${place}/${db}`;
}

function limitsOf(opts: Opts): Limits {
  const settings = settingsOf(opts);
  const limits = Object.fromEntries(
    POOL_OPTION_LIST.map(([name, { isUnlimitedAtZero, default: initial = Infinity }]) => {
      const value = settings[name] ?? initial;
      return [name, isUnlimitedAtZero && value === 0 ? Infinity : value];
    }),
  ) as Limits;
  const poolMaxIdleConn = Math.min(limits.poolMaxIdleConn, limits.poolMaxConcurrency);
  return { ...limits, poolMaxIdleConn, poolMinIdle: Math.min(limits.poolMinIdle, poolMaxIdleConn) };
}

function isLimit(name: string): name is PoolOptionName & keyof PoolLimits {
  return Object.hasOwn(POOL_OPTIONS, name);
}
