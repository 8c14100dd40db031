/**
 * Decides how far the Unix socket of an upgrade is trusted, by the user that listens on it.
 *
 * One rule: a socket is the server's if its user is the one that listens on the TCP port, root, or the
 * user of this process. A socket that is known to be another user's is not used, and no secret is sent
 * to one whose owner is not certain.
 */
import { type AuthLimit, type AuthMethod, Disclosure } from "../protocol/authentication.ts";
import type { SocketOwner } from "../transport/transport.ts";

/** How far a socket is trusted. */
export type Trust =
  | { readonly level: "full"; readonly owner: SocketOwner }
  | { readonly level: "doubt" | "none"; readonly reason: string };

/**
 * Compares the user that listens on a socket with the user that listens on the server's TCP port; calls
 * `server` only if needed.
 */
export function assessTrust(owner: SocketOwner, server: () => SocketOwner, ownUser: () => number | undefined): Trust {
  const { uid, doubt } = owner;
  if (uid === undefined) return { level: "doubt", reason: doubt ?? "nothing tells who listens" };
  if (uid !== ROOT && uid !== ownUser()) {
    const expected = server();
    if (expected.uid === undefined) {
      return {
        level: "doubt",
        reason: `it is user ${uid}'s, and ${expected.doubt ?? "the server's user is not known"}`,
      };
    }
    if (uid !== expected.uid) {
      return { level: "none", reason: `user ${uid} listens there, the server is user ${expected.uid}'s` };
    }
  }
  return doubt === undefined ? { level: "full", owner } : { level: "doubt", reason: doubt };
}

/** The authentication methods that a socket may request, given the one requested over TCP. */
export function authLimitOf(trust: Trust, authMethod: AuthMethod): AuthLimit {
  if (trust.level === "full") return { ...authMethod, reason: "more than allowed here" };
  return {
    disclosure: Disclosure.None,
    scram: undefined,
    reason: `and it is not certain that the socket is the server's: ${trust.reason}`,
  };
}

const ROOT = 0;
