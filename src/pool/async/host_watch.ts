/**
 * Watches the hosts of a pool that awaits: whether they answer, and whether they are still what they were.
 *
 * A call that has missed its timeout puts the other connections to its host in doubt. They are checked before they are
 * used, and if the host does not even accept a new connection, all of them are closed. A host that is no longer what the
 * pool needs is left at once; the pool returns to one that was passed over when `hostRecheck` is over.
 */
import { Abort } from "../../abort.ts";
import { ConnectionError } from "../../errors.ts";
import type { HostChoice } from "../../connect/host_choice.ts";
import { hostName } from "../../connect/host_roles.ts";
import { ProbedAddress } from "../../connect/server_address.ts";
import type { Settings } from "../../options/settings.ts";
import { atMost, now } from "../../runtime/clock.ts";
import type { Log } from "../../telemetry/log.ts";
import { open } from "../../async/opened.ts";
import { poolClosed } from "../failure.ts";
import type { PoolState } from "../pool_state.ts";
import type { Connector } from "./connector.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";

/** What a pool is, as its watch needs to know it. */
export interface WatchedPool {
  readonly name: string;
  readonly settings: Settings;
  readonly log: Log | undefined;
  readonly choice: HostChoice;
  readonly state: PoolState<PoolConn>;
  readonly connector: Connector;
  /** Called when connections were closed, so that others are opened. */
  onChange(): void;
}

/** The watch over the hosts of one pool. */
export class HostWatch {
  readonly #pool: WatchedPool;
  readonly #abort = new Abort();
  /** The hosts that are being asked whether they answer. */
  readonly #probing = new Set<string>();
  /** Until when the answer of a host is relied on. */
  readonly #answered = new Map<string, number>();
  /** When hosts that were passed over are looked at again. */
  recheckAt: number = Infinity;

  constructor(pool: WatchedPool) {
    this.#pool = pool;
  }

  /** Watches a new connection, whose opening took that long. */
  opened(conn: PoolConn, milliseconds: number): void {
    const { choice } = this.#pool;
    choice.opened(conn.host, milliseconds);
    conn.opened.onRoleDoubt = (isRefusal) => this.#doubtRole(conn, isRefusal);
    conn.opened.link.onOverdue = () => this.suspect(conn);
    if (choice.isBalanced || (choice.isList && choice.isUnsuitable(conn.host, now()))) this.#planRecheck();
  }

  /** Ends the watch over a connection that is being closed. */
  closed(conn: PoolConn): void {
    this.#pool.choice.closed(conn.host);
    conn.opened.onRoleDoubt = conn.opened.link.onOverdue = undefined;
  }

  /** Asks no host any more. */
  close(): void {
    this.recheckAt = Infinity;
    this.#abort.abort(poolClosed());
  }

  /** Checks whether a connection that was idle for a while still works, and closes it if it does not. */
  async check({ conn }: Entry): Promise<void> {
    const startedAt = now();
    try {
      const checking = conn.check(CHECK_TIMEOUT);
      if (!await atMost(checking.catch(() => {}), this.#patienceFor(conn.host))) this.suspect(conn);
      await checking;
    } catch {
      await conn.close({ timeout: 0 });
      // If this connection died while idle (a NAT time-out), those idle at least as long are presumed dead.
      // The probe tells of those that are only suspected.
      this.#pool.state.dropStale(startedAt, ({ host }) => host === conn.host, false);
    }
  }

  /** A host has missed a timeout: its connections are checked before they are used, and it is asked for a new one. */
  suspect({ host }: PoolConn): void {
    const { state, settings } = this.#pool;
    state.suspect((conn) => conn.host === host);
    // A function that dials may lead to a server with one session only.
    if (settings.dial !== undefined || this.#probing.has(host) || now() < (this.#answered.get(host) ?? 0)) return;
    void this.#probe(host);
  }

  async #probe(host: string): Promise<void> {
    this.#probing.add(host);
    let answers = false;
    for (let isLate = true; isLate && !answers;) {
      const startedAt = now();
      answers = await this.#answers(host);
      // A program that was busy meanwhile has not seen the answer.
      isLate = now() - startedAt > this.#patienceFor(host) + TOLERANCE;
    }
    this.#probing.delete(host);
    if (answers) this.#answered.set(host, now() + PROBE_INTERVAL);
    else if (!this.#abort.aborted) this.#condemn(host);
  }

  #patienceFor(host: string): number {
    return this.#pool.choice.roles.patienceFor(host);
  }

  /** Whether a host gives a session, or refuses one, in time. */
  async #answers(host: string): Promise<boolean> {
    const { settings, choice: { roles } } = this.#pool;
    const limited = { ...settings, connectTimeout: Math.ceil(this.#patienceFor(host)) };
    try {
      const { state, link } = await open(limited, this.#abort, new ProbedAddress(host, roles));
      state.beginClosing();
      await link.close();
      return true;
    } catch (error) {
      return !(error instanceof ConnectionError);
    }
  }

  /** Closes the connections to a host that does not answer. If there are other hosts, callers do not wait for it. */
  #condemn(host: string): void {
    const { name, log, state, choice } = this.#pool;
    log?.warn("host does not answer", { pool: name, host });
    choice.roles.found(host, undefined, now());
    state.retire((conn) => conn.host === host);
    if (choice.isList) {
      const reason = new ConnectionError(`${host} does not answer`);
      for (const { conn } of [...state.leased]) if (conn.host === host) conn.opened.link.destroy(reason);
      // Some of them may wait for this host.
      this.#pool.connector.restart(reason);
    }
    this.#pool.onChange();
  }

  /** A server has refused to write, or reports that it is no standby any more: is it what the pool needs? */
  #doubtRole({ host, opened: { state: { session } } }: PoolConn, isRefusal: boolean): void {
    const { name, log, state, choice } = this.#pool;
    const role = choice.changedRole(host, session, isRefusal, now());
    if (role === undefined) return;
    log?.warn("host has changed its role", { pool: name, host, isStandby: role.isStandby });
    state.retire((conn) => conn.host === host);
    this.#pool.onChange();
  }

  /** Looks again at hosts that were passed over, if it is time. */
  recheck(time: number): void {
    if (time < this.recheckAt) return;
    this.recheckAt = Infinity;
    void this.#recheck();
  }

  async #recheck(): Promise<void> {
    const { state, choice } = this.#pool;
    await Promise.all(choice.outdated(now()).map((endpoint) => this.#answers(hostName(endpoint))));
    if (this.#abort.aborted) return;
    const time = now();
    if (choice.hasSuitable(time)) state.retire(({ host }) => choice.isUnsuitable(host, time));
    if (choice.isBalanced) this.#rebalance();
    if (state.entries.some(({ conn }) => choice.isBalanced || choice.isUnsuitable(conn.host, time))) {
      this.#planRecheck();
    }
    this.#pool.onChange();
  }

  /** Closes the connections of a host that are more than its share, since another one is back. */
  #rebalance(): void {
    const { state, choice } = this.#pool;
    const surplus = choice.surplus();
    state.retire(({ host }) => {
      const left = surplus.get(host) ?? 0;
      surplus.set(host, left - 1);
      return left > 0;
    });
  }

  #planRecheck(): void {
    const { lifetime } = this.#pool.choice.roles;
    if (this.recheckAt === Infinity) this.recheckAt = now() + Math.max(lifetime, MIN_RECHECK);
  }
}

/** Milliseconds for a connection to answer. */
const CHECK_TIMEOUT = 2000;
/** The least milliseconds between two looks at hosts that were passed over. */
const MIN_RECHECK = 100;
/** Milliseconds for which a host counts as answering after it has answered. */
const PROBE_INTERVAL = 500;
/** Milliseconds by which timers are late in a program that is not too busy. */
const TOLERANCE = 150;
