/**
 * The contract of the core: what a request is, how its reply is read, and what a procedure of
 * several requests may ask of whoever runs it. Read this file first.
 *
 * A *script* reads one reply. It is a generator that yields only when it cannot go on, and it knows
 * only the happy path: a refusal by the server is handled by the session, in one place.
 *
 * An *exchange* is a request with its script: the unit that is queued, pipelined and failed. Its
 * *ticket* is the place where the outcome will be.
 *
 * An *op* is a procedure of any number of exchanges. It yields steps to a driver, of which there are
 * two: one blocks, the other awaits. So every procedure is written once.
 */
import type { ProtocolError, PyroError, ServerFields } from "../errors.ts";
import type { Exclusive } from "./admission.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";

/** Why a script stands still: it needs bytes, or its consumer is full. */
export type Need = "read" | "paused";

/** Reads one reply: runs as far as the received bytes allow, and yields only when it cannot go on. */
export type ReplyReader<T> = Generator<Need, T, void>;

/** One request and the reading of its reply. */
export interface Request<T> {
  /** What is being done, to follow "Cannot": "prepare the statement". */
  readonly action: string;
  /** The SQL text, if there is one; for errors. */
  readonly sql?: string;
  /**
   * What the request ends with. An error skips everything up to the next Sync; a simple query ends by
   * itself, but is skipped like the rest when something before it failed. An open one becomes one with
   * Sync when that is sent while its reply is read.
   */
  readonly syncMode: "explicit" | "implicit" | "deferred";
  /** Whether an error ends the connection: true only of the startup. */
  readonly isFatal?: boolean;
  /** What it is a part of, if that has the connection for itself. */
  readonly exclusive?: ExclusiveOperation | undefined;
  /** Encodes the request; called once, when the exchange is submitted. What it throws, the caller gets, and nothing is sent. */
  encode(out: Outbox): void;
  /**
   * Decodes the reply, once all earlier ones are read. Throws a `ProtocolError` for what the
   * protocol does not allow, which ends the connection; any other error only when the reply has
   * been read to its end, as the outcome.
   */
  reply(inbox: Inbox, out: Outbox): ReplyReader<T>;
  /** What the server's error means here, if it is not the server's business. */
  mapError?(fields: ServerFields): Failure | undefined;
}

/** What has the connection for itself between its exchanges: a stream, a pipeline. */
export interface ExclusiveOperation extends Exclusive {
  /** Whether what is submitted in one call goes on after it, so that it cannot be taken back with the call. */
  readonly outlivesCalls?: boolean;
  /** Brings it to its end, when what it is a part of ends. */
  close?(): Op<void>;
}

/** Why an exchange failed. It is data: the error is made where the caller waits, so that it has the caller's stack. */
export type Failure =
  /** The server refused it. */
  | { readonly kind: "server"; readonly fields: ServerFields }
  /** It was skipped, because of an earlier one under the same Sync. */
  | { readonly kind: "aborted"; readonly by: Failure; readonly failed: Request<unknown> }
  /** The connection went away. */
  | { readonly kind: "lost"; readonly cause: Error; readonly sent: boolean }
  /** Its reply was not what the protocol allows, which ended the connection. */
  | { readonly kind: "malformed"; readonly cause: ProtocolError }
  /** The reply is there, but cannot be given to the caller. */
  | { readonly kind: "unusable"; readonly error: PyroError };

/** The place for the outcome of a submitted exchange. */
export class PendingRequest<T> {
  readonly request: Request<T>;
  /** Where its request begins, as in {@linkcode Outbox.writtenTotal}. */
  position: number;
  /** How many bytes its request has. */
  length = 0;
  settled = false;
  /** Whether it was taken back before anything of it was sent; there will be no outcome. */
  withdrawn = false;
  /** Whether it has failed already, although the end of its reply is still to come. */
  refused = false;
  /** Whose it is, where somebody asks for that. */
  owner: object | undefined = undefined;
  /** Set when it succeeded. */
  value: T | undefined = undefined;
  /** Set when it failed. */
  failure: Failure | undefined = undefined;
  /** Called once, when it is settled. */
  onSettled: (() => void) | undefined = undefined;
  /** The one before it, and the one behind it, in the session's queue. */
  previous: PendingRequest<unknown> | undefined = undefined;
  next: PendingRequest<unknown> | undefined = undefined;

  constructor(request: Request<T>, position: number) {
    this.request = request;
    this.position = position;
  }
}

/** Something in the middle of a reply that an op may wait for. */
export class Condition {
  isMet = false;
  /** Called when it is raised. */
  onMet: (() => void) | undefined = undefined;

  /** What is waited for is there. */
  meet(): void {
    this.isMet = true;
    this.onMet?.();
  }
}

/**
 * What an op asks of its driver.
 *
 * Ops take their turns: while one has not said which exchange is its last, no other may submit, so
 * that statements run in the order of the calls. `submit` answers with the ticket, `settle` with
 * its value or by throwing its error. `finish` is a `settle` that gives up the turn first; to submit
 * more after all, an op has to ask for another `turn`.
 */
export type Step =
  | { readonly do: "submit"; readonly request: Request<unknown> }
  | { readonly do: "settle"; readonly pending: PendingRequest<unknown> }
  | { readonly do: "finish"; readonly pending: PendingRequest<unknown> }
  /** Takes the turn again: before those that had none yet, or behind them. */
  | { readonly do: "continue"; readonly behind?: boolean }
  /** Gives up the turn. */
  | { readonly do: "release" }
  /** With the turn: waits until no other call has anything to come, so that the transaction status is known. */
  | { readonly do: "barrier"; readonly within?: ExclusiveOperation | undefined }
  /** Waits for the signal or for the ticket's outcome, whichever is first. */
  | { readonly do: "await"; readonly condition: Condition; readonly pending: PendingRequest<unknown> }
  /** Waits until no more than that many bytes are still to be sent, or nothing can be sent before replies are taken. */
  | { readonly do: "room"; readonly bytes: number }
  /** Asks the server to stop what it works on, and waits until it has been told. */
  | { readonly do: "cancel" }
  /** Answers with what a function of the user's gives; its promise is awaited where promises are, unless that ticket has an outcome before. */
  | { readonly do: "callback"; readonly fn: () => unknown; readonly unless?: PendingRequest<unknown> | undefined }
  /** Waits for a random time of at most that many milliseconds. */
  | { readonly do: "pause"; readonly upTo: number };

/** A procedure of any number of round trips, written once for both drivers. */
export type Op<T> = Generator<Step, T, unknown>;

/** An op with what the caller says about waiting for it. */
export interface Call<T> {
  readonly op: Op<T>;
  readonly deadline: Deadline | undefined;
  /** Why it is not even tried. */
  readonly refusal?: { readonly error: unknown };
  /** Who watches it, if anybody does. */
  readonly span?: Span | undefined;
}

/** One that watches a call, or a part of something longer. */
export interface Span {
  /** It begins; what `work` gives comes back. */
  start<T>(work: () => T): T;
  /** It has come to its end, with that. */
  succeed(value: unknown): void;
  /** It has failed. */
  fail(error: unknown): void;
}

/** When a caller no longer waits. */
export interface Deadline {
  /** What is given up, to follow "Cannot". */
  readonly action: string;
  /** Milliseconds, 0 for no limit. */
  readonly timeout: number;
  /** Those that the caller gave, where `timeout` is what is left of them. */
  readonly callerTimeout?: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether the connection is closed when it comes to that. */
  readonly closesConnection?: boolean;
  /** Called when it comes to that. */
  readonly onGivenUp?: () => void;
}

/** Queues an exchange; its request leaves with those of other calls made in the same tick, unless these are much. */
export function* submit<T>(request: Request<T>): Op<PendingRequest<T>> {
  return (yield { do: "submit", request }) as PendingRequest<T>;
}

/** Waits for an outcome and keeps the turn: more exchanges will follow. */
export function* settle<T>(pending: PendingRequest<T>): Op<T> {
  return (yield { do: "settle", pending }) as T;
}

/** Waits for an outcome, and lets the next call have the connection meanwhile. */
export function* finish<T>(pending: PendingRequest<T>): Op<T> {
  return (yield { do: "finish", pending }) as T;
}

/** Waits for the right to submit, if it was given up. */
export function* continueSubmitting(): Op<void> {
  yield { do: "continue" };
}

/** Lets the next call have the connection. */
export function* releaseAdmission(): Op<void> {
  yield { do: "release" };
}

/** Where an op that has made something for its caller hears, before it hands it over, that nobody waits for it any more. */
export function* cancellationPoint(): Op<void> {
  yield { do: "release" };
}

/** Waits until all earlier calls are over; `from` is what the op is a part of, if that has the connection for itself. */
export function* barrier(from?: ExclusiveOperation): Op<void> {
  yield { do: "barrier", within: from };
}

/** Waits for the right to submit, behind all who wait for it. */
export function* continueBehindOthers(): Op<void> {
  yield { do: "continue", behind: true };
}

/** What a function of the user's gives; undefined if the ticket has an outcome before. */
export function* callback<T>(fn: () => T | PromiseLike<T>, unless?: PendingRequest<unknown>): Op<T> {
  return (yield { do: "callback", fn, unless }) as T;
}

/** The one exchange of an op that has only one. */
export function* perform<T>(request: Request<T>): Op<T> {
  const pending = (yield { do: "submit", request }) as PendingRequest<T>;
  return (yield { do: "finish", pending }) as T;
}
