/**
 * The option `requirepeer`: which user must listen on a Unix socket.
 *
 * One rule: a socket whose user is not certain is refused, before anything is sent.
 *
 * Source: PostgreSQL manual, libpq, "Parameter Key Words", requirepeer; `PQconnectPoll` in libpq's
 * `fe-connect.c`.
 */
import { ConnectionError, NOT_RETRYABLE } from "../errors.ts";
import type { LocalSockets, SocketOwner } from "../transport/transport.ts";

/** The user that must listen, and what tells who does. */
export interface RequiredPeer {
  readonly name: string;
  readonly local: LocalSockets;
}

/** Throws unless the user that listens on a socket has the name. */
export function checkPeer({ name, local }: RequiredPeer, { uid, doubt }: SocketOwner): void {
  const wanted = `requirepeer=${JSON.stringify(name)}`;
  if (uid === undefined || doubt !== undefined) {
    throw refused(`${wanted} cannot be checked, since it is not certain who listens on the socket: ${doubt}`);
  }
  const actual = local.userName(uid);
  if (actual === undefined) {
    throw refused(
      `${wanted} cannot be checked, since the name of user ${uid}, who listens on the socket, is not known`,
    );
  }
  if (actual !== name) throw refused(`${wanted} is given, and ${JSON.stringify(actual)} listens on the socket`);
}

function refused(reason: string): ConnectionError {
  return new ConnectionError(reason, NOT_RETRYABLE);
}
