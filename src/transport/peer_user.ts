/** The user at the other end of a Unix socket, from the kernel. */
import { type LibC, SO_PEERCRED, SOL_SOCKET } from "./libc.ts";

/** The user that listened when the socket was connected; undefined if the kernel does not report it. */
export function peerUser(libc: LibC, fd: number): number | undefined {
  // `struct ucred`: process, user, group.
  const credentials = new Uint32Array(3);
  const length = new Uint8Array(new Uint32Array([credentials.byteLength]).buffer);
  const result = libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, new Uint8Array(credentials.buffer), length);
  const user = credentials[1]!;
  return result === 0 && user !== NOBODY_KNOWN ? user : undefined;
}

/** The user of a socket without credentials. */
const NOBODY_KNOWN = 0xffff_ffff;
