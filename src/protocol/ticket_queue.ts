/** What was submitted and has no outcome yet, in its order. */
import type { Ticket } from "./request.ts";

/** First in, first out: a chain, as most of the time there is one or none. */
export class TicketQueue {
  first: Ticket<unknown> | undefined = undefined;
  last: Ticket<unknown> | undefined = undefined;

  get all(): Ticket<unknown>[] {
    return chain(this.first);
  }

  push(ticket: Ticket<unknown>): void {
    ticket.previous = this.last;
    if (this.last === undefined) this.first = ticket;
    else this.last.next = ticket;
    this.last = ticket;
  }

  /** The first after this one, which may have left the queue already. */
  behind(ticket: Ticket<unknown>): Ticket<unknown> | undefined {
    return this.#has(ticket) ? ticket.next : this.first;
  }

  remove(ticket: Ticket<unknown>): void {
    if (!this.#has(ticket)) return;
    const { previous, next } = ticket;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    ticket.previous = ticket.next = undefined;
  }

  shift(): Ticket<unknown> | undefined {
    const ticket = this.first;
    if (ticket === undefined) return undefined;
    this.first = ticket.next;
    if (this.first === undefined) this.last = undefined;
    else this.first.previous = undefined;
    // Who keeps a ticket is not to keep those behind it.
    ticket.next = undefined;
    return ticket;
  }

  #has(ticket: Ticket<unknown>): boolean {
    return ticket.next !== undefined || ticket === this.last;
  }
}

function chain(first: Ticket<unknown> | undefined): Ticket<unknown>[] {
  const tickets: Ticket<unknown>[] = [];
  for (let ticket = first; ticket !== undefined; ticket = ticket.next) tickets.push(ticket);
  return tickets;
}
