/**
 * Connections over recorded conversations: the server's bytes come again, in the pieces in which they came, whatever
 * the client says. Each piece comes when the client has written as much as before it came in the record, or when it
 * waits; behind the last one the stream ends. So every conversation ends, unless the client goes round in circles,
 * which is an error.
 */
import { ConnectionState } from "../../../src/connection/connection_state.ts";
import { connect } from "../../../src/connect/connect.ts";
import { planOf } from "../../../src/connect/plan.ts";
import { type Opts, settingsOf } from "../../../src/options/opts.ts";
import { connectSync } from "../../../src/run/connect_sync.ts";
import { OpenedConnection } from "../../../src/sync/opened.ts";
import { Conn } from "../../../sync.ts";
import type { Session } from "../../../src/protocol/session.ts";
import type { SyncDialer, SyncTransport } from "../../../src/transport/transport.ts";
import { environmentOf } from "./surroundings.ts";
import { SyncDials } from "./dialers.ts";

/** The server's bytes between two writes of the client. */
export interface Piece {
  /** How many bytes the client has written before. */
  readonly after: number;
  readonly bytes: Uint8Array;
}

/** What the server says on a connection. */
export type Conversation = readonly Piece[];

/** A connection and what is inside of it. */
export interface Opened {
  readonly conn: Conn;
  readonly session: Session;
}

/** Opens a connection in which nothing is random, so that it says the same each time. */
export function openOver(dialer: SyncDialer, opts: Opts): Opened {
  const settings = settingsOf(opts);
  const environment = environmentOf({ osUser: "test" });
  const plan = planOf(settings, { ...environment, now: () => 0, nonce: () => NONCE, local: dialer.local });
  const { link, upgrade } = connectSync(connect(plan), dialer);
  const state = new ConnectionState(link, upgrade, settings, "t");
  link.onEvent = (event) => state.deliver(event);
  return { conn: new Conn(new OpenedConnection(state, link).target), session: link.session };
}

/** Opens a connection over a conversation, of which at most `chunk` bytes are read at a time. */
export function replay(conversation: Conversation, opts: Opts, chunk: number): Opened {
  return openOver(new SyncDials(new Replay(conversation, chunk)), opts);
}

/** Records what the server says on the connections that a dialer makes. */
export function recording(dialer: SyncDialer, into: Piece[]): SyncDialer {
  return {
    local: dialer.local,
    dial: (...args) => new Recorder(dialer.dial(...args), into),
  };
}

class Replay implements SyncTransport {
  readonly addresses = undefined;
  readonly canStartTls = true;
  readonly #pieces: Piece[];
  readonly #chunk: number;
  #available: Uint8Array = new Uint8Array();
  #written = 0;
  #ended = false;
  #steps = 0;

  constructor(conversation: Conversation, chunk: number) {
    this.#pieces = [...conversation];
    this.#chunk = chunk;
  }

  read(into: Uint8Array): number {
    this.#step();
    if (this.#available.length === 0) return this.#ended ? 0 : -1;
    const count = Math.min(into.length, this.#available.length, this.#chunk);
    into.set(this.#available.subarray(0, count));
    this.#available = this.#available.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): number {
    this.#step();
    this.#written += bytes.length;
    while (this.#pieces.length > 0 && this.#pieces[0]!.after <= this.#written) this.#release();
    return bytes.length;
  }

  wait(writable: boolean): boolean {
    this.#step();
    if (!writable && this.#available.length === 0) this.#ended = !this.#release();
    return true;
  }

  startTls(): never {
    throw new Error("the connection is not encrypted");
  }

  close(): void {}

  /** False if there is nothing more. */
  #release(): boolean {
    const piece = this.#pieces.shift()?.bytes;
    if (piece === undefined) return false;
    const joined = new Uint8Array(this.#available.length + piece.length);
    joined.set(this.#available);
    joined.set(piece, this.#available.length);
    this.#available = joined;
    return true;
  }

  #step(): void {
    if (++this.#steps > MAX_STEPS) throw new Circles();
  }
}

/** The client does the same again and again. No PyroError, so that nothing takes it for one. */
export class Circles extends Error {}

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
/** The most that a conversation may read, write and wait; a hundred times what the longest one does. */
const MAX_STEPS = 20_000;
