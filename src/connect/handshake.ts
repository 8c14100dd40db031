/**
 * What connecting asks of a driver, beyond what ops do: raw steps on connections that have no
 * session yet, several connections at once, and limits of time.
 *
 * So that encryption, the choice of an address and the upgrade to a Unix socket are decided by pure
 * code, which can be tested without a socket.
 */
import type { Op } from "../protocol/request.ts";
import type { Session } from "../protocol/session.ts";
import type { Addresses, Endpoint, TlsOptions } from "../transport/transport.ts";

/** A dialled connection. */
export interface Link {
  readonly session: Session;
  readonly endpoint: Endpoint;
  readonly addresses: Addresses | undefined;
  /** The user who listens on the Unix socket that was dialled, where the kernel can be asked. */
  readonly peerUser: number | undefined;
  readonly tls: boolean;
  /** Whether calls are awaited, rather than blocking. */
  readonly awaits: boolean;
  /** Whether TLS can start on it; if not, dial again asking for that. */
  readonly canStartTls: boolean;
}

/** What a handshake asks of its driver. Times are absolute, on the driver's clock; after `by` the step fails. */
export type HandshakeStep =
  /** Connects; `tls` asks for a connection on which TLS can start. */
  | { readonly do: "dial"; readonly endpoint: Endpoint; readonly tls: boolean; readonly by: number }
  /** Sends what the outbox holds and reads exactly one byte. */
  | { readonly do: "readByte"; readonly link: Link; readonly by: number }
  | { readonly do: "startTls"; readonly link: Link; readonly options: TlsOptions; readonly by: number }
  /** Runs an op on the link's session. When time runs out, the link lives, and what the op asked is read and dropped. */
  | { readonly do: "run"; readonly link: Link; readonly op: Op<unknown>; readonly by: number }
  /** Sends what the outbox holds and reads until the server closes. */
  | { readonly do: "readToEnd"; readonly link: Link; readonly by: number }
  /** Sends Terminate, if a session is open, and closes. */
  | { readonly do: "discard"; readonly link: Link };

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

export function* startTls(link: Link, options: TlsOptions, by: number): Handshake<void> {
  yield { do: "startTls", link, options, by };
}

export function* run<T>(link: Link, op: Op<T>, by: number): Handshake<T> {
  return (yield { do: "run", link, op, by }) as T;
}

export function* discard(link: Link): Handshake<void> {
  yield { do: "discard", link };
}
