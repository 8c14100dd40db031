/**
 * Notifications: each that was confirmed is heard once, and in order, unless a gap was told. It goes by
 * when calls began and ended: what was confirmed before another was sent comes before it.
 */
import { performance } from "node:perf_hooks";
import type { Pool } from "../../mod.ts";
import type { Fate, Watch } from "./watch.ts";

/** A notification that was not heard yet, or whose call is under way. */
interface Sent {
  readonly began: number;
  confirmed: number;
  fate: Fate | undefined;
  /** Whether nothing more is asked of it: it was heard, or a gap may have swallowed it. */
  isSettled: boolean;
}

/** One channel, and what was sent to it. */
export class News {
  readonly channel: string;
  heard = 0;
  gaps = 0;
  readonly #watch: Watch;
  readonly #sent = new Map<number, Sent>();
  readonly #recent = new Set<number>();
  #last = 0;

  constructor(channel: string, watch: Watch) {
    this.channel = channel;
    this.#watch = watch;
  }

  /** Sends one; `send` is told the payload. */
  async send(send: (payload: string) => Promise<Fate>): Promise<void> {
    const id = ++this.#last;
    const sent: Sent = { began: performance.now(), confirmed: Infinity, fate: undefined, isSettled: false };
    this.#sent.set(id, sent);
    sent.fate = await send(String(id));
    sent.confirmed = sent.fate === "done" ? performance.now() : Infinity;
    if (sent.isSettled) this.#sent.delete(id);
    this.#prune();
  }

  /** Listens until it is ended. */
  async listen(pool: Pool, signal: AbortSignal): Promise<void> {
    const notifications = await pool.listen(this.channel);
    signal.addEventListener("abort", () => void notifications[Symbol.asyncDispose]());
    for await (const { gap, payload } of notifications) {
      if (gap) this.#gap();
      else this.#hear(Number(payload));
    }
  }

  /** What was confirmed and not heard. */
  get missing(): number[] {
    return [...this.#sent].filter(([, { fate, isSettled }]) => fate === "done" && !isSettled).map(([id]) => id);
  }

  #hear(id: number): void {
    this.heard++;
    if (this.#recent.has(id)) this.#watch.wrong(`${this.channel}: ${id} was heard twice`);
    this.#recent.add(id);
    const sent = this.#sent.get(id);
    if (sent === undefined) return;
    if (sent.fate === "undone") this.#watch.wrong(`${this.channel}: ${id} was heard, although it was undone`);
    for (const [other, { confirmed, isSettled }] of this.#sent) {
      if (confirmed >= sent.began || isSettled) continue;
      this.#watch.wrong(`${this.channel}: ${other} was not heard before ${id}, and there was no gap`);
      this.#sent.delete(other);
    }
    this.#settle(id, sent);
  }

  #gap(): void {
    this.gaps++;
    for (const [id, sent] of this.#sent) this.#settle(id, sent);
  }

  #settle(id: number, sent: Sent): void {
    sent.isSettled = true;
    if (sent.fate !== undefined) this.#sent.delete(id);
  }

  /** Those of which nothing is known need not be remembered for ever. */
  #prune(): void {
    if (this.#recent.size > MANY) this.#recent.delete(this.#recent.values().next().value!);
    if (this.#sent.size <= MANY) return;
    for (const [id, { fate }] of this.#sent) {
      if (fate === "done" || fate === undefined) continue;
      return void this.#sent.delete(id);
    }
  }
}

const MANY = 1000;
