/**
 * The protocol state of one connection: no I/O, no clock, no promises.
 *
 * Its members are of four kinds. State: the getters and readonly fields. Command:
 * {@linkcode Session.submit}. Input: `inbox.reserve`, `inbox.commit`, {@linkcode Session.lose}.
 * Output: {@linkcode Session.advance}, which is to be called after every input, then
 * {@linkcode Session.takeEvent} and `outbox.pending`.
 *
 * Replies come in the order of the requests, so there is one queue. This file is the only one that
 * handles refusals: it ends the script, fails the ticket and those behind it under the same Sync,
 * and reads on to the ReadyForQuery, after which the next exchange finds the connection in order.
 */
import { ConnectionError, ProtocolError, PyroError, ServerError, type ServerFields, UsageError } from "../errors.ts";
import { Admission, type Demand } from "./admission.ts";
import { notification, parameterStatus, serverFields } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { sync } from "../wire/frontend.ts";
import { ACTIVE, IDLE, Inbox } from "../wire/inbox.ts";
import { Outbox } from "../wire/outbox.ts";
import { Events, type SessionEvent } from "./events.ts";
import { type Conversation, type Exchange, type Failure, type Script, Ticket, type Want } from "./request.ts";
import { errorOf, lostError } from "./failure.ts";
import { isUtf8, Parameters } from "./parameters.ts";
import { TicketQueue } from "./ticket_queue.ts";

export type { SessionEvent } from "./events.ts";

/** Whether a transaction is open, as of the last ReadyForQuery. */
export type TransactionStatus = "idle" | "active" | "failed";

/** The conversation with one server process. */
export class Session {
  readonly outbox: Outbox = new Outbox();
  readonly inbox: Inbox = new Inbox((inbox) => this.#asynchronous(inbox));
  /** What a cancel request must show; undefined where the server or a pooler sent none. */
  key: { readonly processId: number; readonly secret: Uint8Array } | undefined = undefined;
  /** Who may submit. */
  readonly admission: Admission<Conversation> = new Admission();
  /** Why the connection is gone. */
  lost: Error | undefined = undefined;
  /** Called once, when the connection is lost. */
  onLost: (() => void) | undefined = undefined;
  /** Called when nobody waits any more for anything that is outstanding. */
  onUnwanted: (() => void) | undefined = undefined;

  readonly #queue = new TicketQueue();
  readonly #parameters = new Parameters();
  #script: Script<unknown> | undefined = undefined;
  /** Set from an error to the ReadyForQuery that ends its group. */
  #recovery: Recovery | undefined = undefined;
  readonly #events = new Events();
  /** What was taken back, and is still in the outbox. */
  #withdrawn: Ticket<unknown>[] = [];
  /** How many outstanding requests somebody waits for. */
  #wanted = 0;
  /** What was submitted last. */
  #last: Ticket<unknown> | undefined = undefined;
  /** What made the open transaction fail. */
  #spoiled: { readonly failure: Failure; readonly exchange: Exchange<unknown> } | undefined = undefined;

  /** Whether a transaction is open. */
  get transactionStatus(): TransactionStatus {
    const status = this.inbox.transactionStatus;
    return status === IDLE ? "idle" : status === ACTIVE ? "active" : "failed";
  }

  /** The settings that the server reports, by name. */
  get parameters(): Readonly<Record<string, string>> {
    return this.#parameters.object;
  }

  /** Whether all replies have been read. */
  get idle(): boolean {
    return this.#queue.first === undefined && this.#recovery === undefined;
  }

  /** Accepts exchanges of nothing else until {@linkcode vacate}. */
  occupy(conversation: Conversation): void {
    this.check("exclusive", `begin ${conversation.name}`, conversation);
    this.admission.occupy(conversation);
  }

  /** Accepts others again, if it was that one's alone. */
  vacate(conversation: Conversation): void {
    this.admission.vacate(conversation);
  }

  /** Throws if something forbids it; `from` is what it is a part of. */
  check(demand: Demand, action: string, from?: Conversation): void {
    const obstacle = this.admission.forbids(demand, from);
    if (obstacle === undefined) return;
    const message = `Cannot ${action}: ${this.admission.reason(obstacle)}`;
    switch (obstacle) {
      case "lost":
        throw lostError(action, this.lost!, false);
      case "closing":
        throw new ConnectionError(message, { safeToRetry: true });
      default:
        throw new UsageError(message, { safeToRetry: true });
    }
  }

  /** What the server works on, or will next. */
  get oldest(): Ticket<unknown> | undefined {
    return this.#recovery?.tickets[0] ?? this.#queue.first;
  }

  /** The error that made the open transaction fail, made anew; undefined if it has not, or if that was not ours. */
  get spoiledBy(): PyroError | undefined {
    const spoiled = this.transactionStatus === "failed" ? this.#spoiled : undefined;
    return spoiled && errorOf(spoiled.failure, spoiled.exchange);
  }

  /** Everything that has no outcome yet. */
  get outstanding(): readonly Ticket<unknown>[] {
    return [...this.#recovery?.tickets ?? [], ...this.#queue.all];
  }

  /** Whether nothing was submitted after it. */
  isLast(ticket: Ticket<unknown>): boolean {
    return this.#last === ticket;
  }

  /** Whether the server may know of it. */
  isSent(ticket: Ticket<unknown>): boolean {
    return this.outbox.sentTotal > ticket.position;
  }

  /** Whether somebody waits for anything that is outstanding. */
  get isWanted(): boolean {
    return this.#wanted > 0;
  }

  /** Nobody waits for the outcome of a request any more. */
  giveUp(ticket: Ticket<unknown>): void {
    if (ticket.givenUp || ticket.settled || ticket.withdrawn) return;
    ticket.givenUp = true;
    if (--this.#wanted === 0) this.onUnwanted?.();
  }

  /** Whether somebody may wait for the outcome of something that was submitted after it. */
  isWantedBehind(ticket: Ticket<unknown>): boolean {
    if (this.#wanted === 0) return false;
    let looked = 0;
    for (let other = this.#queue.behind(ticket); other !== undefined; other = other.next) {
      // Calls that are given up one by one, the latest first, would otherwise look at each other.
      if (!other.givenUp || ++looked > MOST_LOOKED_AT) return true;
    }
    return false;
  }

  /** Takes back an exchange of which nothing was sent. Its bytes go when others are to be sent. */
  withdraw(ticket: Ticket<unknown>): void {
    if (this.#queue.first === ticket) {
      // What has arrived meanwhile has made it begin to read.
      this.#script?.return(undefined);
      this.#script = undefined;
    }
    this.#queue.remove(ticket);
    this.giveUp(ticket);
    this.#withdrawn.push(ticket);
    ticket.withdrawn = true;
    if (this.#last === ticket) this.#last = this.#queue.last;
  }

  /** Takes the bytes of what was withdrawn out of the outbox, all in one go. To be called before bytes are sent, not during a write. */
  dropWithdrawn(): void {
    if (this.#withdrawn.length === 0) return;
    const withdrawn = this.#withdrawn.sort((a, b) => a.position - b.position);
    this.#withdrawn = [];
    let dropped = 0;
    let next = 0;
    for (let ticket = this.#queue.first; ticket !== undefined; ticket = ticket.next) {
      for (; next < withdrawn.length && withdrawn[next]!.position < ticket.position; next++) {
        dropped += withdrawn[next]!.length;
      }
      ticket.position -= dropped;
    }
    this.outbox.remove(withdrawn);
  }

  /** Queues an exchange, its request written behind those before it. Throws what the request throws, and is then unchanged. */
  submit<T>(exchange: Exchange<T>): Ticket<T> {
    this.check("submit", exchange.action, exchange.conversation);
    const { outbox, admission } = this;
    const mark = outbox.mark;
    const ticket = new Ticket(exchange, outbox.writtenTotal);
    admission.isEncoding = true;
    try {
      exchange.request(outbox);
    } catch (error) {
      outbox.rewind(mark);
      throw error;
    } finally {
      admission.isEncoding = false;
    }
    if (this.lost !== undefined) throw lostError(exchange.action, this.lost, false);
    ticket.length = outbox.mark - mark;
    this.#queue.push(ticket);
    this.#last = ticket;
    if (!ticket.givenUp) this.#wanted++;
    return ticket;
  }

  /** Runs scripts over what has arrived; says what the first unfinished one wants now. */
  advance(): Want | "idle" {
    if (this.lost !== undefined) return "idle";
    this.admission.isEncoding = true;
    try {
      return this.#advance();
    } catch (error) {
      this.lose(error instanceof Ended ? error.reason : error as Error);
      return "idle";
    } finally {
      this.admission.isEncoding = false;
    }
  }

  /** The connection is gone: everything outstanding fails. */
  lose(cause: Error): void {
    if (this.lost !== undefined) return;
    this.lost = cause;
    this.admission.isLost = true;
    // A script that runs just now has called this through code of the user's; it ends when that returns.
    if (!this.admission.isEncoding) this.#script?.return(undefined);
    if (this.#recovery !== undefined) this.#failGroup(this.#recovery);
    else if (cause instanceof ProtocolError && this.#script !== undefined) {
      this.#complete(undefined, { kind: "malformed", cause });
    }
    this.#script = undefined;
    this.#recovery = undefined;
    for (let ticket = this.#queue.shift(); ticket !== undefined; ticket = this.#queue.shift()) {
      this.#settle(ticket, undefined, { kind: "lost", cause, sent: this.outbox.sentTotal > ticket.position });
    }
    this.outbox.clear();
    this.#withdrawn = [];
    this.#events.lost();
    this.onLost?.();
  }

  /** What the server said first without being asked, of what was not taken yet. To be handed on outside of {@linkcode advance}: handlers may submit. */
  takeEvent(): SessionEvent | undefined {
    return this.#events.take();
  }

  #advance(): Want | "idle" {
    for (;;) {
      if (this.#recovery !== undefined) {
        if (!this.#recover(this.#recovery)) return "read";
        continue;
      }
      const ticket = this.#queue.first;
      if (ticket === undefined) {
        this.#absorb();
        return "idle";
      }
      const script = this.#script ??= ticket.exchange.reply(this.inbox, this.outbox);
      let step: IteratorResult<Want, unknown>;
      try {
        step = script.next();
      } catch (error) {
        if (!(error instanceof PyroError) || error instanceof ProtocolError) throw error;
        this.#complete(undefined, { kind: "unusable", error });
        if (ticket.exchange.final) throw error;
        continue;
      }
      if (this.lost !== undefined) return "idle";
      if (step.done) this.#complete(step.value, undefined);
      else if (this.inbox.refused) this.#refused(ticket);
      else return step.value;
    }
  }

  #complete(value: unknown, failure: Failure | undefined): void {
    this.#script = undefined;
    if (this.#spoiled !== undefined && this.transactionStatus !== "failed") this.#spoiled = undefined;
    const ticket = this.#queue.shift();
    if (ticket !== undefined) this.#settle(ticket, value, failure);
  }

  #settle(ticket: Ticket<unknown>, value: unknown, failure: Failure | undefined): void {
    ticket.value = value;
    ticket.failure = failure;
    ticket.settled = true;
    if (!ticket.givenUp) this.#wanted--;
    ticket.onSettled?.();
  }

  #refused(ticket: Ticket<unknown>): void {
    const fields = this.#refusal();
    this.#script?.return(undefined);
    this.#script = undefined;
    const { exchange } = ticket;
    const failure = exchange.explain?.(fields) ?? { kind: "server", fields };
    if (exchange.final) {
      this.#complete(undefined, failure);
      return this.lose(new ServerError(fields));
    }
    if (isFatal(fields)) throw new ServerError(fields);
    this.#recovery = { failure, tickets: this.#takeGroup() };
    for (const ticket of this.#recovery.tickets) ticket.refused = true;
  }

  /** The first exchange and those that the server skips because of its error. */
  #takeGroup(): Ticket<unknown>[] {
    const first = this.#queue.shift()!;
    const tickets = [first];
    if (first.exchange.ends === "query") return tickets;
    for (let last = first; last.exchange.ends !== "sync"; tickets.push(last)) {
      const next = this.#queue.shift();
      if (next === undefined) {
        // The server ignores everything until it sees a Sync.
        sync(this.outbox);
        return tickets;
      }
      last = next;
    }
    return tickets;
  }

  /** Reads on to the ReadyForQuery of the failed group. Callers learn of the failure only then, with the status up to date. */
  #recover(recovery: Recovery): boolean {
    const { inbox } = this;
    while (!inbox.next()) {
      if (!inbox.refused) return false;
      const fields = this.#refusal();
      if (isFatal(fields)) throw new ServerError(fields);
    }
    inbox.expect(Backend.ReadyForQuery, "recover from an error");
    this.#recovery = undefined;
    this.#failGroup(recovery);
    return true;
  }

  #failGroup({ failure, tickets }: Recovery): void {
    const [first, ...others] = tickets;
    if (this.transactionStatus !== "failed") this.#spoiled = undefined;
    else this.#spoiled ??= { failure, exchange: first!.exchange };
    this.#settle(first!, undefined, failure);
    for (const ticket of others) {
      this.#settle(ticket, undefined, { kind: "aborted", by: failure, failed: first!.exchange });
    }
  }

  /** With nothing outstanding, only asynchronous messages may come, and the news that the server ends. */
  #absorb(): void {
    const { inbox } = this;
    if (inbox.next()) throw inbox.unexpected("wait for requests");
    if (inbox.refused) throw new ServerError(this.#refusal());
  }

  #refusal(): ServerFields {
    this.inbox.refused = false;
    return serverFields(this.inbox);
  }

  #asynchronous(inbox: Inbox): void {
    const size = inbox.limit - inbox.pos;
    switch (inbox.code) {
      case Backend.NoticeResponse:
        this.#events.notice(serverFields(inbox), size);
        break;
      case Backend.NotificationResponse:
        this.#events.notification(notification(inbox), size);
        break;
      case Backend.ParameterStatus: {
        const { name, value } = parameterStatus(inbox);
        this.#parameters.set(name, value);
        this.#events.parameter(name);
        if (name === "client_encoding" && !isUtf8(value)) {
          const encoding = JSON.stringify(value.slice(0, LONGEST_QUOTED));
          throw new Ended(
            new ConnectionError(
              `client_encoding was changed to ${encoding}, while pyro reads and writes UTF8 only; convert in SQL instead`,
            ),
          );
        }
      }
    }
  }
}

/** What the ReadyForQuery will settle: the exchange that failed, and those that were skipped. */
interface Recovery {
  readonly failure: Failure;
  readonly tickets: readonly Ticket<unknown>[];
}

/** Ends the session for a reason that is not about the reply being read. */
class Ended extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super();
    this.reason = reason;
  }
}

function isFatal(fields: ServerFields): boolean {
  return fields.severity === "FATAL" || fields.severity === "PANIC";
}

/** So many requests are looked at to find out whether somebody waits behind one; with more it is taken for granted. */
const MOST_LOOKED_AT = 64;
/** Encodings have short names; what has not is no name. */
const LONGEST_QUOTED = 64;
