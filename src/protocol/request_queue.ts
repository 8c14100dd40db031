/** The pending requests of a session, in the order of submission. */
import type { PendingRequest } from "./request.ts";

/** First in, first out. A linked list, because there is mostly one request or none. */
export class RequestQueue {
  first: PendingRequest<unknown> | undefined = undefined;
  last: PendingRequest<unknown> | undefined = undefined;
  /** Requests that were withdrawn, and whose bytes are still in the outbox. */
  withdrawn: PendingRequest<unknown>[] = [];

  get all(): PendingRequest<unknown>[] {
    const requests: PendingRequest<unknown>[] = [];
    for (let pending = this.first; pending !== undefined; pending = pending.next) requests.push(pending);
    return requests;
  }

  push(pending: PendingRequest<unknown>): void {
    pending.previous = this.last;
    if (this.last === undefined) this.first = pending;
    else this.last.next = pending;
    this.last = pending;
  }

  /** The first request after this one, which may have left the queue already. */
  behind(pending: PendingRequest<unknown>): PendingRequest<unknown> | undefined {
    return this.#has(pending) ? pending.next : this.first;
  }

  /** Whether a caller may wait for the outcome of a request behind this one, which may have left the queue already. */
  hasCallersBehind(pending: PendingRequest<unknown>): boolean {
    let inspected = 0;
    for (let other = this.behind(pending); other !== undefined; other = other.next) {
      // If callers give up one by one, the latest first, each would otherwise inspect all that gave up before.
      if (!other.isAbandoned || ++inspected > MAX_INSPECTED) return true;
    }
    return false;
  }

  /** Removes a request of which nothing was sent; it may have left the queue already. */
  withdraw(pending: PendingRequest<unknown>): void {
    if (this.#has(pending)) this.#remove(pending);
    this.withdrawn.push(pending);
  }

  /** The withdrawn requests, whose bytes leave the outbox now. Those of other requests move up. */
  takeWithdrawn(): readonly PendingRequest<unknown>[] {
    const withdrawn = this.withdrawn.sort((a, b) => a.position - b.position);
    this.withdrawn = [];
    let dropped = 0;
    let next = 0;
    for (let pending = this.first; pending !== undefined; pending = pending.next) {
      for (; next < withdrawn.length && withdrawn[next]!.position < pending.position; next++) {
        dropped += withdrawn[next]!.length;
      }
      pending.position -= dropped;
    }
    return withdrawn;
  }

  shift(): PendingRequest<unknown> | undefined {
    const pending = this.first;
    if (pending === undefined) return undefined;
    this.first = pending.next;
    if (this.first === undefined) this.last = undefined;
    else this.first.previous = undefined;
    // A reference to one request must not keep those behind it alive.
    pending.next = undefined;
    return pending;
  }

  #remove(pending: PendingRequest<unknown>): void {
    const { previous, next } = pending;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    pending.previous = pending.next = undefined;
  }

  #has(pending: PendingRequest<unknown>): boolean {
    return pending.next !== undefined || pending === this.last;
  }
}

/** The number of requests inspected to find a caller behind one; beyond it, one is assumed. */
const MAX_INSPECTED = 64;
