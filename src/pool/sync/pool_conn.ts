/** The connections of a pool, as the pool itself uses them. */
import { hostName } from "../../connect/host_roles.ts";
import { CallContext } from "../../connection/call_context.ts";
import * as sessionCalls from "../../connection/session_calls.ts";
import { isReleased } from "../../features/release.ts";
import type { PooledConnection, PoolEntry } from "../pool_state.ts";
import { Conn } from "../../sync/conn.ts";
import type { OpenedConnection } from "../../sync/opened.ts";

/** A connection of the pool, as the pool itself uses it. */
export class PoolConn extends Conn implements PooledConnection {
  readonly opened: OpenedConnection;
  readonly context: CallContext;
  /** The name of the host that it leads to. */
  readonly host: string;

  constructor(opened: OpenedConnection) {
    super(opened.target);
    this.opened = opened;
    this.context = new CallContext(opened.state);
    this.host = hostName(opened.link.endpoint);
  }

  /** Whether there is nothing to clean up. */
  get isReleased(): boolean {
    const { state } = this.opened;
    return isReleased(state, state.listeners);
  }

  /** Makes a round trip. If it takes longer than `timeout` milliseconds, the connection is closed. */
  check(timeout: number): void {
    this.opened.link.run(sessionCalls.check(timeout));
  }

  /** Whether the server has not closed it, as far as can be seen without asking. */
  isOpen(): boolean {
    this.opened.link.look();
    return !this.closed;
  }

  /** Cleans up, if there is anything to clean up. */
  release(): void {
    if (!this.isReleased) this.opened.link.run(sessionCalls.release(this.context, CLEAN_UP_TIMEOUT));
  }
}

/** A connection of the pool, and how long it has been there. */
export type Entry = PoolEntry<PoolConn>;

/** Milliseconds for cleaning up a connection. */
const CLEAN_UP_TIMEOUT = 5000;
