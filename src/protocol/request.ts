/**
 * The contract of the core: what a request is, how its reply is read, and what a procedure of
 * several requests may ask of its driver. Read this file first.
 *
 * A *request* is the unit that the session queues, pipelines and fails. It encodes its messages and
 * gives the reader of its reply. Once it is submitted, a *pending request* holds its outcome.
 *
 * A *reply reader* reads one reply. It is a generator that yields only when it cannot continue, and it reads
 * successful replies only: the session handles refusals by the server, in one place.
 *
 * An *op* is a procedure of any number of requests. It yields steps to a driver, of which there are
 * two: one blocks, the other awaits. So every procedure is written once.
 */
import type { ProtocolError, PyroError, ServerFields } from "../errors.ts";
import type { Exclusive } from "./admission.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { Outbox } from "../wire/outbox.ts";

/**
 * What a reply reader needs before it can continue: more bytes (`read`), or a consumer for what has arrived
 * (`paused`).
 */
export type Need = "read" | "paused";

/** Reads one reply: runs as far as the received bytes allow, and yields only when it cannot continue. */
export type ReplyReader<T> = Generator<Need, T, void>;

/** One request, and the reading of its reply. */
export interface Request<T> {
  /** The action, to follow "Cannot" in errors: "prepare the statement". */
  readonly action: string;
  /** The SQL text, if there is one; for errors. */
  readonly sql?: string;
  /**
   * Which Sync ends the request. `explicit`: the request ends with Sync. `implicit`: it is a simple query,
   * which ends by itself, but is skipped like the rest if a request before it failed. `deferred`: a later
   * request, or the reading of its reply, sends the Sync; an error skips everything up to there.
   */
  readonly syncMode: "explicit" | "implicit" | "deferred";
  /** Whether an error ends the connection: true only of the startup. */
  readonly isFatal?: boolean;
  /** The exclusive operation that it is a part of. */
  readonly exclusive?: ExclusiveOperation | undefined;
  /** Whether no caller waits for its outcome, so that a cancel request may hit it. */
  readonly isDetached?: boolean;
  /**
   * Encodes the request. Called once, when it is submitted. If it throws, the caller gets the error and nothing is
   * sent.
   */
  encode(out: Outbox): void;
  /**
   * Decodes the reply, once all earlier ones are read. Throws a `ProtocolError` for what the
   * protocol does not allow, which ends the connection; any other error only when the reply has
   * been read to its end, as the outcome.
   */
  reply(inbox: Inbox, out: Outbox): ReplyReader<T>;
  /** Gives another failure in place of the server's error; undefined to keep that error. */
  mapError?(fields: ServerFields): Failure | undefined;
}

/** An operation of several requests that excludes all others: a stream, a pipeline. */
export interface ExclusiveOperation extends Exclusive {
  /** Whether its requests outlive the call that submits them, so that giving up the call does not withdraw them. */
  readonly outlivesCalls?: boolean;
  /** Ends it, when the transaction or lease around it ends. */
  close?(): Op<void>;
}

/** Why a request failed. It is data: the error is made where the caller waits, so that it has the caller's stack. */
export type Failure =
  /** The server refused it. */
  | { readonly kind: "server"; readonly fields: ServerFields }
  /** The server skipped it, because an earlier request under the same Sync failed. */
  | { readonly kind: "aborted"; readonly by: Failure; readonly failed: Request<unknown> }
  /** The connection was lost. */
  | { readonly kind: "lost"; readonly cause: Error; readonly sent: boolean; readonly inTransaction: boolean }
  /** Its reply violated the protocol, which ended the connection. */
  | { readonly kind: "malformed"; readonly cause: ProtocolError }
  /** The reply was read, but its result cannot be returned. */
  | { readonly kind: "unusable"; readonly error: PyroError };

/** A submitted request, and its outcome once there is one. */
export class PendingRequest<T> {
  readonly request: Request<T>;
  /** Where its bytes begin, as in {@linkcode Outbox.writtenTotal}. */
  position: number;
  /** How many bytes it has. */
  length = 0;
  settled = false;
  /** Whether it was withdrawn before anything of it was sent. It has no outcome then. */
  withdrawn = false;
  /** Whether the server has refused it. It is settled at the end of its reply. */
  refused = false;
  /** Whether no caller waits for its outcome. Set by the session, which counts the others. */
  isAbandoned: boolean;
  /** The user's function that submitted it, if a cancellation needs to know. */
  owner: object | undefined = undefined;
  /** Set when it succeeded. */
  value: T | undefined = undefined;
  /** Set when it failed. */
  failure: Failure | undefined = undefined;
  /** Called once, when it is settled. */
  onSettled: (() => void) | undefined = undefined;
  /** Its neighbours in the session's queue. */
  previous: PendingRequest<unknown> | undefined = undefined;
  next: PendingRequest<unknown> | undefined = undefined;

  constructor(request: Request<T>, position: number) {
    this.request = request;
    this.position = position;
    this.isAbandoned = request.isDetached === true;
  }
}

/** A condition in the middle of a reply that an op may wait for. */
export class Condition {
  isMet = false;
  /** Called when it is met. */
  onMet: (() => void) | undefined = undefined;

  meet(): void {
    this.isMet = true;
    this.onMet?.();
  }
}

/**
 * A request of an op to its driver.
 *
 * One op at a time may submit, until it releases that right, so that statements run in the order of the calls.
 * `submit` answers with the pending request, `settle` with its value or by throwing its error. `finish` is a `settle`
 * that first releases the right to submit; to submit again, an op must `continue`.
 */
export type Step =
  | { readonly do: "submit"; readonly request: Request<unknown> }
  | { readonly do: "settle"; readonly pending: PendingRequest<unknown> }
  | { readonly do: "finish"; readonly pending: PendingRequest<unknown> }
  /** Waits for the right to submit again, ahead of the ops that have not begun, or behind them. */
  | { readonly do: "continue"; readonly behind?: boolean }
  /** Releases the right to submit. */
  | { readonly do: "release" }
  /** Asked by the op that may submit: waits until no other op is under way, so that the transaction status is known. */
  | { readonly do: "barrier"; readonly within?: ExclusiveOperation | undefined }
  /** Waits for the condition or for the outcome, whichever comes first. */
  | { readonly do: "await"; readonly condition: Condition; readonly pending: PendingRequest<unknown> }
  /** Waits until at most that many bytes are unsent, or until no more can be sent before replies are read. */
  | { readonly do: "room"; readonly bytes: number }
  /** Sends a cancel request, and waits until the server has taken it. */
  | { readonly do: "cancel" }
  /**
   * Answers with the result of a user's function. The awaiting driver awaits its promise, unless the request in
   * `unless` has an outcome first.
   */
  | { readonly do: "callback"; readonly fn: () => unknown; readonly unless?: PendingRequest<unknown> | undefined }
  /** Asked before an op does again what has failed: fails if its caller has given up. */
  | { readonly do: "repeat" }
  /** Waits for a random time of at most that many milliseconds. */
  | { readonly do: "pause"; readonly upTo: number };

/** A procedure of any number of round trips, written once for both drivers. */
export type Op<T> = Generator<Step, T, unknown>;

/** An op with its caller's deadline. */
export interface Call<T> {
  readonly op: Op<T>;
  readonly deadline: Deadline | undefined;
  /** The error of a call that is refused before it runs. */
  readonly refusal?: { readonly error: unknown };
  /** The span that traces it; undefined if there is no subscriber. */
  readonly span?: Span | undefined;
}

/** Traces a call, or one call of a longer operation. */
export interface Span {
  /** Starts the span, and returns the result of `work`. */
  start<T>(work: () => T): T;
  /** Ends the span, with the call's value. */
  succeed(value: unknown): void;
  /** Ends the span, with the call's error. */
  fail(error: unknown): void;
}

/** When a caller gives up: after a time, or when its signal aborts. */
export interface Deadline {
  /** The action, to follow "Cannot" in errors. */
  readonly action: string;
  /** Milliseconds, 0 for no limit. */
  readonly timeout: number;
  /** The timeout that the caller gave, if `timeout` is only the remainder of it. */
  readonly callerTimeout?: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** Whether earlier calls have executed a part of the statement, so that it cannot be reported as not sent. */
  readonly isContinuation?: boolean;
  /** Whether the connection is closed when the caller gives up. */
  readonly closesConnection?: boolean;
  /**
   * Whether an op that has not begun, because other calls are under way, goes on without its caller. The connection then
   * stays open.
   */
  readonly outlivesCaller?: boolean;
  /** Called when the caller gives up. */
  readonly onGivenUp?: () => void;
}

/** Queues a request. It is sent together with the requests of other calls made in the same microtask, up to a size. */
export function* submit<T>(request: Request<T>): Op<PendingRequest<T>> {
  return (yield { do: "submit", request }) as PendingRequest<T>;
}

/** Waits for an outcome and keeps the right to submit: more requests will follow. */
export function* settle<T>(pending: PendingRequest<T>): Op<T> {
  return (yield { do: "settle", pending }) as T;
}

/** Releases the right to submit, and waits for an outcome. */
export function* finish<T>(pending: PendingRequest<T>): Op<T> {
  return (yield { do: "finish", pending }) as T;
}

/** Waits for the right to submit, if the op has released it. */
export function* continueSubmitting(): Op<void> {
  yield { do: "continue" };
}

/** Releases the right to submit. */
export function* releaseAdmission(): Op<void> {
  yield { do: "release" };
}

/** Cancellation point: use it before returning a resource, so that the op can release it if the caller has given up. */
export function* cancellationPoint(): Op<void> {
  yield { do: "release" };
}

/** Use it before doing again what has failed: fails if the caller has given up, even if the op was notified of that. */
export function* repeat(): Op<void> {
  yield { do: "repeat" };
}

/** Waits until no other op is under way; `within` is the exclusive operation that the op is a part of. */
export function* barrier(within?: ExclusiveOperation): Op<void> {
  yield { do: "barrier", within };
}

/** Waits for the right to submit, behind all ops that wait for it. */
export function* continueBehindOthers(): Op<void> {
  yield { do: "continue", behind: true };
}

/** The result of a user's function; undefined if the pending request has an outcome first. */
export function* callback<T>(fn: () => T | PromiseLike<T>, unless?: PendingRequest<unknown>): Op<T> {
  return (yield { do: "callback", fn, unless }) as T;
}

/** Submits the only request of an op, and waits for its outcome. */
export function* perform<T>(request: Request<T>): Op<T> {
  const pending = (yield { do: "submit", request }) as PendingRequest<T>;
  return (yield { do: "finish", pending }) as T;
}
