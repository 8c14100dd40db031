/**
 * A server that answers a request with more bytes than a client can read. It runs in its own thread, so
 * that each read of the client is filled.
 */
import { Buffer } from "node:buffer";
import { Worker } from "node:worker_threads";

/** The request that is answered with a flood; others are answered normally, or not at all. */
export type Flooded = "startup" | "query" | "cancel request";

/** A running flood. */
export class Flood implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #cells: Int32Array;

  private constructor(worker: Worker, cells: Int32Array, port: number) {
    this.#worker = worker;
    this.#cells = cells;
    this.port = port;
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start({ flooded, welcome, beginning, message, end }: {
    readonly flooded: Flooded;
    /** The reply that admits a client. */
    readonly welcome: Uint8Array;
    /** The bytes before the flood. Default: none. */
    readonly beginning?: Uint8Array;
    /** The message that the flood repeats. */
    readonly message: Uint8Array;
    /** The bytes that end it, after some seconds, so that a client without a limit gets its answer. */
    readonly end: Uint8Array;
  }): Promise<Flood> {
    const memory = new SharedArrayBuffer(8);
    const block = Buffer.concat(Array<Uint8Array>(Math.ceil(0x8_0000 / message.length)).fill(message));
    const encoded = [welcome, beginning ?? new Uint8Array(), block, end].map((bytes) =>
      Buffer.from(bytes).toString("base64")
    );
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${floodMain})();`)}`), {
      workerData: { memory, flooded, encoded },
    });
    const port = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    return new Flood(worker, new Int32Array(memory), port);
  }

  /** How many floods have begun. */
  get begun(): number {
    return Atomics.load(this.#cells, 0);
  }

  /** How many floods have reached their end, without being cut off by the client. */
  get over(): number {
    return Atomics.load(this.#cells, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs in the worker, so it must not refer to anything outside. */
function floodMain(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { createServer } = process.getBuiltinModule("node:net");
  const { Buffer } = process.getBuiltinModule("node:buffer");
  const [welcome, beginning, block, end] = workerData.encoded.map((text: string) => Buffer.from(text, "base64"));
  const cells = new Int32Array(workerData.memory);
  const server = createServer((socket) => {
    socket.on("error", () => {});
    let until = 0;
    const flood = (): void => {
      while (!socket.destroyed) {
        if (performance.now() > until) {
          Atomics.add(cells, 1, 1);
          socket.end(end);
          return;
        }
        if (!socket.write(block)) return void socket.once("drain", flood);
      }
    };
    socket.on("data", (request: Uint8Array) => {
      if (until > 0) return;
      const view = new DataView(request.buffer, request.byteOffset, request.length);
      const isCancel = request[0] === 0 && view.getInt32(4) === 80877102;
      const kind = isCancel ? "cancel request" : request[0] === 0 ? "startup" : "query";
      if (kind === workerData.flooded) {
        Atomics.add(cells, 0, 1);
        until = performance.now() + 8000;
        socket.write(beginning);
        flood();
      } else if (isCancel) socket.end();
      else if (kind === "startup") socket.write(welcome);
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}
