/** The facts about a machine's sockets from a table, without a socket. */
import type { LocalSockets, SocketOwner } from "../../../src/transport/transport.ts";

/** The server's user, unless a test gives another. */
export const SERVER = 70;
/** The user of the process, by the table. */
export const SELF = 1000;

/** The facts about the sockets. */
export interface LocalFacts {
  /** Why a path cannot be dialled. Default: it can. */
  readonly refusal?: (path: string) => string | undefined;
  /** The user that listens on the Unix socket. Default: {@linkcode SERVER}. */
  readonly owner?: (path: string, peer: number | undefined) => SocketOwner;
  /** The user that listens on the TCP port. Default: {@linkcode SERVER}. */
  readonly listener?: SocketOwner;
}

/** Sockets with these facts. By default, all are the server's and can be dialled. */
export function localSockets(
  { refusal = () => undefined, owner = () => certain(SERVER), listener = certain(SERVER) }: LocalFacts = {},
): LocalSockets {
  return {
    preflight: (path) => ({ refusal: refusal(path), owner: (peer) => owner(path, peer) }),
    listener: () => listener,
    ownUser: () => SELF,
    userName: (uid) => ({ [SERVER]: "postgres", [SELF]: "ada" })[uid],
  };
}

export function certain(uid: number): SocketOwner {
  return { uid, doubt: undefined };
}

export function unknown(doubt: string = "nothing tells"): SocketOwner {
  return { uid: undefined, doubt };
}
