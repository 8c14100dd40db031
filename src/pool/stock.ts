/**
 * The connections of a pool: which are idle, which are in use, which have had their time. It knows no
 * clock and no socket: it is told what time it is, and tells which connections to close.
 */
import type { Limits } from "./limits.ts";

/** What the stock has to know of a connection. */
export interface Pooled {
  /** Whether it was closed or lost. */
  readonly closed: boolean;
}

/** A connection of the pool. */
export interface Member<C extends Pooled> {
  readonly conn: C;
  /** When it is too old. */
  readonly expires: number;
  /** How often the pool had been drained when it was opened. */
  readonly generation: number;
  /** Since when nobody has used it. */
  idleSince: number;
  /** How many use it now, and to how many it was given in one go. */
  users: number;
  shares: number;
}

/** How many connections of which kind, and what has become of callers and connections since the pool was made. */
export interface PoolStats {
  /** How many there may be: `poolMaxConcurrency`. */
  readonly max: number;
  /** How many there are: idle, leased and opening. */
  readonly size: number;
  /** Waiting to be used. */
  readonly idle: number;
  /** In use. */
  readonly leased: number;
  /** Being opened. */
  readonly opening: number;
  /** Callers that wait for one. */
  readonly waiting: number;
  /** How often one was handed out. */
  readonly acquired: number;
  /** How often a caller had to wait for that. */
  readonly waited: number;
  /** How long they waited, all together, in milliseconds. */
  readonly waitMilliseconds: number;
  /** How often a caller gave up waiting, or was turned away. */
  readonly refused: number;
  /** How many were opened. */
  readonly opened: number;
  /** How many attempts to open one failed. */
  readonly failed: number;
  /** How many were closed by the pool, or found lost. */
  readonly closed: number;
}

/** The connections of a pool. */
export class Stock<C extends Pooled> {
  readonly limits: Limits;
  readonly #random: () => number;
  /** What closes a connection that the pool gives up. */
  readonly #close: (conn: C) => void;
  /** The one used last at the end: it is used first, so that those nobody needs get old. */
  readonly #idle: Member<C>[] = [];
  readonly #leased = new Set<Member<C>>();
  /** What has become of callers. */
  readonly tally: { acquired: number; waited: number; waitMilliseconds: number; refused: number } = {
    acquired: 0,
    waited: 0,
    waitMilliseconds: 0,
    refused: 0,
  };
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

  /** How many there are, and what there was. */
  stats(waiting: number): PoolStats {
    return {
      ...this.tally,
      waiting,
      max: this.limits.max,
      size: this.#size,
      idle: this.#idle.length,
      leased: this.#leased.size,
      opening: this.#opening,
      opened: this.#opened,
      failed: this.#failed,
      closed: this.#closed,
    };
  }

  /** How many are being opened. */
  get opening(): number {
    return this.#opening;
  }

  /** Whether another one may be opened. */
  get hasRoom(): boolean {
    return this.#size < this.limits.max;
  }

  /** How many more should be idle. */
  get missing(): number {
    return Math.max(0, this.limits.minIdle - this.#idle.length - this.#opening);
  }

  /** How many are in use. */
  get leasedCount(): number {
    return this.#leased.size;
  }

  /** Those in use. */
  get leased(): Iterable<Member<C>> {
    return this.#leased;
  }

  /** Those that are idle or leased. */
  get members(): readonly Member<C>[] {
    return [...this.#idle, ...this.#leased];
  }

  /** Whether nothing is in use or being opened. */
  get quiet(): boolean {
    return this.#leased.size === 0 && this.#opening === 0;
  }

  /** Takes an idle one out that is not too old. */
  take(now: number): Member<C> | undefined {
    for (let member = this.#idle.pop(); member !== undefined; member = this.#idle.pop()) {
      if (this.#isUsable(member, now)) {
        member.users = member.shares = 1;
        this.#leased.add(member);
        return member;
      }
      this.#discard(member);
    }
    return undefined;
  }

  /** Whether one has been idle for so long that it may be dead without anybody having noticed. */
  isStale(member: Member<C>, now: number): boolean {
    return now - member.idleSince > STALE;
  }

  /** Takes one back; whether it can be used again. `wanted` says that somebody waits for it. */
  put(member: Member<C>, now: number, wanted: boolean): boolean {
    if (!this.#leased.delete(member)) return false;
    if (!this.#isUsable(member, now) || (!wanted && this.#idle.length >= this.limits.maxIdle)) {
      this.#discard(member);
      return false;
    }
    member.idleSince = now;
    this.#idle.push(member);
    return true;
  }

  /** Puts one back that was not used after all. */
  putBack(member: Member<C>): void {
    this.#leased.delete(member);
    this.#idle.push(member);
  }

  /** Gives one up that was taken out. */
  remove(member: Member<C>): void {
    if (this.#leased.delete(member)) this.#discard(member);
  }

  /** One is being opened: {@linkcode opened} or {@linkcode openFailed} will follow. */
  open(): number {
    this.#opening++;
    return this.#generation;
  }

  /** It is open, and in use. `generation` is what {@linkcode open} has said. */
  opened(conn: C, generation: number, now: number): Member<C> {
    this.#opening--;
    this.#opened++;
    const { maxLifetime } = this.limits;
    const expires = maxLifetime === Infinity ? Infinity : now + maxLifetime * (1 - JITTER * this.#random());
    const member: Member<C> = { conn, expires, generation, idleSince: now, users: 1, shares: 1 };
    this.#leased.add(member);
    return member;
  }

  /** It could not be opened. */
  openFailed(): void {
    this.#opening--;
    this.#failed++;
  }

  /** Gives up idle ones that have had their time, oldest use first. */
  sweep(now: number): void {
    for (const member of [...this.#idle]) {
      const isSpare = this.#idle.length > this.limits.minIdle;
      const isIdleTooLong = isSpare && now >= member.idleSince + this.limits.idleTimeout;
      if (isIdleTooLong || !this.#isUsable(member, now)) this.#drop(member);
    }
  }

  /** Gives up an idle one whose connection is gone. */
  lost(conn: C): void {
    const member = this.#idle.find((member) => member.conn === conn);
    if (member !== undefined) this.#drop(member);
  }

  /** Gives up the idle ones that might have been dead at that time, and were not used since. */
  dropStale(then: number): void {
    for (const member of [...this.#idle]) if (this.isStale(member, then)) this.#drop(member);
  }

  /** When there will be something to sweep. */
  get due(): number {
    const spare = this.#idle.length > this.limits.minIdle;
    let due = Infinity;
    for (const { expires, idleSince } of this.#idle) {
      due = Math.min(due, expires, spare ? idleSince + this.limits.idleTimeout : Infinity);
    }
    return due;
  }

  /** Gives up all idle ones. */
  clear(): void {
    for (const member of this.#idle.splice(0)) this.#discard(member);
  }

  /** Gives up all idle ones, and those in use or being opened once they come back. */
  drain(): void {
    this.#generation++;
    this.clear();
  }

  get #size(): number {
    return this.#idle.length + this.#leased.size + this.#opening;
  }

  #isUsable({ conn, expires, generation }: Member<C>, now: number): boolean {
    return !conn.closed && generation === this.#generation && now < expires;
  }

  /** Gives up an idle one. */
  #drop(member: Member<C>): void {
    this.#idle.splice(this.#idle.indexOf(member), 1);
    this.#discard(member);
  }

  #discard({ conn }: Member<C>): void {
    this.#closed++;
    this.#close(conn);
  }
}

/** The part of the lifetime by which one may be shorter than the other. */
const JITTER = 0.1;
/** Milliseconds of idleness after which a connection is asked whether it lives. */
const STALE = 1000;
