/** Runs ops, blocking: hands their steps to the session, and waits for what they wait for. */
import { ConnectionError, UsageError } from "../errors.ts";
import type { Call, Op, PendingRequest, Step } from "../protocol/request.ts";
import { errorOf } from "../protocol/failure.ts";
import type { Session } from "../protocol/session.ts";
import { block, now } from "../runtime/clock.ts";
import { AGAIN, Interruption, noAnswer, PATIENCE } from "./interruption.ts";

/** What the runner needs of the connection. */
export interface RunnerLink {
  readonly session: Session;
  /**
   * Sends and receives until it is so; with `events`, what the server says meanwhile is told to those
   * who listen, who may make calls. False if time is over first.
   */
  until(isSo: () => boolean, by: number, events: boolean): boolean;
  /** Sends what can be sent and receives what is there, without waiting. */
  glance(): void;
  /** As {@linkcode until}, for what most calls wait for. */
  settle(pending: PendingRequest<unknown>, events: boolean): void;
  /** Whether nothing can be sent before replies are taken. */
  readonly isFull: boolean;
  /** Asks the server to stop what it works on, within that time. False if the request may still arrive after that. */
  cancel(milliseconds: number): boolean;
  /** Everything outstanding fails for that reason, and the socket is closed. */
  destroy(reason: Error): void;
}

/** Runs the ops of one connection. */
export class SyncRunner {
  readonly #link: RunnerLink;
  /** What waits for the function of the user's that runs now. */
  #outer: Wait | undefined = undefined;

  constructor(link: RunnerLink) {
    this.#link = link;
  }

  /** Runs a call to its end, or until its caller gives up, or who called the function that this comes from. */
  run<T>({ op, deadline, refusal }: Call<T>): T {
    if (refusal !== undefined) throw refusal.error;
    const outer = this.#outer;
    const given = deadline === undefined || deadline.timeout === 0 ? undefined : deadline;
    const inherited = outer?.interruption?.deadline;
    if (given === undefined && inherited === undefined) return this.#run(op, undefined);
    const interruption = new Interruption((given ?? inherited)!, this.#link.session);
    const by = Math.min(given === undefined ? Infinity : now() + given.timeout, outer?.by ?? Infinity);
    try {
      return this.#run(op, { interruption, by });
    } catch (error) {
      throw interruption.errorFor(error);
    }
  }

  /** Runs an op until `by`, when it fails, and what it waits for is left to be read and dropped later. */
  runBy<T>(op: Op<T>, by: number): T {
    return this.#run(op, { interruption: undefined, by });
  }

  #run<T>(op: Op<T>, wait: Wait | undefined): T {
    const { session } = this.#link;
    let next = op.next();
    while (!next.done) {
      const step: Step = next.value;
      if (step.do !== "settle" && step.do !== "finish" && this.#isDue(wait)) {
        next = fail(op, wait!.interruption!.error(), wait);
        continue;
      }
      let answer: unknown;
      try {
        if (step.do === "submit") {
          answer = session.submit(step.request);
          if (!step.request.exclusive?.outlivesCalls) wait?.interruption?.watch(answer as PendingRequest<unknown>);
        } else if (step.do === "settle" || step.do === "finish") {
          const { pending } = step;
          const events = step.do === "finish";
          if (wait === undefined) this.#link.settle(pending, events);
          else if (!pending.settled) {
            wait.interruption?.watch(pending);
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

  #perform(step: Exclude<Step, { do: "submit" | "settle" | "finish" }>, wait: Wait | undefined): unknown {
    const { session } = this.#link;
    switch (step.do) {
      case "continue":
      case "release":
        return;
      case "barrier":
        // Nobody else can be on the way, unless this comes from a function that an op waits for.
        session.check("barrier", "use the connection", step.within);
        return this.#until(() => session.idle, wait);
      case "await": {
        const { condition: condition, pending } = step;
        wait?.interruption?.watch(pending);
        return this.#until(() => condition.isMet || pending.settled, wait);
      }
      case "room":
        // A refusal of what was sent so far is to be seen before the rest is sent.
        this.#link.glance();
        return this.#until(() => session.outbox.size <= step.bytes || this.#link.isFull, wait);
      case "cancel":
        if (!this.#link.cancel(PATIENCE)) this.#link.destroy(noAnswer());
        return;
      case "callback":
        return this.#call(step.fn, wait);
      case "pause":
        return block(Math.min(Math.random() * step.upTo, Math.max(0, (wait?.by ?? Infinity) - now())));
    }
  }

  /** Whether the caller has given up and the op has to be told: between its waits, nothing tells this by itself. */
  #isDue(wait: Wait | undefined): boolean {
    const interruption = wait?.interruption;
    if (interruption === undefined) return false;
    if (!interruption.happened && now() >= wait!.by) {
      wait!.by = now() + PATIENCE;
      if (interruption.interrupt() === "cancel" && !this.#link.cancel(PATIENCE)) {
        this.#link.destroy(interruption.loseConnection());
      }
    }
    return interruption.isDue;
  }

  #call(fn: () => unknown, wait: Wait | undefined): unknown {
    const outer = this.#outer;
    this.#outer = wait ?? outer;
    try {
      return immediate(fn(), "the functions of a blocking call");
    } catch (error) {
      // The time-out of a call that was made in it is that of this one, when this one's time is over.
      throw this.#isDue(wait) ? wait!.interruption!.error() : error;
    } finally {
      this.#outer = outer;
    }
  }

  #until(isSo: () => boolean, wait: Wait | undefined, events: boolean = false): void {
    const { session } = this.#link;
    const isOver = (): boolean => isSo() || session.lost !== undefined;
    if (wait === undefined) {
      this.#link.until(isOver, Infinity, events);
      return;
    }
    if (this.#link.until(isOver, wait.by, events)) return;
    const { interruption } = wait;
    if (interruption === undefined) throw new ConnectionError("timed out");
    if (!interruption.happened) {
      const remedy = interruption.interrupt();
      wait.by = now() + PATIENCE;
      if (interruption.deadline.closesConnection) return this.#link.destroy(interruption.loseConnection());
      if (remedy === "tell" || remedy === "abandon") {
        if (remedy === "abandon") interruption.abandon();
        throw interruption.error();
      }
      // A request that comes before the statement is begun has no effect, so it is repeated.
      while (now() < wait.by && this.#link.cancel(wait.by - now())) {
        if (this.#link.until(isOver, Math.min(now() + AGAIN, wait.by), events)) return;
      }
    }
    this.#link.destroy(interruption.loseConnection());
  }
}

/** Throws into an op. Whatever it is, from then on an op that was given up only tidies up. */
function fail<T>(op: Op<T>, error: unknown, wait: Wait | undefined): IteratorResult<Step, T> {
  if (wait?.interruption?.happened) wait.interruption.told = true;
  return op.throw(error);
}

/** What a function of the user's gave, which must not be a promise: nobody would wait for it. `who` is the function, in the error. */
export function immediate<T>(value: T, who: string): T {
  const then: unknown = (value as { then?: unknown } | null | undefined)?.then;
  if (typeof then !== "function") return value;
  then.call(value, undefined, () => {});
  throw new UsageError(`Cannot wait for a promise: ${who} must return at once, not be async`);
}

/** How long a caller waits. */
interface Wait {
  readonly interruption: Interruption | undefined;
  /** When time is over, for the call or for tidying up after it. */
  by: number;
}
