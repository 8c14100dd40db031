/**
 * Which op may submit on a connection, and when. This file decides everything that makes a call wait
 * for another, or be refused because of one, without a promise and without a socket: drivers ask, and
 * wait where the decision is "wait".
 *
 * {@linkcode FORBIDDEN} says *whether* an access is allowed: a table of restrictions. {@linkcode ADMISSION}
 * says *when* a request is admitted: a table of states. One op at a time may submit; the others wait in
 * lists. Which op waits for which:
 *
 * - an op that has not begun waits for the op that may submit, and for those at a barrier;
 * - an op that continues waits for the op that may submit only, so it comes before those;
 * - an op at a barrier waits for all that have begun and are under way, but neither for other ops at a
 *   barrier (the last that asked comes first), nor for those whose callback runs;
 * - the op that may submit waits for no op: it waits for the server, or for a source of its caller's.
 *
 * So every chain of waiting ends at the server, at a source or at a pause, and no two ops wait for each
 * other. An op that pauses, or runs a callback that makes calls, cannot be the one that may submit.
 */

/** An exclusive operation, as admission sees it: a stream, a pipeline, a portal, a copy. */
export interface Exclusive {
  /** With its article, for errors: "a stream". */
  readonly name: string;
  /** Whether it is one call, for whose end other calls wait as for that of any. */
  readonly isSingleCall?: boolean;
}

/** A reason to forbid an access. */
export type Restriction =
  /** The connection was lost. */
  | "lost"
  /** It is being closed: calls already made go on. */
  | "closing"
  /** A user's value is being encoded or decoded, by code that may be the user's. */
  | "encoding"
  /** Another exclusive operation is open. */
  | "exclusive"
  /** The same, and that is one call. */
  | "exclusive call"
  /** The same, and it is about to end. */
  | "ending"
  /** Another operation will be exclusive, once it sends. */
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
  /** An operation becomes exclusive when it sends. */
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
  /** No op may submit, and none waits for that. */
  | "free"
  /** One op may submit, and no other is under way. */
  | "single"
  /** One op may submit, and others that have begun are under way. */
  | "concurrent"
  /** One op is at a barrier; those that have begun may continue meanwhile. */
  | "draining"
  /** A cancel request is on its way, which must not hit what is submitted now. */
  | "gated";

/** A request of an op for admission. */
export type AdmissionRequest =
  /** To submit for the first time. */
  | "begin"
  /** To submit again, before those that have not begun. */
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

/** An op, or a cancel request that is to gate the others. */
export class AdmissionEntry {
  /** The list that it waits in. */
  list: List | undefined = undefined;
  previous: AdmissionEntry | undefined = undefined;
  next: AdmissionEntry | undefined = undefined;
  /** Whether it has been admitted once. */
  hasBegun = false;
  /** Whether it counts as under way: it has begun, and no callback runs that may make calls. */
  isActive = false;
  /** Called when it is admitted. */
  onAdmitted: (() => void) | undefined = undefined;
}

/** First come, first served, or the other way round; leaving takes the same time wherever one stands. */
class List {
  first: AdmissionEntry | undefined = undefined;
  last: AdmissionEntry | undefined = undefined;

  push(entry: AdmissionEntry): void {
    entry.list = this;
    entry.previous = this.last;
    if (this.last === undefined) this.first = entry;
    else this.last.next = entry;
    this.last = entry;
  }

  remove(entry: AdmissionEntry): void {
    if (entry.previous === undefined) this.first = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.last = entry.previous;
    else entry.next.previous = entry.previous;
    entry.list = entry.previous = entry.next = undefined;
  }
}

/** Decides which op may submit on one connection. */
export class Admission<X extends Exclusive = Exclusive> {
  isLost = false;
  isClosing = false;
  isEncoding = false;
  #exclusive: X | undefined = undefined;
  #reserved: X | undefined = undefined;
  #ending: X | undefined = undefined;
  /** The op that may submit. */
  #submitter: AdmissionEntry | undefined = undefined;
  /** How many ops are under way: the one that may submit, those that wait to continue, those that wait for replies. */
  #active = 0;
  #gate: AdmissionEntry | undefined = undefined;
  /** The op that the gate does not hold back. */
  #exempt: AdmissionEntry | undefined = undefined;
  /** Those that wait to begin, or to go on behind these. */
  readonly #beginning = new List();
  readonly #continuing = new List();
  /** Those at a barrier; the last comes first. */
  readonly #barriers = new List();
  /** Those that wait for the gate to be lifted. */
  readonly #submitting = new List();
  /** Those that wait to gate. */
  readonly #gating = new List();

  /** The operation that is exclusive, or will be once it sends. */
  get open(): X | undefined {
    return this.#reserved ?? this.#exclusive;
  }

  /** The restriction that forbids an access; undefined if none does. `within` is the exclusive operation that the access is a part of. */
  restrictionOn(access: Access, within?: X): Restriction | undefined {
    if (this.isLost && FORBIDDEN.lost[access]) return "lost";
    if (this.isClosing && FORBIDDEN.closing[access]) return "closing";
    if (this.isEncoding && FORBIDDEN.encoding[access]) return "encoding";
    const exclusive = this.#exclusive;
    if (exclusive !== undefined && exclusive !== within) {
      const restriction = exclusive === this.#ending
        ? "ending"
        : exclusive.isSingleCall
        ? "exclusive call"
        : "exclusive";
      if (FORBIDDEN[restriction][access]) return restriction;
    }
    const reserved = this.#reserved;
    const isRestricted = reserved !== undefined && reserved !== within && reserved !== this.#ending;
    return isRestricted && FORBIDDEN.reserved[access] ? "reserved" : undefined;
  }

  /** Why, to follow "Cannot …: ". */
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

  /** Refuses new calls from now on; those already made go on. */
  reserveExclusive(exclusive: X): void {
    this.#reserved = exclusive;
  }

  /** The operation is exclusive from now on. No restriction must forbid that. */
  beginExclusive(exclusive: X): void {
    this.#exclusive = exclusive;
  }

  /** The operation is about to end: new calls wait for that. The op that ends it must be the next to begin, or have begun. */
  announceEnd(exclusive: X): void {
    if (this.#exclusive === exclusive || this.#reserved === exclusive) this.#ending = exclusive;
  }

  /** The operation has ended. */
  endExclusive(exclusive: X): void {
    if (this.#exclusive === exclusive) this.#exclusive = undefined;
    if (this.#reserved === exclusive) this.#reserved = undefined;
    if (this.#ending === exclusive) this.#ending = undefined;
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
    if (this.#gate !== undefined && (entry === undefined || entry !== this.#exempt)) return "gated";
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

  /** An op that has begun asks to submit again; `behind` those that wait to begin, or before them. */
  continue(entry: AdmissionEntry, behind: boolean): Decision {
    if (this.#submitter === entry) return admit;
    if (ADMISSION[this.#stateFor(entry)][behind ? "begin" : "continue"] === admit) {
      this.#admit(entry);
      return admit;
    }
    if (!behind) return this.#wait(entry, this.#continuing);
    // Those in front of it must not wait for it.
    this.#setActive(entry, false);
    this.#wait(entry, this.#beginning);
    this.#next();
    return wait;
  }

  /** The op that may submit asks to be the only one under way; those that have begun may continue before. */
  barrier(entry: AdmissionEntry): Decision {
    if (ADMISSION[this.#stateFor(entry)].barrier === admit) return admit;
    this.#setActive(entry, false);
    this.#submitter = undefined;
    this.#wait(entry, this.#barriers);
    this.#next();
    return wait;
  }

  /** The op that may submit asks to do so now. */
  submit(entry: AdmissionEntry): Decision {
    return this.#gate === undefined || entry === this.#exempt ? admit : this.#wait(entry, this.#submitting);
  }

  /** An op does not submit for now. */
  release(entry: AdmissionEntry): void {
    if (this.#submitter !== entry) return;
    this.#submitter = undefined;
    this.#next();
  }

  /** A callback runs, which may make calls: no op waits for this one until it resumes. */
  suspend(entry: AdmissionEntry): void {
    if (this.#submitter === entry) this.#submitter = undefined;
    this.#setActive(entry, false);
    this.#next();
  }

  /** The callback has returned. */
  resume(entry: AdmissionEntry): void {
    this.#setActive(entry, true);
  }

  /** An op no longer waits, and goes on by itself. Takes the same time however many wait. */
  giveUp(entry: AdmissionEntry): void {
    if (entry.list === undefined) return;
    entry.list.remove(entry);
    this.#setActive(entry, entry.hasBegun);
    this.#next();
  }

  /** An op has ended, wherever it was. */
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
   * The gate does not hold this op back, or none: between two cancel requests for what it has under way,
   * it may submit what it does to clean up, which the server may need to come to the end of that.
   */
  exempt(entry: AdmissionEntry | undefined): void {
    this.#exempt = entry;
    if (entry === undefined) return;
    const { list } = entry;
    if (list === this.#submitting) list.remove(entry);
    else if (list === this.#continuing && this.#submitter === undefined) {
      list.remove(entry);
      this.#admit(entry);
    } else return;
    entry.onAdmitted?.();
  }

  /** The cancel request cannot hit anything any more. */
  ungate(): void {
    this.#gate = undefined;
    this.#exempt = undefined;
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

  #wait(entry: AdmissionEntry, list: List): Decision {
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

  /** Admits the one that comes next, if there is one. */
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
