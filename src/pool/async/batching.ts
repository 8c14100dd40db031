/** Quick statements of several callers, which go on one connection together. */
import { eventLoopTurn } from "../../runtime/clock.ts";
import { BATCH_BUDGET } from "../latency_estimate.ts";
import type { Entry } from "./pool_conn.ts";

/** Those that come at the same time. */
export class Batching {
  readonly #max: number;
  /** To whom what comes now is given, as it is sent in one go. */
  #group: { readonly entry: Entry; cost: number } | undefined = undefined;
  #turn: Promise<void> | undefined = undefined;
  /** How many wait for this turn of the event loop to be over. */
  waiting = 0;

  /** At most `max` callers share a connection. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether what takes so many milliseconds may go with others. */
  accepts(cost: number): boolean {
    return cost <= BATCH_BUDGET && this.#max > 1;
  }

  /** The connection of those that came just now, if there is room for one more. */
  join(cost: number): Entry | undefined {
    const group = this.#group;
    if (group === undefined) return undefined;
    const { entry } = group;
    const isFull = entry.users === 0 || entry.users >= this.#max || group.cost + cost > BATCH_BUDGET;
    if (isFull || entry.conn.closed) return undefined;
    group.cost += cost;
    entry.shares = ++entry.users;
    return entry;
  }

  /** What else comes at the same time can join. */
  open(entry: Entry, cost: number): void {
    this.#group = { entry, cost };
    queueMicrotask(() => this.#group = undefined);
  }

  /** Waits until this turn of the event loop is over. */
  async endOfTurn(): Promise<void> {
    this.waiting++;
    await (this.#turn ??= this.#end());
    this.waiting--;
  }

  async #end(): Promise<void> {
    await eventLoopTurn();
    this.#turn = undefined;
  }
}
