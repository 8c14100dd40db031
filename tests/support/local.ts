/** A machine's sockets by table: who listens on them, without a socket. */
import type { LocalSockets, Owner } from "../../src/transport/transport.ts";

/** The user whose server it is, unless a test says otherwise. */
export const SERVER = 70;
/** The user that the test runs as, by the table. */
export const SELF = 1000;

/** What is told of the sockets. */
export interface LocalFacts {
  /** What is in the way of a path. Default: nothing. */
  readonly obstacle?: (path: string) => string | undefined;
  /** Who listens on the Unix socket. Default: {@linkcode SERVER}. */
  readonly owner?: (path: string, peer: number | undefined) => Owner;
  /** Who listens on the TCP port. Default: {@linkcode SERVER}. */
  readonly listener?: Owner;
}

/** Those sockets; by default everything is the server's and can be dialled. */
export function localSockets(
  { obstacle = () => undefined, owner = () => certain(SERVER), listener = certain(SERVER) }: LocalFacts = {},
): LocalSockets {
  return {
    approach: (path) => ({ obstacle: obstacle(path), owner: (peer) => owner(path, peer) }),
    listener: () => listener,
    ownUser: () => SELF,
  };
}

export function certain(uid: number): Owner {
  return { uid, doubt: undefined };
}

export function unknown(doubt: string = "nothing tells"): Owner {
  return { uid: undefined, doubt };
}
