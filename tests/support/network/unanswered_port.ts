/** A port where connecting neither succeeds nor fails: the listener never accepts, and its queue is full. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

/** Such a port of 127.0.0.1. */
export class Unanswered implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #queue: readonly Socket[];

  private constructor(port: number, worker: Worker, queue: readonly Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#queue = queue;
  }

  static async start(): Promise<Unanswered> {
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${listenMain})();`)}`), {
      workerData: cell,
    });
    worker.unref();
    while (Atomics.load(cell, 0) === 0) await sleep(5);
    const port = Atomics.load(cell, 0);
    const queue: Socket[] = [];
    for (let isFull = false; !isFull;) {
      const socket = connect(port, "127.0.0.1").on("error", () => {});
      queue.push(socket);
      isFull = await Promise.race([
        new Promise<false>((resolve) => socket.once("connect", () => resolve(false))),
        sleep(500, true as const),
      ]);
    }
    return new Unanswered(port, worker, queue);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#queue) socket.destroy();
    await this.#worker.terminate();
  }
}

/** Runs in the worker, so it must not refer to anything outside. */
function listenMain(): void {
  const { workerData: cell } = process.getBuiltinModule("node:worker_threads");
  const server = process.getBuiltinModule("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    Atomics.store(cell, 0, (server.address() as { port: number }).port);
    // The thread accepts nothing while it waits. From time to time it must return, so that it can be terminated.
    Atomics.wait(cell, 0, (server.address() as { port: number }).port, 60_000);
  });
}
