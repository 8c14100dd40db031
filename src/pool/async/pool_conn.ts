/** The connections of a pool, as the pool itself uses them. */
import { Calls } from "../../connection/calls.ts";
import { isReleased } from "../../features/release.ts";
import type { PooledConnection, PoolEntry } from "../pool_state.ts";
import { Conn } from "../../async/conn.ts";
import type { OpenedConnection } from "../../async/opened.ts";

/** A connection of the pool, as the pool itself uses it. */
export class PoolConn extends Conn implements PooledConnection {
  readonly opened: OpenedConnection;
  readonly calls: Calls;

  constructor(opened: OpenedConnection) {
    super(opened);
    this.opened = opened;
    this.calls = new Calls(opened.state);
  }

  /** Whether nothing is under way, nor left over. */
  get isReleased(): boolean {
    const { state, link } = this.opened;
    return !link.isRunning && isReleased(state, state.listeners);
  }

  /** Undoes what is left over, once the calls already made are over, which may take that many milliseconds. */
  async release(timeout: number): Promise<void> {
    await this.opened.link.run(this.calls.release(timeout));
  }

  /** Makes a round trip; the connection is closed if that takes longer. */
  async check(timeout: number): Promise<void> {
    await this.opened.link.run(this.calls.check(timeout));
  }
}

/** A connection of the pool, and how long it has been there. */
export type Entry = PoolEntry<PoolConn>;
