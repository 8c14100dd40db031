/** The manager of a pool that blocks: it opens, hands out, cleans up and closes connections. */
import { now } from "../../runtime/clock.ts";
import { refusePromise } from "../../run/sync_runner.ts";
import type { PoolSettings } from "../../connection/strictness.ts";
import { isOver } from "../../connect/connect.ts";
import type { HostChoice } from "../../connect/host_choice.ts";
import { ConnectionError } from "../../errors.ts";
import { ServerAddress, verifiedSockets } from "../../connect/server_address.ts";
import { acquireTimedOut, allInUse, lostWhileOpening, poolClosed } from "../failure.ts";
import { Lease } from "../lease.ts";
import { LeakDetector, type PoolLeak } from "../leak_detector.ts";
import type { Limits } from "../limits.ts";
import type { GroupMember, PoolGroup } from "../pool_group.ts";
import { PoolState, type PoolStats } from "../pool_state.ts";
import { acquireEvent } from "../../telemetry/events.ts";
import { leakReporter } from "../../telemetry/leak.ts";
import { errorFields, Log } from "../../telemetry/log.ts";
import { acquires, publishSpanBlocking } from "../../telemetry/channels.ts";
import type { Conn } from "../../sync/conn.ts";
import { open, OpenedConnection } from "../../sync/opened.ts";
import type { ConnectionSource } from "./connection_source.ts";
import { type Entry, PoolConn } from "./pool_conn.ts";

/** The callbacks of a pool's options. */
export interface PoolHooks {
  onConnect(conn: Conn): unknown;
  onRelease(conn: Conn): unknown;
  readonly onLeak: ((leak: PoolLeak) => void) | undefined;
}

/** The connections of a pool. */
export class PoolManager implements ConnectionSource, GroupMember {
  readonly name: string;
  readonly #log: Log | undefined;
  readonly #settings: PoolSettings;
  readonly #hooks: PoolHooks;
  readonly #state: PoolState<PoolConn>;
  readonly #leaks: LeakDetector<Entry>;
  readonly #address: ServerAddress;
  readonly #choice: HostChoice;
  readonly #group: PoolGroup;
  /** When hosts that were passed over are looked at again. */
  #recheckAt = Infinity;
  /** Connections to listen on. */
  readonly #listenConnections = new Set<PoolConn>();
  #closed = false;

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
    this.#address = new ServerAddress(verifiedSockets, choice);
    this.#group = group;
    this.name = name;
    this.#log = Log.of(settings);
    this.#settings = settings;
    this.#hooks = hooks;
    this.#state = new PoolState(limits, Math.random, (conn) => {
      choice.closed(conn.host);
      conn.close();
    });
    this.#leaks = new LeakDetector(
      limits.poolLeakTimeout,
      now,
      leakReporter(name, this.#log, hooks.onLeak),
      (entry) => this.#reclaim(entry),
    );
  }

  /** The pool's figures. */
  get stats(): PoolStats {
    const stats = this.#state.stats(0);
    return this.#choice.isList ? { ...stats, hosts: this.#choice.stats() } : stats;
  }

  get size(): number {
    return this.#state.size;
  }

  /** No caller waits. */
  readonly waiting = 0;

  get inUse(): number {
    return this.#state.leasedCount;
  }

  yieldIdle(milliseconds: number): boolean {
    return this.#state.yieldIdle(now() - milliseconds);
  }

  serve(): void {}

  /** Whether it hands out no more connections. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A working connection. It does not wait for one, because no other caller could release one meanwhile. */
  acquire(timeout?: number, given: number = timeout ?? 0): Entry {
    this.#settings.strictness?.checkPoolCall();
    return publishSpanBlocking(acquires, () => acquireEvent(this.name), (event) => {
      const entry = this.#acquire(timeout, given);
      if (event !== undefined) event.connection = entry.conn.opened.state.observer.info;
      return entry;
    });
  }

  #acquire(timeout: number | undefined, given: number): Entry {
    if (this.#closed) throw poolClosed();
    const time = now();
    const by = typeof timeout === "number" && timeout > 0 ? time + timeout : Infinity;
    this.#leaks.check();
    this.#state.sweep(time);
    this.#recheck(time);
    const { counters } = this.#state;
    try {
      for (let entry = this.#state.take(time); entry !== undefined; entry = this.#state.take(time)) {
        if (this.#state.isStale(entry, time) ? !this.#isAlive(entry) : !this.#isOpen(entry, time)) continue;
        this.#state.handedOut(entry);
        return entry;
      }
      if (!this.#group.hasRoom && !this.#group.makeRoom(this, true)) throw allInUse(this.stats);
      const entry = this.#openInTime(by, given);
      this.#state.handedOut(entry);
      return entry;
    } catch (error) {
      counters.refused++;
      throw error;
    }
  }

  /** Opens connections until as many are open as should be ready, at least one. */
  ready(): void {
    const { poolMinIdle, poolMaxConcurrency } = this.#state.limits;
    const count = Math.min(Math.max(1, poolMinIdle), poolMaxConcurrency - this.#state.leasedCount);
    const taken: Entry[] = [];
    const mayTake = (): boolean =>
      this.#state.size > this.#state.leasedCount || this.#group.hasRoom ||
      (taken.length === 0 && this.#group.makeRoom(this, true));
    try {
      while (taken.length < count && mayTake()) taken.push(this.acquire());
    } finally {
      for (const entry of taken) this.release(entry, false);
    }
  }

  /** Takes a connection back. Throws if `onRelease` has returned a promise. */
  release(entry: Entry, wasUsed: boolean = true): void {
    if (!wasUsed) entry.uses--;
    const { conn } = entry;
    try {
      if (!conn.closed) this.#cleanUp(conn);
    } finally {
      this.#state.return(entry, now(), false);
    }
  }

  /** Closes and rolls back what the user left open; closes the connection if that fails. */
  #cleanUp(conn: PoolConn): void {
    let keep: unknown;
    try {
      conn.release();
      keep = this.#hooks.onRelease(conn);
      if (keep === false || !conn.isReleased) conn.close();
    } catch (error) {
      this.#log?.error("connection not cleaned up", { pool: this.name, ...errorFields(error) });
      conn.close();
    }
    try {
      refusePromise(keep, "onRelease of a blocking pool");
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  /** Takes back a connection whose lease was garbage-collected; an error then has no caller. */
  #reclaim(entry: Entry): void {
    try {
      this.release(entry);
    } catch (error) {
      this.#log?.error("connection not cleaned up", { pool: this.name, ...errorFields(error) });
    }
  }

  /** Leases a connection to a user, and watches it until it is released. */
  lease(entry: Entry, acquiredAt: Error): { readonly opened: OpenedConnection; readonly end: () => void } {
    const { state, link } = entry.conn.opened;
    const lease = new Lease();
    return { opened: new OpenedConnection(state, link, lease), end: this.watch(lease, entry, acquiredAt) };
  }

  /** Watches a connection until the returned function is called, or the lease is garbage-collected. */
  watch(lease: Lease, entry: Entry, acquiredAt: Error): () => void {
    const { state } = entry.conn.opened;
    return this.#leaks.watch(lease, entry, acquiredAt, () => state.handlers.endLease());
  }

  /** Invalidates the types of all connections. */
  reloadTypes(): void {
    for (const { conn } of this.#state.entries) conn.opened.state.registry.invalidateTypes();
  }

  /** Closes idle connections, and those in use when they are released. */
  drain(): void {
    this.#state.drain();
  }

  /** Refuses new callers, and closes all connections. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#state.drain();
    for (const entry of this.#state.leased) this.#state.remove(entry);
    this.#leaks.end();
    for (const conn of this.#listenConnections) conn.close();
  }

  /** Opens a connection to listen on, beyond the pool's own. */
  openListenConnection(by: number): PoolConn {
    for (const conn of this.#listenConnections) if (conn.closed) this.#listenConnections.delete(conn);
    const conn = this.#connect(by);
    this.#listenConnections.add(conn);
    return conn;
  }

  #connect(by: number): PoolConn {
    if (this.#closed) throw poolClosed();
    const conn = new PoolConn(open(this.#settings, this.#address, by));
    try {
      // It can be lost before anybody could be told of that.
      if (conn.closed) throw lostWhileOpening();
      refusePromise(this.#hooks.onConnect(conn), "onConnect of a blocking pool");
      conn.release();
      if (conn.closed) throw lostWhileOpening();
      return conn;
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  /** Opens a connection until `by`, when the `given` milliseconds of the caller are over. */
  #openInTime(by: number, given: number): Entry {
    if (now() >= by) throw acquireTimedOut(given, this.stats, {});
    try {
      return this.#open(by);
    } catch (error) {
      if (!(error instanceof ConnectionError && isOver({ by, now }))) throw error;
      throw acquireTimedOut(given, this.stats, { cause: error });
    }
  }

  #open(by: number): Entry {
    const generation = this.#state.beginOpening();
    const startedAt = now();
    let conn: PoolConn;
    try {
      conn = this.#connect(by);
    } catch (error) {
      this.#state.openFailed();
      // When the server is back, it may have another Unix socket.
      this.#address.invalidate();
      throw error;
    }
    const time = now();
    this.#choice.opened(conn.host, time - startedAt);
    conn.opened.onRoleDoubt = (isRefusal) => this.#doubtRole(conn, isRefusal);
    if (this.#choice.isList) this.#recheckAt = Math.min(this.#recheckAt, time + this.#choice.roles.lifetime);
    return this.#state.opened(conn, generation, time);
  }

  /** A host has missed a timeout: its connections are checked before they are used. */
  suspect({ host }: PoolConn): void {
    this.#state.suspect((conn) => conn.host === host);
  }

  /** A server has refused to write, or reports that it is no standby any more: is it what the pool needs? */
  #doubtRole({ host, opened: { state: { session } } }: PoolConn, isRefusal: boolean): void {
    const role = this.#choice.changedRole(host, session, isRefusal, now());
    if (role === undefined) return;
    this.#log?.warn("host has changed its role", { pool: this.name, host, isStandby: role.isStandby });
    this.#state.retire((conn) => conn.host === host);
  }

  /** If it is time, closes connections to hosts that did not suit, so that new ones find out whether another one does. */
  #recheck(time: number): void {
    if (time < this.#recheckAt) return;
    const { roles, target } = this.#choice;
    this.#recheckAt = Infinity;
    this.#state.retire(({ host }) => roles.isOutdated(host, target, time));
  }

  /** Whether a connection was not lost while it was idle. After a short time nobody looks, which is a system call. */
  #isOpen(entry: Entry, time: number): boolean {
    if (time - entry.idleSince <= UNSEEN || entry.conn.isOpen()) return true;
    this.#state.remove(entry);
    return false;
  }

  /** Whether a connection that was idle for a while still works. */
  #isAlive(entry: Entry): boolean {
    const startedAt = now();
    const { conn: { host }, isSuspect } = entry;
    const { roles } = this.#choice;
    try {
      entry.conn.check(isSuspect ? roles.patienceFor(host) : CHECK_TIMEOUT);
      return true;
    } catch {
      this.#state.remove(entry);
      // If this connection died while idle (a NAT time-out), those idle at least as long are presumed dead.
      this.#state.dropStale(startedAt, (conn) => conn.host === host);
      if (isSuspect) roles.found(host, undefined, now());
      return false;
    }
  }
}

/** Milliseconds for a connection to answer. */
const CHECK_TIMEOUT = 2000;
/** Milliseconds of idleness after which a connection is looked at. */
const UNSEEN = 10;
