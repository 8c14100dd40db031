/**
 * A server that follows a script, for behaviour that a real one does not show: it answers the messages
 * that it expects, and throws for any other. It implements both drivers' transports, without a socket.
 */
import assert from "node:assert/strict";
import type {
  Addresses,
  AsyncTransport,
  SyncTransport,
  TlsOptions,
  TlsSession,
} from "../../../src/transport/transport.ts";
import { CANCEL_REQUEST, SSL_REQUEST } from "../../../src/wire/codes.ts";
import { concat } from "./backend.ts";
import { TLS_SESSION } from "./tls_sessions.ts";

/**
 * The expected messages of the client by name (`"Parse Describe Sync"`), and the reply, which may depend on the body of
 * the last of them; `close` ends the stream.
 */
export type Step = readonly [expected: string, reply: Uint8Array | "close" | ((body: Uint8Array) => Uint8Array)];

/** How the replies are delivered. */
export interface Delivery {
  /** The maximum number of bytes at a time. Default: all. */
  readonly chunk?: number;
  /** The ends that the transport reports. Default: those of a Unix socket. */
  readonly addresses?: Addresses;
}

/** The server's side: takes client messages, gives replies. */
class Server {
  readonly #steps: Step[];
  #received: Uint8Array = new Uint8Array();
  #names: string[] = [];
  #output: Uint8Array = new Uint8Array();
  ended = false;
  /** The bodies of the messages received, by name, in order. */
  readonly messages: { readonly name: string; readonly body: Uint8Array }[] = [];

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  get finished(): boolean {
    return this.#steps.length === 0;
  }

  get available(): number {
    return this.#output.length;
  }

  receive(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#received.length + bytes.length);
    joined.set(this.#received);
    joined.set(bytes, this.#received.length);
    this.#received = joined;
    for (let next = this.#frame(); next !== undefined; next = this.#frame()) {
      this.messages.push(next);
      this.#names.push(next.name);
      this.#answer();
    }
  }

  take(into: Uint8Array, chunk: number): number {
    const count = Math.min(this.#output.length, into.length, chunk);
    into.set(this.#output.subarray(0, count));
    this.#output = this.#output.slice(count);
    return count;
  }

  #answer(): void {
    const [expected, reply] = this.#steps[0] ?? ["nothing", new Uint8Array()];
    const said = this.#names.join(" ");
    if (said === "Terminate") return;
    assert.ok(expected.startsWith(said), `the client said "${said}" where "${expected}" is expected`);
    if (said !== expected) return;
    this.#steps.shift();
    this.#names = [];
    if (reply === "close") this.ended = true;
    else this.#output = concat(this.#output, typeof reply === "function" ? reply(this.messages.at(-1)!.body) : reply);
  }

  #frame(): { name: string; body: Uint8Array } | undefined {
    const bytes = this.#received;
    // Messages without a type begin with their length, whose first byte is 0.
    const typed = bytes[0] !== 0;
    const header = typed ? 5 : 4;
    if (bytes.length < header) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(header - 4) + (typed ? 1 : 0);
    if (bytes.length < length) return undefined;
    this.#received = bytes.slice(length);
    const body = bytes.slice(header, length);
    const name = typed ? NAMES[String.fromCharCode(bytes[0]!)] : untypedName(new DataView(body.buffer).getInt32(0));
    return { name: name ?? "something unknown", body };
  }
}

/** A scripted server as a blocking transport. Waiting without a limit is an error if nothing can arrive. */
export class ScriptedSync extends Server implements SyncTransport {
  readonly addresses: Addresses | undefined;
  readonly canStartTls = true;
  readonly #chunk: number;
  tls: TlsOptions | undefined;
  closed = false;

  constructor(steps: readonly Step[], { chunk = Infinity, addresses }: Delivery = {}) {
    super(steps);
    this.#chunk = chunk;
    this.addresses = addresses;
  }

  read(into: Uint8Array): number {
    if (this.available > 0) return this.take(into, this.#chunk);
    return this.ended ? 0 : -1;
  }

  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.#chunk);
    this.receive(bytes.subarray(0, count));
    return count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    if (this.available > 0 || this.ended || writable) return true;
    if (milliseconds !== Infinity) return false;
    throw new Error("both sides wait for each other");
  }

  startTls(options: TlsOptions): TlsSession {
    this.tls = options;
    return TLS_SESSION;
  }

  close(): void {
    this.closed = true;
  }
}

/** A scripted server as an awaiting transport. */
export class ScriptedAsync extends Server implements AsyncTransport {
  readonly addresses: Addresses | undefined;
  readonly #chunk: number;
  #wake: (() => void) | undefined;
  tls: TlsOptions | undefined;
  closed = false;
  keepsProcess = true;

  constructor(steps: readonly Step[], { chunk = Infinity, addresses }: Delivery = {}) {
    super(steps);
    this.#chunk = chunk;
    this.addresses = addresses;
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.available === 0 && !this.ended && !this.closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.take(into, this.#chunk);
  }

  async write(bytes: Uint8Array): Promise<number> {
    await Promise.resolve();
    const count = Math.min(bytes.length, this.#chunk);
    this.receive(bytes.subarray(0, count));
    this.#wake?.();
    return count;
  }

  startTls(options: TlsOptions): Promise<TlsSession> {
    this.tls = options;
    return Promise.resolve(TLS_SESSION);
  }

  keepProcess(alive: boolean): void {
    this.keepsProcess = alive;
  }

  close(): void {
    this.closed = true;
    this.#wake?.();
  }
}

const NAMES: Readonly<Record<string, string>> = {
  B: "Bind",
  C: "Close",
  D: "Describe",
  E: "Execute",
  H: "Flush",
  P: "Parse",
  Q: "Query",
  S: "Sync",
  X: "Terminate",
  c: "CopyDone",
  d: "CopyData",
  f: "CopyFail",
  p: "Password",
};

function untypedName(code: number): string | undefined {
  if (code === SSL_REQUEST) return "SslRequest";
  if (code === CANCEL_REQUEST) return "CancelRequest";
  return code >> 16 === 3 ? "Startup" : undefined;
}
