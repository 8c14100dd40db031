/**
 * The state of a pool: which connections are idle, which are in use, which have expired. It uses no clock and no
 * socket: callers pass the time, and it calls back to close connections.
 */
import type { Limits } from "./limits.ts";

/** A connection, as the pool state sees it. */
export interface PooledConnection {
  /** Whether it was closed or lost. */
  readonly closed: boolean;
}

/** A connection of the pool. */
export interface PoolEntry<C extends PooledConnection> {
  readonly conn: C;
  /** When its lifetime ends. */
  expires: number;
  /** How often the pool had been drained when the connection was opened. */
  readonly generation: number;
  /** Since when it is idle. */
  idleSince: number;
  /** Whether it must be checked before it is used, however short it was idle. */
  isSuspect: boolean;
  /** How many callers use it now, and how many got it at the same time. */
  users: number;
  shares: number;
  /** How often it was handed out. */
  uses: number;
}

/** Counts of a pool's connections and callers, now and since the pool was made. */
export interface PoolStats {
  /** The maximum number of connections: `poolMaxConcurrency`. */
  readonly max: number;
  /** The number of connections: idle, leased and opening. */
  readonly size: number;
  /** The number of idle connections. */
  readonly idle: number;
  /** The number of connections in use. */
  readonly leased: number;
  /** The number of connections that are being opened. */
  readonly opening: number;
  /** The number of waiting callers. */
  readonly waiting: number;
  /** How many times a connection was handed out. */
  readonly acquired: number;
  /** How many times a caller had to wait for a connection. */
  readonly waited: number;
  /** The total time that callers waited, in milliseconds. */
  readonly waitMilliseconds: number;
  /** How many times a caller gave up waiting, or was refused. */
  readonly refused: number;
  /** The number of connections that were opened. */
  readonly opened: number;
  /** The number of failed attempts to connect. */
  readonly failed: number;
  /** The number of connections that the pool closed, or found lost. */
  readonly closed: number;
  /** Of a pool over several hosts: what each of them is, and how many connections lead to it. */
  readonly hosts?: readonly HostStats[] | undefined;
}

/** A host of a pool. */
export interface HostStats {
  /** Its name and port. */
  readonly host: string;
  /** What it was when a connection to it was last opened, or attempted. */
  readonly role: "primary" | "standby" | "unreachable" | "unknown";
  /** The number of connections to it. */
  readonly size: number;
}

/** The counts of a pool and its views, which share the maximum. */
export function sumOfStats(all: readonly PoolStats[]): PoolStats {
  return all.reduce((sum, stats) => {
    const added = Object.fromEntries(COUNTS.map((name) => [name, sum[name] + stats[name]])) as Pick<PoolStats, Count>;
    const { hosts = sum.hosts } = stats;
    const sizes = (host: string): number => sum.hosts?.find((other) => other.host === host)?.size ?? 0;
    const all = hosts?.map((known) => hosts === sum.hosts ? known : { ...known, size: known.size + sizes(known.host) });
    return { ...added, max: sum.max, ...(all === undefined ? {} : { hosts: all }) };
  });
}

/** A figure that is added up. */
type Count = Exclude<keyof PoolStats, "max" | "hosts">;

const COUNTS: readonly Count[] = [
  "size",
  "idle",
  "leased",
  "opening",
  "waiting",
  "acquired",
  "waited",
  "waitMilliseconds",
  "refused",
  "opened",
  "failed",
  "closed",
];

/** Counts of a pool's callers. */
export type CallerCounters = { [Name in "acquired" | "waited" | "waitMilliseconds" | "refused"]: number };

/** The connections of a pool. */
export class PoolState<C extends PooledConnection> {
  readonly limits: Limits;
  readonly #random: () => number;
  /** Closes a connection that leaves the pool. */
  readonly #close: (conn: C) => void;
  /** In order of last use. The most recently used one is taken first, so that superfluous ones expire. */
  readonly #idle: PoolEntry<C>[] = [];
  readonly #leased = new Set<PoolEntry<C>>();
  /** Counters of callers. */
  readonly counters: CallerCounters = { acquired: 0, waited: 0, waitMilliseconds: 0, refused: 0 };
  #opening = 0;
  #generation = 0;
  #opened = 0;
  #failed = 0;
  #closed = 0;

  /** `random` gives numbers from 0 to 1. */
  constructor(limits: Limits, random: () => number, close: (conn: C) => void) {
    this.limits = limits;
    this.#random = random;
    this.#close = close;
  }

  /** The counts of connections, and of callers with `waiting` among them. */
  stats(waiting: number): PoolStats {
    return {
      ...this.counters,
      waiting,
      max: this.limits.poolMaxConcurrency,
      size: this.size,
      idle: this.#idle.length,
      leased: this.#leased.size,
      opening: this.#opening,
      opened: this.#opened,
      failed: this.#failed,
      closed: this.#closed,
    };
  }

  /** How many connections there are, with those that are being opened. */
  get size(): number {
    return this.#idle.length + this.#leased.size + this.#opening;
  }

  /** How many connections are being opened. */
  get opening(): number {
    return this.#opening;
  }

  /** How many more connections should be idle. */
  get missingIdle(): number {
    return Math.max(0, this.limits.poolMinIdle - this.#idle.length - this.#opening);
  }

  /** How many connections are in use. */
  get leasedCount(): number {
    return this.#leased.size;
  }

  /** The connections in use. */
  get leased(): Iterable<PoolEntry<C>> {
    return this.#leased;
  }

  /** The connections that are idle or in use. */
  get entries(): readonly PoolEntry<C>[] {
    return [...this.#idle, ...this.#leased];
  }

  /** Whether no connection is in use or being opened. */
  get isQuiet(): boolean {
    return this.#leased.size === 0 && this.#opening === 0;
  }

  /** Takes an idle connection. Closes those that are no longer usable. */
  take(now: number): PoolEntry<C> | undefined {
    for (let entry = this.#idle.pop(); entry !== undefined; entry = this.#idle.pop()) {
      if (this.#isUsable(entry, now)) {
        entry.users = entry.shares = 1;
        this.#leased.add(entry);
        return entry;
      }
      this.#discard(entry);
    }
    return undefined;
  }

  /** Counts that a connection is handed out to a caller. */
  handedOut(entry: PoolEntry<C>): void {
    this.counters.acquired++;
    entry.uses++;
  }

  /** Whether an entry's connection may be dead: it was idle for so long, or another one to its host has failed. */
  isStale({ idleSince, isSuspect }: PoolEntry<C>, now: number): boolean {
    return now - idleSince > STALE || isSuspect;
  }

  /** Takes a connection back. False if it was closed instead. `wanted`: whether a caller waits for it. */
  return(entry: PoolEntry<C>, now: number, wanted: boolean): boolean {
    if (!this.#leased.delete(entry)) return false;
    if (!this.#isUsable(entry, now) || (!wanted && this.#idle.length >= this.limits.poolMaxIdleConn)) {
      this.#discard(entry);
      return false;
    }
    entry.idleSince = now;
    entry.isSuspect = false;
    this.#idle.push(entry);
    return true;
  }

  /** Puts back a connection that was taken and not used. */
  returnUnused(entry: PoolEntry<C>): void {
    this.#leased.delete(entry);
    this.#idle.push(entry);
  }

  /** Closes a connection that is in use. */
  remove(entry: PoolEntry<C>): void {
    if (this.#leased.delete(entry)) this.#discard(entry);
  }

  /**
   * Counts a connection that is being opened, and returns the pool's generation. {@linkcode opened} or {@linkcode
   * openFailed} must follow.
   */
  beginOpening(): number {
    this.#opening++;
    return this.#generation;
  }

  /** Adds an opened connection, in use by one caller. `generation` is what {@linkcode beginOpening} returned. */
  opened(conn: C, generation: number, now: number): PoolEntry<C> {
    this.#opening--;
    this.#opened++;
    const { poolMaxLifetime } = this.limits;
    const expires = poolMaxLifetime === Infinity ? Infinity : now + poolMaxLifetime * (1 - JITTER * this.#random());
    const entry: PoolEntry<C> = {
      conn,
      expires,
      generation,
      idleSince: now,
      isSuspect: false,
      users: 1,
      shares: 1,
      uses: 0,
    };
    this.#leased.add(entry);
    return entry;
  }

  /** Counts a connection that could not be opened. */
  openFailed(): void {
    this.#opening--;
    this.#failed++;
  }

  /** Closes idle connections that have expired, the least recently used first. */
  sweep(now: number): void {
    for (const entry of [...this.#idle]) {
      const isSpare = this.#idle.length > this.limits.poolMinIdle;
      const isIdleTooLong = isSpare && now >= entry.idleSince + this.limits.poolIdleTimeout;
      if (isIdleTooLong || !this.#isUsable(entry, now)) this.#removeIdle(entry);
    }
  }

  /** Removes an idle connection that was lost. */
  lost(conn: C): void {
    const entry = this.#idle.find((entry) => entry.conn === conn);
    if (entry !== undefined) this.#removeIdle(entry);
  }

  /** Closes the connections that were stale at that time and are idle since, if they are alike. */
  dropStale(then: number, isAlike: (conn: C) => boolean = () => true, suspectsToo: boolean = true): void {
    for (const entry of [...this.#idle]) {
      const isStale = suspectsToo ? this.isStale(entry, then) : then - entry.idleSince > STALE;
      if (isStale && isAlike(entry.conn)) this.#removeIdle(entry);
    }
  }

  /** Has idle connections checked before they are used. */
  suspect(isSuspect: (conn: C) => boolean): void {
    for (const entry of this.#idle) if (isSuspect(entry.conn)) entry.isSuspect = true;
  }

  /** Closes connections that are no longer wanted: idle ones now, those in use when they are returned. */
  retire(isUnwanted: (conn: C) => boolean): void {
    for (const entry of [...this.#idle]) if (isUnwanted(entry.conn)) this.#removeIdle(entry);
    for (const entry of this.#leased) if (isUnwanted(entry.conn)) entry.expires = -Infinity;
  }

  /** Closes the idle connection that was used least recently, if that was before then. False if there is none. */
  yieldIdle(then: number): boolean {
    const [entry] = this.#idle;
    if (entry === undefined || entry.idleSince > then) return false;
    this.#removeIdle(entry);
    return true;
  }

  /** When the next idle connection expires. */
  get nextSweepAt(): number {
    const spare = this.#idle.length > this.limits.poolMinIdle;
    let due = Infinity;
    for (const { expires, idleSince } of this.#idle) {
      due = Math.min(due, expires, spare ? idleSince + this.limits.poolIdleTimeout : Infinity);
    }
    return due;
  }

  /** Closes all idle connections. */
  clear(): void {
    for (const entry of this.#idle.splice(0)) this.#discard(entry);
  }

  /** Closes all idle connections, and those in use or being opened when they are returned. */
  drain(): void {
    this.#generation++;
    this.clear();
  }

  #isUsable({ conn, expires, generation, uses }: PoolEntry<C>, now: number): boolean {
    return !conn.closed && generation === this.#generation && now < expires && uses < this.limits.poolMaxUses;
  }

  /** Closes an idle connection. */
  #removeIdle(entry: PoolEntry<C>): void {
    this.#idle.splice(this.#idle.indexOf(entry), 1);
    this.#discard(entry);
  }

  #discard({ conn }: PoolEntry<C>): void {
    this.#closed++;
    this.#close(conn);
  }
}

/** The fraction of its lifetime by which a connection may expire earlier, at random, so that not all expire at once. */
const JITTER = 0.1;
/** Milliseconds of idleness after which a connection is checked before it is used. */
const STALE = 1000;
