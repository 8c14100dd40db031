/**
 * The protocol state of one connection: no I/O, no clock, no promises.
 *
 * Its members are of four kinds. State: the getters and readonly fields. Command: {@linkcode Session.submit}. Input:
 * `inbox.reserve`, `inbox.commit`, {@linkcode Session.lose}. Output: {@linkcode Session.advance}, which must be
 * called after every input, then {@linkcode Session.takeEvent} and `outbox.pending`.
 *
 * Replies come in the order of the requests, so there is one queue. This file is the only one that
 * handles refusals: it ends the reply reader, fails the request and those behind it under the same
 * Sync, and reads on to the ReadyForQuery, after which the next request finds the connection in order.
 */
import { ConnectionError, ProtocolError, PyroError, ServerError, type ServerFields, UsageError } from "../errors.ts";
import { type Access, Admission } from "./admission.ts";
import { notification, serverFields } from "../wire/backend.ts";
import { Backend } from "../wire/codes.ts";
import { sync } from "../wire/frontend.ts";
import { ACTIVE, IDLE, Inbox } from "../wire/inbox.ts";
import { Outbox } from "../wire/outbox.ts";
import { Events, type SessionEvent } from "./events.ts";
import {
  type ExclusiveOperation,
  type Failure,
  type Need,
  PendingRequest,
  type ReplyReader,
  type Request,
} from "./request.ts";
import { errorOf, isFatal, lostError, SessionEnd } from "./failure.ts";
import { isUtf8, Parameters } from "./parameters.ts";
import { RequestQueue } from "./request_queue.ts";

export type { SessionEvent } from "./events.ts";

/** Whether a transaction is open, as of the last ReadyForQuery. */
export type TransactionStatus = "idle" | "active" | "failed";

/** The session with one server process. */
export class Session {
  readonly outbox: Outbox = new Outbox();
  readonly inbox: Inbox = new Inbox((inbox) => this.#asynchronous(inbox));
  /** The key for cancel requests; undefined if the server or a pooler sent none. */
  key: { readonly processId: number; readonly secret: Uint8Array } | undefined = undefined;
  /** Decides which op may submit. */
  readonly admission: Admission<ExclusiveOperation> = new Admission();
  /** Why the connection was lost. */
  lost: Error | undefined = undefined;
  /** Called once, when the connection is lost. */
  onLost: (() => void) | undefined = undefined;
  /** Called when no caller waits for any outcome any more. */
  onAbandoned: (() => void) | undefined = undefined;

  readonly #queue = new RequestQueue();
  readonly #parameters = new Parameters();
  #replyReader: ReplyReader<unknown> | undefined = undefined;
  /** Set from an error to the ReadyForQuery that ends its group. */
  #failedGroup: FailedGroup | undefined = undefined;
  readonly #events = new Events();
  /** The number of pending requests whose callers wait for the outcome. */
  #awaited = 0;
  /** The request that was submitted last. */
  #last: PendingRequest<unknown> | undefined = undefined;
  /** The failure that made the open transaction fail. */
  #transactionFailure: { readonly failure: Failure; readonly request: Request<unknown> } | undefined = undefined;

  /** Whether a transaction is open. */
  get transactionStatus(): TransactionStatus {
    const status = this.inbox.transactionStatus;
    return status === IDLE ? "idle" : status === ACTIVE ? "active" : "failed";
  }

  /** The value of a setting that the server reports; undefined if it has not. */
  parameter(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  /** The settings that the server reports, by name. */
  get parameters(): Readonly<Record<string, string>> {
    return this.#parameters.object;
  }

  /** Whether all replies have been read. */
  get idle(): boolean {
    return this.#queue.first === undefined && this.#failedGroup === undefined;
  }

  /** Makes an operation exclusive until {@linkcode endExclusive}. */
  beginExclusive(exclusive: ExclusiveOperation): void {
    this.check("exclusive", `begin ${exclusive.name}`, exclusive);
    this.admission.beginExclusive(exclusive);
  }

  /** Ends an exclusive operation. */
  endExclusive(exclusive: ExclusiveOperation): void {
    this.admission.endExclusive(exclusive);
  }

  /** Throws if a restriction forbids the access; `within` is the exclusive operation that it is a part of. */
  check(access: Access, action: string, within?: ExclusiveOperation): void {
    const restriction = this.admission.restrictionOn(access, within);
    if (restriction === undefined) return;
    const message = `Cannot ${action}: ${this.admission.reason(restriction)}`;
    switch (restriction) {
      case "lost":
        throw lostError(action, this.lost!, false);
      case "closing":
        throw new ConnectionError(message, { safeToRetry: true });
      default:
        throw new UsageError(message, { safeToRetry: true });
    }
  }

  /** The request that the server works on, or the next one. */
  get oldest(): PendingRequest<unknown> | undefined {
    return this.#failedGroup?.requests[0] ?? this.#queue.first;
  }

  /**
   * A new error for the failure that made the open transaction fail; undefined if the transaction has not failed, or
   * if no request of this session failed in it.
   */
  get transactionError(): PyroError | undefined {
    const transactionFailure = this.transactionStatus === "failed" ? this.#transactionFailure : undefined;
    return transactionFailure && errorOf(transactionFailure.failure, transactionFailure.request);
  }

  /** All requests that have no outcome yet. */
  get outstanding(): readonly PendingRequest<unknown>[] {
    return [...this.#failedGroup?.requests ?? [], ...this.#queue.all];
  }

  /** Whether nothing was submitted after it. */
  isLast(pending: PendingRequest<unknown>): boolean {
    return this.#last === pending;
  }

  /** Whether any of its bytes were sent, so that the server may execute it. */
  isSent(pending: PendingRequest<unknown>): boolean {
    return this.outbox.sentTotal > pending.position;
  }

  /** Whether a caller waits for any outcome. */
  get hasCallers(): boolean {
    return this.#awaited > 0;
  }

  /** The caller no longer waits for the outcome of a request. */
  abandon(pending: PendingRequest<unknown>): void {
    if (pending.isAbandoned || pending.settled || pending.withdrawn) return;
    pending.isAbandoned = true;
    if (--this.#awaited === 0) this.onAbandoned?.();
  }

  /** Whether a caller may wait for the outcome of a request that was submitted after this one. */
  hasCallersBehind(pending: PendingRequest<unknown>): boolean {
    return this.#awaited > 0 && this.#queue.hasCallersBehind(pending);
  }

  /** Withdraws a request of which nothing was sent. Its bytes are removed from the outbox before the next write. */
  withdraw(pending: PendingRequest<unknown>): void {
    if (this.#queue.first === pending) {
      // Its reply reader may have begun, since data has arrived meanwhile.
      this.#replyReader?.return(undefined);
      this.#replyReader = undefined;
    }
    this.#queue.withdraw(pending);
    this.abandon(pending);
    pending.withdrawn = true;
    if (this.#last === pending) this.#last = this.#queue.last;
  }

  /**
   * Removes the bytes of all withdrawn requests from the outbox. Must be called before bytes are sent, not during a
   * write.
   */
  dropWithdrawn(): void {
    if (this.#queue.withdrawn.length > 0) this.outbox.remove(this.#queue.takeWithdrawn());
  }

  /** Queues a request, and encodes it behind those before it. If encoding throws, the session is unchanged. */
  submit<T>(request: Request<T>): PendingRequest<T> {
    this.check("submit", request.action, request.exclusive);
    const { outbox, admission } = this;
    const mark = outbox.mark;
    const pending = new PendingRequest(request, outbox.writtenTotal);
    admission.isEncoding = true;
    try {
      request.encode(outbox);
    } catch (error) {
      outbox.rewind(mark);
      throw error;
    } finally {
      admission.isEncoding = false;
    }
    if (this.lost !== undefined) throw lostError(request.action, this.lost, false);
    pending.length = outbox.mark - mark;
    this.#queue.push(pending);
    this.#last = pending;
    if (!pending.isAbandoned) this.#awaited++;
    return pending;
  }

  /** Runs reply readers over the received bytes; returns what the first unfinished one needs now. */
  advance(): Need | "idle" {
    if (this.lost !== undefined) return "idle";
    this.admission.isEncoding = true;
    try {
      return this.#advance();
    } catch (error) {
      this.lose(error instanceof SessionEnd ? error.reason : error as Error);
      return "idle";
    } finally {
      this.admission.isEncoding = false;
    }
  }

  /** Marks the connection as lost: all outstanding requests fail. */
  lose(cause: Error): void {
    if (this.lost !== undefined) return;
    this.lost = cause;
    this.admission.isLost = true;
    // While a reply reader runs, only a user's codec can have called this. The reader ends when the codec returns.
    if (!this.admission.isEncoding) this.#replyReader?.return(undefined);
    if (this.#failedGroup !== undefined) this.#failGroup(this.#failedGroup);
    else if (cause instanceof ProtocolError && this.#replyReader !== undefined) {
      this.#complete(undefined, { kind: "malformed", cause });
    }
    this.#replyReader = undefined;
    this.#failedGroup = undefined;
    const inTransaction = this.transactionStatus !== "idle";
    for (let pending = this.#queue.shift(); pending !== undefined; pending = this.#queue.shift()) {
      const sent = this.outbox.sentTotal > pending.position;
      this.#settle(pending, undefined, { kind: "lost", cause, sent, inTransaction });
    }
    this.outbox.clear();
    this.#queue.withdrawn = [];
    this.#events.lost();
    this.onLost?.();
  }

  /** The first event that was not taken yet. Must be delivered outside of {@linkcode advance}: listeners may submit. */
  takeEvent(): SessionEvent | undefined {
    return this.#events.take();
  }

  #advance(): Need | "idle" {
    for (;;) {
      if (this.#failedGroup !== undefined) {
        if (!this.#recover(this.#failedGroup)) return "read";
        continue;
      }
      const pending = this.#queue.first;
      if (pending === undefined) {
        this.#readUnsolicited();
        return "idle";
      }
      const reader = this.#replyReader ??= pending.request.reply(this.inbox, this.outbox);
      let step: IteratorResult<Need, unknown>;
      try {
        step = reader.next();
      } catch (error) {
        if (!(error instanceof PyroError) || error instanceof ProtocolError) throw error;
        this.#complete(undefined, { kind: "unusable", error });
        if (pending.request.isFatal) throw error;
        continue;
      }
      if (this.lost !== undefined) return "idle";
      if (step.done) this.#complete(step.value, undefined);
      else if (this.inbox.refused) this.#fail(pending);
      else return step.value;
    }
  }

  #complete(value: unknown, failure: Failure | undefined): void {
    this.#replyReader = undefined;
    const unreplicated = this.#events.takeUnreplicated();
    failure ??= unreplicated;
    if (this.#transactionFailure !== undefined && this.transactionStatus !== "failed") {
      this.#transactionFailure = undefined;
    }
    const pending = this.#queue.shift();
    if (pending !== undefined) this.#settle(pending, value, failure);
  }

  #settle(pending: PendingRequest<unknown>, value: unknown, failure: Failure | undefined): void {
    pending.value = value;
    pending.failure = failure;
    pending.settled = true;
    if (!pending.isAbandoned) this.#awaited--;
    pending.onSettled?.();
  }

  #fail(pending: PendingRequest<unknown>): void {
    const fields = this.#readRefusal();
    this.#replyReader?.return(undefined);
    this.#replyReader = undefined;
    this.#events.refusal(fields);
    const { request } = pending;
    const failure = request.mapError?.(fields) ?? { kind: "server", fields };
    if (request.isFatal) {
      this.#complete(undefined, failure);
      return this.lose(new ServerError(fields));
    }
    if (isFatal(fields)) throw new ServerError(fields);
    this.#failedGroup = { failure, requests: this.#takeGroup() };
    for (const pending of this.#failedGroup.requests) pending.refused = true;
  }

  /** Takes the first request out of the queue, and those that the server skips because of its error. */
  #takeGroup(): PendingRequest<unknown>[] {
    const first = this.#queue.shift()!;
    const requests = [first];
    if (first.request.syncMode === "implicit") return requests;
    for (let last = first; last.request.syncMode !== "explicit"; requests.push(last)) {
      const next = this.#queue.shift();
      if (next === undefined) {
        // Without a Sync, the server would ignore all later requests.
        sync(this.outbox);
        return requests;
      }
      last = next;
    }
    return requests;
  }

  /**
   * Reads on to the ReadyForQuery of the failed group. Only then do callers get the failure, with the transaction
   * status up to date.
   */
  #recover(group: FailedGroup): boolean {
    const { inbox } = this;
    while (!inbox.next()) {
      if (!inbox.refused) return false;
      const fields = this.#readRefusal();
      if (isFatal(fields)) throw new ServerError(fields);
    }
    inbox.expect(Backend.ReadyForQuery, "recover from an error");
    this.#failedGroup = undefined;
    this.#failGroup(group);
    return true;
  }

  #failGroup({ failure, requests }: FailedGroup): void {
    const [first, ...others] = requests;
    if (this.transactionStatus !== "failed") this.#transactionFailure = undefined;
    else this.#transactionFailure ??= { failure, request: first!.request };
    this.#settle(first!, undefined, failure);
    for (const pending of others) {
      this.#settle(pending, undefined, { kind: "aborted", by: failure, failed: first!.request });
    }
  }

  /**
   * Reads while no request is pending. Only asynchronous messages may come then, and the error with which the server
   * ends the session.
   */
  #readUnsolicited(): void {
    const { inbox } = this;
    if (inbox.next()) throw inbox.unexpected("wait for requests");
    if (inbox.refused) throw new ServerError(this.#readRefusal());
  }

  #readRefusal(): ServerFields {
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
        const { name, value } = this.#parameters.read(inbox);
        // What the server reports while it starts the session is no change.
        if (this.#queue.first?.request.isFatal !== true) this.#events.parameter(name);
        if (name === "client_encoding" && !isUtf8(value)) {
          const encoding = JSON.stringify(value.slice(0, MAX_QUOTED_LENGTH));
          throw new SessionEnd(
            new ConnectionError(
              `client_encoding was changed to ${encoding}, while pyro reads and writes UTF8 only; convert in SQL instead`,
            ),
          );
        }
      }
    }
  }
}

/** The requests that the next ReadyForQuery settles: the one that failed, and those that the server skips. */
interface FailedGroup {
  readonly failure: Failure;
  readonly requests: readonly PendingRequest<unknown>[];
}

/** Names of encodings are short; a longer value is cut. */
const MAX_QUOTED_LENGTH = 64;
