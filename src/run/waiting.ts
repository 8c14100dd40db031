/** Promises for what ops wait for. */
import type { AdmissionEntry } from "../protocol/admission_entry.ts";
import type { PendingRequest } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";

/** Resolves when the entry is admitted. */
export function admission(entry: AdmissionEntry): Promise<void> {
  return new Promise((resolve) => entry.onAdmitted = resolve);
}

/** Resolves when the request has an outcome. */
export function outcome(pending: PendingRequest<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const before = pending.onSettled;
    pending.onSettled = () => {
      before?.();
      resolve();
    };
  });
}

/**
 * The value of the work; undefined if the pending request is settled first. May be called any number of times for one
 * request.
 */
export function unlessSettled<T>(pending: PendingRequest<unknown>, work: PromiseLike<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (pending.settled) resolve(undefined);
    const before = pending.onSettled;
    const onSettled = (): void => {
      before?.();
      resolve(undefined);
    };
    const end = (): void => {
      if (pending.onSettled === onSettled) pending.onSettled = before;
    };
    pending.onSettled = onSettled;
    work.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
  });
}

/** Resolves when no caller waits for any outcome any more; for one op at a time. */
export function abandonment(session: Session): Promise<void> {
  return new Promise((resolve) => session.onAbandoned = resolve);
}
