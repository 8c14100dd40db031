/** Pools that share a limit: a pool and its views. */

/** One of them, as the others see it. */
export interface GroupMember {
  /** How many connections it has, with those that are being opened. */
  readonly size: number;
  /** How many callers wait. */
  readonly waiting: number;
  /** Closes an idle connection. False if it has none. */
  yieldIdle(): boolean;
  /** Opens connections for callers that wait. */
  serve(): void;
}

/** Shares a number of connections among pools: an idle connection of one makes room for a caller of another. */
export class PoolGroup {
  readonly #max: number;
  readonly #members: GroupMember[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  add(member: GroupMember): void {
    this.#members.push(member);
  }

  /** Whether another connection may be opened. */
  get hasRoom(): boolean {
    return this.#members.reduce((sum, { size }) => sum + size, 0) < this.#max;
  }

  /** Closes another member's idle connection, so that there is room for a caller. False if none is idle. */
  makeRoom(member: GroupMember): boolean {
    return this.#members.some((other) => other !== member && other.yieldIdle());
  }

  /** Whether callers of another member wait that has no connection at all: the next released one is closed for it. */
  isStarving(member: GroupMember): boolean {
    return this.#members.length > 1 &&
      this.#members.some((other) => other !== member && other.waiting > 0 && other.size === 0);
  }

  /** Lets the others open connections for callers that wait. */
  serveOthers(member: GroupMember): void {
    if (this.#members.length === 1) return;
    for (const other of this.#members) if (other !== member && other.waiting > 0) other.serve();
  }
}
