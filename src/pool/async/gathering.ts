/** Quick statements of several callers, which go on one connection together. */
import { turn } from "../../runtime/clock.ts";
import { TOGETHER } from "../pace.ts";
import type { Member } from "./pool_conn.ts";

/** Those that come at the same time. */
export class Gathering {
  readonly #max: number;
  /** To whom what comes now is given, as it is sent in one go. */
  #group: { readonly member: Member; cost: number } | undefined = undefined;
  #turn: Promise<void> | undefined = undefined;
  /** How many wait for this turn of the event loop to be over. */
  waiting = 0;

  /** At most `max` callers share a connection. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether what takes so many milliseconds may go with others. */
  takes(cost: number): boolean {
    return cost <= TOGETHER && this.#max > 1;
  }

  /** The connection of those that came just now, if there is room for one more. */
  join(cost: number): Member | undefined {
    const group = this.#group;
    if (group === undefined) return undefined;
    const { member } = group;
    const isFull = member.users === 0 || member.users >= this.#max || group.cost + cost > TOGETHER;
    if (isFull || member.conn.closed) return undefined;
    group.cost += cost;
    member.shares = ++member.users;
    return member;
  }

  /** What else comes at the same time can join. */
  open(member: Member, cost: number): void {
    this.#group = { member, cost };
    queueMicrotask(() => this.#group = undefined);
  }

  /** Waits until this turn of the event loop is over. */
  async endOfTurn(): Promise<void> {
    this.waiting++;
    await (this.#turn ??= this.#end());
    this.waiting--;
  }

  async #end(): Promise<void> {
    await turn();
    this.#turn = undefined;
  }
}
