/** The scripts of `@x/pyro/testing` as both drivers' transports, for tests below `Opts.dial`. */
import { Script, type ScriptStep } from "../../../src/testing/script.ts";
import type {
  Addresses,
  AsyncTransport,
  SyncTransport,
  TlsOptions,
  TlsSession,
} from "../../../src/transport/transport.ts";
import { TLS_SESSION } from "./tls_sessions.ts";

/** As users write them. */
export type Step = ScriptStep;

/** How the replies are delivered. */
export interface Delivery {
  /** The maximum number of bytes at a time. Default: all. */
  readonly chunk?: number;
  /** The ends that the transport reports. Default: those of a Unix socket. */
  readonly addresses?: Addresses;
}

/** A scripted server as a blocking transport. Waiting without a limit is an error if nothing can arrive. */
export class ScriptedSync extends Script implements SyncTransport {
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
export class ScriptedAsync extends Script implements AsyncTransport {
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
