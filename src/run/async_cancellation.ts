/** The cancellation of calls that await. */
import type { AdmissionEntry } from "../protocol/admission_entry.ts";
import { Cancellation } from "./cancellation.ts";

/** A cancellation with promises. */
export class AsyncCancellation extends Cancellation {
  /** The entry of its op in admission. */
  entry: AdmissionEntry | undefined = undefined;
  /** The user's function that its op waits for: one that may make `calls`, or a `source` of data. */
  waitsFor: "calls" | "source" | undefined = undefined;
  isAbandoned = false;
  /** Rejects the op's current wait. */
  #fail: ((error: unknown) => void) | undefined = undefined;
  #isNotifying = false;
  readonly #abandoning = Promise.withResolvers<void>();

  /** Resolves when the call is abandoned. */
  get abandoned(): Promise<void> {
    return this.#abandoning.promise;
  }

  override abandon(): void {
    super.abandon();
    this.isAbandoned = true;
    this.#abandoning.resolve();
  }

  /** Notifies the op: its current wait fails, or else its next one. */
  notify(): void {
    if (this.isNotified) return;
    this.#isNotifying = true;
    this.#fail?.(this.error());
  }

  /** The work's result, unless the op is notified first. */
  guard<T>(work: Promise<T>): Promise<T> {
    if (this.isNotified) return work;
    // Not Promise.race: a promise that lives as long as the call would keep the result of every wait.
    return new Promise<T>((resolve, reject) => {
      this.#fail = reject;
      const end = (): void => {
        if (this.#fail === reject) this.#fail = undefined;
      };
      work.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
      if (this.#isNotifying) reject(this.error());
    });
  }
}

/** The work's result, unless the op is notified first that its caller has given up. */
export function guarded<T>(cancellation: AsyncCancellation | undefined, work: Promise<T>): Promise<T> {
  return cancellation === undefined ? work : cancellation.guard(work);
}
