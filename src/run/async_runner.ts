/** Runs ops, awaiting: hands their steps to the session, and waits for what they wait for. */
import { UsageError } from "../errors.ts";
import type { Call, Deadline, ExclusiveOperation, Op, PendingRequest, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Session } from "../protocol/session.ts";
import { type Admission, AdmissionEntry } from "../protocol/admission.ts";
import { onAbort } from "./aborts.ts";
import { AsyncInterruption, within } from "./async_interruption.ts";
import { type Caller, callFor, currentCaller, isWithin } from "./callers.ts";
import { atMost, MAX_MILLISECONDS, now, pause } from "../runtime/clock.ts";
import { admitted, settling, unlessSettled } from "./waits.ts";
import { AGAIN, type Interruption, neverSent, noAnswer, PATIENCE } from "./interruption.ts";

/** What the runner needs of the connection. */
export interface RunnerLink {
  readonly session: Session;
  /** Something was submitted. */
  wake(): void;
  /** Someone waits for replies: those that nobody wanted so far are read. */
  resume(): void;
  /** Resolves once no more than `bytes` wait to be sent, or nothing can be before replies are taken. */
  room(bytes: number): Promise<void>;
  /** Asks the server to stop what it works on; resolves when it has been told. */
  cancel(): Promise<void>;
  /** Everything outstanding fails for that reason, and the socket is closed. */
  destroy(reason: Error): void;
}

/** Runs the ops of one connection. */
export class AsyncRunner {
  readonly #link: RunnerLink;
  readonly #admission: Admission<ExclusiveOperation>;
  /** How many ops are under way, those that wait to begin included. */
  #running = 0;
  /** Who wants to know that no op is under way. */
  #watchers: (() => void)[] = [];
  /** The op whose source runs while it alone may submit: calls from inside the source would wait for ever. */
  #caller: Running | undefined = undefined;
  /** How many functions run of which is kept what they submit. */
  #observed = 0;

  constructor(link: RunnerLink) {
    this.#link = link;
    this.#admission = link.session.admission;
  }

  /** Runs a call to its end, or until its caller gives up. */
  run<T>({ op, deadline, refusal }: Call<T>): Promise<T> {
    if (refusal !== undefined) return Promise.reject(refusal.error);
    if (this.#caller !== undefined && isWithin(currentCaller(), this.#caller)) {
      return Promise.reject(
        new UsageError("Cannot use the connection: it waits for the function that this call comes from", {
          safeToRetry: true,
        }),
      );
    }
    return deadline === undefined ? this.#run(op, undefined) : this.#runLimited(op, deadline);
  }

  /** Whether an op is under way. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Waits until no op is under way. */
  async drained(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  /** Asks the server to stop what it works on. What is called from now on is not submitted before the server has been told. */
  async cancel(): Promise<void> {
    await this.#gated(async () => {
      if (!this.#link.session.idle) await this.#link.cancel();
    });
  }

  async #runLimited<T>(op: Op<T>, deadline: Deadline): Promise<T> {
    deadline.signal?.throwIfAborted();
    const interruption = new AsyncInterruption(deadline, this.#link.session);
    const work = this.#run(op, interruption);
    const over = work.then(() => {}, () => {});
    let givingUp: Promise<void> | undefined;
    const giveUp = (): void => {
      givingUp ??= this.#giveUp(interruption, over);
    };
    const timer = deadline.timeout > 0 && deadline.timeout <= MAX_MILLISECONDS
      ? setTimeout(giveUp, deadline.timeout)
      : undefined;
    const unwatch = deadline.signal && onAbort(deadline.signal, giveUp);
    try {
      await Promise.race([over, interruption.abandoned]);
      if (interruption.isAbandoned) throw interruption.error();
      return await work;
    } catch (error) {
      throw interruption.errorFor(error);
    } finally {
      clearTimeout(timer);
      unwatch?.();
      if (!interruption.isAbandoned) await givingUp;
    }
  }

  /** A caller gives up; `over` resolves when its op has ended. */
  async #giveUp(interruption: AsyncInterruption, over: Promise<void>): Promise<void> {
    const until = now() + PATIENCE;
    const isWaiting = interruption.waitsFor !== undefined;
    const remedy = interruption.interrupt();
    if (interruption.deadline.closesConnection) return this.#link.destroy(interruption.loseConnection());
    if (remedy === "abandon") return interruption.abandon();
    let inTime = true;
    if (remedy === "tell" && interruption.waitsFor === "calls" && !this.#link.session.idle) {
      if (!this.#link.session.outstanding.every(({ owner }) => isWithin(owner as Caller | undefined, interruption))) {
        // Others are at work too, who are not to be hit: nobody waits for the tidying up behind them.
        interruption.tell();
        return interruption.abandon();
      }
      // What runs are statements of the function that the op waits for, and the op has to tidy up after them.
      inTime = await this.#gated(() => {
        interruption.tell();
        return this.#cancelBy(until);
      });
    } else if (remedy === "tell" || isWaiting) interruption.tell();
    // A COPY whose source is not waited for ends by itself, unless the server does not listen.
    if (remedy === "cancel" && !(isWaiting && await atMost(over, AGAIN))) {
      inTime = await this.#gated(() => this.#cancelFor(interruption, over, until));
      if (interruption.isAbandoned) return;
    }
    if (!inTime || !await atMost(over, until - now())) this.#link.destroy(interruption.loseConnection());
  }

  /** Stops what a call has under way, once the server works on it. False if a request for that may still arrive, and so hit something later. */
  async #cancelFor(interruption: AsyncInterruption, over: Promise<void>, until: number): Promise<boolean> {
    while (interruption.target === "waiting") {
      const { oldest } = this.#link.session;
      if (oldest === undefined || !await atMost(Promise.race([over, settling(oldest)]), until - now())) {
        interruption.abandon();
        return true;
      }
    }
    // A request that comes before the statement is begun has no effect, so it is repeated.
    while (interruption.target === "oldest" && now() < until) {
      this.#admission.exempt(undefined);
      if (!await this.#cancelBy(until)) return false;
      this.#admission.exempt(interruption.entry);
      const { oldest } = this.#link.session;
      if (oldest === undefined || interruption.target !== "oldest") break;
      // A call can end before what it has under way, such as one for a part of it.
      const isOver = over.then(() => true);
      const isSettled = settling(oldest).then(() => false);
      const end = Promise.race([isOver, isSettled]);
      if (await atMost(end, Math.min(AGAIN, until - now())) && await end) break;
    }
    return true;
  }

  /** Asks the server to stop what it works on. False if the request may still arrive after that. */
  async #cancelBy(until: number): Promise<boolean> {
    let isOver = false;
    const request = this.#link.cancel().then(
      () => {
        isOver = true;
      },
      (error) => {
        isOver = neverSent(error);
      },
    );
    await atMost(request, until - now());
    return isOver;
  }

  /** Works while nothing is submitted. */
  async #gated<T>(work: () => Promise<T>): Promise<T> {
    const entry = new AdmissionEntry();
    if (this.#admission.gate(entry) === "wait") await admitted(entry);
    try {
      return await work();
    } finally {
      this.#admission.ungate();
    }
  }

  async #run<T>(op: Op<T>, interruption: AsyncInterruption | undefined): Promise<T> {
    const { session } = this.#link;
    const running = new Running(this.#observed > 0 ? currentCaller() : undefined);
    if (interruption !== undefined) interruption.entry = running;
    this.#running++;
    try {
      if (this.#admission.begin(running) === "wait") await this.#admitted(running, interruption);
      let next = op.next();
      while (!next.done) {
        const step: Step = next.value;
        if (interruption?.isDue && step.do !== "settle" && step.do !== "finish") {
          next = fail(op, interruption.error(), interruption);
        } else if (step.do === "submit") {
          if (this.#admission.submit(running) === "wait") {
            try {
              await this.#admitted(running, interruption);
            } catch (error) {
              next = fail(op, error, interruption);
            }
            continue;
          }
          let pending: PendingRequest<unknown>;
          try {
            pending = session.submit(step.request);
          } catch (error) {
            next = fail(op, error, interruption);
            continue;
          }
          if (!step.request.exclusive?.outlivesCalls) interruption?.watch(pending);
          if (running.caller !== undefined) pending.owner = running.caller;
          this.#link.wake();
          next = op.next(pending);
        } else if (step.do === "settle" || step.do === "finish") {
          if (step.do === "finish") this.#admission.release(running);
          const { pending } = step;
          if (!pending.settled) {
            try {
              await this.#settled(pending, interruption);
            } catch (error) {
              next = fail(op, error, interruption);
              continue;
            }
          }
          const { failure } = pending;
          next = failure === undefined
            ? op.next(pending.value)
            : fail(op, errorOf(failure, pending.request), interruption);
        } else {
          let answer: unknown;
          try {
            answer = await this.#perform(step, running, interruption);
          } catch (error) {
            next = fail(op, error, interruption);
            continue;
          }
          next = op.next(answer);
        }
      }
      return next.value;
    } finally {
      this.#admission.leave(running);
      if (--this.#running === 0) this.#notify();
    }
  }

  #settled(pending: PendingRequest<unknown>, interruption: AsyncInterruption | undefined): Promise<void> | undefined {
    this.#link.resume();
    if (pending.settled) return undefined;
    if (interruption === undefined) return new Promise((resolve) => pending.onSettled = resolve);
    interruption.watch(pending);
    return interruption.during(settling(pending));
  }

  async #perform(
    step: Exclude<Step, { do: "submit" | "settle" | "finish" }>,
    running: Running,
    interruption: AsyncInterruption | undefined,
  ): Promise<unknown> {
    switch (step.do) {
      case "continue":
        return await this.#continue(running, step.behind === true, interruption);
      case "release":
        return this.#admission.release(running);
      case "barrier":
        return await this.#alone(step.within, running, interruption);
      case "await": {
        const { condition: condition, pending } = step;
        if (condition.isMet || pending.settled) return;
        this.#link.resume();
        interruption?.watch(pending);
        if (condition.isMet || pending.settled) return;
        const raising = new Promise<void>((resolve) => condition.onMet = resolve);
        return await within(interruption, unlessSettled(pending, raising));
      }
      case "room":
        return await within(interruption, this.#link.room(step.bytes));
      case "cancel":
        if (!await this.#cancelBy(now() + PATIENCE)) this.#link.destroy(noAnswer());
        return;
      case "callback":
        return await this.#call(step, running, interruption);
      case "pause":
        this.#admission.release(running);
        return await within(interruption, pause(Math.random() * step.upTo));
    }
  }

  /** Waits until the op may submit again. */
  async #continue(running: Running, behind: boolean, interruption: AsyncInterruption | undefined): Promise<void> {
    if (this.#admission.continue(running, behind) === "wait") await this.#admitted(running, interruption);
  }

  /** Waits until the op is the only one under way, and nothing is that was given up. */
  async #alone(
    from: ExclusiveOperation | undefined,
    running: Running,
    interruption: AsyncInterruption | undefined,
  ): Promise<void> {
    const { session } = this.#link;
    await this.#continue(running, false, interruption);
    session.check("barrier", "use the connection", from);
    if (this.#admission.barrier(running) === "wait") {
      await this.#admitted(running, interruption);
      session.check("barrier", "use the connection", from);
    }
    // What was given up ends without an op.
    for (let oldest = session.oldest; oldest !== undefined; oldest = session.oldest) {
      const settled = settling(oldest);
      this.#link.resume();
      await within(interruption, settled);
    }
  }

  /** Calls a function of the user's, which may make calls of its own unless the op has the turn. */
  async #call(
    { fn, unless }: Extract<Step, { do: "callback" }>,
    running: Running,
    interruption: AsyncInterruption | undefined,
  ): Promise<unknown> {
    const isSource = this.#admission.maySubmit(running);
    if (interruption !== undefined) interruption.waitsFor = isSource ? "source" : "calls";
    if (isSource) this.#caller = running;
    else this.#admission.suspend(running);
    try {
      if (!isSource) return await within(interruption, Promise.resolve(this.#observe(interruption, fn)));
      const given = Promise.resolve(callFor(running, fn));
      return await within(interruption, unless === undefined ? given : unlessSettled(unless, given));
    } finally {
      if (isSource) this.#caller = undefined;
      else this.#admission.resume(running);
      if (interruption !== undefined) {
        interruption.waitsFor = undefined;
        if (!isSource) this.#observed--;
      }
    }
  }

  /** Calls a function so that what it submits is known to be its own, if that may have to be cancelled. */
  #observe(interruption: AsyncInterruption | undefined, fn: () => unknown): unknown {
    if (interruption === undefined) return fn();
    this.#observed++;
    return callFor(interruption, fn);
  }

  /** Waits for what the op has asked for. */
  async #admitted(running: Running, interruption: AsyncInterruption | undefined): Promise<void> {
    try {
      await within(interruption, admitted(running));
    } catch (error) {
      this.#admission.giveUp(running);
      throw error;
    }
  }

  #notify(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}

/** An op under way. */
class Running extends AdmissionEntry {
  /** Which functions it was called from, if anybody asks. */
  readonly caller: Caller | undefined;

  constructor(caller: Caller | undefined) {
    super();
    this.caller = caller;
  }
}

/** Throws into an op. Whatever it is, from then on an op that was given up only tidies up. */
function fail<T>(op: Op<T>, error: unknown, interruption: Interruption | undefined): IteratorResult<Step, T> {
  if (interruption?.happened) interruption.told = true;
  return op.throw(error);
}
