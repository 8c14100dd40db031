/**
 * A TCP peer that misbehaves in a given way. It runs in its own thread, since blocking connections stop
 * the thread that they are used on.
 */
import { Buffer } from "node:buffer";
import { Worker } from "node:worker_threads";

/** What the peer does on each connection. */
export interface Behaviour {
  /** Sent as soon as bytes have arrived. Default: nothing. */
  readonly greeting?: Uint8Array;
  /** Sent when more bytes have arrived. Default: nothing. */
  readonly reply?: Uint8Array;
  /** What it does after these: nothing more, an orderly end, or a reset. */
  readonly then: "silence" | "end" | "reset";
  /** Sends back all bytes instead. */
  readonly echo?: boolean;
  /** Passes all bytes on to that port of 127.0.0.1 and back instead. */
  readonly forwardTo?: number;
}

/** A running peer. */
export interface Peer extends AsyncDisposable {
  readonly port: number;
  /** All bytes that have arrived on the last connection. */
  heard(): Promise<Uint8Array>;
}

/** Passes connections on to a port of 127.0.0.1. */
export function startForwarder(port: number): Promise<Peer> {
  return startPeer({ forwardTo: port, then: "silence" });
}

/** Starts a peer on a port of an address, by default a free one of 127.0.0.1, or on a Unix socket (then its port is 0). */
export async function startPeer(
  behaviour: Behaviour,
  path?: string,
  { host = "127.0.0.1", port = 0 }: { readonly host?: string; readonly port?: number } = {},
): Promise<Peer> {
  const encode = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("base64");
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(`(${peerMain})();`)}`), {
    workerData: {
      ...behaviour,
      path,
      host,
      port,
      greeting: encode(behaviour.greeting),
      reply: encode(behaviour.reply),
    },
  });
  const listening = await new Promise<number>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  return {
    port: listening,
    heard() {
      return new Promise((resolve) => {
        worker.once("message", resolve);
        worker.postMessage("heard");
      });
    },
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}

/** Runs in the worker, so it must not refer to anything outside. */
function peerMain(): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const { connect, createServer } = process.getBuiltinModule("node:net");
  const answers = [workerData.greeting, workerData.reply]
    .filter((text) => text !== undefined)
    .map((text) => process.getBuiltinModule("node:buffer").Buffer.from(text, "base64"));
  let heard: Uint8Array[] = [];
  parentPort!.on("message", () => parentPort!.postMessage(Uint8Array.from(heard.flatMap((bytes) => [...bytes]))));
  const server = createServer((socket) => {
    socket.on("error", () => {});
    heard = [];
    socket.on("data", (bytes: Uint8Array) => heard.push(bytes));
    if (workerData.echo) {
      socket.pipe(socket);
      return;
    }
    if (workerData.forwardTo) {
      const target = connect(workerData.forwardTo, "127.0.0.1");
      target.on("error", () => socket.destroy());
      target.on("close", () => socket.destroy());
      socket.on("close", () => target.destroy());
      target.pipe(socket).pipe(target);
      return;
    }
    let answered = 0;
    const finish = (): void => {
      if (workerData.then === "end") socket.end();
      else if (workerData.then === "reset") socket.resetAndDestroy();
    };
    socket.on("data", () => {
      const last = answered >= answers.length - 1;
      const answer = answers[answered++];
      if (answer !== undefined) socket.write(answer, () => last ? finish() : undefined);
      else if (answers.length === 0) finish();
    });
  });
  if (workerData.path) server.listen(workerData.path, () => parentPort!.postMessage(0));
  else {server.listen(workerData.port, workerData.host, () =>
      parentPort!.postMessage((server.address() as { port: number }).port));}
}
