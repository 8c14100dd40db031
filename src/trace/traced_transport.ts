/**
 * Dialers whose transports show all bytes to a trace.
 *
 * Encryption is below the trace, so the bytes are unencrypted. Without a listener, no trace is
 * installed, so there is no cost.
 */
import { UsageError } from "../errors.ts";
import { type TraceListener, WireTrace } from "./wire_trace.ts";
import type {
  Addresses,
  AsyncDialer,
  AsyncTransport,
  SyncDialer,
  SyncTransport,
  TlsOptions,
  TlsSession,
} from "../transport/transport.ts";
import { timeStamp } from "../runtime/clock.ts";

/** The dialer, with a trace of each of its connections if there is a listener. */
export function tracedAsync(dialer: AsyncDialer, listener: TraceListener | undefined): AsyncDialer {
  if (listener === undefined) return dialer;
  return {
    local: dialer.local,
    dial: async (endpoint, signal, milliseconds) =>
      new TracedAsync(await dialer.dial(endpoint, signal, milliseconds), new WireTrace(listener, timeStamp)),
  };
}

/** As {@linkcode tracedAsync}. */
export function tracedSync(dialer: SyncDialer, listener: TraceListener | undefined): SyncDialer {
  if (listener === undefined) return dialer;
  return {
    local: dialer.local,
    dial: (endpoint, tls, milliseconds) =>
      new TracedSync(dialer.dial(endpoint, tls, milliseconds), new WireTrace(listener, timeStamp)),
  };
}

/** The error for a call by the listener during a read or write, which would repeat or skip bytes. */
export function calledByListener(): UsageError {
  return new UsageError("Cannot use the connection: the call comes from its trace listener", {
    safeToRetry: true,
  });
}

/** What both kinds of traced transports pass on. */
abstract class Traced<T extends AsyncTransport | SyncTransport> {
  protected readonly transport: T;
  protected readonly trace: WireTrace;

  constructor(transport: T, trace: WireTrace) {
    this.transport = transport;
    this.trace = trace;
  }

  get addresses(): Addresses | undefined {
    return this.transport.addresses;
  }

  get peerUser(): number | undefined {
    return this.transport.peerUser;
  }

  get name(): string | undefined {
    return this.transport.name;
  }

  get cannotEncrypt(): string | undefined {
    return this.transport.cannotEncrypt;
  }

  get showing(): boolean {
    return this.trace.isCalling;
  }

  close(): void {
    this.transport.close();
  }
}

class TracedAsync extends Traced<AsyncTransport> implements AsyncTransport {
  /** How many of the next bytes to be written have been shown. */
  #shown = 0;

  read(into: Uint8Array<ArrayBuffer>): number | Promise<number> {
    const show = (count: number): number => {
      this.trace.received(into.subarray(0, count));
      return count;
    };
    const read = this.transport.read(into);
    return typeof read === "number" ? show(read) : read.then(show);
  }

  write(bytes: Uint8Array<ArrayBuffer>): number | Promise<number> {
    // Bytes are shown before they are sent, since the reply may be read before the promise resolves. Bytes that a
    // write leaves over are written next.
    this.trace.sent(bytes.subarray(this.#shown));
    this.#shown = bytes.length;
    const settle = (count: number): number => {
      this.#shown -= count;
      return count;
    };
    const written = this.transport.write(bytes);
    return typeof written === "number" ? settle(written) : written.then(settle);
  }

  startTls(options: TlsOptions): Promise<TlsSession> {
    return this.transport.startTls(options);
  }

  keepProcess(alive: boolean): void {
    this.transport.keepProcess(alive);
  }
}

class TracedSync extends Traced<SyncTransport> implements SyncTransport {
  get canStartTls(): boolean {
    return this.transport.canStartTls;
  }

  read(into: Uint8Array<ArrayBuffer>): number {
    const count = this.transport.read(into);
    if (count > 0) this.trace.received(into.subarray(0, count));
    return count;
  }

  write(bytes: Uint8Array<ArrayBuffer>): number {
    const count = this.transport.write(bytes);
    // Bytes are shown after they are sent, since unsent bytes may be withdrawn.
    this.trace.sent(bytes.subarray(0, count));
    return count;
  }

  wait(writable: boolean, milliseconds: number): boolean {
    return this.transport.wait(writable, milliseconds);
  }

  startTls(options: TlsOptions, milliseconds: number): TlsSession {
    return this.transport.startTls(options, milliseconds);
  }
}
