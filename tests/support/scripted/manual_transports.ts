/** Transports whose operations the test controls one by one, for failures and slow peers. */
import type {
  Addresses,
  AsyncTransport,
  Endpoint,
  SyncTransport,
  TlsOptions,
  TlsSession,
} from "../../../src/transport/transport.ts";
import { TLS_SESSION } from "./tls_sessions.ts";

/** What a read can bring: bytes, the end of the stream, or a failure. */
export type Incoming = Uint8Array | "end" | Error;

/** An awaiting transport. */
export class ManualAsync implements AsyncTransport {
  readonly addresses: Addresses | undefined = undefined;
  /** Copies of what was written, whether or not the write has ended. */
  readonly writes: Uint8Array[] = [];
  /** Each change of whether the process is kept alive. */
  readonly keeps: boolean[] = [];
  closed = 0;
  /** The results of writes. Default: all bytes, at once. */
  onWrite: (bytes: Uint8Array) => number | Promise<number> = (bytes) => bytes.length;
  onStartTls: (options: TlsOptions) => Promise<void> = () => Promise.resolve();
  readonly #incoming: Incoming[] = [];
  #wake: (() => void) | undefined;

  /** Adds what the server sends next. */
  arrive(...incoming: readonly Incoming[]): void {
    this.#incoming.push(...incoming);
    this.#wake?.();
  }

  async read(into: Uint8Array<ArrayBuffer>): Promise<number> {
    while (this.#incoming.length === 0 && this.closed === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return taken(this.#incoming, into, 0);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    this.writes.push(new Uint8Array(bytes));
    return this.onWrite(bytes);
  }

  async startTls(options: TlsOptions): Promise<TlsSession> {
    await this.onStartTls(options);
    return TLS_SESSION;
  }

  keepProcess(alive: boolean): void {
    this.keeps.push(alive);
  }

  close(): void {
    this.closed++;
    this.#wake?.();
  }
}

/** A blocking transport. A wait with a limit ends at once if nothing can arrive. */
export class ManualSync implements SyncTransport {
  readonly addresses: Addresses | undefined = undefined;
  readonly canStartTls = true;
  readonly writes: Uint8Array[] = [];
  readonly waits: { readonly writable: boolean; readonly milliseconds: number }[] = [];
  closed = 0;
  /** How many bytes a write takes. Default: all. */
  onWrite: (bytes: Uint8Array) => number = (bytes) => bytes.length;
  onStartTls: (options: TlsOptions, milliseconds: number) => void = () => {};
  readonly #incoming: Incoming[] = [];

  arrive(...incoming: readonly Incoming[]): void {
    this.#incoming.push(...incoming);
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    return taken(this.#incoming, into, -1);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    this.writes.push(new Uint8Array(bytes));
    return this.onWrite(bytes);
  }

  wait(writable: boolean, milliseconds: number): boolean {
    this.waits.push({ writable, milliseconds });
    if (this.#incoming.length > 0 || writable) return true;
    if (milliseconds !== Infinity) return false;
    throw new Error("both sides wait for each other");
  }

  startTls(options: TlsOptions, milliseconds: number): TlsSession {
    this.onStartTls(options, milliseconds);
    return TLS_SESSION;
  }

  close(): void {
    this.closed++;
  }
}

/** An endpoint with a given host. */
export function endpoint(host: string): Endpoint {
  return { kind: "tcp", host, port: 5432, keepAlive: true };
}

/** The error of a failed system call. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`write ${code}`), { code });
}

/** Waits until all pending promises have settled that do not wait for outside events. */
export async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
}

function taken(incoming: Incoming[], into: Uint8Array, nothing: number): number {
  const next = incoming.shift();
  if (next === undefined) return nothing;
  if (next instanceof Error) throw next;
  if (next === "end") {
    incoming.unshift("end");
    return 0;
  }
  const count = Math.min(next.length, into.length);
  into.set(next.subarray(0, count));
  if (count < next.length) incoming.unshift(next.subarray(count));
  return count;
}
