/** Calls that await, and that their callers may give up. */
import type { AdmissionEntry } from "../protocol/admission.ts";
import { Interruption } from "./interruption.ts";

/** An interruption with promises. */
export class AsyncInterruption extends Interruption {
  /** Its op in the order of ops. */
  entry: AdmissionEntry | undefined = undefined;
  /** Whether its op waits for a function of the user's: one that may make calls, or one that gives data. */
  waitsFor: "calls" | "source" | undefined = undefined;
  isAbandoned = false;
  /** Fails what the op waits for now. */
  #fail: ((error: unknown) => void) | undefined = undefined;
  #isTelling = false;
  readonly #abandoning = Promise.withResolvers<void>();

  /** Resolves when nobody waits any more. */
  get abandoned(): Promise<void> {
    return this.#abandoning.promise;
  }

  override abandon(): void {
    super.abandon();
    this.isAbandoned = true;
    this.#abandoning.resolve();
  }

  /** Whatever the op waits for now fails, or what it waits for next. */
  tell(): void {
    if (this.told) return;
    this.#isTelling = true;
    this.#fail?.(this.error());
  }

  /** What the work gives, unless the op is told first. */
  during<T>(work: Promise<T>): Promise<T> {
    if (this.told) return work;
    // Not a race: a promise that lives as long as the call would keep what each of them gave.
    return new Promise<T>((resolve, reject) => {
      this.#fail = reject;
      const end = (): void => {
        if (this.#fail === reject) this.#fail = undefined;
      };
      work.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
      if (this.#isTelling) reject(this.error());
    });
  }
}

/** What the work gives, unless the op is told first that it was given up. */
export function within<T>(interruption: AsyncInterruption | undefined, work: Promise<T>): Promise<T> {
  return interruption === undefined ? work : interruption.during(work);
}
