/** Cancels calls of the driver that awaits, when their callers give them up. */
import type { ExclusiveOperation, PendingRequest } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import type { Admission } from "../protocol/admission.ts";
import { AdmissionEntry } from "../protocol/admission_entry.ts";
import type { AsyncCancellation } from "./async_cancellation.ts";
import { type CallerContext, isWithin } from "./callers.ts";
import { CANCEL_INTERVAL, CANCEL_TIMEOUT, cancelTimedOut, isNeverSent } from "./cancellation.ts";
import { atMost, now } from "../runtime/clock.ts";
import { abandonment, admission, outcome } from "./waiting.ts";

/** The connection, as cancelling sees it. */
export interface CancelLink {
  readonly session: Session;
  /** Sends a cancel request; resolves when the server has taken it. */
  cancel(): Promise<void>;
  /** Fails all outstanding requests for that reason, and closes the socket. */
  destroy(reason: Error): void;
  /** Called when a call's time is over while the server should answer. */
  readonly onOverdue: (() => void) | undefined;
}

/** Cancels the calls of one connection. */
export class GivingUp {
  readonly #link: CancelLink;
  readonly #admission: Admission<ExclusiveOperation>;

  constructor(link: CancelLink) {
    this.#link = link;
    this.#admission = link.session.admission;
  }

  /** Sends a cancel request. No op submits before the server has taken it. */
  async cancel(): Promise<void> {
    await this.#gated(async () => {
      if (!this.#link.session.idle) await this.#link.cancel();
      return true;
    });
  }

  /**
   * Sends a cancel request for an op, and waits until the server has taken it. If that takes too long, the connection is
   * closed.
   */
  async cancelForOp(): Promise<void> {
    if (!await this.#cancelBy(now() + CANCEL_TIMEOUT)) this.#link.destroy(cancelTimedOut());
  }

  /** The caller of a call gives up; `over` resolves when its op has ended. */
  async giveUp(cancellation: AsyncCancellation, over: Promise<void>): Promise<void> {
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

  /** Sends a cancel request. False if it may still arrive afterwards, on a connection that is not lost. */
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
}
