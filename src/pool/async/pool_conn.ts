/** The connections of a pool, as the pool itself uses them. */
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

  constructor(opened: OpenedConnection) {
    super(opened);
    this.opened = opened;
    this.context = new CallContext(opened.state);
  }

  /** Whether nothing is under way, nor left over. */
  get isReleased(): boolean {
    const { state, link } = this.opened;
    return !link.isRunning && isReleased(state, state.listeners);
  }

  /** Undoes what is left over, once the calls already made are over, which may take that many milliseconds. */
  async release(timeout: number): Promise<void> {
    await this.opened.link.run(sessionCalls.release(this.context, timeout));
  }

  /** Makes a round trip; the connection is closed if that takes longer. */
  async check(timeout: number): Promise<void> {
    await this.opened.link.run(sessionCalls.check(timeout));
  }
}

/** A connection of the pool, and how long it has been there. */
export type Entry = PoolEntry<PoolConn>;
