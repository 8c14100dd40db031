/** The two Web streams of a connection in memory, and the server's side of them. */
import type { ByteStreams } from "../../../mod.ts";
import { concat } from "./backend.ts";

/** A connection whose server is the test. */
export class MemoryStreams {
  readonly streams: ByteStreams;
  /** What was written, chunk by chunk. */
  readonly written: Uint8Array[] = [];
  /** What became of the connection, in order. */
  readonly events: string[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  /** `write` is called with each chunk, and may hold it up or fail. */
  constructor(write: (chunk: Uint8Array) => void | Promise<void> = () => {}, others: Partial<ByteStreams> = {}) {
    const { events } = this;
    this.streams = {
      readable: new ReadableStream({
        start: (controller) => void (this.#controller = controller),
        cancel: () => void events.push("cancelled"),
      }),
      writable: new WritableStream({
        write: (chunk) => {
          this.written.push(chunk);
          return write(chunk);
        },
        close: () => void events.push("ended"),
        abort: () => void events.push("aborted"),
      }),
      close: () => void events.push("closed"),
      ...others,
    };
  }

  get sent(): Uint8Array {
    return concat(...this.written);
  }

  /** The server sends these chunks. */
  push(...chunks: unknown[]): void {
    for (const chunk of chunks) this.#controller.enqueue(chunk as Uint8Array);
  }

  end(): void {
    this.#controller.close();
  }

  fail(error: unknown): void {
    this.#controller.error(error);
  }
}
