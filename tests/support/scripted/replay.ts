/**
 * Connections over recorded conversations: the server's bytes come again, in the pieces in which they came, whatever
 * the client says. Each piece comes when the client has written as much as before it came in the record, or when it
 * waits; behind the last one the stream ends. So every conversation ends, unless the client goes round in circles,
 * which is an error.
 */
import { setImmediate } from "node:timers";
import { Conn, type Opts } from "../../../mod.ts";
import { nodeHashing } from "../../../src/auth/hashing.ts";
import { OpenedConnection as OpenedAwaiting } from "../../../src/async/opened.ts";
import { connect, type ConnectPlan } from "../../../src/connect/connect.ts";
import { planOf } from "../../../src/connect/plan.ts";
import { ConnectionState } from "../../../src/connection/connection_state.ts";
import { settingsOf } from "../../../src/options/opts.ts";
import type { Session } from "../../../src/protocol/session.ts";
import { connectAsync } from "../../../src/run/connect_async.ts";
import { connectSync } from "../../../src/run/connect_sync.ts";
import { OpenedConnection as OpenedBlocking } from "../../../src/sync/opened.ts";
import type {
  AsyncDialer,
  AsyncTransport,
  LocalSockets,
  SyncDialer,
  SyncTransport,
} from "../../../src/transport/transport.ts";
import { Conn as BlockingConn } from "../../../sync.ts";
import type { World } from "../suite/worlds.ts";
import { environmentOf } from "./surroundings.ts";

/** The server's bytes between two writes of the client. */
export interface Piece {
  /** How many bytes the client has written before. */
  readonly after: number;
  readonly bytes: Uint8Array;
}

/** What the server says on a connection. */
export type Conversation = readonly Piece[];

/** The two kinds of connections, as worlds for callbacks: those of `worlds.ts` come with servers. */
export const AWAITING = { name: "async" } as World;
export const BLOCKING = { name: "sync worker" } as World;

/** A connection and what is inside of it. */
export interface Opened {
  readonly conn: Conn;
  readonly session: Session;
}

/** Opens a blocking connection in which nothing is random, so that it says the same each time. */
export function openBlocking(dialer: SyncDialer, opts: Opts): Opened {
  const { link, upgrade } = connectSync(connect(planFor(opts, dialer.local)), dialer);
  const state = new ConnectionState(link, upgrade, settingsOf(opts), "t");
  link.onEvent = (event) => state.deliver(event);
  // Bodies are written for promises.
  const conn = new BlockingConn(new OpenedBlocking(state, link).target) as unknown as Conn;
  return { conn, session: link.session };
}

/** The same with promises. */
export async function openAwaiting(dialer: AsyncDialer, opts: Opts): Promise<Opened> {
  const { link, upgrade } = await connectAsync(connect(planFor(opts, dialer.local)), dialer, undefined);
  const state = new ConnectionState(link, upgrade, settingsOf(opts), "t");
  link.onEvent = (event) => state.deliver(event);
  const conn: Conn = Reflect.construct(Conn, [new OpenedAwaiting(state, link)]);
  return { conn, session: link.session };
}

function planFor(opts: Opts, local: LocalSockets): ConnectPlan {
  const environment = environmentOf({ osUser: "test" });
  return planOf(settingsOf(opts), { ...environment, now: () => 0, nonce: () => NONCE, hashing: nodeHashing, local });
}

/** Records what the server says on the connections that a dialer makes. */
export function recording(dialer: SyncDialer, into: Piece[]): SyncDialer {
  return {
    local: dialer.local,
    dial: (...args) => new Recorder(dialer.dial(...args), into),
  };
}

/** The server's side of a conversation. */
class Server {
  readonly #pieces: Piece[];
  readonly #chunk: number;
  #available: Uint8Array = new Uint8Array();
  #written = 0;
  #steps = 0;
  ended = false;
  /** Whether the client went round in circles; what it was told then may look like any other failure. */
  circles = false;

  constructor(conversation: Conversation, chunk: number) {
    this.#pieces = [...conversation];
    this.#chunk = chunk;
  }

  get isEmpty(): boolean {
    return this.#available.length === 0;
  }

  take(into: Uint8Array): number {
    this.step();
    const count = Math.min(into.length, this.#available.length, this.#chunk);
    into.set(this.#available.subarray(0, count));
    this.#available = this.#available.subarray(count);
    return count;
  }

  accept(bytes: Uint8Array): number {
    this.step();
    this.#written += bytes.length;
    while (this.#pieces.length > 0 && this.#pieces[0]!.after <= this.#written) this.release();
    return bytes.length;
  }

  /** Gives the next piece, or ends. */
  release(): void {
    const piece = this.#pieces.shift()?.bytes;
    if (piece === undefined) {
      this.ended = true;
      return;
    }
    const joined = new Uint8Array(this.#available.length + piece.length);
    joined.set(this.#available);
    joined.set(piece, this.#available.length);
    this.#available = joined;
  }

  step(): void {
    this.circles ||= ++this.#steps > MAX_STEPS;
    if (this.circles) throw new Error("the client goes round in circles");
  }
}

/** A recorded conversation as a blocking transport; at most `chunk` bytes are read at a time. */
export class Replay extends Server implements SyncTransport {
  readonly addresses = undefined;
  readonly canStartTls = true;

  read(into: Uint8Array): number {
    const count = this.take(into);
    return count > 0 || this.ended ? count : -1;
  }

  write(bytes: Uint8Array): number {
    return this.accept(bytes);
  }

  wait(writable: boolean): boolean {
    this.step();
    if (!writable && this.isEmpty) this.release();
    return true;
  }

  startTls(): never {
    throw new Error("the connection is not encrypted");
  }

  close(): void {}
}

/** The same as an awaiting transport. */
export class AsyncReplay extends Server implements AsyncTransport {
  readonly addresses = undefined;
  #closed = false;

  async read(into: Uint8Array): Promise<number> {
    // A turn of the event loop without a write: the client waits.
    for (let turns = 0; this.isEmpty && !this.ended && !this.#closed; turns++) {
      if (turns >= PATIENCE) this.release();
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return this.#closed ? 0 : this.take(into);
  }

  write(bytes: Uint8Array): number {
    return this.accept(bytes);
  }

  startTls(): never {
    throw new Error("the connection is not encrypted");
  }

  keepProcess(): void {}

  close(): void {
    this.#closed = true;
  }
}

class Recorder implements SyncTransport {
  readonly #transport: SyncTransport;
  readonly #pieces: Piece[];
  #written = 0;

  constructor(transport: SyncTransport, pieces: Piece[]) {
    this.#transport = transport;
    this.#pieces = pieces;
  }

  get addresses(): SyncTransport["addresses"] {
    return this.#transport.addresses;
  }

  get canStartTls(): boolean {
    return this.#transport.canStartTls;
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    const count = this.#transport.read(into);
    if (count <= 0) return count;
    // Of a Buffer, `slice` is no copy.
    const bytes = new Uint8Array(into.subarray(0, count));
    const last = this.#pieces.at(-1);
    if (last?.after !== this.#written) this.#pieces.push({ after: this.#written, bytes });
    else this.#pieces.splice(-1, 1, { after: last.after, bytes: Uint8Array.of(...last.bytes, ...bytes) });
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const count = this.#transport.write(bytes);
    this.#written += count;
    return count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    return this.#transport.wait(writable, milliseconds);
  }

  startTls(...args: Parameters<SyncTransport["startTls"]>): ReturnType<SyncTransport["startTls"]> {
    return this.#transport.startTls(...args);
  }

  close(): void {
    this.#transport.close();
  }
}

/** In place of randomness: the server's proof depends on it. */
const NONCE = "recordednonce";
/** How many turns of the event loop show that a client waits. */
const PATIENCE = 4;
/** The most that a conversation may read, write and wait; a hundred times what the longest one does. */
const MAX_STEPS = 20_000;
