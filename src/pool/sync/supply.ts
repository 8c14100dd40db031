/** The connections of a pool that blocks: opened, handed out, tidied up, closed. */
import { now } from "../../runtime/clock.ts";
import { immediate } from "../../run/sync_runner.ts";
import { ServerAddress } from "../../connect/route.ts";
import type { Settings } from "../../options/settings.ts";
import { allInUse, goneAtOnce, poolClosed } from "../failure.ts";
import { Lease } from "../lease.ts";
import { Leaks, type PoolLeak } from "../leaks.ts";
import type { Limits } from "../limits.ts";
import { type PoolStats, Stock } from "../stock.ts";
import { acquireEvent } from "../../telemetry/events.ts";
import { leakReporter } from "../../telemetry/leak.ts";
import { errorFields, Log } from "../../telemetry/log.ts";
import { acquires, publishSpanBlocking } from "../../telemetry/trace.ts";
import type { Conn } from "../../sync/conn.ts";
import { open, Opened } from "../../sync/opened.ts";
import { type Member, PoolConn } from "./pool_conn.ts";

/** What users of a pool want to be told, and to decide. */
export interface SupplyHooks {
  onConnect(conn: Conn): void;
  onRelease(conn: Conn): boolean | void;
  readonly onLeak: ((leak: PoolLeak) => void) | undefined;
}

/** The connections of a pool. */
export class Supply {
  readonly #name: string;
  readonly #log: Log | undefined;
  readonly #settings: Settings;
  readonly #hooks: SupplyHooks;
  readonly #stock: Stock<PoolConn>;
  readonly #leaks: Leaks<Member>;
  readonly #address = new ServerAddress();
  /** Connections to listen on. */
  readonly #lines = new Set<PoolConn>();
  #closed = false;

  constructor(name: string, settings: Settings, limits: Limits, hooks: SupplyHooks) {
    this.#name = name;
    this.#log = Log.of(settings);
    this.#settings = settings;
    this.#hooks = hooks;
    this.#stock = new Stock(limits, Math.random, (conn) => conn.close());
    this.#leaks = new Leaks(
      limits.leakTimeout,
      now,
      leakReporter(name, this.#log, hooks.onLeak),
      (member) => this.#reclaim(member),
    );
  }

  /** How many there are of what. */
  get stats(): PoolStats {
    return this.#stock.stats(0);
  }

  /** Whether it gives no more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A connection that works. Nobody else could give one back meanwhile, so there is nothing to wait for. */
  take(): Member {
    return publishSpanBlocking(acquires, () => acquireEvent(this.#name), (event) => {
      const member = this.#take();
      if (event !== undefined) event.connection = member.conn.opened.core.observer.info;
      return member;
    });
  }

  #take(): Member {
    if (this.#closed) throw poolClosed();
    const time = now();
    this.#leaks.check();
    this.#stock.sweep(time);
    const { tally } = this.#stock;
    try {
      for (let member = this.#stock.take(time); member !== undefined; member = this.#stock.take(time)) {
        if (this.#stock.isStale(member, time) && !this.#lives(member)) continue;
        tally.acquired++;
        return member;
      }
      if (!this.#stock.hasRoom) throw allInUse(this.stats);
      const member = this.#open();
      tally.acquired++;
      return member;
    } catch (error) {
      tally.refused++;
      throw error;
    }
  }

  /** Takes a connection back. Throws if `onRelease` has given a promise. */
  give(member: Member): void {
    const { conn } = member;
    try {
      if (!conn.closed) this.#tidyUp(conn);
    } finally {
      this.#stock.put(member, now(), false);
    }
  }

  /** What the user has left over is closed and rolled back; where that fails, the connection goes. */
  #tidyUp(conn: PoolConn): void {
    let keep: unknown;
    try {
      conn.release();
      keep = this.#hooks.onRelease(conn);
      if (keep === false || !conn.isReleased) conn.close();
    } catch (error) {
      this.#log?.error("connection not tidied up", { pool: this.#name, ...errorFields(error) });
      conn.close();
    }
    try {
      immediate(keep, "onRelease of a blocking pool");
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  /** Takes back what nobody can give back; what fails then has no caller. */
  #reclaim(member: Member): void {
    try {
      this.give(member);
    } catch (error) {
      this.#log?.error("connection not tidied up", { pool: this.#name, ...errorFields(error) });
    }
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
    return this.#leaks.watch(lease, member, place, () => core.onNotice = onNotice);
  }

  /** Has all connections forget what they know of types. */
  reloadTypes(): void {
    for (const { conn } of this.#stock.members) conn.opened.core.registry.invalidateTypes();
  }

  /** Closes idle connections, and those in use once they come back. */
  drain(): void {
    this.#stock.drain();
  }

  /** Gives no more, and cuts off what is in use. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stock.drain();
    for (const member of this.#stock.leased) this.#stock.remove(member);
    for (const conn of this.#lines) conn.close();
  }

  /** Opens a connection to listen on, beyond the pool's own. */
  openLine(): PoolConn {
    for (const conn of this.#lines) if (conn.closed) this.#lines.delete(conn);
    const conn = this.#connect();
    this.#lines.add(conn);
    return conn;
  }

  #connect(): PoolConn {
    if (this.#closed) throw poolClosed();
    const conn = new PoolConn(open(this.#settings, this.#address));
    try {
      immediate(this.#hooks.onConnect(conn), "onConnect of a blocking pool");
      conn.release();
      if (conn.closed) throw goneAtOnce();
      return conn;
    } catch (error) {
      conn.close();
      throw error;
    }
  }

  #open(): Member {
    const generation = this.#stock.open();
    let conn: PoolConn;
    try {
      conn = this.#connect();
    } catch (error) {
      this.#stock.openFailed();
      // The way may be another when the server is back.
      this.#address.forget();
      throw error;
    }
    return this.#stock.opened(conn, generation, now());
  }

  /** Whether a connection that nobody has used for a while still works. */
  #lives(member: Member): boolean {
    const begun = now();
    try {
      member.conn.check(CHECKING);
      return true;
    } catch {
      this.#stock.remove(member);
      // What it did not survive, such as a network that forgets, those have not either that were idle as long.
      this.#stock.dropStale(begun);
      return false;
    }
  }
}

/** Milliseconds for a connection to answer. */
const CHECKING = 2000;
