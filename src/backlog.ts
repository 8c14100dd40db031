/** Queues whose operations take constant time, however long they are (`Array.shift` moves all other items). */

/** A first-in, first-out queue. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  /** The index of the first item. */
  #head = 0;
  /** The number of items that were dropped from the beginning of the array. */
  #moved = 0;

  /** The number of items. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The next item to be taken. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  /** The item that was added last, if it has not been taken. */
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
    // At most half of the array is moved, after at least as many steps.
    if (this.#head === this.#items.length || (this.#head >= MIN_MOVED && this.#head * 2 >= this.#items.length)) {
      this.#items = this.#items.slice(this.#head);
      this.#moved += this.#head;
      this.#head = 0;
    }
    return item;
  }

  /** The items, first to last. Items taken meanwhile are left out, items added meanwhile are included. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let place = 0;; place++) {
      place = Math.max(place, this.#moved + this.#head);
      if (place - this.#moved >= this.#items.length) return;
      yield this.#items[place - this.#moved]!;
    }
  }
}

/** A first-in, first-out queue with a limit on its size, for items that a peer can send without limit. */
export class Backlog<T> {
  /** The maximum total size. */
  limit: number;
  readonly #items = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  #size = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** The number of items. */
  get length(): number {
    return this.#items.length;
  }

  /** The item that was added last, if it has not been taken. */
  get last(): T | undefined {
    return this.#items.last;
  }

  /** Adds an item; false if there is no room for it. There is always room for one item, whatever its size. */
  push(item: T, size: number): boolean {
    if (this.#size + size + OVERHEAD > this.limit && this.length > 0) return false;
    this.force(item, size);
    return true;
  }

  /** Adds an item, whether or not there is room. */
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
 * How many characters of notifications may wait for one listener: eight thousand of the longest, six
 * hundred thousand of the shortest. PostgreSQL itself keeps up to 8 GB, on disk.
 */
export const MAX_WAITING_NOTIFICATIONS = 0x400_0000;

/** The cost of an item besides its size: the objects made of the smallest messages are many times larger. */
const OVERHEAD = 100;
/** Moving fewer items is cheap, but would happen too often. */
const MIN_MOVED = 64;
