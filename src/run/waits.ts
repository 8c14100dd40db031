/** Promises of what ops wait for. */
import type { Entry } from "../protocol/admission.ts";
import type { Ticket } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";

/** Resolves when what it waits for has come. */
export function admitted(entry: Entry): Promise<void> {
  return new Promise((resolve) => entry.onAdmitted = resolve);
}

/** Resolves when there is an outcome. */
export function settling(ticket: Ticket<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const before = ticket.onSettled;
    ticket.onSettled = () => {
      before?.();
      resolve();
    };
  });
}

/** What the work gives; undefined if the ticket has an outcome before. To be called any number of times for a ticket. */
export function unlessSettled<T>(ticket: Ticket<unknown>, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (ticket.settled) resolve(undefined);
    const before = ticket.onSettled;
    const onSettled = (): void => {
      before?.();
      resolve(undefined);
    };
    const end = (): void => {
      if (ticket.onSettled === onSettled) ticket.onSettled = before;
    };
    ticket.onSettled = onSettled;
    work.then((value) => (end(), resolve(value)), (error) => (end(), reject(error)));
  });
}

/** Resolves when nobody waits any more for anything that is outstanding; one caller at a time. */
export function unwanted(session: Session): Promise<void> {
  return new Promise((resolve) => session.onUnwanted = resolve);
}
