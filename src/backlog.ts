/**
 * Queues for what comes faster than it is taken: each step costs the same, however long they are
 * (`Array.shift` moves everything that is behind).
 */

/** First in, first out. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** Where the first item is. */
  #head = 0;
  /** How many items were before those that there is still room for. */
  #moved = 0;

  /** How many items there are. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** What is taken next. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** What was added last, if it was not taken. */
  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#items.at(-1);
  }

  /** Adds an item behind all others. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first item. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Half of the room is moved at the most, after as many steps.
    if (this.#head === this.#items.length || (this.#head >= MIN_MOVED && this.#head * 2 >= this.#items.length)) {
      this.#items = this.#items.slice(this.#head);
      this.#moved += this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** The items, first to last; those that are taken or added meanwhile are left out or included. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let place = 0;; place++) {
      place = Math.max(place, this.#moved + this.#head);
      if (place - this.#moved >= this.#items.length) return;
      yield this.#items[place - this.#moved]!;
    }
  }
}

/** First in, first out, and no more than a certain amount: what a peer can send without end is not kept without end. */
export class Backlog<T> {
  /** The most that is kept, in the unit of the sizes. */
  limit: number;
  readonly #items = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  #size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** How many items there are. */
  get length(): number {
    return this.#items.length;
  }

  /** What was added last, if it was not taken. */
  get last(): T | undefined {
    return this.#items.last;
  }

  /** Adds an item; false if there is no room for it. There always is for one, whatever its size. */
  push(item: T, size: number): boolean {
    if (this.#size + size + OVERHEAD > this.limit && this.length > 0) return false;
    this.force(item, size);
    return true;
  }

  /** Adds an item that must not be missing. */
  force(item: T, size: number = 0): void {
    this.#items.push(item);
    this.#sizes.push(size + OVERHEAD);
    this.#size += size + OVERHEAD;
  }

  /** Takes the first item. */
  shift(): T | undefined {
    this.#size -= this.#sizes.shift() ?? 0;
    return this.#items.shift();
  }
}

/**
 * How much may wait for one listener, in characters of notifications: eight thousand of the longest, six
 * hundred thousand of the shortest. PostgreSQL itself lets 8 GB wait, on disk.
 */
export const MAX_WAITING_NOTIFICATIONS = 0x400_0000;

/** What an item costs besides its size: the smallest messages make objects that are many times larger. */
const OVERHEAD = 100;
/** Moving fewer items costs next to nothing, but so often. */
const MIN_MOVED = 64;
