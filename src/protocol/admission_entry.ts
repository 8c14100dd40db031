/** What waits for admission, and the lists that it waits in. */

/** An op, or a cancel request, as admission sees it. */
export class AdmissionEntry {
  /** The list that it waits in. */
  list: AdmissionList | undefined = undefined;
  previous: AdmissionEntry | undefined = undefined;
  next: AdmissionEntry | undefined = undefined;
  /** Whether it has been admitted once. */
  hasBegun = false;
  /**
   * Whether it counts as under way. False before it begins, at a barrier, while it continues behind the others, and
   * while it runs a callback that may make calls.
   */
  isActive = false;
  /** Called when it is admitted. */
  onAdmitted: (() => void) | undefined = undefined;
}

/** A linked list, used as a queue or as a stack. Removing an entry takes constant time. */
export class AdmissionList {
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
