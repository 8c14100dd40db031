/** The callers that wait for a connection of a pool that awaits. */
import { onAbort } from "../../run/aborts.ts";
import { MAX_MILLISECONDS, now } from "../../runtime/clock.ts";
import type { PoolState } from "../pool_state.ts";
import { type Waiter, WaitQueue } from "../wait_queue.ts";
import type { Alarm } from "./alarm.ts";
import type { Entry, PoolConn } from "./pool_conn.ts";

/** How long a caller waits for a connection. */
export interface AcquireDeadline {
  /** Milliseconds, 0 if the caller gave none. */
  readonly timeout: number;
  /** The timeout that the caller gave; `timeout` is the remainder of it. */
  readonly callerTimeout: number;
  readonly signal: AbortSignal | undefined;
}

/** The wait queue with promises: each caller gets a connection, gives up, or is rejected when its time is over. */
export class CallerQueue extends WaitQueue<Entry> {
  readonly #state: PoolState<PoolConn>;
  readonly #alarm: Alarm;
  readonly #onAborted: () => void;

  /** `onAborted` is called when a caller has given up. */
  constructor(state: PoolState<PoolConn>, alarm: Alarm, onAborted: () => void) {
    super();
    this.#state = state;
    this.#alarm = alarm;
    this.#onAborted = onAborted;
  }

  /**
   * Waits for a connection, as long as the caller and the pool's limit allow. `cost` is that of {@linkcode Waiter}.
   */
  wait({ timeout, callerTimeout, signal }: AcquireDeadline, cost: number): Promise<Entry> {
    const { counters, limits: { poolAcquireTimeout } } = this.#state;
    const isCallers = timeout > 0 && timeout < poolAcquireTimeout;
    const since = now();
    const by = since + (isCallers ? timeout : poolAcquireTimeout);
    return new Promise<Entry>((resolve, reject) => {
      const settle = (): void => {
        counters.waited++;
        counters.waitMilliseconds += now() - since;
        unwatch?.();
        if (this.length === 0) this.#alarm.keepProcess(false);
      };
      const waiter: Waiter<Entry> = {
        timeout: isCallers ? callerTimeout : poolAcquireTimeout,
        by,
        cost,
        resolve: (entry) => {
          settle();
          this.#state.handedOut(entry);
          resolve(entry);
        },
        reject: (error) => {
          settle();
          counters.refused++;
          reject(error);
        },
      };
      const abort = (): void => {
        this.remove(waiter);
        waiter.reject(signal!.reason);
        this.#onAborted();
      };
      const unwatch = signal && onAbort(signal, abort);
      this.add(waiter);
      // A caller without a deadline keeps the process alive too.
      this.#alarm.set(Math.min(by, since + MAX_MILLISECONDS));
      this.#alarm.keepProcess(true);
    });
  }

  /** Rejects the callers whose time is over, and sets the alarm for the next one. */
  expire(time: number): void {
    for (const waiter of this.expired(time)) waiter.reject(new AcquireTimeout(waiter.timeout));
    this.#alarm.set(this.length === 0 ? Infinity : Math.min(this.nextExpiryAt, time + MAX_MILLISECONDS));
  }
}

/** A caller has waited for too long. */
export class AcquireTimeout {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }
}
