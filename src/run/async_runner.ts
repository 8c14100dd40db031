/** The runner of the driver that awaits: performs the steps of ops. */
import { UsageError } from "../errors.ts";
import type { Call, Deadline, ExclusiveOperation, Op, PendingRequest, Request, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Admission } from "../protocol/admission.ts";
import { AdmissionEntry } from "../protocol/admission_entry.ts";
import { onAbort } from "./aborts.ts";
import { AsyncCancellation, guarded } from "./async_cancellation.ts";
import { type CallerContext, callWithin, currentCaller, isWithin } from "./callers.ts";
import { MAX_MILLISECONDS, pause } from "../runtime/clock.ts";
import { runtime } from "../runtime/name.ts";
import { clearTimeout, setTimeout } from "../timers.ts";
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
    if (deadline !== undefined) return this.#runWithDeadline(op, deadline);
    const running = this.#begin(op);
    return STACKS_FOLLOW_REACTIONS ? this.#runLightly(running) : this.#run(running);
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
    const work = this.#run(this.#begin(op, cancellation));
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
    return this.#run(this.#begin(op, undefined, 0));
  }

  /** Asks that an op may begin. */
  #begin<T>(op: Op<T>, cancellation?: AsyncCancellation, count: number = 1): RunningOp<T> {
    const caller = this.#trackedCallbacks > 0 ? currentCaller() : undefined;
    const running = new RunningOp(op, cancellation, caller, count);
    if (cancellation !== undefined) cancellation.entry = running;
    this.#running += count;
    this.#admission.begin(running);
    return running;
  }

  #leave(running: RunningOp): void {
    this.#admission.leave(running);
    if ((this.#running -= running.count) === 0) this.#notify();
  }

  /** Runs an op, from its first step or from the one given. */
  async #run<T>(running: RunningOp<T>, next?: IteratorResult<Step, T>): Promise<T> {
    const { op, cancellation } = running;
    try {
      if (running.list !== undefined) await this.#awaitAdmission(running);
      next ??= op.next();
      while (!next.done) {
        const step: Step = next.value;
        let answer: unknown;
        try {
          if (step.do === "settle" || step.do === "finish") {
            if (step.do === "finish") this.#admission.release(running);
            const { pending } = step;
            if (!pending.settled) await this.#awaitOutcome(pending, cancellation);
            if (pending.failure !== undefined) throw errorOf(pending.failure, pending.request);
            answer = pending.value;
          } else if (cancellation?.isPending) {
            throw cancellation.error();
          } else if (step.do === "submit") {
            if (this.#admission.submit(running) === "wait") {
              await this.#awaitAdmission(running);
              continue;
            }
            answer = this.#submit(step.request, running);
          } else {
            answer = await this.#perform(step, running);
          }
        } catch (error) {
          next = fail(running, error);
          continue;
        }
        next = op.next(answer);
      }
      return next.value;
    } finally {
      this.#leave(running);
    }
  }

  #submit(request: Request<unknown>, { cancellation, caller }: RunningOp): PendingRequest<unknown> {
    const pending = this.#link.session.submit(request);
    if (!request.exclusive?.outlivesCalls) cancellation?.watch(pending);
    if (caller !== undefined) pending.owner = caller;
    this.#link.wake();
    return pending;
  }

  /**
   * Runs an op without a deadline. Nearly all of them submit one request and wait for its reply. An async function that
   * waits keeps some 400 bytes more than a reaction does, and where thousands of calls are in flight, V8 spends most of
   * the client's time on collecting them.
   */
  #runLightly<T>(running: RunningOp<T>): Promise<T> {
    if (running.list !== undefined) return this.#run(running);
    const { op } = running;
    try {
      let next = op.next();
      if (next.done || next.value.do !== "submit") return this.#run(running, next);
      let pending: PendingRequest<unknown>;
      try {
        pending = this.#submit(next.value.request, running);
      } catch (error) {
        return this.#run(running, fail(running, error));
      }
      next = op.next(pending);
      if (next.done || next.value.do !== "finish" || next.value.pending !== pending) return this.#run(running, next);
      this.#admission.release(running);
      this.#link.resume();
      return pending.settled ? this.#run(running, next) : this.#whenSettled(running, pending);
    } catch (error) {
      this.#leave(running);
      return Promise.reject(error);
    }
  }

  /** Waits for the only request of an op. The reaction runs in the caller's context, and leads stacks to the caller. */
  #whenSettled<T>(running: RunningOp<T>, pending: PendingRequest<unknown>): Promise<T> {
    return new Promise<void>((resolve) => pending.onSettled = resolve).then(() => this.#end(running, pending));
  }

  #end<T>(running: RunningOp<T>, { failure, request, value }: PendingRequest<unknown>): T | Promise<T> {
    let next: IteratorResult<Step, T>;
    try {
      next = failure === undefined ? running.op.next(value) : fail(running, errorOf(failure, request));
    } catch (error) {
      this.#leave(running);
      throw error;
    }
    if (!next.done) return this.#run(running, next);
    this.#leave(running);
    return next.value;
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
    running: RunningOp,
  ): Promise<unknown> {
    const { cancellation } = running;
    switch (step.do) {
      case "continue":
        return await this.#continue(running, step.behind === true);
      case "release":
        return this.#admission.release(running);
      case "barrier":
        return await this.#barrier(step.within, running);
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
        return await this.#call(step, running);
      case "repeat":
        if (cancellation?.isRequested) throw cancellation.error();
        return;
      case "pause":
        this.#admission.release(running);
        return await guarded(cancellation, pause(Math.random() * step.upTo));
    }
  }

  /** Waits until the op may submit again. */
  async #continue(running: RunningOp, behind: boolean): Promise<void> {
    if (this.#admission.continue(running, behind) === "wait") await this.#awaitAdmission(running);
  }

  /** Waits until the op is the only one under way, and abandoned requests have their outcomes. */
  async #barrier(exclusive: ExclusiveOperation | undefined, running: RunningOp): Promise<void> {
    const { session } = this.#link;
    await this.#continue(running, false);
    session.check("barrier", "use the connection", exclusive);
    if (this.#admission.barrier(running) === "wait") {
      await this.#awaitAdmission(running);
      session.check("barrier", "use the connection", exclusive);
    }
    // Abandoned requests have no op left: wait for the oldest pending request instead.
    for (let oldest = session.oldest; oldest !== undefined; oldest = session.oldest) {
      const settled = outcome(oldest);
      this.#link.resume();
      await guarded(running.cancellation, settled);
    }
  }

  /** Calls a user's function, which may make calls of its own unless the op has the right to submit. */
  async #call({ fn, unless }: Extract<Step, { do: "callback" }>, running: RunningOp): Promise<unknown> {
    const { cancellation } = running;
    const isSource = this.#admission.maySubmit(running);
    if (cancellation !== undefined) cancellation.waitsFor = isSource ? "source" : "calls";
    if (isSource) this.#sourceOp = running;
    else this.#admission.suspend(running);
    try {
      if (!isSource) return await guarded(cancellation, Promise.resolve(this.#callTracked(cancellation, fn)));
      const given = Promise.resolve(callWithin(running, fn));
      return await guarded(cancellation, unless === undefined ? given : unlessSettled(unless, given));
    } finally {
      if (isSource) this.#sourceOp = undefined;
      else this.#admission.resume(running);
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
  async #awaitAdmission(running: RunningOp): Promise<void> {
    try {
      await guarded(running.cancellation, admission(running));
    } catch (error) {
      this.#admission.giveUp(running);
      throw error;
    }
  }

  #notify(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }
}

/** An op under way. */
class RunningOp<T = unknown> extends AdmissionEntry {
  readonly op: Op<T>;
  readonly cancellation: AsyncCancellation | undefined;
  /** The callbacks that it was called from, if a cancellation needs to know. */
  readonly caller: CallerContext | undefined;
  /** What it adds to the number of ops under way. */
  readonly count: number;

  constructor(
    op: Op<T>,
    cancellation: AsyncCancellation | undefined,
    caller: CallerContext | undefined,
    count: number,
  ) {
    super();
    this.op = op;
    this.cancellation = cancellation;
    this.caller = caller;
    this.count = count;
  }
}

/** Throws into an op. From then on, an op whose caller has given up only cleans up. */
function fail<T>({ op, cancellation }: RunningOp<T>, error: unknown): IteratorResult<Step, T> {
  if (cancellation?.isRequested) cancellation.isNotified = true;
  return op.throw(error);
}

/** In the stacks of JavaScriptCore, only async functions lead to the caller. */
const STACKS_FOLLOW_REACTIONS = runtime !== "bun";
