/** The runner of the driver that blocks: performs the steps of ops. */
import { ConnectionError, UsageError } from "../errors.ts";
import type { Call, Op, PendingRequest, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Session } from "../protocol/session.ts";
import { block, now } from "../runtime/clock.ts";
import { CANCEL_INTERVAL, CANCEL_TIMEOUT, Cancellation, cancelTimedOut } from "./cancellation.ts";

/** The connection, as the runner sees it. */
export interface RunnerLink {
  readonly session: Session;
  /**
   * Sends and receives until `isSo` is true; false if time is over first. With `events`, session events are delivered
   * meanwhile, to listeners that may make calls.
   */
  until(isSo: () => boolean, by: number, events: boolean): boolean;
  /** Sends and receives as much as is possible without waiting. */
  poll(): void;
  /** Sends and receives until a request is settled. `events` is as in {@linkcode until}. */
  settle(pending: PendingRequest<unknown>, events: boolean): void;
  /** Whether no more can be sent before replies are read. */
  readonly isFull: boolean;
  /** Sends a cancel request, within that many milliseconds. False if it may still arrive after that. */
  cancel(milliseconds: number): boolean;
  /** Fails all outstanding requests for that reason, and closes the socket. */
  destroy(reason: Error): void;
}

/** Runs the ops of one connection. */
export class SyncRunner {
  readonly #link: RunnerLink;
  /** The wait of the op whose callback runs now. */
  #outer: CallWait | undefined = undefined;

  constructor(link: RunnerLink) {
    this.#link = link;
  }

  /** Runs a call to its end, or until a deadline passes: its own, or that of the call whose callback makes this one. */
  run<T>({ op, deadline, refusal }: Call<T>): T {
    if (refusal !== undefined) throw refusal.error;
    const outer = this.#outer;
    const given = deadline === undefined || deadline.timeout === 0 ? undefined : deadline;
    const inherited = outer?.cancellation?.deadline;
    if (given === undefined && inherited === undefined) return this.#run(op, undefined);
    const own = given === undefined ? Infinity : now() + given.timeout;
    const by = Math.min(own, outer?.by ?? Infinity);
    // The deadline that passes first says what happens then, and what the error says.
    const first = inherited !== undefined && by < own ? inherited : given ?? inherited;
    const cancellation = new Cancellation(first!, this.#link.session);
    try {
      return this.#run(op, { cancellation, by });
    } catch (error) {
      throw cancellation.errorFor(error);
    }
  }

  /** Runs an op. It fails at `by`; the replies that it waited for are read and dropped later. */
  runBy<T>(op: Op<T>, by: number): T {
    return this.#run(op, { cancellation: undefined, by });
  }

  #run<T>(op: Op<T>, wait: CallWait | undefined): T {
    const { session } = this.#link;
    let next = op.next();
    while (!next.done) {
      const step: Step = next.value;
      if (step.do !== "settle" && step.do !== "finish" && this.#isCancellationPending(wait)) {
        next = fail(op, wait!.cancellation!.error(), wait);
        continue;
      }
      let answer: unknown;
      try {
        if (step.do === "submit") {
          answer = session.submit(step.request);
          if (!step.request.exclusive?.outlivesCalls) wait?.cancellation?.watch(answer as PendingRequest<unknown>);
        } else if (step.do === "settle" || step.do === "finish") {
          const { pending } = step;
          const events = step.do === "finish";
          if (wait === undefined) this.#link.settle(pending, events);
          else if (!pending.settled) {
            wait.cancellation?.watch(pending);
            this.#until(() => pending.settled, wait, events);
          }
          if (pending.failure !== undefined) throw errorOf(pending.failure, pending.request);
          answer = pending.value;
        } else answer = this.#perform(step, wait);
      } catch (error) {
        next = fail(op, error, wait);
        continue;
      }
      next = op.next(answer);
    }
    return next.value;
  }

  #perform(step: Exclude<Step, { do: "submit" | "settle" | "finish" }>, wait: CallWait | undefined): unknown {
    const { session } = this.#link;
    switch (step.do) {
      case "continue":
      case "release":
        return;
      case "barrier":
        // No other op can be under way, unless this call comes from a callback that an op waits for.
        session.check("barrier", "use the connection", step.within);
        return this.#until(() => session.idle, wait);
      case "await": {
        const { condition, pending } = step;
        wait?.cancellation?.watch(pending);
        return this.#until(() => condition.isMet || pending.settled, wait);
      }
      case "room":
        // Receives first, so that the op sees a refusal of what was sent before it sends more.
        this.#link.poll();
        return this.#until(() => session.outbox.size <= step.bytes || this.#link.isFull, wait);
      case "cancel":
        if (!this.#link.cancel(CANCEL_TIMEOUT)) this.#link.destroy(cancelTimedOut());
        return;
      case "callback":
        return this.#call(step.fn, wait);
      case "repeat":
        if (wait?.cancellation?.isRequested) throw wait.cancellation.error();
        return;
      case "pause":
        return block(Math.min(Math.random() * step.upTo, Math.max(0, (wait?.by ?? Infinity) - now())));
    }
  }

  /**
   * Whether the caller has given up, and the op was not notified yet. Between waits, only this check looks at the
   * time.
   */
  #isCancellationPending(wait: CallWait | undefined): boolean {
    const cancellation = wait?.cancellation;
    if (cancellation === undefined) return false;
    if (!cancellation.isRequested && now() >= wait!.by) {
      wait!.by = now() + CANCEL_TIMEOUT;
      if (cancellation.request() === "cancel" && !this.#link.cancel(CANCEL_TIMEOUT)) {
        this.#link.destroy(cancellation.loseConnection());
      }
    }
    return cancellation.isPending;
  }

  #call(fn: () => unknown, wait: CallWait | undefined): unknown {
    const outer = this.#outer;
    this.#outer = wait ?? outer;
    try {
      return refusePromise(fn(), "the functions of a blocking call");
    } catch (error) {
      // If this call's time is over too, a time-out of a call inside the callback is reported as its own.
      throw this.#isCancellationPending(wait) ? wait!.cancellation!.error() : error;
    } finally {
      this.#outer = outer;
    }
  }

  #until(isSo: () => boolean, wait: CallWait | undefined, events: boolean = false): void {
    const { session } = this.#link;
    const isOver = (): boolean => isSo() || session.lost !== undefined;
    if (wait === undefined) {
      this.#link.until(isOver, Infinity, events);
      return;
    }
    if (this.#link.until(isOver, wait.by, events)) return;
    const { cancellation } = wait;
    if (cancellation === undefined) throw new ConnectionError("timed out", { code: "ETIMEDOUT" });
    if (!cancellation.isRequested) {
      const action = cancellation.request();
      wait.by = now() + CANCEL_TIMEOUT;
      if (cancellation.deadline.closesConnection) return this.#link.destroy(cancellation.loseConnection());
      if (action === "notify" || action === "abandon") {
        if (action === "abandon") cancellation.abandon();
        throw cancellation.error();
      }
      // A cancel request that arrives before the statement begins has no effect, so it is repeated.
      while (now() < wait.by && this.#link.cancel(wait.by - now())) {
        if (this.#link.until(isOver, Math.min(now() + CANCEL_INTERVAL, wait.by), events)) return;
      }
    }
    this.#link.destroy(cancellation.loseConnection());
  }
}

/** Throws into an op. From then on, an op whose caller has given up only cleans up. */
function fail<T>(op: Op<T>, error: unknown, wait: CallWait | undefined): IteratorResult<Step, T> {
  if (wait?.cancellation?.isRequested) wait.cancellation.isNotified = true;
  return op.throw(error);
}

/**
 * Returns the result of a user's function. Throws if it is a promise, because a blocking call cannot wait for one.
 * `who` names the function in the error.
 */
export function refusePromise<T>(value: T, who: string): T {
  const then: unknown = (value as { then?: unknown } | null | undefined)?.then;
  if (typeof then !== "function") return value;
  then.call(value, undefined, () => {});
  throw new UsageError(`Cannot wait for a promise: ${who} must return at once, not be async`);
}

/** How long a caller waits. */
interface CallWait {
  readonly cancellation: Cancellation | undefined;
  /** When time is over, for the call or for its clean-up. */
  by: number;
}
