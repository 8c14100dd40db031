/** The connections of a pool, as the pool itself uses them. */
import { Calls } from "../../connection/calls.ts";
import { isReleased } from "../../features/release.ts";
import type { Member as Of, Pooled } from "../stock.ts";
import { Conn } from "../../sync/conn.ts";
import type { Opened } from "../../sync/opened.ts";

/** A connection of the pool, as the pool itself uses it. */
export class PoolConn extends Conn implements Pooled {
  readonly opened: Opened;
  readonly calls: Calls;

  constructor(opened: Opened) {
    super(opened.target);
    this.opened = opened;
    this.calls = new Calls(opened.core);
  }

  /** Whether nothing is left over. */
  get isReleased(): boolean {
    const { core } = this.opened;
    return isReleased(core, core.listeners);
  }

  /** Makes a round trip; the connection is closed if that takes longer. */
  check(timeout: number): void {
    this.opened.link.run(this.calls.check(timeout));
  }

  /** Undoes what is left over. */
  release(): void {
    if (!this.isReleased) this.opened.link.run(this.calls.release(TIDYING));
  }
}

/** A connection of the pool, and how long it has been there. */
export type Member = Of<PoolConn>;

/** Milliseconds for what a user has left over to end. */
const TIDYING = 5000;
