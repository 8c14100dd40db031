/** The connections of a pool that awaits: opened, handed out, tidied up, closed. */
import { onAbort } from "../../run/aborts.ts";
import { atMost, MAX_MILLISECONDS, now } from "../../runtime/clock.ts";
import { ConnectionError, PyroError, stackFromHere, TimeoutError } from "../../errors.ts";
import { ServerAddress } from "../../connect/route.ts";
import type { Settings } from "../../options/settings.ts";
import { backoff } from "../backoff.ts";
import { goneAtOnce, inVain, isPassing, poolClosed, tooManyWait } from "../failure.ts";
import { Lease } from "../lease.ts";
import { Leaks, type PoolLeak } from "../leaks.ts";
import type { Limits } from "../limits.ts";
import { BUDGET } from "../pace.ts";
import { Queue, type Waiter } from "../queue.ts";
import { type PoolStats, Stock } from "../stock.ts";
import { acquireEvent } from "../../telemetry/events.ts";
import { leakReporter } from "../../telemetry/leak.ts";
import { errorFields, Log } from "../../telemetry/log.ts";
import { acquires, publishSpan } from "../../telemetry/trace.ts";
import { Alarm } from "./alarm.ts";
import type { Conn } from "../../async/conn.ts";
import { Gathering } from "./gathering.ts";
import { open, Opened } from "../../async/opened.ts";
import { type Member, PoolConn } from "./pool_conn.ts";
import { Line, type LineEvents } from "./pool_line.ts";

/** What users of a pool want to be told, and to decide. */
export interface SupplyHooks {
  onConnect(conn: Conn): void | Promise<void>;
  /** Undefined where nobody wants to decide, so that nothing has to be waited for. */
  readonly onRelease: ((conn: Conn) => boolean | void | Promise<boolean | void>) | undefined;
  readonly onLeak: ((leak: PoolLeak) => void) | undefined;
}

/** How long somebody waits for a connection. */
export interface Patience {
  /** Milliseconds, 0 for no limit of one's own. */
  readonly timeout: number;
  /** Those that the caller gave, of which `timeout` is what is left. */
  readonly given: number;
  readonly signal: AbortSignal | undefined;
}

/** The connections of a pool. */
export class Supply {
  readonly #name: string;
  readonly #log: Log | undefined;
  readonly #settings: Settings;
  readonly #limits: Limits;
  readonly #hooks: SupplyHooks;
  readonly #stock: Stock<PoolConn>;
  readonly #queue = new Queue<Member>();
  readonly #gathering: Gathering;
  readonly #leaks: Leaks<Member>;
  readonly #alarm = new Alarm(() => this.#tick());
  readonly #address = new ServerAddress();
  /** Connections that say goodbye. */
  readonly #leaving = new Set<Promise<void>>();
  /** Ends attempts to connect when nobody waits for them any more. */
  readonly #cut = new AbortController();
  /** Whether the server has been reached since the last failure. */
  #isReached = false;
  /** Whether it was ever reached: what fails then is likely to pass. */
  #wasReached = false;
  /** How many connections are asked whether they work. */
  #checking = 0;
  #failures = 0;
  #lastFailure: unknown = undefined;
  /** Until when nobody tries to connect. */
  #pauseUntil = 0;
  /** Whether what failed last may succeed later. */
  #mayPass = false;
  #closing: Promise<void> | undefined = undefined;
  #onQuiet: (() => void) | undefined = undefined;

  constructor(name: string, settings: Settings, limits: Limits, hooks: SupplyHooks) {
    this.#name = name;
    this.#log = Log.of(settings);
    this.#settings = settings;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#gathering = new Gathering(limits.maxPipelined);
    this.#stock = new Stock(limits, Math.random, (conn) => this.#dismiss(conn));
    this.#leaks = new Leaks(
      limits.leakTimeout,
      now,
      leakReporter(name, this.#log, hooks.onLeak),
      (member) => void this.#reclaim(member),
    );
  }

  /** How many there are of what. */
  get stats(): PoolStats {
    return this.#stock.stats(this.#queue.length);
  }

  /** Whether it gives no more. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** A connection that is there, was in use a moment ago, and need not be waited for. */
  takeNow(cost: number = Infinity): Member | undefined {
    return this.closed || acquires.isObserved || this.#canGather(cost) ? undefined : this.#takeIdle(cost);
  }

  /** Whether it is better to wait for what else comes in this turn: enough is under way to keep everybody busy. */
  #canGather(cost: number): boolean {
    return this.#gathering.takes(cost) && this.#stock.leasedCount >= BUSY && this.#queue.length === 0;
  }

  /** What is quick goes with others that come at the same time. */
  #takeIdle(cost: number): Member | undefined {
    if (this.#queue.length > 0) return undefined;
    const joined = this.#gathering.join(cost);
    if (joined !== undefined) {
      this.#stock.tally.acquired++;
      return joined;
    }
    const member = this.#takeFresh();
    if (member !== undefined && this.#gathering.takes(cost)) this.#gathering.open(member, cost);
    return member;
  }

  #takeFresh(): Member | undefined {
    const time = now();
    const member = this.#stock.take(time);
    if (member === undefined) return undefined;
    if (this.#stock.isStale(member, time)) {
      this.#stock.putBack(member);
      return undefined;
    }
    this.#stock.tally.acquired++;
    return member;
  }

  /** A connection that works, once there is one. `cost` is how many milliseconds it is likely to be needed for, Infinity for who needs it alone. */
  take(patience: Patience, cost: number): Promise<Member> {
    if (!acquires.isObserved) return this.#take(patience, cost);
    return publishSpan(acquires, () => acquireEvent(this.#name), async (event) => {
      const member = await this.#take(patience, cost);
      if (event !== undefined) event.connection = member.conn.opened.core.observer.info;
      return member;
    });
  }

  #take(patience: Patience, cost: number): Promise<Member> {
    const { signal } = patience;
    if (this.closed) return Promise.reject(poolClosed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#canGather(cost)) return this.#takeWithOthers(patience, cost);
    const member = this.#queue.length === 0 ? this.#takeFresh() : undefined;
    return member === undefined ? this.#queueUp(patience, cost) : Promise.resolve(member);
  }

  /** Takes one when this turn of the event loop is over. */
  async #takeWithOthers(patience: Patience, cost: number): Promise<Member> {
    await this.#gathering.endOfTurn();
    return this.#takeIdle(cost) ?? await this.#queueUp(patience, cost);
  }

  /** Waits for one that comes back, or is opened. */
  #queueUp({ timeout, given, signal }: Patience, cost: number): Promise<Member> {
    if (this.#cut.signal.aborted) return Promise.reject(poolClosed());
    const { maxWaiting, max, acquireTimeout } = this.#limits;
    // Those that are not in use, or only asked whether they work, will do for as many.
    if (this.#queue.length >= maxWaiting + max - this.#stock.leasedCount + this.#checking) {
      this.#stock.tally.refused++;
      return Promise.reject(tooManyWait(maxWaiting));
    }
    const since = now();
    const isOwn = timeout > 0 && timeout < acquireTimeout;
    const limit = isOwn
      ? { timeout: given, by: since + timeout }
      : { timeout: acquireTimeout, by: since + acquireTimeout };
    return this.#wait(since, limit, signal, cost);
  }

  /** What to tell a caller whose waiting has failed; made where the caller is. */
  explained(error: unknown): unknown {
    // It was made where the pool has tried to connect.
    if (error instanceof PyroError) stackFromHere(error);
    if (!(error instanceof Late)) return error;
    return new TimeoutError(
      `Cannot acquire a connection: there was none within ${error.milliseconds} ms; ${inVain(this.stats)}`,
      { outcome: "not sent", ...(this.#failures === 0 ? {} : { cause: this.#lastFailure }) },
    );
  }

  /** Takes a connection back. Resolves when somebody else can have it. */
  give(member: Member): Promise<void> | undefined {
    if (--member.users > 0) return undefined;
    const { conn } = member;
    if (conn.closed || (conn.isReleased && this.#hooks.onRelease === undefined)) return this.#put(member);
    return this.#tidyUp(member);
  }

  /** Has a connection watched that its user gives back. */
  lease(member: Member, place: Error): { readonly opened: Opened; readonly end: () => void } {
    const { core, link } = member.conn.opened;
    const lease = new Lease();
    return { opened: new Opened(core, link, lease), end: this.watch(lease, member, place) };
  }

  /** Has a connection watched until the function is called, or nobody has the lease any more. */
  watch(lease: Lease, member: Member, place: Error): () => void {
    const { core } = member.conn.opened;
    const { onNotice } = core;
    const end = this.#leaks.watch(lease, member, place, () => core.onNotice = onNotice);
    this.#alarm.set(this.#leaks.due);
    return end;
  }

  /** As the limit of that name. */
  get acquireTimeout(): number {
    return this.#limits.acquireTimeout;
  }

  /** Whether such a failure to connect is likely to pass. */
  passes(error: unknown): boolean {
    return this.#wasReached && isPassing(error);
  }

  /** Opens a connection to listen on, beyond the pool's own. */
  async openLine(events: LineEvents): Promise<Line> {
    const conn = await this.#connect();
    this.#wasReached = true;
    return new Line(conn, conn.opened, events);
  }

  /** Has all connections forget what they know of types. */
  reloadTypes(): void {
    for (const { conn } of this.#stock.members) conn.opened.core.registry.invalidateTypes();
  }

  /** Closes idle connections, and those in use once they come back. */
  async drain(): Promise<void> {
    this.#stock.drain();
    this.#replenish();
    await Promise.all(this.#leaving);
  }

  /** Gives no more to new callers; waits for those in use, and cuts them off when time is over. */
  close(timeout: number): Promise<void> {
    return this.#closing ??= this.#close(timeout);
  }

  async #close(timeout: number): Promise<void> {
    this.#stock.clear();
    if (!this.#isQuiet) {
      await atMost(new Promise<void>((resolve) => this.#onQuiet = resolve), timeout);
    }
    this.#cut.abort(poolClosed());
    for (let waiter = this.#queue.shift(); waiter !== undefined; waiter = this.#queue.shift()) {
      waiter.reject(poolClosed());
    }
    // Those of which callers that waited had the last use, and those that are still being opened.
    this.#stock.drain();
    for (const member of this.#stock.leased) this.#stock.remove(member);
    this.#alarm.clear();
    await Promise.all(this.#leaving);
  }

  get #isQuiet(): boolean {
    return this.#queue.length === 0 && this.#gathering.waiting === 0 && this.#stock.quiet;
  }

  #put(member: Member): undefined {
    this.#stock.put(member, now(), this.#queue.length > 0);
    this.#serve();
  }

  /** What the user has left over is closed and rolled back; where that fails, the connection goes. */
  async #tidyUp(member: Member): Promise<void> {
    const { conn } = member;
    try {
      await conn.release(TIDYING);
      const keep = await inTime("onRelease", this.#hooks.onRelease?.(conn), TIDYING);
      if (keep === false || !conn.isReleased) await conn.close({ timeout: 0 });
    } catch (error) {
      this.#log?.error("connection not tidied up", { pool: this.#name, ...errorFields(error) });
      await conn.close({ timeout: 0 });
    }
    this.#put(member);
  }

  #wait(
    since: number,
    { timeout, by }: Pick<Waiter<Member>, "timeout" | "by">,
    signal: AbortSignal | undefined,
    cost: number,
  ): Promise<Member> {
    const { tally } = this.#stock;
    return new Promise<Member>((resolve, reject) => {
      const settle = (): void => {
        tally.waited++;
        tally.waitMilliseconds += now() - since;
        unwatch?.();
        if (this.#queue.length === 0) this.#alarm.keepProcess(false);
      };
      const waiter: Waiter<Member> = {
        timeout,
        by,
        cost,
        resolve: (member) => {
          settle();
          tally.acquired++;
          resolve(member);
        },
        reject: (error) => {
          settle();
          tally.refused++;
          reject(error);
        },
      };
      const abort = (): void => {
        this.#queue.remove(waiter);
        waiter.reject(signal!.reason);
        this.#rest();
      };
      const unwatch = signal && onAbort(signal, abort);
      this.#queue.add(waiter);
      // Who has no limit keeps the process alive too.
      this.#alarm.set(Math.min(by, since + MAX_MILLISECONDS));
      this.#alarm.keepProcess(true);
      this.#serve();
    });
  }

  /** Hands out what is there, and sees to it that there will be more. */
  #serve(): void {
    const time = now();
    while (this.#queue.length > 0) {
      const member = this.#stock.take(time);
      if (member === undefined) break;
      // The freshest comes first: behind this one there are none that need not be checked.
      if (this.#stock.isStale(member, time)) {
        if (this.#checking < this.#queue.length) {
          void this.#check(member);
          continue;
        }
        this.#stock.putBack(member);
        break;
      }
      this.#handOut(member);
    }
    this.#replenish();
    this.#rest();
  }

  /** To the next, and in one go to those behind as long as all of them are quick. */
  #handOut(member: Member): void {
    let cost = this.#queue.nextCost;
    this.#queue.shift()!.resolve(member);
    while (member.users < this.#limits.maxPipelined && (cost += this.#queue.nextCost) <= BUDGET) {
      member.users++;
      this.#queue.shift()!.resolve(member);
    }
    member.shares = member.users;
  }

  /** Finds out whether a connection that nobody has used for a while still works. */
  async #check(member: Member): Promise<void> {
    this.#checking++;
    const begun = now();
    try {
      await member.conn.check(CHECKING);
    } catch {
      await member.conn.close({ timeout: 0 });
      // What it did not survive, such as a network that forgets, those have not either that were idle as long.
      this.#stock.dropStale(begun);
    }
    this.#checking--;
    this.#put(member);
  }

  /** Whether a connection may be opened now. While the server has not been reached, one attempt at a time. */
  get #canOpen(): boolean {
    return this.#stock.hasRoom && !this.#isPaused && (this.#isReached || this.#stock.opening === 0);
  }

  /** Whether an attempt would come too early; callers who would be told that it is of no use do not wait for that. */
  get #isPaused(): boolean {
    return now() < this.#pauseUntil && (this.#mayPass || this.#queue.length === 0);
  }

  #replenish(): void {
    while (this.#missing > 0 && this.#canOpen) void this.#open();
  }

  /** How many more are needed: for those who wait, and, once the pool is in use, to have some ready. */
  get #missing(): number {
    const wanted = this.#queue.length - this.#checking - this.#stock.opening;
    return this.#wasReached && !this.closed ? Math.max(wanted, this.#stock.missing) : wanted;
  }

  async #open(): Promise<void> {
    const generation = this.#stock.open();
    let conn: PoolConn;
    try {
      conn = await this.#connect();
    } catch (error) {
      this.#stock.openFailed();
      return this.#openFailed(error);
    }
    if (this.#failures > 0) this.#log?.info("connected again", { pool: this.#name, failures: this.#failures });
    this.#isReached = this.#wasReached = true;
    this.#failures = 0;
    conn.opened.onLost = () => {
      this.#stock.lost(conn);
      this.#replenish();
      this.#rest();
    };
    this.#put(this.#stock.opened(conn, generation, now()));
  }

  async #connect(): Promise<PoolConn> {
    const { signal } = this.#cut;
    const conn = new PoolConn(await open(this.#settings, signal, this.#address));
    const { promise: cut, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort);
    try {
      signal.throwIfAborted();
      // A function that does not come to its end is no reason for the pool not to close.
      const { connectTimeout = 30_000 } = this.#settings;
      await Promise.race([inTime("onConnect", this.#hooks.onConnect(conn), connectTimeout || Infinity), cut]);
      if (!conn.isReleased) await conn.release(TIDYING);
      if (conn.closed) throw goneAtOnce();
      return conn;
    } catch (error) {
      await conn.close({ timeout: 0 });
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #openFailed(error: unknown): void {
    this.#isReached = false;
    this.#lastFailure = error;
    // The way may be another when the server is back.
    this.#address.forget();
    const passes = this.passes(error);
    this.#mayPass = passes;
    if (!passes) this.#queue.shift()?.reject(error);
    // Attempts that were made at the same time have failed for the same reason.
    if ((passes || this.#queue.length === 0) && now() >= this.#pauseUntil) {
      const pause = backoff(++this.#failures, Math.random());
      this.#log?.warn("cannot connect", { pool: this.#name, failures: this.#failures, pause, ...errorFields(error) });
      this.#pauseUntil = now() + pause;
      this.#alarm.set(this.#pauseUntil);
    }
    this.#replenish();
    this.#rest();
  }

  /** What is due is done. */
  #tick(): void {
    const time = now();
    for (const waiter of this.#queue.expired(time)) waiter.reject(new Late(waiter.timeout));
    this.#alarm.set(this.#queue.due);
    this.#leaks.check();
    this.#stock.sweep(time);
    this.#serve();
  }

  /** Sees to it that what comes next is done in time. */
  #rest(): void {
    if (this.#onQuiet !== undefined && this.#isQuiet) this.#onQuiet();
    this.#alarm.set(Math.min(this.#stock.due, this.#leaks.due));
    if (this.#pauseUntil > now()) this.#alarm.set(this.#pauseUntil);
  }

  /** Takes back what nobody can give back, once the calls are over that somebody may still wait for. */
  async #reclaim(member: Member): Promise<void> {
    await member.conn.opened.link.drained(Infinity);
    await this.give(member);
  }

  #dismiss(conn: PoolConn): void {
    conn.opened.onLost = undefined;
    const leaving = conn.close({ timeout: 0 }).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

/** What a function of the user's gives, which may not take for ever. */
async function inTime<T>(name: string, result: T | Promise<T>, milliseconds: number): Promise<T> {
  if (result instanceof Promise && !await atMost(result, milliseconds)) {
    throw new ConnectionError(`Cannot use the connection: ${name} did not come to its end within ${milliseconds} ms`);
  }
  return await result;
}

/** Somebody has waited for too long. */
class Late {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }
}

/** How many connections in use keep the client and the server busy. */
const BUSY = 3;
/** Milliseconds for what a user has left over to end. */
const TIDYING = 5000;
/** Milliseconds for a connection to answer. */
const CHECKING = 2000;
