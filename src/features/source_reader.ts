/** What callers give to be sent bit by bit: arrays, iterables, and async iterables where calls await. */
import { UsageError } from "../errors.ts";
import { callback, type Op, type PendingRequest } from "../protocol/request.ts";

/** Takes elements out of a source, one after the other. */
export class SourceReader<T> {
  readonly #source: Partial<AsyncIterable<T> & Iterable<T>>;
  #iterator: Iterator<T> | AsyncIterator<T> | undefined = undefined;
  readonly #awaits: boolean;
  #ended = false;
  /** Whether it was asked for an element and has not given it. */
  #isElementPending = false;
  #thrown: { readonly error: unknown } | undefined = undefined;

  /** `awaits` tells whether async iterables can be read; `what` is the source's name in errors. */
  constructor(source: unknown, awaits: boolean, what: string) {
    const given = source as Partial<AsyncIterable<T> & Iterable<T>> | null | undefined;
    this.#awaits = typeof given?.[Symbol.asyncIterator] === "function";
    if (this.#awaits && !awaits) {
      throw new UsageError(`Cannot read ${what}: a blocking call takes no async iterable, give an iterable`);
    }
    if (!this.#awaits && typeof given?.[Symbol.iterator] !== "function") {
      throw new UsageError(`Cannot read ${what}: give an array or ${awaits ? "an (async) iterable" : "an iterable"}`);
    }
    this.#source = given!;
  }

  /** A call that is never begun leaves its source as it is: a stream would be locked for ever. */
  #openIterator(): Iterator<T> | AsyncIterator<T> {
    return this.#iterator ??= this.#awaits ? this.#source[Symbol.asyncIterator]!() : this.#source[Symbol.iterator]!();
  }

  /** Whether its elements are there without waiting: then {@linkcode take} gives them. */
  get isSynchronous(): boolean {
    return !this.#awaits;
  }

  /** Whether this is what the source threw. */
  hasThrown(error: unknown): boolean {
    return this.#thrown !== undefined && this.#thrown.error === error;
  }

  /** The next element; undefined at the end, or if the pending request has an outcome before. */
  *next(unless?: PendingRequest<unknown>): Op<{ readonly value: T } | undefined> {
    if (!this.#awaits) return this.take();
    if (this.#ended) return undefined;
    const result = yield* callback(() => this.#awaitNext(), unless);
    if (result === undefined || !result.done) return result;
    this.#ended = true;
    return undefined;
  }

  /** The same of a source whose elements are at hand. */
  take(): { readonly value: T } | undefined {
    if (this.#ended) return undefined;
    let result: IteratorResult<T>;
    try {
      result = (this.#openIterator() as Iterator<T>).next();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    if (!result.done) return result;
    this.#ended = true;
    return undefined;
  }

  /**
   * Closes the source, unless it has come to its end. What it throws then is
   * ignored; nor is it waited for while an element is still pending, since that may never come.
   */
  *close(): Op<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      const ending: unknown = this.#openIterator().return?.();
      if (!this.#awaits) return;
      ignore(ending as PromiseLike<unknown> | undefined);
      if (!this.#isElementPending) yield* callback(() => ending);
    } catch {
      // Why no more is wanted is what the caller has to know.
    }
  }

  #awaitNext(): PromiseLike<IteratorResult<T>> {
    this.#isElementPending = true;
    const next = (this.#openIterator() as AsyncIterator<T>).next();
    next.then(() => this.#isElementPending = false, (error) => this.#fail(error));
    return next;
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.#thrown = { error };
  }
}

/** Ignores its failure. */
function ignore(work: PromiseLike<unknown> | undefined): void {
  work?.then(undefined, () => {});
}
