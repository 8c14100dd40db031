/**
 * The cancellation of a call, because of its `timeout` or `signal`: what both drivers know of it.
 *
 * Requests of which nothing was sent are withdrawn. A cancel request stops the others. It stops the statement that
 * the server executes when it arrives, even if that is another one. So it is sent only once it cannot hit a statement
 * that another caller waits for, and no op submits until the cancel request and the statement have ended.
 */
import { ConnectionError, PyroError, ServerError, TimeoutError, type TimeoutOutcome } from "../errors.ts";
import { isExecuted } from "../protocol/failure.ts";
import type { Deadline, PendingRequest } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import { SqlState } from "../sqlstate.ts";

/** What to do about a call that its caller has given up. */
export type CancelAction =
  /** Nothing of it is under way: its op is notified. */
  | "notify"
  /** Its requests are under way, and no caller waits for a later one: a cancel request stops them. */
  | "cancel"
  /** A caller waits for a later request, or the server gave no cancel key: the statement runs on without its caller. */
  | "abandon";

/** The cancellation of one call with a deadline. */
export class Cancellation {
  /** Whether the caller has given up. */
  isRequested = false;
  /** Whether its op was notified, by an error thrown into it. The steps that follow are clean-up. */
  isNotified = false;
  readonly deadline: Deadline;
  readonly #session: Session;
  /** The requests that its op has submitted or waits for. If there are many, settled ones are removed. */
  readonly #requests = new Set<PendingRequest<unknown>>();
  /** Whether a removed request was sent. */
  #wasSent = false;
  /** The requests to cancel. */
  #targets: readonly PendingRequest<unknown>[] = [];
  #outcome: TimeoutOutcome;
  #connectionLost = false;
  #error: { readonly value: unknown } | undefined = undefined;

  constructor(deadline: Deadline, session: Session) {
    this.deadline = deadline;
    this.#session = session;
    this.#outcome = deadline.isContinuation ? "unknown" : "not sent";
  }

  /** Watches a request that its op has submitted, or waits for. */
  watch(pending: PendingRequest<unknown>): void {
    if (this.#requests.size > MAX_WATCHED) {
      for (const old of this.#requests) {
        if (!old.settled) continue;
        this.#requests.delete(old);
        this.#wasSent = true;
      }
    }
    this.#requests.add(pending);
  }

  /** Whether the caller has given up, and the op was not notified yet. */
  get isPending(): boolean {
    return this.isRequested && !this.isNotified;
  }

  /** Whether the caller has given up because its time was over. */
  get isTimeout(): boolean {
    const { signal } = this.deadline;
    return !signal?.aborted || (signal.reason as Partial<Error> | undefined)?.name === "TimeoutError";
  }

  /**
   * The state of the requests to cancel. `oldest`: the server works on them, or no caller waits for what it works on.
   * `waiting`: the server works on another caller's request first. `none`: they have ended.
   */
  get target(): "oldest" | "waiting" | "none" {
    const { oldest, hasCallers } = this.#session;
    const target = this.#targets.find((pending) => !pending.settled && !pending.refused);
    if (target === undefined) return "none";
    return !hasCallers || oldest !== undefined && this.#targets.includes(oldest) ? "oldest" : "waiting";
  }

  /** Starts the cancellation: withdraws requests of which nothing was sent, and decides what to do about the rest. */
  request(): CancelAction {
    this.isRequested = true;
    this.deadline.onGivenUp?.();
    const session = this.#session;
    const outstanding = [...this.#requests].filter((pending) => !pending.settled);
    const last = outstanding.at(-1);
    if (this.#wasSent || [...this.#requests].some((pending) => pending.settled || session.isSent(pending))) {
      this.#outcome = "cancelled";
    }
    if (last === undefined || session.lost !== undefined) return "notify";
    if (outstanding.every((pending) => !session.isSent(pending))) {
      // Requests that outlive the call are not withdrawn with it.
      if (outstanding.some(({ request }) => request.exclusive?.outlivesCalls)) return "abandon";
      for (const pending of outstanding.toReversed()) session.withdraw(pending);
      return "notify";
    }
    for (const pending of outstanding) if (!pending.request.exclusive?.outlivesCalls) session.abandon(pending);
    if (session.hasCallersBehind(last) || session.key === undefined) return "abandon";
    this.#targets = outstanding;
    return "cancel";
  }

  /** Abandons the statement: it runs on without a caller. */
  abandon(): void {
    this.#outcome = "unknown";
  }

  /** The server did not react, so the connection is closed. */
  loseConnection(): ConnectionError {
    this.#outcome = "unknown";
    this.#connectionLost = true;
    const { closesConnection, timeout } = this.deadline;
    if (closesConnection) return new ConnectionError(`the server did not answer within ${Math.ceil(timeout)} ms`);
    return cancelTimedOut();
  }

  /** The caller's error: the signal's reason, or a TimeoutError. */
  error(): unknown {
    return (this.#error ??= { value: this.#makeError() }).value;
  }

  /** The caller's error, given the error that the op has ended with. */
  errorFor(error: unknown): unknown {
    if (!this.isRequested) return error;
    if (error instanceof ConnectionError && this.#session.lost !== undefined) this.loseConnection();
    else if (isExecuted(error)) this.#outcome = "unknown";
    const isOurs = this.#connectionLost || error === this.#error?.value || isCancellation(error);
    return isOurs ? withProgress(this.#makeError(), error) : error;
  }

  #makeError(): unknown {
    const { action, timeout, callerTimeout = timeout, signal } = this.deadline;
    if (signal?.aborted) return signal.reason;
    return new TimeoutError(
      `Cannot ${action}: it was not done within ${callerTimeout} ms (${OUTCOMES[this.#outcome]})`,
      { outcome: this.#outcome, connectionLost: this.#connectionLost },
    );
  }
}

/** The reason for closing a connection whose statement could not be cancelled. */
export function cancelTimedOut(): ConnectionError {
  return new ConnectionError(`the server did not react to a cancel request within ${CANCEL_TIMEOUT} ms`);
}

/** The error, with the position in a batch that the other one has. */
function withProgress(error: unknown, other: unknown): unknown {
  if (!(error instanceof TimeoutError) || !(other instanceof PyroError)) return error;
  const { index, committed } = other;
  return Object.assign(error, index === undefined ? {} : { index }, committed === undefined ? {} : { committed });
}

/** Whether a cancel request that failed is certain not to arrive. */
export function isNeverSent(error: unknown): boolean {
  return error instanceof PyroError && error.safeToRetry;
}

/** Whether it is the server's answer to a cancel request, or follows from one. */
function isCancellation(error: unknown): boolean {
  if (error instanceof ServerError && error.code === SqlState.QueryCanceled) return true;
  return error instanceof PyroError && error.cause !== undefined && isCancellation(error.cause);
}

const OUTCOMES: Readonly<Record<TimeoutOutcome, string>> = {
  "not sent": "it was not sent",
  cancelled: "the server has stopped it",
  unknown: "what became of it is unknown",
};

/** Milliseconds that a cancelled call may take to end, before the connection is closed. */
export const CANCEL_TIMEOUT = 2000;
/** Above this number, requests that have an outcome are no longer watched. */
const MAX_WATCHED = 16;
/** Milliseconds after which a cancel request is repeated. */
export const CANCEL_INTERVAL = 200;
