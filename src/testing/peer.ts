/** Servers in memory as connections that a function for `Opts.dial` gives, with promises and blocking. */
import type { BlockingBytes, ByteStreams } from "../options/dial.ts";
import { setImmediate } from "../timers.ts";

/** The server's side of a connection. It replies at once, when the client waits, or never. */
export interface Peer {
  /** Takes bytes of the client; throws if they cannot be answered. */
  receive(bytes: Uint8Array): void;
  /** Fills the beginning of `into` with bytes for the client, and returns how many. */
  take(into: Uint8Array): number;
  /** How many bytes there are. */
  readonly available: number;
  /** Whether none will follow them. */
  readonly ended: boolean;
  /** Called when the client waits and there are no bytes; returns whether there are some now. */
  stalled?(): boolean;
}

/** The connection for a program with promises. */
export function streamsTo(peer: Peer, name: string): ByteStreams {
  let wake = (): void => {};
  return {
    name,
    readable: new ReadableStream<Uint8Array>({
      async pull(controller): Promise<void> {
        for (let turns = 0; peer.available === 0 && !peer.ended; turns++) {
          // Some turns of the event loop without a write: the client waits.
          if (peer.stalled !== undefined && turns < PATIENCE) await new Promise((resolve) => setImmediate(resolve));
          else if (!peer.stalled?.()) {
            await new Promise<void>((resolve) => wake = resolve);
            turns = 0;
          }
        }
        if (peer.available === 0) return controller.close();
        const bytes = new Uint8Array(peer.available);
        controller.enqueue(bytes.subarray(0, peer.take(bytes)));
      },
    }, { highWaterMark: 0 }),
    writable: new WritableStream<Uint8Array>({
      write(chunk): void {
        peer.receive(chunk);
        wake();
      },
    }),
  };
}

/** The connection for a program that blocks. What has not come when it waits never comes, so it waits no time. */
export function bytesTo(peer: Peer, name: string): BlockingBytes {
  return {
    name,
    read(into): number {
      if (peer.available > 0) return peer.take(into);
      return peer.ended ? 0 : -1;
    },
    write(bytes): number {
      peer.receive(bytes);
      return bytes.length;
    },
    wait(writable, milliseconds): boolean {
      if (writable || peer.available > 0 || peer.ended || peer.stalled?.()) return true;
      if (milliseconds !== Infinity) return false;
      throw new Error("both sides wait for each other");
    },
    close(): void {},
  };
}

/** How many turns of the event loop show that a client waits. */
const PATIENCE = 4;
