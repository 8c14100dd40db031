/** Batching: quick statements of several callers share a connection. */
import { eventLoopTurn } from "../../runtime/clock.ts";
import { queueMicrotask } from "../../timers.ts";
import { BATCH_BUDGET } from "../latency_estimate.ts";
import type { Entry } from "./pool_conn.ts";

/** Batches the calls that come at the same time. */
export class Batching {
  readonly #max: number;
  readonly #maxUses: number;
  /** The connection that the current batch is sent on. */
  #group: { readonly entry: Entry; cost: number } | undefined = undefined;
  #turn: Promise<void> | undefined = undefined;
  /** How many callers wait for the end of this turn of the event loop. */
  waiting = 0;

  /** At most `max` callers share a connection, which is handed out at most `maxUses` times. */
  constructor(max: number, maxUses: number) {
    this.#max = max;
    this.#maxUses = maxUses;
  }

  /** Whether a call that takes `cost` milliseconds may be batched. */
  accepts(cost: number): boolean {
    return cost <= BATCH_BUDGET && this.#max > 1;
  }

  /** Whether it waits for others that come in the same turn of the event loop, while so many connections are in use. */
  mayWait(cost: number, leased: number): boolean {
    return leased >= BATCHING_THRESHOLD && this.accepts(cost);
  }

  /** The connection of the current batch, if there is room for one more call. */
  join(cost: number): Entry | undefined {
    const group = this.#group;
    if (group === undefined) return undefined;
    const { entry } = group;
    const isOver = entry.users === 0 || entry.conn.closed;
    if (isOver || !this.hasRoom(entry) || group.cost + cost > BATCH_BUDGET) return undefined;
    group.cost += cost;
    entry.shares = ++entry.users;
    return entry;
  }

  /** Whether one more caller may share a connection. */
  hasRoom({ users, uses }: Entry): boolean {
    return users < this.#max && uses < this.#maxUses;
  }

  /** Begins a batch, which other calls can join until the next microtask. */
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

/** How many connections must be in use before calls wait to be batched: they keep the client and the server busy. */
const BATCHING_THRESHOLD = 3;
