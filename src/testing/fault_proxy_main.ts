/**
 * What runs in the thread of a fault proxy. `tools/derive_worker.ts` makes a text of it, so that it is the same however a
 * program that contains it was bundled.
 */
import type { Socket } from "node:net";
import { Cell, THEN } from "./fault_proxy_cells.ts";

const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
const { connect, createServer } = process.getBuiltinModule("node:net");

/** Accepts connections, and tells the port. */
export function start(): void {
  const { memory, host, port } = workerData as { memory: SharedArrayBuffer; host: string; port: number };
  const cells = new Int32Array(memory);
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on("error", () => {});
    if (Atomics.load(cells, Cell.Refusing) === 1) return void client.resetAndDestroy();
    const upstream = connect({ port, host, noDelay: true, allowHalfOpen: true });
    client.setNoDelay(true);
    const connection = new Connection(cells, client, upstream);
    client.on("data", (chunk: Uint8Array) => connection.received(0, chunk));
    upstream.on("data", (chunk: Uint8Array) => connection.received(1, chunk));
    upstream.on("error", () => client.destroy());
    client.on("end", () => {
      upstream.end();
      client.end();
    });
    upstream.on("end", () => client.end());
    client.on("close", () => {
      Atomics.sub(cells, Cell.Open, 1);
      upstream.destroy();
    });
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}

/** A client, and its connection to the server. */
class Connection {
  readonly #cells: Int32Array;
  readonly #number: number;
  readonly #client: Socket;
  readonly #server: Socket;
  #isCut = false;

  constructor(cells: Int32Array, client: Socket, server: Socket) {
    this.#cells = cells;
    this.#client = client;
    this.#server = server;
    this.#number = Atomics.add(cells, Cell.Accepted, 1) + 1;
    Atomics.add(cells, Cell.Open, 1);
  }

  /** Bytes in a direction: they pass now, or later. */
  received(direction: 0 | 1, chunk: Uint8Array): void {
    const delay = this.#load(Cell.Delay);
    if (this.#load(Cell.Stalled) === 0 && delay === 0) return this.#pass(direction, chunk);
    const since = performance.now();
    const mayPass = (): boolean => this.#load(Cell.Stalled) === 0 && performance.now() - since >= delay;
    this.#hold(direction, mayPass, () => this.#pass(direction, chunk));
  }

  #load(cell: number): number {
    return Atomics.load(this.#cells, cell);
  }

  /** Stops reading until it may go on. */
  #hold(direction: 0 | 1, mayPass: () => boolean, pass: () => void): void {
    const from = direction === 0 ? this.#client : this.#server;
    const to = direction === 0 ? this.#server : this.#client;
    from.pause();
    const timer = setInterval(() => {
      if (!to.destroyed && !mayPass()) return;
      clearInterval(timer);
      if (to.destroyed) return;
      pass();
      from.resume();
    }, 1);
  }

  #pass(direction: 0 | 1, chunk: Uint8Array): void {
    if (this.#isCut) return;
    const to = direction === 0 ? this.#server : this.#client;
    if (this.#load(Cell.Armed) !== this.#number) return void to.write(chunk);
    const left = this.#load(Cell.After) - this.#load(Cell.Passed + direction);
    const then = THEN[this.#load(Cell.Then) - 1];
    const strikes = then !== undefined && this.#load(Cell.Struck) === 0 && this.#load(Cell.Direction) === direction &&
      chunk.length > left;
    const now = strikes ? chunk.subarray(0, left) : chunk;
    Atomics.add(this.#cells, Cell.Passed + direction, now.length);
    if (!strikes) return void to.write(now);
    if (then !== "hold") return void (now.length === 0 ? this.#cut(then) : to.write(now, () => this.#cut(then)));
    to.write(now);
    Atomics.store(this.#cells, Cell.Struck, 1);
    this.#hold(direction, () => this.#load(Cell.Released) === 1, () => this.#pass(direction, chunk.subarray(left)));
  }

  /** The connection to the server is closed at once; the client must notice it and close. */
  #cut(then: "end" | "reset"): void {
    this.#isCut = true;
    Atomics.store(this.#cells, Cell.Struck, 1);
    if (then === "end") this.#client.end();
    else this.#client.resetAndDestroy();
    this.#server.destroy();
  }
}
