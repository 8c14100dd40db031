/**
 * Facts about this machine's sockets: whether a Unix socket can be dialled, and which
 * users listen.
 *
 * Deno never asks for a permission because of it: what may not be read is unknown.
 *
 * Source: Linux manual, unix(7) for `SO_PEERCRED`, user_namespaces(7) for users that cannot be
 * distinguished.
 */
import { type FileStatus, fileStatus, fileStatusIfAny, fileText } from "../runtime/file_system.ts";
import { system } from "../runtime/name.ts";
import { userName } from "./accounts.ts";
import { denoPreflight } from "./deno_permissions.ts";
import { listeningUser } from "./listeners.ts";
import { follow, systemFiles } from "./path_owner.ts";
import { reasonOf } from "./reason.ts";
import { granted, mayRead, runtime } from "../runtime/runtime.ts";
import type { Address, LocalSockets, Preflight, SocketOwner } from "./transport.ts";

/** The sockets of this machine. `asksDeno`: whether dialling needs Deno's permissions. */
export function localSockets(asksDeno: boolean): LocalSockets {
  return { preflight: (path) => preflight(path, asksDeno), listener, ownUser, userName };
}

function preflight(path: string, asksDeno: boolean): Preflight {
  const forbidden = asksDeno ? denoPreflight({ kind: "unix", path }) : undefined;
  if (forbidden !== undefined) return refused(forbidden);
  // An abstract socket has no file. Only the kernel tells who listens.
  if (path.startsWith("@")) {
    return {
      refusal: undefined,
      owner: (peer) => ownerOf(peer) ?? doubt("an abstract socket has no file with an owner"),
    };
  }
  if (!mayRead(path)) {
    return { refusal: undefined, owner: (peer) => ownerOf(peer) ?? doubt("Deno's read permission is not granted") };
  }
  try {
    const before = fileStatus(path);
    if (before.kind !== "socket") return refused("not a socket");
    return { refusal: undefined, owner: (peer) => ownerOf(peer) ?? fileOwner(path, before) };
  } catch (error) {
    return refused(reasonOf(error));
  }
}

function refused(refusal: string): Preflight {
  return { refusal, owner: () => doubt(refusal) };
}

/**
 * The owner of the file to which the path led when it was dialled, if no other user can have changed
 * that temporarily.
 */
function fileOwner(path: string, before: FileStatus): SocketOwner {
  if (system !== "linux") return doubt("this system does not tell who listens");
  const { uid } = before;
  const owner = ownerOf(uid)!;
  if (owner.uid === undefined) return owner;
  try {
    const users = [ROOT, uid, ownUser()].filter((user) => user !== undefined);
    const { file, changeable } = follow(path, users, systemFiles);
    if (changeable !== undefined) return { uid, doubt: changeable };
    const same = file.dev === before.dev && file.ino === before.ino && file.uid === before.uid &&
      file.changed === before.changed;
    return same ? owner : doubt("the socket was replaced while it was dialled");
  } catch (error) {
    return { uid, doubt: reasonOf(error) };
  }
}

function listener(address: Address): SocketOwner {
  if (system !== "linux") return doubt("this system does not tell who listens on a TCP port");
  try {
    const uid = listeningUser(address);
    return typeof uid === "string" ? doubt(uid) : ownerOf(uid)!;
  } catch (error) {
    return doubt(`who listens on the TCP port cannot be read from /proc/net: ${reasonOf(error)}`);
  }
}

function ownUser(): number | undefined {
  if (runtime === "deno" && !granted({ name: "sys", kind: "uid" })) return undefined;
  return ownerOf(effectiveUser())?.uid;
}

/** Deno has no function for it, and to load `process` takes longer than all of connecting. */
function effectiveUser(): number | undefined {
  const own = runtime === "deno" && mayRead(SELF) ? fileStatusIfAny(SELF) : undefined;
  return own === undefined ? process.geteuid?.() : own.uid;
}

/** A user that the kernel reports; undefined for undefined. */
function ownerOf(uid: number | undefined): SocketOwner | undefined {
  if (uid === undefined) return undefined;
  if (uid === indistinctUser()) return doubt(`user ${uid} can be any user of another user namespace`);
  return { uid, doubt: undefined };
}

let indistinct: { readonly uid: number | undefined } | undefined;

/**
 * The number that represents all users without a number in this process's user namespace; undefined if
 * all have one.
 */
function indistinctUser(): number | undefined {
  indistinct ??= { uid: system === "linux" ? readIndistinctUser() : undefined };
  return indistinct.uid;
}

function readIndistinctUser(): number | undefined {
  try {
    if (![USERS, OVERFLOW].every(mayRead)) return OVERFLOW_USER;
    const [first, , count] = fileText(USERS).trim().split(/\s+/).map(Number);
    if (first === 0 && count === ALL_USERS) return undefined;
    return Number(fileText(OVERFLOW));
  } catch {
    return OVERFLOW_USER;
  }
}

function doubt(reason: string): SocketOwner {
  return { uid: undefined, doubt: reason };
}

const ROOT = 0;
/** Belongs to the effective user. Source: Linux manual, proc_pid(5). */
const SELF = "/proc/self";
const USERS = "/proc/self/uid_map";
const OVERFLOW = "/proc/sys/kernel/overflowuid";
/** The number of users of the initial user namespace. */
const ALL_USERS = 0xffff_ffff;
/** The default of `/proc/sys/kernel/overflowuid`. */
const OVERFLOW_USER = 65_534;
