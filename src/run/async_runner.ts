/** The runner of the driver that awaits: performs the steps of ops. */
import { UsageError } from "../errors.ts";
import type { Call, Deadline, ExclusiveOperation, Op, PendingRequest, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Admission } from "../protocol/admission.ts";
import { AdmissionEntry } from "../protocol/admission_entry.ts";
import { onAbort } from "./aborts.ts";
import { AsyncCancellation, guarded } from "./async_cancellation.ts";
import { type CallerContext, callWithin, currentCaller, isWithin } from "./callers.ts";
import { MAX_MILLISECONDS, pause } from "../runtime/clock.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
import type { Cancellation } from "./cancellation.ts";
import { type CancelLink, GivingUp } from "./giving_up.ts";
import { admission, outcome, unlessSettled } from "./waiting.ts";

/** The connection, as the runner sees it. */
export interface RunnerLink extends CancelLink {
  /** Sends the submitted requests, and reads the replies. */
  wake(): void;
  /** Continues paused reply readers, because an op waits for replies. */
  resume(): void;
  /** Resolves once at most `bytes` bytes are unsent, or once no more can be sent before replies are read. */
  room(bytes: number): Promise<void>;
}

/** Runs the ops of one connection. */
export class AsyncRunner {
  readonly #link: RunnerLink;
  readonly #admission: Admission<ExclusiveOperation>;
  readonly #givingUp: GivingUp;
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
    this.#givingUp = new GivingUp(link);
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
  cancel(): Promise<void> {
    return this.#givingUp.cancel();
  }

  async #runWithDeadline<T>(op: Op<T>, deadline: Deadline): Promise<T> {
    deadline.signal?.throwIfAborted();
    const cancellation = new AsyncCancellation(deadline, this.#link.session);
    const work = this.#run(op, cancellation);
    const over = work.then(() => {}, () => {});
    let givingUp: Promise<void> | undefined;
    const giveUp = (): void => {
      givingUp ??= this.#givingUp.giveUp(cancellation, over);
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
        return await this.#givingUp.cancelForOp();
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
