/** A machine's sockets by table: who listens on them, without a socket. */
import type { LocalSockets, SocketOwner } from "../../src/transport/transport.ts";

/** The user whose server it is, unless a test says otherwise. */
export const SERVER = 70;
/** The user that the test runs as, by the table. */
export const SELF = 1000;

/** What is told of the sockets. */
export interface LocalFacts {
  /** What is in the way of a path. Default: nothing. */
  readonly refusal?: (path: string) => string | undefined;
  /** Who listens on the Unix socket. Default: {@linkcode SERVER}. */
  readonly owner?: (path: string, peer: number | undefined) => SocketOwner;
  /** Who listens on the TCP port. Default: {@linkcode SERVER}. */
  readonly listener?: SocketOwner;
}

/** Those sockets; by default everything is the server's and can be dialled. */
export function localSockets(
  { refusal = () => undefined, owner = () => certain(SERVER), listener = certain(SERVER) }: LocalFacts = {},
): LocalSockets {
  return {
    preflight: (path) => ({ refusal: refusal(path), owner: (peer) => owner(path, peer) }),
    listener: () => listener,
    ownUser: () => SELF,
  };
}

export function certain(uid: number): SocketOwner {
  return { uid, doubt: undefined };
}

export function unknown(doubt: string = "nothing tells"): SocketOwner {
  return { uid: undefined, doubt };
}
