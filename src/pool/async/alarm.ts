/** A timer for many things: it goes off when the first of them is due. */
import { MAX_MILLISECONDS, now } from "../../runtime/clock.ts";
import { clearTimeout, setTimeout } from "../../timers.ts";

/** Rings when something is due. It keeps the process alive only on request. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined = undefined;
  #at = Infinity;
  #keepsProcess = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Makes it ring at that time, or earlier. */
  set(at: number): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#ring();
    }, Math.min(Math.max(1, at - now()), MAX_MILLISECONDS));
    // Where a timer is a number, it keeps no process alive.
    if (!this.#keepsProcess) this.#timer.unref?.();
  }

  /** Sets whether the process stays alive until it has rung. */
  keepProcess(needed: boolean): void {
    if (this.#keepsProcess === needed) return;
    this.#keepsProcess = needed;
    if (needed) this.#timer?.ref?.();
    else this.#timer?.unref?.();
  }

  /** Cancels it. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}
