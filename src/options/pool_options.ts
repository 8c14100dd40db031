/**
 * The options of pools, in one table. Their keys in connection strings, and the limits of a pool, are made from it. A
 * setter of `Opts` without a row does not compile.
 */
import type { OptionName } from "./opts_object.ts";

/** The name of a pool option: its setter. */
export type PoolOptionName = Extract<OptionName, `pool${string}`>;

/** A number that limits a pool. */
export interface PoolOption {
  /** Its key in connection strings. */
  readonly keyword: string;
  /** A number of things, or a time: milliseconds in setters, seconds in connection strings. */
  readonly unit: "count" | "time";
  /** Whether 0 is no limit, as for all times. */
  readonly isUnlimitedAtZero: boolean;
  /** The least that may be set, and the most. */
  readonly min: number;
  readonly max: number;
  /** Its value if it is not set; undefined if that depends on other options, or is no limit. */
  readonly default: number | undefined;
  /** Other clients' names for it, in small letters and without separators. */
  readonly aliases: string;
}

/** The longest that timers can wait, in milliseconds. */
export const MAX_MILLISECONDS = 0x7fff_ffff;

const COUNT = { unit: "count", isUnlimitedAtZero: false, min: 0, max: 1_000_000 } as const;
const TIME = { unit: "time", isUnlimitedAtZero: true, min: 0, max: MAX_MILLISECONDS } as const;
const MINUTE = 60_000;

/** All pool options. */
export const POOL_OPTIONS: Readonly<Record<PoolOptionName, PoolOption>> = {
  poolMaxConcurrency: {
    ...COUNT,
    keyword: "pool_max_concurrency",
    min: 1,
    default: 10,
    aliases:
      "connectionlimit pool max maxconns maxconnections poolmax poolsize poolmaxconns poolmaxsize poolmaxconnections maxpoolsize " +
      "maximumpoolsize maxsize maxopenconns maxoverflow",
  },
  poolMaxIdleConn: {
    ...COUNT,
    keyword: "pool_max_idle_conn",
    default: undefined,
    aliases: "maxidle maxidleconns maxidleconnections",
  },
  poolMinIdle: {
    ...COUNT,
    keyword: "pool_min_idle",
    default: 0,
    aliases:
      "min minconns minconnections poolmin poolminconns poolminidleconns minpoolsize minimumpoolsize minsize minidle minimumidle",
  },
  poolIdleTimeout: {
    ...TIME,
    keyword: "pool_idle_timeout",
    default: 10 * MINUTE,
    aliases:
      "idletimeout idletimeoutmillis connectionidlelifetime poolmaxconnidletime maxconnidletime maxidleconnectionlifetime",
  },
  poolMaxLifetime: {
    ...TIME,
    keyword: "pool_max_lifetime",
    default: 60 * MINUTE,
    aliases:
      "maxlifetime maxlifetimeseconds connmaxage connectionlifetime poolmaxconnlifetime poolmaxconnlifetimejitter maxconnlifetime " +
      "maxconnectionlifetime poolrecycle loadbalancetimeout",
  },
  poolMaxUses: {
    ...COUNT,
    isUnlimitedAtZero: true,
    keyword: "pool_max_uses",
    default: 0,
    aliases: "maxuses",
  },
  poolAcquireTimeout: {
    ...TIME,
    keyword: "pool_acquire_timeout",
    default: 30_000,
    aliases: "pooltimeout acquiretimeout acquiretimeoutmillis checkouttimeout",
  },
  poolMaxWaiting: {
    ...COUNT,
    keyword: "pool_max_waiting",
    default: undefined,
    aliases: "maxwaiting maxwaitingclients queuelimit",
  },
  poolMaxPipelined: {
    ...COUNT,
    keyword: "pool_max_pipelined",
    min: 1,
    max: 1000,
    default: 16,
    aliases: "maxpipeline maxpipelined",
  },
  poolLeakTimeout: { ...TIME, keyword: "pool_leak_timeout", default: 0, aliases: "leakdetectionthreshold" },
};

/** The table row by row. */
export const POOL_OPTION_LIST: readonly (readonly [PoolOptionName, PoolOption])[] = Object.entries(
  POOL_OPTIONS,
) as [PoolOptionName, PoolOption][];
