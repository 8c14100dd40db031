/** The connections of a pool, as the pool itself uses them. */
import { hostName } from "../../connect/host_roles.ts";
import { CallContext } from "../../connection/call_context.ts";
import * as sessionCalls from "../../connection/session_calls.ts";
import { isReleased } from "../../features/release.ts";
import type { PooledConnection, PoolEntry } from "../pool_state.ts";
import { Conn } from "../../async/conn.ts";
import type { OpenedConnection } from "../../async/opened.ts";

/** A connection of the pool, as the pool itself uses it. */
export class PoolConn extends Conn implements PooledConnection {
  readonly opened: OpenedConnection;
  readonly context: CallContext;
  /** The name of the host that it leads to. */
  readonly host: string;

  constructor(opened: OpenedConnection) {
    super(opened);
    this.opened = opened;
    this.context = new CallContext(opened.state);
    this.host = hostName(opened.link.endpoint);
  }

  /** Whether no call is under way, and there is nothing to clean up. */
  get isReleased(): boolean {
    const { state, link } = this.opened;
    return !link.isRunning && isReleased(state, state.listeners);
  }

  /** Cleans up after the calls already made. The clean-up and those calls may take `timeout` milliseconds. */
  async release(timeout: number): Promise<void> {
    await this.opened.link.run(sessionCalls.release(this.context, timeout));
  }

  /** Makes a round trip. If it takes longer than `timeout` milliseconds, the connection is closed. */
  async check(timeout: number): Promise<void> {
    await this.opened.link.run(sessionCalls.check(timeout));
  }
}

/** A connection of the pool, and how long it has been there. */
export type Entry = PoolEntry<PoolConn>;
