/** The manager of a pool that awaits: it opens, hands out, cleans up and closes connections. */
import { atMost, now } from "../../runtime/clock.ts";
import { PyroError, stackFromHere } from "../../errors.ts";
import type { PoolSettings, Strictness } from "../../connection/strictness.ts";
import type { HostChoice } from "../../connect/host_choice.ts";
import { acquireTimedOut, poolClosed, tooManyWaiting } from "../failure.ts";
import type { Lease } from "../lease.ts";
import type { PoolLeak } from "../leak_detector.ts";
import type { Limits } from "../limits.ts";
import { LatencyEstimate, WAITING_BATCH_BUDGET } from "../latency_estimate.ts";
import type { GroupMember, PoolGroup } from "../pool_group.ts";
import { PoolState, type PoolStats } from "../pool_state.ts";
import { acquireEvent } from "../../telemetry/events.ts";
import { leakReporter } from "../../telemetry/leak.ts";
import { errorFields, Log } from "../../telemetry/log.ts";
import { acquires, publishSpan } from "../../telemetry/channels.ts";
import { Alarm } from "./alarm.ts";
import type { Conn } from "../../async/conn.ts";
import { Batching } from "./batching.ts";
import { type AcquireDeadline, AcquireTimeout, CallerQueue } from "./caller_queue.ts";
import { cleanUp, Connector, type OnConnect } from "./connector.ts";
import type { ConnectionSource } from "./connection_source.ts";
import { HostWatch } from "./host_watch.ts";
import { Leases } from "./leases.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";
import { ListenConnection, type ListenEvents } from "./listen_connection.ts";

/** The callbacks of a pool's options. */
export interface PoolHooks {
  readonly onConnect: OnConnect;
  /** Undefined if the user gave none; a release then need not wait. */
  readonly onRelease: ((conn: Conn) => unknown) | undefined;
  readonly onLeak: ((leak: PoolLeak) => void) | undefined;
}

/** The connections of a pool. */
export class PoolManager implements ConnectionSource, GroupMember {
  readonly name: string;
  readonly latency: LatencyEstimate = new LatencyEstimate();
  readonly #log: Log | undefined;
  readonly #limits: Limits;
  readonly #hooks: PoolHooks;
  readonly #strictness: Strictness | undefined;
  readonly #state: PoolState<PoolConn>;
  readonly #queue: CallerQueue;
  readonly #batching: Batching;
  readonly #leases: Leases;
  readonly #alarm = new Alarm(() => this.#tick());
  readonly #connector: Connector;
  /** Connections that are being opened, and closed. */
  readonly #openings = new Set<Promise<void>>();
  readonly #closings = new Set<Promise<void>>();
  readonly #watch: HostWatch;
  readonly #choice: HostChoice;
  readonly #group: PoolGroup;
  /** How many connections are being checked. */
  #checking = 0;
  #closing: Promise<void> | undefined = undefined;
  #onQuiet: (() => void) | undefined = undefined;

  /** Pools in one group share its limit. */
  constructor(
    name: string,
    settings: PoolSettings,
    limits: Limits,
    hooks: PoolHooks,
    choice: HostChoice,
    group: PoolGroup,
  ) {
    this.#choice = choice;
    this.#group = group;
    this.name = name;
    this.#log = Log.of(settings);
    this.#limits = limits;
    this.#hooks = hooks;
    this.#strictness = settings.strictness;
    this.#connector = new Connector(name, settings, choice, hooks.onConnect, this.#log);
    this.#batching = new Batching(limits.poolMaxPipelined, limits.poolMaxUses);
    this.#state = new PoolState(limits, Math.random, (conn) => this.#closeInBackground(conn));
    this.#queue = new CallerQueue(this.#state, this.#alarm, () => this.#scheduleTick());
    const [log, state, connector] = [this.#log, this.#state, this.#connector];
    this.#watch = new HostWatch({ name, settings, log, choice, state, connector, onChange: () => this.serve() });
    const report = leakReporter(name, log, hooks.onLeak);
    this.#leases = new Leases(limits.poolLeakTimeout, this.#alarm, report, (entry) => void this.release(entry));
  }

  get stats(): PoolStats {
    const stats = this.#state.stats(this.#queue.length);
    return this.#choice.isList ? { ...stats, hosts: this.#choice.stats() } : stats;
  }

  get size(): number {
    return this.#state.size;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get inUse(): number {
    return this.#state.leasedCount - this.#checking;
  }

  yieldIdle(milliseconds: number): boolean {
    return this.#state.yieldIdle(now() - milliseconds);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  acquireIdle(cost: number = Infinity): Entry | undefined {
    this.#strictness?.checkPoolCall();
    return this.closed || acquires.hasSubscribers || this.#canBatch(cost) ? undefined : this.#takeIdle(cost);
  }

  /** Whether to wait for other calls of this turn of the event loop, because enough connections are busy. */
  #canBatch(cost: number): boolean {
    return this.#batching.mayWait(cost, this.#state.leasedCount) && this.#queue.length === 0;
  }

  /** An idle connection; quick calls share one with others that come at the same time. */
  #takeIdle(cost: number): Entry | undefined {
    if (this.#queue.length > 0) return undefined;
    const joined = this.#batching.join(cost);
    if (joined !== undefined) {
      this.#state.handedOut(joined);
      return joined;
    }
    const entry = this.#takeFresh();
    if (entry !== undefined && this.#batching.accepts(cost)) this.#batching.open(entry, cost);
    return entry;
  }

  #takeFresh(): Entry | undefined {
    const time = now();
    const entry = this.#state.take(time);
    if (entry === undefined) return undefined;
    if (this.#state.isStale(entry, time)) {
      this.#state.returnUnused(entry);
      return undefined;
    }
    this.#state.handedOut(entry);
    return entry;
  }

  acquire(deadline: AcquireDeadline, cost: number): Promise<Entry> {
    this.#strictness?.checkPoolCall();
    if (!acquires.hasSubscribers) return this.#acquire(deadline, cost);
    return publishSpan(acquires, () => acquireEvent(this.name), async (event) => {
      const entry = await this.#acquire(deadline, cost);
      if (event !== undefined) event.connection = entry.conn.opened.state.observer.info;
      return entry;
    });
  }

  #acquire(deadline: AcquireDeadline, cost: number): Promise<Entry> {
    const { signal } = deadline;
    if (this.closed) return Promise.reject(poolClosed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#canBatch(cost)) return this.#acquireBatched(deadline, cost);
    const entry = this.#queue.length === 0 ? this.#takeFresh() : undefined;
    return entry === undefined ? this.#enqueue(deadline, cost) : Promise.resolve(entry);
  }

  /** Acquires a connection when this turn of the event loop is over. */
  async #acquireBatched(deadline: AcquireDeadline, cost: number): Promise<Entry> {
    await this.#batching.endOfTurn();
    return this.#takeIdle(cost) ?? await this.#enqueue(deadline, cost);
  }

  /** Waits until a connection is released or opened. */
  #enqueue(deadline: AcquireDeadline, cost: number): Promise<Entry> {
    if (this.#connector.isAborted) return Promise.reject(poolClosed());
    if (this.#group.isCrowded(this.#limits.poolMaxWaiting)) {
      this.#state.counters.refused++;
      return Promise.reject(tooManyWaiting(this.#limits.poolMaxWaiting));
    }
    const waiting = this.#queue.wait(deadline, cost);
    this.serve();
    return waiting;
  }

  acquireError(error: unknown): unknown {
    // The error has the stack of the pool's attempt to connect.
    if (error instanceof PyroError) stackFromHere(error);
    if (!(error instanceof AcquireTimeout)) return error;
    const { failures, lastFailure } = this.#connector;
    return acquireTimedOut(error.milliseconds, this.stats, failures === 0 ? {} : { cause: lastFailure });
  }

  release(entry: Entry, wasUsed: boolean = true): Promise<void> | undefined {
    if (!wasUsed) entry.uses--;
    if (--entry.users > 0) return undefined;
    const { conn } = entry;
    if (conn.closed || (conn.isReleased && this.#hooks.onRelease === undefined)) return this.#returnEntry(entry);
    return this.#cleanUp(entry);
  }

  lease(entry: Entry, acquiredAt: Error): ReturnType<Leases["lease"]> {
    return this.#leases.lease(entry, acquiredAt);
  }

  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void {
    return this.#leases.watch(lease, entry, acquiredAt);
  }

  async filled(): Promise<void> {
    while (this.#openings.size > 0) await Promise.all(this.#openings);
    // Without room, those that are missing are in use. With room, the pool pauses after a failure, or is closed.
    const isFailure = this.#state.missingIdle > 0 && this.#group.hasRoom;
    if (isFailure) throw this.closed ? poolClosed() : this.#connector.lastFailure;
  }

  /** Milliseconds that a caller waits for a connection. */
  get acquireTimeout(): number {
    return this.#limits.poolAcquireTimeout;
  }

  /** Whether a failure to connect is likely to be transient. */
  isTransient(error: unknown): boolean {
    return this.#connector.isTransient(error);
  }

  /** Opens a connection to listen on, beyond the pool's own. */
  async openListenConnection(events: ListenEvents): Promise<ListenConnection> {
    const conn = await this.#connector.connect();
    this.#connector.wasReached = true;
    return new ListenConnection(conn, conn.opened, events);
  }

  /** Invalidates the types of all connections. */
  reloadTypes(): void {
    for (const { conn } of this.#state.entries) conn.opened.state.registry.invalidateTypes();
  }

  /** Closes idle connections, and those in use when they are released. */
  async drain(): Promise<void> {
    this.#state.drain();
    this.#replenish();
    await Promise.all(this.#closings);
  }

  /** Refuses new callers; waits for connections in use, and closes them when time is over. */
  close(timeout: number): Promise<void> {
    return this.#closing ??= this.#close(timeout);
  }

  async #close(timeout: number): Promise<void> {
    this.#state.clear();
    if (!this.#isQuiet) await atMost(new Promise<void>((resolve) => this.#onQuiet = resolve), timeout);
    this.#connector.abort(poolClosed());
    for (let waiter = this.#queue.shift(); waiter !== undefined; waiter = this.#queue.shift()) {
      waiter.reject(poolClosed());
    }
    // This includes the connections that waiting callers got last, and those that are still being opened.
    this.#state.drain();
    for (const entry of this.#state.leased) this.#state.remove(entry);
    this.#leases.end();
    this.#watch.close();
    await Promise.all(this.#openings).then(() => Promise.all(this.#closings));
  }

  get #isQuiet(): boolean {
    return this.#queue.length === 0 && this.#batching.waiting === 0 && this.#state.isQuiet;
  }

  #returnEntry(entry: Entry): undefined {
    if (this.#group.mustYield(this)) this.#state.remove(entry);
    else this.#state.return(entry, now(), this.#queue.length > 0);
    this.#group.serveOthers(this);
    this.serve();
  }

  async #cleanUp(entry: Entry): Promise<void> {
    const logFailure = (error: unknown): void =>
      this.#log?.error("connection not cleaned up", { pool: this.name, ...errorFields(error) });
    await cleanUp(entry.conn, this.#hooks.onRelease, logFailure);
    this.#returnEntry(entry);
  }

  /** Hands out idle connections to waiting callers, and opens more. */
  serve(): void {
    const time = now();
    while (this.#queue.length > 0) {
      const entry = this.#state.take(time);
      if (entry === undefined) break;
      // The most recently used connection comes first, so the others are stale too.
      if (this.#state.isStale(entry, time)) {
        if (this.#checking < this.#queue.length) {
          void this.#check(entry);
          continue;
        }
        this.#state.returnUnused(entry);
        break;
      }
      this.#handOut(entry);
    }
    this.#replenish();
    this.#scheduleTick();
  }

  /**
   * Hands a connection to the next caller, and to the callers after it, as long as all of their statements are quick.
   */
  #handOut(entry: Entry): void {
    let cost = this.#queue.nextCost;
    this.#queue.shift()!.resolve(entry);
    while (this.#batching.hasRoom(entry) && (cost += this.#queue.nextCost) <= WAITING_BATCH_BUDGET) {
      entry.users++;
      this.#queue.shift()!.resolve(entry);
    }
    entry.shares = entry.users;
  }

  /** Checks whether a connection that was idle for a while still works. */
  async #check(entry: Entry): Promise<void> {
    this.#checking++;
    await this.#watch.check(entry);
    this.#checking--;
    this.#returnEntry(entry);
  }

  /** Whether there is room for a connection. While the server has not been reached, one attempt is made at a time. */
  get #canOpen(): boolean {
    return (this.#connector.isReached || this.#state.opening === 0) &&
      (this.#group.hasRoom || (this.#queue.length > 0 && this.#group.makeRoom(this)));
  }

  #replenish(): void {
    while (this.#missingConnections > 0) {
      const pauseEnd = this.#connector.pauseEnd(this.#queue.length > 0);
      // The end of a pause may be reached at any moment, also before the alarm is set.
      if (pauseEnd !== undefined) return this.#alarm.set(pauseEnd);
      if (!this.#canOpen) return;
      const opening = this.#open().finally(() => this.#openings.delete(opening));
      this.#openings.add(opening);
    }
  }

  /** How many more are needed: for waiting callers, and, once the pool is in use, to have some idle. */
  get #missingConnections(): number {
    const wanted = this.#queue.length - this.#checking - this.#state.opening;
    return this.#connector.wasReached && !this.closed ? Math.max(wanted, this.#state.missingIdle) : wanted;
  }

  async #open(): Promise<void> {
    const generation = this.#state.beginOpening();
    const startedAt = now();
    let conn: PoolConn;
    try {
      conn = await this.#connector.connect();
    } catch (error) {
      this.#state.openFailed();
      return this.#openFailed(error);
    }
    this.#connector.succeeded();
    this.#watch.opened(conn, now() - startedAt);
    conn.opened.onLost = () => {
      this.#state.lost(conn);
      this.#replenish();
      this.#scheduleTick();
      this.#group.serveOthers(this);
    };
    this.#returnEntry(this.#state.opened(conn, generation, now()));
  }

  #openFailed(error: unknown): void {
    const isTransient = this.#connector.failed(error);
    if (!isTransient) this.#queue.shift()?.reject(error);
    if (isTransient || this.#queue.length === 0) this.#connector.pause();
    this.#replenish();
    this.#scheduleTick();
  }

  /** Does everything that is due. */
  #tick(): void {
    const time = now();
    this.#queue.expire(time);
    this.#leases.check();
    this.#state.sweep(time);
    this.#watch.recheck(time);
    this.serve();
  }

  /** Sets the alarm for what is due next. */
  #scheduleTick(): void {
    if (this.#onQuiet !== undefined && this.#isQuiet) this.#onQuiet();
    this.#alarm.set(Math.min(this.#state.nextSweepAt, this.#leases.nextCheckAt, this.#watch.recheckAt));
    this.#alarm.set(this.#group.retryAt(this, now));
  }

  #closeInBackground(conn: PoolConn): void {
    conn.opened.onLost = undefined;
    this.#watch.closed(conn);
    const leaving = conn.close({ timeout: 0 }).finally(() => this.#closings.delete(leaving));
    this.#closings.add(leaving);
  }
}
