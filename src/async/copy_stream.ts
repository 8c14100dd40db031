/** COPY TO STDOUT of connections that await. */
import * as copyCalls from "../connection/copy_calls.ts";
import { PyroError, stackFromHere } from "../errors.ts";
import type { AsyncLink } from "../run/async_link.ts";

type Chunk = Uint8Array<ArrayBuffer>;

/** The data of a COPY as a stream. It is read from the server as the stream is read. */
export function copyStream(link: AsyncLink, copy: copyCalls.Copy): ReadableStream<Chunk> {
  const stream = new ReadableStream<Chunk>({
    async pull(controller): Promise<void> {
      try {
        const chunk = await link.run(copyCalls.nextChunk(copy));
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        const { isOpen } = copy.source;
        const closing = link.run(copyCalls.closeCopy(copy));
        // Otherwise it may have to wait for other calls.
        if (isOpen) await closing;
        else closing.catch(() => {});
        throw error;
      }
    },
    cancel: () => link.run(copyCalls.closeCopy(copy)),
  }, { highWaterMark: 0 });
  return iterable(stream);
}

/** The stream, with an iterator that fails with the caller's line, and cancels at once. */
export function iterable(stream: ReadableStream<Chunk>): ReadableStream<Chunk> {
  const iterate = (options?: ReadableStreamIteratorOptions): AsyncIterableIterator<Chunk> =>
    new Chunks(stream.getReader(), options?.preventCancel === true);
  return Object.defineProperties(stream, {
    values: { value: iterate, configurable: true, writable: true },
    [Symbol.asyncIterator]: { value: iterate, configurable: true, writable: true },
  });
}

/**
 * Iterates over a stream. Unlike a stream's own iterator, it cancels at once, without waiting for the
 * chunk that was requested last.
 */
class Chunks implements AsyncIterableIterator<Chunk> {
  readonly #reader: ReadableStreamDefaultReader<Chunk>;
  readonly #preventCancel: boolean;
  #ended = false;

  constructor(reader: ReadableStreamDefaultReader<Chunk>, preventCancel: boolean) {
    this.#reader = reader;
    this.#preventCancel = preventCancel;
  }

  async next(): Promise<IteratorResult<Chunk>> {
    if (this.#ended) return { done: true, value: undefined };
    try {
      const result = await this.#reader.read();
      if (result.done) this.#end();
      return result as IteratorResult<Chunk>;
    } catch (error) {
      this.#end();
      // The error was made where the stream was filled, which no caller awaits.
      if (error instanceof PyroError) stackFromHere(error);
      throw error;
    }
  }

  async return(value?: unknown): Promise<IteratorResult<Chunk>> {
    const canceled = this.#preventCancel || this.#ended ? undefined : this.#reader.cancel(value);
    this.#end();
    await canceled;
    return { done: true, value };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    if (!this.#ended) this.#reader.releaseLock();
    this.#ended = true;
  }
}
