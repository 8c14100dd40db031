/** Reads the data that a caller gives: arrays, iterables, and async iterables if calls await. */
import { UsageError } from "../errors.ts";
import { callback, type Op, type PendingRequest } from "../protocol/request.ts";

/** Takes elements out of a source, one after the other. */
export class SourceReader<T> {
  readonly #source: Partial<AsyncIterable<T> & Iterable<T>>;
  #iterator: Iterator<T> | AsyncIterator<T> | undefined = undefined;
  readonly #awaits: boolean;
  #ended = false;
  /** Whether an element was requested and has not arrived. */
  #isElementPending = false;
  #thrown: { readonly error: unknown } | undefined = undefined;

  /** `awaits` says whether async iterables can be read; `what` is the source's name in errors. */
  constructor(source: unknown, awaits: boolean, what: string) {
    const given = source as Partial<AsyncIterable<T> & Iterable<T>> | null | undefined;
    this.#awaits = typeof given?.[Symbol.asyncIterator] === "function";
    if (this.#awaits && !awaits) {
      throw new UsageError(`Cannot read ${what}: a blocking call takes no async iterable, give an iterable`);
    }
    if (!this.#awaits && typeof given?.[Symbol.iterator] !== "function") {
      const kinds = awaits ? "an (async) iterable" : "an iterable";
      throw new UsageError(`Cannot read ${what}: give an array or ${kinds}${adviceFor(source, awaits)}`);
    }
    this.#source = given!;
  }

  /** Opens the source when it is first used: if a call never begins, a stream must not stay locked. */
  #openIterator(): Iterator<T> | AsyncIterator<T> {
    return this.#iterator ??= this.#awaits ? this.#source[Symbol.asyncIterator]!() : this.#source[Symbol.iterator]!();
  }

  /** Whether elements come without waiting, so that {@linkcode take} can be used. */
  get isSynchronous(): boolean {
    return !this.#awaits;
  }

  /** Whether the source threw this error. */
  hasThrown(error: unknown): boolean {
    return this.#thrown !== undefined && this.#thrown.error === error;
  }

  /** The next element; undefined at the end, or if the pending request has an outcome first. */
  *next(unless?: PendingRequest<unknown>): Op<{ readonly value: T } | undefined> {
    if (!this.#awaits) return this.take();
    if (this.#ended) return undefined;
    const result = yield* callback(() => this.#awaitNext(), unless);
    if (result === undefined || !result.done) return result;
    this.#ended = true;
    return undefined;
  }

  /** As {@linkcode next}, for a synchronous source. */
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
   * Closes the source, unless it has ended. Errors of closing are ignored. If an element is still pending, the op
   * does not wait for the close, because the element may never arrive.
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
      // The caller needs the error that stopped the reading, if any, not this one.
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

/** What to give instead of an object that has the data, but is no iterable. */
function adviceFor(source: unknown, awaits: boolean): string {
  const { then } = (source ?? {}) as { readonly then?: unknown };
  if (typeof then === "function") return "; a promise must be awaited first";
  if (source instanceof ArrayBuffer) return "; of an ArrayBuffer, new Uint8Array(buffer)";
  const isBlob = source instanceof Blob;
  if (!isBlob && !(source instanceof Response) && !(source instanceof Request)) return "";
  if (!awaits) return "; its data is new Uint8Array(await it.arrayBuffer())";
  return isBlob ? "; of a Blob, blob.stream()" : "; of a Response or Request, its body";
}

/** Ignores a rejection. */
function ignore(work: PromiseLike<unknown> | undefined): void {
  work?.then(undefined, () => {});
}
