/**
 * Decides which op may submit on a connection, and when. Every rule that makes a call wait for another call, or
 * refuses it because of another, is in this file. It uses no promise and no socket: a driver asks, and waits if the
 * decision is "wait".
 *
 * {@linkcode FORBIDDEN} says *whether* an access is allowed: a table of restrictions. {@linkcode ADMISSION}
 * says *when* a request is admitted: a table of states. One op at a time may submit; the others wait in
 * lists. Which op waits for which:
 *
 * - an op that has not begun waits for the op that may submit, and for those at a barrier;
 * - an op that continues waits only for the op that may submit, so it is admitted before those;
 * - an op at a barrier waits for all ops that have begun and are under way, except other ops at a barrier (the last
 *   one to ask is admitted first) and ops whose callback runs;
 * - the op that may submit waits for no other op, only for the server or for its caller's source of data.
 *
 * So every chain of waiting ends at the server, at a source or at a pause, and no two ops wait for each other. An op
 * never has the right to submit while it pauses, or while it runs a callback that may make calls.
 */
import { type AdmissionEntry, AdmissionList } from "./admission_entry.ts";

/** An exclusive operation, as admission sees it: a stream, a pipeline, a portal, a copy. */
export interface Exclusive {
  /** Its name in errors, with the article: "a stream". */
  readonly name: string;
  /** Whether it is a single call. Other calls then wait for its end instead of being refused. */
  readonly isSingleCall?: boolean;
}

/** A reason to forbid an access. */
export type Restriction =
  /** The connection was lost. */
  | "lost"
  /** The connection is being closed; calls already made continue. */
  | "closing"
  /** A value is being encoded or decoded, possibly by a user's codec. */
  | "encoding"
  /** Another exclusive operation is open. */
  | "exclusive"
  /** Another exclusive operation is open, and it is a single call. */
  | "exclusive call"
  /** Another exclusive operation is open, and it is about to end. */
  | "ending"
  /** Another operation is reserved: it becomes exclusive with its first request. */
  | "reserved";

/** An access to the connection, which a restriction may forbid. */
export type Access =
  /** A new call is made. */
  | "call"
  /** An op submits. */
  | "submit"
  /** An op asks for a barrier. */
  | "barrier"
  /** An operation becomes exclusive now. */
  | "exclusive"
  /** An operation is reserved: it becomes exclusive with its first request. */
  | "reserve";

const yes = true, no = false;

/** Whether a restriction forbids an access. A call that is not forbidden waits until it is admitted. */
export const FORBIDDEN: Readonly<Record<Restriction, Readonly<Record<Access, boolean>>>> = {
  lost: { call: no, submit: yes, barrier: no, exclusive: no, reserve: no },
  closing: { call: yes, submit: no, barrier: no, exclusive: no, reserve: yes },
  encoding: { call: no, submit: yes, barrier: no, exclusive: no, reserve: no },
  exclusive: { call: yes, submit: yes, barrier: yes, exclusive: yes, reserve: yes },
  "exclusive call": { call: no, submit: yes, barrier: yes, exclusive: yes, reserve: yes },
  ending: { call: no, submit: yes, barrier: yes, exclusive: yes, reserve: no },
  reserved: { call: yes, submit: no, barrier: no, exclusive: no, reserve: yes },
};

/** The state of admission. */
export type AdmissionState =
  /** No op has the right to submit, and none waits for it. */
  | "free"
  /** One op may submit, and no other is under way. */
  | "single"
  /** One op may submit, and others are under way too. */
  | "concurrent"
  /** An op waits at a barrier; ops that have begun may continue meanwhile. */
  | "draining"
  /** A cancel request is on its way; it must not hit a statement that is submitted now. */
  | "gated";

/** A request of an op for admission. */
export type AdmissionRequest =
  /** To submit for the first time. */
  | "begin"
  /** To submit again, ahead of the ops that have not begun. */
  | "continue"
  /** To be the only op under way; asked by the op that may submit. */
  | "barrier"
  /** To submit now; asked by the op that may submit. */
  | "submit";

/** Whether a request is admitted now. */
export type Decision = "admit" | "wait";

const admit = "admit", wait = "wait";

/** Which requests are admitted at once in which state, and which wait. */
export const ADMISSION: Readonly<Record<AdmissionState, Readonly<Record<AdmissionRequest, Decision>>>> = {
  free: { begin: admit, continue: admit, barrier: admit, submit: admit },
  single: { begin: wait, continue: wait, barrier: admit, submit: admit },
  concurrent: { begin: wait, continue: wait, barrier: wait, submit: admit },
  draining: { begin: wait, continue: admit, barrier: wait, submit: admit },
  gated: { begin: wait, continue: wait, barrier: wait, submit: wait },
};

/** Decides which op may submit on one connection. */
export class Admission<X extends Exclusive = Exclusive> {
  isLost = false;
  isClosing = false;
  isEncoding = false;
  #exclusive: X | undefined = undefined;
  #reserved: X | undefined = undefined;
  /** Open operations that are about to end: another one may be reserved, and ended, before the first has ended. */
  readonly #ending = new Set<X>();
  /** The op that may submit. */
  #submitter: AdmissionEntry | undefined = undefined;
  /** The number of ops under way: the one that may submit, and those that wait to continue or for replies. */
  #active = 0;
  #gate: AdmissionEntry | undefined = undefined;
  /** The op that the gate lets through. */
  #letThrough: AdmissionEntry | undefined = undefined;
  /** Ops that wait to begin, or to continue behind those. */
  readonly #beginning = new AdmissionList();
  readonly #continuing = new AdmissionList();
  /** Ops at a barrier; the last one to ask is admitted first. */
  readonly #barriers = new AdmissionList();
  /** Ops that have the right to submit, but wait for the gate to be lifted. */
  readonly #submitting = new AdmissionList();
  /** Cancel requests that wait for the gate of an earlier one to be lifted. */
  readonly #gating = new AdmissionList();

  /** The reserved operation, or else the exclusive one. */
  get open(): X | undefined {
    return this.#reserved ?? this.#exclusive;
  }

  /**
   * The restriction that forbids an access; undefined if none does. `within` is the exclusive operation that the
   * access is a part of.
   */
  restrictionOn(access: Access, within?: X): Restriction | undefined {
    if (this.isLost && FORBIDDEN.lost[access]) return "lost";
    if (this.isClosing && FORBIDDEN.closing[access]) return "closing";
    if (this.isEncoding && FORBIDDEN.encoding[access]) return "encoding";
    // On a lost connection, an open operation refuses nothing: the next request reports the loss.
    if (this.isLost) return undefined;
    const exclusive = this.#exclusive;
    if (exclusive !== undefined && exclusive !== within) {
      const restriction = this.#ending.has(exclusive)
        ? "ending"
        : exclusive.isSingleCall
        ? "exclusive call"
        : "exclusive";
      if (FORBIDDEN[restriction][access]) return restriction;
    }
    const reserved = this.#reserved;
    const isRestricted = reserved !== undefined && reserved !== within && !this.#ending.has(reserved);
    return isRestricted && FORBIDDEN.reserved[access] ? "reserved" : undefined;
  }

  /** The reason for a refusal, to follow "Cannot …: ". */
  reason(restriction: Restriction): string {
    switch (restriction) {
      case "lost":
      case "closing":
        return "the connection is closed";
      case "encoding":
        return "the connection is encoding or decoding a value just now";
      case "reserved":
        return `${this.#reserved!.name} is open on this connection`;
      default:
        return `${this.#exclusive!.name} is open on this connection`;
    }
  }

  /** Reserves the connection for an operation. New calls are refused; calls already made continue. */
  reserveExclusive(exclusive: X): void {
    this.#reserved = exclusive;
  }

  /** Makes an operation exclusive. The caller must have checked that no restriction forbids it. */
  beginExclusive(exclusive: X): void {
    this.#exclusive = exclusive;
  }

  /**
   * Makes new calls wait for the end of the operation, instead of being refused. The op that ends it must have begun,
   * or be the next to begin.
   */
  announceEnd(exclusive: X): void {
    if (this.#exclusive === exclusive || this.#reserved === exclusive) this.#ending.add(exclusive);
  }

  /** Ends the operation. */
  endExclusive(exclusive: X): void {
    if (this.#exclusive === exclusive) this.#exclusive = undefined;
    if (this.#reserved === exclusive) this.#reserved = undefined;
    this.#ending.delete(exclusive);
  }

  /** Whether this operation is exclusive now. */
  isExclusiveTo(exclusive: X): boolean {
    return this.#exclusive === exclusive;
  }

  /** The state of admission. */
  get state(): AdmissionState {
    return this.#stateFor(undefined);
  }

  #stateFor(entry: AdmissionEntry | undefined): AdmissionState {
    if (this.#gate !== undefined && (entry === undefined || entry !== this.#letThrough)) return "gated";
    if (this.#submitter !== undefined) return this.#active === 1 ? "single" : "concurrent";
    return this.#barriers.last === undefined ? "free" : "draining";
  }

  /** Whether it is the op that may submit. */
  maySubmit(entry: AdmissionEntry): boolean {
    return this.#submitter === entry;
  }

  /** An op asks to begin. */
  begin(entry: AdmissionEntry): Decision {
    if (ADMISSION[this.state].begin === wait) return this.#wait(entry, this.#beginning);
    this.#admit(entry);
    return admit;
  }

  /** An op that has begun asks to submit again, ahead of the ops that wait to begin, or `behind` them. */
  continue(entry: AdmissionEntry, behind: boolean): Decision {
    if (this.#submitter === entry) return admit;
    if (ADMISSION[this.#stateFor(entry)][behind ? "begin" : "continue"] === admit) {
      this.#admit(entry);
      return admit;
    }
    if (!behind) return this.#wait(entry, this.#continuing);
    // An op ahead of this one may ask for a barrier, which must not wait for this one.
    this.#setActive(entry, false);
    this.#wait(entry, this.#beginning);
    this.#next();
    return wait;
  }

  /** The op that may submit asks to be the only one under way. Ops that have begun may continue first. */
  barrier(entry: AdmissionEntry): Decision {
    if (ADMISSION[this.#stateFor(entry)].barrier === admit) return admit;
    this.#setActive(entry, false);
    this.#submitter = undefined;
    this.#wait(entry, this.#barriers);
    this.#next();
    return wait;
  }

  /** The op that may submit asks to submit now; a gate makes it wait. */
  submit(entry: AdmissionEntry): Decision {
    return this.#gate === undefined || entry === this.#letThrough ? admit : this.#wait(entry, this.#submitting);
  }

  /** An op releases the right to submit. */
  release(entry: AdmissionEntry): void {
    if (this.#submitter !== entry) return;
    this.#submitter = undefined;
    this.#next();
  }

  /** An op runs a callback that may make calls. No other op waits for it until it resumes. */
  suspend(entry: AdmissionEntry): void {
    if (this.#submitter === entry) this.#submitter = undefined;
    this.#setActive(entry, false);
    this.#next();
  }

  /** The callback has returned. */
  resume(entry: AdmissionEntry): void {
    this.#setActive(entry, true);
  }

  /** An op stops waiting, without the right to submit. Takes constant time. */
  giveUp(entry: AdmissionEntry): void {
    if (entry.list === undefined) return;
    entry.list.remove(entry);
    this.#setActive(entry, entry.hasBegun);
    this.#next();
  }

  /** An op has ended. It may have been waiting. */
  leave(entry: AdmissionEntry): void {
    entry.list?.remove(entry);
    this.#setActive(entry, false);
    if (this.#submitter === entry) this.#submitter = undefined;
    this.#next();
  }

  /** A cancel request asks that nothing be submitted until {@linkcode Admission.ungate}. */
  gate(entry: AdmissionEntry): Decision {
    if (this.#gate !== undefined) return this.#wait(entry, this.#gating);
    this.#gate = entry;
    return admit;
  }

  /**
   * Lets one op through the gate. Between two cancel requests for its own statement, an op may submit its clean-up
   * (such as a Sync), which the server may need to end that statement.
   */
  letThrough(entry: AdmissionEntry): void {
    this.#letThrough = entry;
    const { list } = entry;
    const request = list === this.#submitting ? "submit" : list === this.#continuing ? "continue" : undefined;
    if (request === undefined || ADMISSION[this.#stateFor(entry)][request] === wait) return;
    list!.remove(entry);
    if (request === "continue") this.#admit(entry);
    entry.onAdmitted?.();
  }

  /** Shuts the gate again: another cancel request is on its way. */
  holdBack(): void {
    this.#letThrough = undefined;
  }

  /** Lifts the gate: the cancel request can no longer hit a later statement. */
  ungate(): void {
    this.#gate = undefined;
    this.#letThrough = undefined;
    const next = this.#gating.first;
    if (next !== undefined) {
      this.#gating.remove(next);
      this.#gate = next;
      return next.onAdmitted?.();
    }
    for (let entry = this.#submitting.first; entry !== undefined; entry = this.#submitting.first) {
      this.#submitting.remove(entry);
      entry.onAdmitted?.();
    }
    this.#next();
  }

  #wait(entry: AdmissionEntry, list: AdmissionList): Decision {
    list.push(entry);
    return wait;
  }

  #admit(entry: AdmissionEntry): void {
    entry.hasBegun = true;
    this.#setActive(entry, true);
    this.#submitter = entry;
  }

  #setActive(entry: AdmissionEntry, isActive: boolean): void {
    if (entry.isActive === isActive) return;
    entry.isActive = isActive;
    this.#active += isActive ? 1 : -1;
  }

  /** Admits the next op, if one can be admitted now. */
  #next(): void {
    if (this.#submitter !== undefined || this.#gate !== undefined) return;
    let next = this.#continuing.first;
    if (next === undefined) {
      const barrier = this.#barriers.last;
      if (barrier === undefined) next = this.#beginning.first;
      else if (this.#active === 0) next = barrier;
    }
    if (next === undefined) return;
    next.list!.remove(next);
    this.#admit(next);
    next.onAdmitted?.();
  }
}
