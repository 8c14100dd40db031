/** The leases of a pool's connections. */
import { UsageError } from "../errors.ts";

/** The right to use a connection of a pool. */
export class Lease {
  #end: "released to its pool" | "closed" | undefined = undefined;

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
  end(how: "released to its pool" | "closed" = "released to its pool"): boolean {
    if (this.isEnded) return false;
    this.#end = how;
    return true;
  }
}
