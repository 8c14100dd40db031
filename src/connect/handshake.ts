/**
 * The steps that connecting asks of a driver, beyond those of ops: on connections without a session
 * yet, on several connections at once, and with timeouts.
 *
 * So encryption, the choice of an address and the upgrade to a Unix socket are pure code, which is
 * tested without a socket.
 */
import type { Op, PendingRequest } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import type { PasswordToSalt } from "../protocol/startup.ts";
import type { CancelEncryption } from "./cancel.ts";
import type { Addresses, Endpoint, TlsOptions, TlsSession } from "../transport/transport.ts";

/** A dialled connection. */
export interface Link {
  readonly session: Session;
  readonly endpoint: Endpoint;
  readonly addresses: Addresses | undefined;
  /** The user that listens on the Unix socket that was dialled, if the kernel reports it. */
  readonly peerUser: number | undefined;
  /** The name that the user's function gave that has dialled; undefined if pyro has dialled. */
  readonly name?: string | undefined;
  /** Why it can never be encrypted; undefined if it can. */
  readonly cannotEncrypt?: string | undefined;
  /** What encryption has agreed on; undefined on an unencrypted connection. */
  readonly tls: TlsSession | undefined;
  /** How it was encrypted, for its cancel requests. */
  encrypted: CancelEncryption | undefined;
  /** Whether calls are awaited (true) or block. */
  readonly awaits: boolean;
  /** Whether TLS can start on it. If not, dial again with `tls`. */
  readonly canStartTls: boolean;
}

/** A step of a handshake, for its driver. Times are absolute, on the driver's clock; after `by` the step fails. */
export type HandshakeStep =
  /** Connects. With `tls`, TLS can start on the connection. */
  | { readonly do: "dial"; readonly endpoint: Endpoint; readonly tls: boolean; readonly by: number }
  /** Sends the outbox and reads exactly one byte. */
  | { readonly do: "readByte"; readonly link: Link; readonly by: number }
  | { readonly do: "startTls"; readonly link: Link; readonly options: TlsOptions; readonly by: number }
  /**
   * Runs an op on the link's session. After the timeout the link stays open, and the replies are read
   * and dropped.
   */
  | { readonly do: "run"; readonly link: Link; readonly op: Op<unknown>; readonly by: number }
  /**
   * Makes a call of a user's function, unless it was made before, and waits for its outcome. The step also ends if the
   * request, which waits for it too, is settled first.
   */
  | {
    readonly do: "call";
    readonly link: Link;
    readonly call: UserCall;
    readonly request: PendingRequest<unknown>;
    readonly by: number;
  }
  /** Salts a password. The step also ends if the request, which waits for it too, is settled first. */
  | {
    readonly do: "salt";
    readonly link: Link;
    readonly given: PasswordToSalt;
    readonly request: PendingRequest<unknown>;
    readonly by: number;
  }
  /** Sends the outbox and reads until the server closes. */
  | { readonly do: "readToEnd"; readonly link: Link; readonly by: number }
  /** Sends Terminate, if a session is open, and closes. */
  | { readonly do: "discard"; readonly link: Link };

/** A call of a user's function, which is made once. Its outcome may come later than the step that has made it. */
export interface UserCall {
  /** What the driver waits for; undefined until the call is made. */
  pending: PromiseLike<void> | undefined;
  make(): unknown;
  /** The function has returned a value, or its promise has one. The blocking driver does not wait for promises. */
  returned(value: unknown): void;
  /** The function has thrown, or its promise is rejected. */
  threw(error: unknown): void;
}

/** A procedure over several connections. */
export type Handshake<T> = Generator<HandshakeStep, T, unknown>;

export function* dial(endpoint: Endpoint, tls: boolean, by: number): Handshake<Link> {
  return (yield { do: "dial", endpoint, tls, by }) as Link;
}

export function* readByte(link: Link, by: number): Handshake<number> {
  return (yield { do: "readByte", link, by }) as number;
}

export function* readToEnd(link: Link, by: number): Handshake<void> {
  yield { do: "readToEnd", link, by };
}

export function* startTls(link: Link, options: TlsOptions, by: number): Handshake<TlsSession> {
  return (yield { do: "startTls", link, options, by }) as TlsSession;
}

export function* run<T>(link: Link, op: Op<T>, by: number): Handshake<T> {
  return (yield { do: "run", link, op, by }) as T;
}

export function* call(link: Link, call: UserCall, request: PendingRequest<unknown>, by: number): Handshake<void> {
  yield { do: "call", link, call, request, by };
}

/** The salted password; undefined if the request is settled first. */
export function* salt(
  link: Link,
  given: PasswordToSalt,
  request: PendingRequest<unknown>,
  by: number,
): Handshake<Uint8Array | undefined> {
  return (yield { do: "salt", link, given, request, by }) as Uint8Array | undefined;
}

export function* discard(link: Link): Handshake<void> {
  yield { do: "discard", link };
}
