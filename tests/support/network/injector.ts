/**
 * An attacker between a client and a server that offers TLS: it passes all bytes on, and injects
 * unencrypted bytes after the server's answer to the TLS request. It runs in its own thread, since
 * blocking connections stop the thread that they are used on.
 */
import { Buffer } from "node:buffer";
import { Worker } from "node:worker_threads";

/** When it injects: never, a number of microseconds after the answer, or when a message of TLS has arrived. */
export type Moment = "never" | number | "at the client's hello" | "at the server's hello";

/** A running injector. */
export class Injector implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #cells: Int32Array;

  private constructor(worker: Worker, cells: Int32Array, port: number) {
    this.#worker = worker;
    this.#cells = cells;
    this.port = port;
  }

  /** Starts one on a free port of 127.0.0.1, before another port of it. It injects `text`. */
  static async start(target: number, text: Uint8Array): Promise<Injector> {
    const memory = new SharedArrayBuffer(8);
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${injectorMain})();`)}`), {
      workerData: { memory, target, text: Buffer.from(text).toString("base64") },
    });
    const port = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    return new Injector(worker, new Int32Array(memory), port);
  }

  /** When to inject on later connections. */
  set moment(moment: Moment) {
    const code = { never: -1, "at the client's hello": -2, "at the server's hello": -3 };
    Atomics.store(this.#cells, 0, typeof moment === "number" ? moment : code[moment]);
  }

  /** How many times it has injected. */
  get spoken(): number {
    return Atomics.load(this.#cells, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs in the worker, so it must not refer to anything outside. */
function injectorMain(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { connect, createServer } = process.getBuiltinModule("node:net");
  const text = process.getBuiltinModule("node:buffer").Buffer.from(workerData.text, "base64");
  const cells = new Int32Array(workerData.memory);
  const server = createServer({ noDelay: true }, (client) => {
    const moment = Atomics.load(cells, 0);
    const upstream = connect({ port: workerData.target, host: "127.0.0.1", noDelay: true });
    let isAnswered = false;
    let isSpoken = false;
    const speak = (): void => {
      if (isSpoken || client.destroyed) return;
      isSpoken = true;
      client.write(text);
      Atomics.add(cells, 1, 1);
    };
    const answer = (byte: Uint8Array): void => {
      isAnswered = true;
      if (moment === 0) {
        client.write(new Uint8Array([...byte, ...text]));
        isSpoken = true;
        Atomics.add(cells, 1, 1);
        return;
      }
      client.write(byte, () => {
        if (moment < 0) return;
        for (const until = performance.now() + moment / 1000; performance.now() < until;);
        speak();
      });
    };
    client.on("data", (chunk: Uint8Array) => {
      if (isAnswered && moment === -2) speak();
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Uint8Array) => {
      if (!isAnswered) return answer(chunk);
      if (moment === -3) speak();
      client.write(chunk);
    });
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.end());
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}
