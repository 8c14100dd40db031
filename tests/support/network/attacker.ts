/**
 * A server that plays an attack on each connection, and tells what it was sent. It runs in its own thread,
 * since blocking connections stop the thread that they are used on.
 */
import { Buffer } from "node:buffer";
import { Worker } from "node:worker_threads";

/** What the attacker does when bytes arrive; a step for each time. */
export type Move =
  /** Sends bytes. */
  | { readonly send: Uint8Array }
  /** Sends SCRAM's first message with this text, in which `{nonce}` is the client's nonce. */
  | { readonly scram: string }
  /** Sends bytes, and others again and again, until the client closes the connection. */
  | { readonly send: Uint8Array; readonly flood: Uint8Array }
  /** Sends the bytes again and again, one of them each `pause` milliseconds. */
  | { readonly drip: Uint8Array; readonly pause: number }
  /** Closes the connection. */
  | "end";

/** What happened on the attacker's side, once all its connections are closed. */
export interface Report {
  /** Everything that the clients sent. */
  readonly received: Uint8Array;
  /** How many bytes were sent to them. */
  readonly sent: number;
  /** Without those of cancel requests. */
  readonly connections: number;
  /** The number of connections that the clients left open. */
  readonly open: number;
}

/** A running attacker. It closes connections that cancel requests come on. */
export class Attacker implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  /** Starts one on a free port of 127.0.0.1. */
  static async start(): Promise<Attacker> {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${attackerMain})();`)}`));
    const port = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    return new Attacker(worker, port);
  }

  /** Has the moves made on each connection from now on. */
  async play(moves: readonly Move[]): Promise<void> {
    await this.#ask(moves);
  }

  /** What has happened since the last call, once all connections are closed, or after some seconds. */
  async report(): Promise<Report> {
    const report = await this.#ask("report") as Report;
    return { ...report, received: Buffer.from(report.received) };
  }

  #ask(message: unknown): Promise<unknown> {
    const answer = new Promise<unknown>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage(message);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Runs in the worker, so it must not refer to anything outside. */
function attackerMain(): void {
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  const { createServer } = process.getBuiltinModule("node:net");
  const { Buffer } = process.getBuiltinModule("node:buffer");
  let moves: readonly Move[] = [];
  let received: Uint8Array[] = [];
  const open = new Set<unknown>();
  let sent = 0;
  let connections = 0;

  const blockOf = (bytes: Uint8Array): Uint8Array =>
    Buffer.concat(Array.from({ length: Math.ceil(0x1_0000 / bytes.length) }, () => bytes));
  const server = createServer((socket) => {
    connections++;
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    let nonce = "";
    let next = 0;
    const write = (bytes: Uint8Array): boolean => {
      sent += bytes.length;
      return socket.write(bytes);
    };
    const flood = (block: Uint8Array): void => {
      while (!socket.destroyed) {
        if (!write(block)) return void socket.once("drain", () => flood(block));
      }
    };
    const drip = (bytes: Uint8Array, pause: number): void => {
      let at = 0;
      const timer = setInterval(() => {
        if (socket.destroyed) clearInterval(timer);
        else write(bytes.subarray(at, ++at));
        at %= bytes.length;
      }, pause);
    };
    const play = (move: Move): void => {
      if (move === "end") {
        socket.end();
        return;
      }
      if ("send" in move) write(move.send);
      if ("flood" in move) flood(blockOf(move.flood));
      else if ("drip" in move) drip(move.drip, move.pause);
      else if ("scram" in move) {
        const text = Buffer.from(move.scram.replaceAll("{nonce}", nonce));
        const head = Buffer.alloc(9, "R");
        head.writeInt32BE(8 + text.length, 1);
        head.writeInt32BE(11, 5);
        write(Buffer.concat([head, text]));
      }
    };
    socket.on("data", (bytes: Uint8Array) => {
      received.push(bytes);
      const text = Buffer.from(bytes).toString("latin1");
      nonce ||= /,r=([^,\0]+)$/.exec(text)?.[1] ?? "";
      const isCancel = text.slice(4, 8) === "\x04\xd2\x16\x2e";
      if (isCancel) {
        connections--;
        socket.end();
      } else if (next < moves.length) play(moves[next++]!);
    });
  });

  const report = (): void => {
    parentPort!.postMessage({ received: Buffer.concat(received), sent, connections, open: open.size });
    received = [];
    sent = connections = 0;
  };
  parentPort!.on("message", (message: readonly Move[] | "report") => {
    if (message !== "report") {
      moves = message;
      parentPort!.postMessage("ready");
      return;
    }
    const until = performance.now() + 10_000;
    const timer = setInterval(() => {
      if (open.size > 0 && performance.now() < until) return;
      clearInterval(timer);
      report();
    }, 5);
  });
  server.listen(0, "127.0.0.1", () => parentPort!.postMessage((server.address() as { port: number }).port));
}
