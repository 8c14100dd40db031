/** The leases of a pool's connections. */
import { type ServerFields, UsageError } from "../errors.ts";

type NoticeListener = (notice: ServerFields) => void;

/** The right to use a connection of a pool. */
export class Lease {
  #end: "given back to its pool" | "closed" | undefined = undefined;
  #onNotice: NoticeListener | undefined = undefined;
  #deliver: NoticeListener | undefined = undefined;

  /** Whether it has ended. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Throws once it has ended. */
  check(action: string): void {
    if (this.#end === undefined) return;
    throw new UsageError(`Cannot ${action}: the connection was ${this.#end}`);
  }

  /** Ends it; false if it had ended before. */
  end(how: "given back to its pool" | "closed" = "given back to its pool"): boolean {
    if (this.isEnded) return false;
    this.#end = how;
    this.#onNotice = undefined;
    return true;
  }

  /** The listener that its user has set. */
  get onNotice(): NoticeListener | undefined {
    return this.#onNotice;
  }

  /**
   * Sets the listener of the lease's user, and returns the one that the connection calls. That one refers to the
   * lease weakly: the connection outlives the lease, and must not keep it from being garbage-collected.
   */
  listen(listener: NoticeListener | undefined): NoticeListener | undefined {
    this.check("set onNotice");
    this.#onNotice = listener;
    return listener && (this.#deliver ??= deliverTo(new WeakRef(this)));
  }
}

function deliverTo(lease: WeakRef<Lease>): NoticeListener {
  return (notice) => lease.deref()?.onNotice?.(notice);
}
