/** Pools that share a limit: a pool and its views. */

/** One of them, as the others see it. */
export interface GroupMember {
  /** How many connections it has, with those that are being opened. */
  readonly size: number;
  /** How many callers wait. */
  readonly waiting: number;
  /** How many connections its callers use. One that is only being checked will serve a caller. */
  readonly inUse: number;
  /** Closes a connection that has been idle for that many milliseconds. False if it has none. */
  yieldIdle(milliseconds: number): boolean;
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

  /** Whether as many callers wait as may: one for each connection that nobody uses, and `maxWaiting` more. */
  isCrowded(maxWaiting: number): boolean {
    if (maxWaiting === Infinity) return false;
    const free = this.#members.reduce((free, { inUse }) => free - inUse, this.#max);
    return this.#members.reduce((sum, { waiting }) => sum + waiting, 0) >= maxWaiting + free;
  }

  /**
   * Closes another member's idle connection, so that there is room for a caller. A member with less than its share gets it
   * from one that has more, and one that has none from any; beyond its share, it only gets what is not in use. With
   * `always`, since nobody else runs, it gets any. False if there is none.
   */
  makeRoom(member: GroupMember, always: boolean = false): boolean {
    return this.#members.some((other) => {
      return other !== member && other.yieldIdle(always || this.#comesBefore(member, other) ? 0 : UNUSED);
    });
  }

  /** Whether the next connection that a member releases is closed for callers of another member. */
  mustYield(member: GroupMember): boolean {
    if (this.#members.length === 1) return false;
    return this.#members.some((other) => other !== member && other.waiting > 0 && this.#comesBefore(other, member)) &&
      !this.hasRoom;
  }

  /** When a member whose callers wait should look again whether another one's connections are not in use. */
  retryAt({ waiting }: GroupMember, now: () => number): number {
    return this.#members.length > 1 && waiting > 0 && !this.hasRoom ? now() + UNUSED / 5 : Infinity;
  }

  /** Whether a member takes precedence over another one that has connections. */
  #comesBefore(member: GroupMember, other: GroupMember): boolean {
    const share = this.#share;
    return member.size === 0 || (member.size < share && other.size > share);
  }

  /** How many connections each member may have that has some, or has callers that wait. */
  get #share(): number {
    const active = this.#members.filter(({ size, waiting }) => size + waiting > 0).length;
    return Math.max(1, Math.floor(this.#max / Math.max(1, active)));
  }

  /** Lets the others open connections for callers that wait. */
  serveOthers(member: GroupMember): void {
    if (this.#members.length === 1) return;
    for (const other of this.#members) if (other !== member && other.waiting > 0) other.serve();
  }
}

/** Milliseconds of idleness after which a connection counts as not in use. */
const UNUSED = 5000;
