/**
 * The memory that a worker shares with the thread that it works for. For each connection: control words, two message
 * areas and two rings. For the worker itself: the number of these. Both sides use this file, so it must not do anything.
 */
import type { Addresses, Endpoint, TlsSession } from "./transport.ts";

/** Indexes of the control words. */
export const WORDS = {
  /** Counts the worker's actions; the main thread waits for it to change. */
  mainBell: 0,
  /** Counts the main thread's actions; the worker waits for it to change. */
  workerBell: 1,
  /** The count in `workerBell` that the worker has seen last. */
  heard: 2,
  /** Bytes ever put into and taken from each ring, modulo 2^32. */
  received: 3,
  receivedTaken: 4,
  sent: 5,
  sentTaken: 6,
  /** The state of the channel: one of {@linkcode STATES}. */
  state: 7,
  /** The command of the main thread: one of {@linkcode COMMANDS}. */
  command: 8,
  /** Lengths of the texts in the two message areas. */
  requestLength: 9,
  reportLength: 10,
  /**
   * Set by the worker while it has bytes for which the ring has no room; the main thread rings the bell
   * when it has made room.
   */
  wantsRoom: 11,
  /**
   * Whether the worker continues to read after its first read. False until it is decided whether to
   * encrypt, since the following bytes may be encrypted.
   */
  readsOn: 12,
  /** Set by the main thread before it waits for room to send; the worker rings its bell when it has made room. */
  wantsToSend: 13,
} as const;

/** The number of control words. */
export const CONTROL_WORDS = 16;

/** The states of a channel to the worker. The thread that changes `idle` to `dialling` owns the channel. */
export const STATES = {
  starting: 0,
  idle: 1,
  dialling: 2,
  open: 3,
  encrypted: 4,
  ended: 5,
  failed: 6,
  gone: 7,
} as const;

/** The commands for a worker. */
export const COMMANDS = { none: 0, dial: 1, startTls: 2, close: 3 } as const;

/** The offsets of the message areas and of the two rings, and the size of a ring (a power of two). */
export const LAYOUT = {
  request: 0x40,
  report: 0x1_0000,
  received: 0x4_0000,
  sent: 0x8_0000,
  ring: 0x4_0000,
} as const;

/** What a worker is started with. Further channels are sent as messages. */
export interface WorkerData {
  /** One word: the number of channels that the worker has or is going to get; {@linkcode GONE} when it takes no more. */
  readonly count: SharedArrayBuffer;
  /** The memory of the first channel. */
  readonly memory: SharedArrayBuffer;
}

/** The number of channels of a worker that takes no more. */
export const GONE = -1;

/** A report of the worker: the ends of the connection, what encryption has agreed on, or an error. */
export interface WorkerReport {
  readonly addresses?: Addresses;
  readonly session?: Omit<TlsSession, "chain">;
  /** The peer's certificates, in base64. */
  readonly chain?: readonly string[];
  /** The socket's descriptor, on Bun. */
  readonly fd?: number | undefined;
  readonly error?: string;
  readonly code?: string | undefined;
}

/** The argument of the command to dial. */
export interface DialRequest {
  readonly endpoint: Endpoint;
  /** How long it may take. A name's addresses share the time. */
  readonly milliseconds: number;
}
