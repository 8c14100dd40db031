/**
 * A TCP proxy before a server. It cuts, resets or holds a connection after an exact number of bytes,
 * and counts open connections. It runs in its own thread, since blocking connections stop the thread
 * that they are used on.
 *
 * It is controlled through shared memory, so that a fault that is set before a byte is sent applies to
 * that byte.
 */
import { Worker } from "node:worker_threads";

/** A fault of a connection. */
export interface Fault {
  /** Towards the server, or towards the client. */
  readonly direction: "up" | "down";
  /** How many bytes pass in that direction before the fault. */
  readonly after: number;
  /** An orderly end, a reset, or nothing more in that direction until {@linkcode Proxy.release}. */
  readonly then: "end" | "reset" | "hold";
}

/** A running proxy. */
export class Proxy implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #cells: Int32Array;

  private constructor(worker: Worker, cells: Int32Array, port: number) {
    this.#worker = worker;
    this.#cells = cells;
    this.port = port;
  }

  /** Starts one on a free port of 127.0.0.1, in front of another port of it. It does not keep the process alive. */
  static async start(target: number): Promise<Proxy> {
    const memory = new SharedArrayBuffer(4 * CELLS);
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${proxyMain})();`)}`), {
      workerData: { memory, target },
    });
    const port = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    worker.unref();
    return new Proxy(worker, new Int32Array(memory), port);
  }

  /** How many clients have a socket open. */
  get open(): number {
    return Atomics.load(this.#cells, OPEN);
  }

  /** Bytes to the server and to the client since {@linkcode arm}. */
  get passed(): { readonly up: number; readonly down: number } {
    return { up: Atomics.load(this.#cells, PASSED), down: Atomics.load(this.#cells, PASSED + 1) };
  }

  /** Whether the fault has happened. */
  get struck(): boolean {
    return Atomics.load(this.#cells, STRUCK) === 1;
  }

  /** Counts the bytes of the last client from now on, and sets its fault. */
  arm(fault?: Fault): void {
    const values = [
      [PASSED, 0],
      [PASSED + 1, 0],
      [STRUCK, 0],
      [RELEASED, 0],
      [DIRECTION, fault?.direction === "down" ? 1 : 0],
      [AFTER, fault?.after ?? 0],
      [THEN, fault === undefined ? 0 : ["end", "reset", "hold"].indexOf(fault.then) + 1],
      [ARMED, Atomics.load(this.#cells, ACCEPTED)],
    ] as const;
    for (const [cell, value] of values) Atomics.store(this.#cells, cell, value);
  }

  /** Stops or resumes all connections in both directions. Bytes sent meanwhile arrive afterwards. */
  stall(stalled: boolean): void {
    Atomics.store(this.#cells, STALLED, stalled ? 1 : 0);
  }

  /** Passes the held bytes on. */
  release(): void {
    Atomics.store(this.#cells, RELEASED, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs in the worker, so it must not refer to anything outside. */
function proxyMain(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { connect, createServer } = process.getBuiltinModule("node:net");
  const cells = new Int32Array(workerData.memory);
  const [OPEN, ACCEPTED, ARMED, DIRECTION, AFTER, THEN, STRUCK, RELEASED, PASSED, STALLED] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    10,
  ] as const;
  const load = (cell: number): number => Atomics.load(cells, cell);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const number = Atomics.add(cells, ACCEPTED, 1) + 1;
    Atomics.add(cells, OPEN, 1);
    const upstream = connect({ port: workerData.target, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    let cut = false;
    const strike = (): void => {
      cut = true;
      Atomics.store(cells, STRUCK, 1);
      // The connection to the server is closed at once; the client must notice it and close.
      if (load(THEN) === 1) client.end();
      else client.resetAndDestroy();
      upstream.destroy();
    };
    const pass = (direction: 0 | 1, chunk: Uint8Array): void => {
      if (cut) return;
      const [from, to] = direction === 0 ? [client, upstream] : [upstream, client];
      if (load(ARMED) !== number) return void to.write(chunk);
      const left = load(AFTER) - load(PASSED + direction);
      const strikes = load(THEN) > 0 && load(STRUCK) === 0 && load(DIRECTION) === direction && chunk.length > left;
      const now = strikes ? chunk.subarray(0, left) : chunk;
      Atomics.add(cells, PASSED + direction, now.length);
      if (!strikes) return void to.write(now);
      if (load(THEN) < 3) return void (now.length === 0 ? strike() : to.write(now, strike));
      to.write(now);
      Atomics.store(cells, STRUCK, 1);
      from.pause();
      const timer = setInterval(() => {
        if (load(RELEASED) === 0 && !to.destroyed) return;
        clearInterval(timer);
        if (to.destroyed) return;
        pass(direction, chunk.subarray(left));
        from.resume();
      }, 1);
    };
    const passOrHold = (direction: 0 | 1, chunk: Uint8Array): void => {
      if (load(STALLED) === 0) return pass(direction, chunk);
      const [from, to] = direction === 0 ? [client, upstream] : [upstream, client];
      from.pause();
      const timer = setInterval(() => {
        if (load(STALLED) === 1 && !to.destroyed) return;
        clearInterval(timer);
        if (to.destroyed) return;
        pass(direction, chunk);
        from.resume();
      }, 1);
    };
    client.on("data", (chunk: Uint8Array) => passOrHold(0, chunk));
    upstream.on("data", (chunk: Uint8Array) => passOrHold(1, chunk));
    client.on("error", () => {});
    upstream.on("error", () => client.destroy());
    client.on("end", () => {
      upstream.end();
      client.end();
    });
    upstream.on("end", () => client.end());
    client.on("close", () => {
      Atomics.sub(cells, OPEN, 1);
      upstream.destroy();
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}

/** The layout of the shared memory; PASSED takes two words. The worker has its own copy of this list. */
const [OPEN, ACCEPTED, ARMED, DIRECTION, AFTER, THEN, STRUCK, RELEASED, PASSED, STALLED] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  10,
] as const;
const CELLS = 11;
