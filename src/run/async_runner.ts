/** The runner of the driver that awaits: performs the steps of ops. */
import { UsageError } from "../errors.ts";
import type { Call, Deadline, ExclusiveOperation, Op, PendingRequest, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Session } from "../protocol/session.ts";
import type { Admission } from "../protocol/admission.ts";
import { AdmissionEntry } from "../protocol/admission_entry.ts";
import { onAbort } from "./aborts.ts";
import { AsyncCancellation, guarded } from "./async_cancellation.ts";
import { type CallerContext, callWithin, currentCaller, isWithin } from "./callers.ts";
import { atMost, MAX_MILLISECONDS, now, pause } from "../runtime/clock.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
import { abandonment, admission, outcome, unlessSettled } from "./waiting.ts";
import { CANCEL_INTERVAL, CANCEL_TIMEOUT, type Cancellation, cancelTimedOut, isNeverSent } from "./cancellation.ts";

/** The connection, as the runner sees it. */
export interface RunnerLink {
  readonly session: Session;
  /** Sends the submitted requests, and reads the replies. */
  wake(): void;
  /** Continues paused reply readers, because an op waits for replies. */
  resume(): void;
  /** Resolves once at most `bytes` bytes are unsent, or once no more can be sent before replies are read. */
  room(bytes: number): Promise<void>;
  /** Sends a cancel request; resolves when the server has taken it. */
  cancel(): Promise<void>;
  /** Fails all outstanding requests for that reason, and closes the socket. */
  destroy(reason: Error): void;
  /** Called when a call's time is over while the server should answer. */
  readonly onOverdue: (() => void) | undefined;
}

/** Runs the ops of one connection. */
export class AsyncRunner {
  readonly #link: RunnerLink;
  readonly #admission: Admission<ExclusiveOperation>;
  /** The number of ops under way, including those that wait to begin. */
  #running = 0;
  /** Called when no op is under way. */
  readonly #watchers: (() => void)[] = [];
  /**
   * The op that waits for its source while it has the right to submit. Calls from inside the source would wait for
   * ever.
   */
  #sourceOp: RunningOp | undefined = undefined;
  /** How many callbacks run whose requests are tracked. */
  #trackedCallbacks = 0;

  constructor(link: RunnerLink) {
    this.#link = link;
    this.#admission = link.session.admission;
  }

  /** Runs a call to its end, or until its caller gives up. */
  run<T>({ op, deadline, refusal }: Call<T>): Promise<T> {
    if (refusal !== undefined) return Promise.reject(refusal.error);
    if (this.#sourceOp !== undefined && isWithin(currentCaller(), this.#sourceOp)) {
      return Promise.reject(
        new UsageError("Cannot use the connection: it is waiting for the callback that makes this call", {
          safeToRetry: true,
        }),
      );
    }
    return deadline === undefined ? this.#run(op, undefined) : this.#runWithDeadline(op, deadline);
  }

  /** Whether an op is under way. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Waits until no op is under way. */
  async drained(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Sends a cancel request. No op submits before the server has taken it. */
  async cancel(): Promise<void> {
    await this.#gated(async () => {
      if (!this.#link.session.idle) await this.#link.cancel();
      return true;
    });
  }

  async #runWithDeadline<T>(op: Op<T>, deadline: Deadline): Promise<T> {
    deadline.signal?.throwIfAborted();
    const cancellation = new AsyncCancellation(deadline, this.#link.session);
    const work = this.#run(op, cancellation);
    const over = work.then(() => {}, () => {});
    let givingUp: Promise<void> | undefined;
    const giveUp = (): void => {
      givingUp ??= this.#giveUp(cancellation, over);
    };
    const timer = deadline.timeout > 0 && deadline.timeout <= MAX_MILLISECONDS
      ? setTimeout(giveUp, deadline.timeout)
      : undefined;
    const unwatch = deadline.signal && onAbort(deadline.signal, giveUp);
    try {
      await Promise.race([over, cancellation.abandoned]);
      if (cancellation.isAbandoned) throw cancellation.error();
      return await work;
    } catch (error) {
      throw cancellation.errorFor(error);
    } finally {
      clearTimeout(timer);
      unwatch?.();
      if (!cancellation.isAbandoned) await givingUp;
    }
  }

  /** A caller gives up; `over` resolves when its op has ended. */
  async #giveUp(cancellation: AsyncCancellation, over: Promise<void>): Promise<void> {
    if (cancellation.deadline.outlivesCaller && !cancellation.entry?.hasBegun) return cancellation.abandon();
    const until = now() + CANCEL_TIMEOUT;
    const isWaiting = cancellation.waitsFor !== undefined;
    const action = cancellation.request();
    if (action !== "notify" && cancellation.isTimeout) this.#link.onOverdue?.();
    if (cancellation.deadline.closesConnection) return this.#link.destroy(cancellation.loseConnection());
    if (action === "abandon") return cancellation.abandon();
    let inTime = true;
    if (action === "notify" && cancellation.waitsFor === "calls" && !this.#link.session.idle) {
      const isOwn = ({ isAbandoned, owner }: PendingRequest<unknown>): boolean =>
        isAbandoned || isWithin(owner as CallerContext | undefined, cancellation);
      if (!this.#link.session.outstanding.every(isOwn)) {
        // A cancel request could hit the statements of other calls. The clean-up waits for those; the caller does
        // not.
        cancellation.notify();
        return cancellation.abandon();
      }
      // All statements under way are those of the callback, and the op must clean up after them.
      const work = (): Promise<boolean> => {
        cancellation.notify();
        return this.#cancelBy(until, over);
      };
      inTime = await this.#gated(work, until, over);
    } else if (action === "notify" || isWaiting) cancellation.notify();
    // An op that waited for its source now fails its COPY. A cancel request is needed only if the server does not
    // react.
    if (action === "cancel" && !(isWaiting && await atMost(over, CANCEL_INTERVAL))) {
      inTime = await this.#gated(() => this.#cancelFor(cancellation, over, until), until, over);
      if (cancellation.isAbandoned) return;
    }
    if (!inTime || !await atMost(over, until - now())) this.#link.destroy(cancellation.loseConnection());
  }

  /**
   * Cancels the requests of a call, once the server works on them. False if a cancel request may still arrive, and so
   * hit a later statement.
   */
  async #cancelFor(cancellation: AsyncCancellation, over: Promise<void>, until: number): Promise<boolean> {
    const { session } = this.#link;
    while (cancellation.target === "waiting") {
      const { oldest } = session;
      const change = oldest && Promise.race([over, outcome(oldest), abandonment(session)]);
      if (change === undefined || !await atMost(change, until - now())) {
        cancellation.abandon();
        return true;
      }
    }
    // A cancel request that arrives before the statement begins has no effect, so it is repeated.
    while (cancellation.target === "oldest" && now() < until) {
      this.#admission.holdBack();
      if (!await this.#cancelBy(until, over)) return false;
      if (cancellation.entry !== undefined) this.#admission.letThrough(cancellation.entry);
      const { oldest } = session;
      if (oldest === undefined || cancellation.target !== "oldest") break;
      // A call can end before its requests, such as a claim in a pipeline.
      const isOver = over.then(() => true);
      const isSettled = outcome(oldest).then(() => false);
      const end = Promise.race([isOver, isSettled]);
      if (await atMost(end, Math.min(CANCEL_INTERVAL, until - now())) && await end) break;
    }
    return true;
  }

  /** Sends a cancel request. False if it may still arrive after that. If the connection is lost meanwhile, that is no matter. */
  async #cancelBy(until: number, over?: Promise<void>): Promise<boolean> {
    const { session } = this.#link;
    let isOver = false;
    const request = this.#link.cancel().then(
      () => {
        isOver = true;
      },
      (error) => {
        isOver = isNeverSent(error);
      },
    );
    const loss = over?.then(() => session.lost === undefined ? request : undefined);
    await atMost(loss === undefined ? request : Promise.race([request, loss]), until - now());
    return isOver || session.lost !== undefined;
  }

  /**
   * Runs work while admission is gated, unless the call is over first. False if an earlier cancel request is still on its
   * way when the time is over.
   */
  async #gated(work: () => Promise<boolean>, until: number = Infinity, over?: Promise<void>): Promise<boolean> {
    const entry = new AdmissionEntry();
    if (this.#admission.gate(entry) === "wait") {
      const admitted = admission(entry);
      const inTime = await atMost(over === undefined ? admitted : Promise.race([admitted, over]), until - now());
      if (entry.list !== undefined) {
        this.#admission.giveUp(entry);
        return inTime;
      }
    }
    try {
      return await work();
    } finally {
      this.#admission.ungate();
    }
  }

  /** Runs an op of a handshake. It is no call that closing waits for: the handshake may have given it up. */
  runStep<T>(op: Op<T>): Promise<T> {
    return this.#run(op, undefined, 0);
  }

  async #run<T>(op: Op<T>, cancellation: AsyncCancellation | undefined, count: number = 1): Promise<T> {
    const { session } = this.#link;
    const entry = new RunningOp(this.#trackedCallbacks > 0 ? currentCaller() : undefined);
    if (cancellation !== undefined) cancellation.entry = entry;
    this.#running += count;
    try {
      if (this.#admission.begin(entry) === "wait") await this.#awaitAdmission(entry, cancellation);
      let next = op.next();
      while (!next.done) {
        const step: Step = next.value;
        let answer: unknown;
        try {
          if (step.do === "settle" || step.do === "finish") {
            if (step.do === "finish") this.#admission.release(entry);
            const { pending } = step;
            if (!pending.settled) await this.#awaitOutcome(pending, cancellation);
            if (pending.failure !== undefined) throw errorOf(pending.failure, pending.request);
            answer = pending.value;
          } else if (cancellation?.isPending) {
            throw cancellation.error();
          } else if (step.do === "submit") {
            if (this.#admission.submit(entry) === "wait") {
              await this.#awaitAdmission(entry, cancellation);
              continue;
            }
            const pending = session.submit(step.request);
            if (!step.request.exclusive?.outlivesCalls) cancellation?.watch(pending);
            if (entry.caller !== undefined) pending.owner = entry.caller;
            this.#link.wake();
            answer = pending;
          } else {
            answer = await this.#perform(step, entry, cancellation);
          }
        } catch (error) {
          next = fail(op, error, cancellation);
          continue;
        }
        next = op.next(answer);
      }
      return next.value;
    } finally {
      this.#admission.leave(entry);
      if ((this.#running -= count) === 0) this.#notify();
    }
  }

  #awaitOutcome(
    pending: PendingRequest<unknown>,
    cancellation: AsyncCancellation | undefined,
  ): Promise<void> | undefined {
    this.#link.resume();
    if (pending.settled) return undefined;
    if (cancellation === undefined) return new Promise((resolve) => pending.onSettled = resolve);
    cancellation.watch(pending);
    return cancellation.guard(outcome(pending));
  }

  async #perform(
    step: Exclude<Step, { do: "submit" | "settle" | "finish" }>,
    entry: RunningOp,
    cancellation: AsyncCancellation | undefined,
  ): Promise<unknown> {
    switch (step.do) {
      case "continue":
        return await this.#continue(entry, step.behind === true, cancellation);
      case "release":
        return this.#admission.release(entry);
      case "barrier":
        return await this.#barrier(step.within, entry, cancellation);
      case "await": {
        const { condition, pending } = step;
        if (condition.isMet || pending.settled) return;
        this.#link.resume();
        cancellation?.watch(pending);
        if (condition.isMet || pending.settled) return;
        const raising = new Promise<void>((resolve) => condition.onMet = resolve);
        return await guarded(cancellation, unlessSettled(pending, raising));
      }
      case "room":
        return await guarded(cancellation, this.#link.room(step.bytes));
      case "cancel":
        if (!await this.#cancelBy(now() + CANCEL_TIMEOUT)) this.#link.destroy(cancelTimedOut());
        return;
      case "callback":
        return await this.#call(step, entry, cancellation);
      case "repeat":
        if (cancellation?.isRequested) throw cancellation.error();
        return;
      case "pause":
        this.#admission.release(entry);
        return await guarded(cancellation, pause(Math.random() * step.upTo));
    }
  }

  /** Waits until the op may submit again. */
  async #continue(entry: RunningOp, behind: boolean, cancellation: AsyncCancellation | undefined): Promise<void> {
    if (this.#admission.continue(entry, behind) === "wait") await this.#awaitAdmission(entry, cancellation);
  }

  /** Waits until the op is the only one under way, and abandoned requests have their outcomes. */
  async #barrier(
    exclusive: ExclusiveOperation | undefined,
    entry: RunningOp,
    cancellation: AsyncCancellation | undefined,
  ): Promise<void> {
    const { session } = this.#link;
    await this.#continue(entry, false, cancellation);
    session.check("barrier", "use the connection", exclusive);
    if (this.#admission.barrier(entry) === "wait") {
      await this.#awaitAdmission(entry, cancellation);
      session.check("barrier", "use the connection", exclusive);
    }
    // Abandoned requests have no op left: wait for the oldest pending request instead.
    for (let oldest = session.oldest; oldest !== undefined; oldest = session.oldest) {
      const settled = outcome(oldest);
      this.#link.resume();
      await guarded(cancellation, settled);
    }
  }

  /** Calls a user's function, which may make calls of its own unless the op has the right to submit. */
  async #call(
    { fn, unless }: Extract<Step, { do: "callback" }>,
    entry: RunningOp,
    cancellation: AsyncCancellation | undefined,
  ): Promise<unknown> {
    const isSource = this.#admission.maySubmit(entry);
    if (cancellation !== undefined) cancellation.waitsFor = isSource ? "source" : "calls";
    if (isSource) this.#sourceOp = entry;
    else this.#admission.suspend(entry);
    try {
      if (!isSource) return await guarded(cancellation, Promise.resolve(this.#callTracked(cancellation, fn)));
      const given = Promise.resolve(callWithin(entry, fn));
      return await guarded(cancellation, unless === undefined ? given : unlessSettled(unless, given));
    } finally {
      if (isSource) this.#sourceOp = undefined;
      else this.#admission.resume(entry);
      if (cancellation !== undefined) {
        cancellation.waitsFor = undefined;
        if (!isSource) this.#trackedCallbacks--;
      }
    }
  }

  /** Runs a callback; if the call may be cancelled, the callback's requests are tracked. */
  #callTracked(cancellation: AsyncCancellation | undefined, fn: () => unknown): unknown {
    if (cancellation === undefined) return fn();
    this.#trackedCallbacks++;
    return callWithin(cancellation, fn);
  }

  /** Waits until the op is admitted. */
  async #awaitAdmission(entry: RunningOp, cancellation: AsyncCancellation | undefined): Promise<void> {
    try {
      await guarded(cancellation, admission(entry));
    } catch (error) {
      this.#admission.giveUp(entry);
      throw error;
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** An op under way. */
class RunningOp extends AdmissionEntry {
  /** The callbacks that it was called from, if a cancellation needs to know. */
  readonly caller: CallerContext | undefined;

  constructor(caller: CallerContext | undefined) {
    super();
    this.caller = caller;
  }
}

/** Throws into an op. From then on, an op whose caller has given up only cleans up. */
function fail<T>(op: Op<T>, error: unknown, cancellation: Cancellation | undefined): IteratorResult<Step, T> {
  if (cancellation?.isRequested) cancellation.isNotified = true;
  return op.throw(error);
}
