/**
 * Finds out which users can change where a path leads.
 *
 * Other users cannot replace the entries of a directory that only its owner, or a group without other
 * members, may write, nor those of a sticky one: there, the owner of a socket's file is the user that
 * listens on it. A file system that a user mounted (FUSE) can report any owner, so it is not trusted.
 *
 * Source: Linux manual, path_resolution(7), unlink(2) and rename(2) for sticky directories.
 */
import { builtin } from "../builtin.ts";
import { type FileStatus, linkStatus, readLink } from "../runtime/file_system.ts";
import { membersOf } from "./accounts.ts";
import { granted, mayRead, runtime } from "../runtime/runtime.ts";

/** The functions that read a system's files. */
export interface Files {
  lstat(path: string): FileStatus;
  readlink(path: string): string;
  /** The type of the file system that the file is on. */
  fileSystem(path: string): number;
  /** All users of a group, if `owner` is one of them; undefined if that is not certain. */
  membersOf(gid: number, owner: number): ReadonlySet<number> | undefined;
}

/** The functions for this system. */
export const systemFiles: Files = {
  lstat: (path) => linkStatus(permitted(path)),
  readlink: (path) => readLink(permitted(path)),
  membersOf,
  fileSystem(path): number {
    if (runtime === "deno" && !granted({ name: "sys", kind: "statfs" })) {
      throw new Error("Deno's sys permission is not granted");
    }
    return builtin.fs.statfsSync(path).type;
  },
};

function permitted(path: string): string {
  if (mayRead(path)) return path;
  throw new Error(`Deno's read permission is not granted for ${path}`);
}

/**
 * Follows a path as the system does. Returns the file to which it leads, and why users other than
 * `users` could make it lead elsewhere.
 */
export function follow(
  path: string,
  users: readonly number[],
  files: Files,
): { readonly file: FileStatus; readonly changeable: string | undefined } {
  let at = "/";
  let file = files.lstat(at);
  let changeable: string | undefined;
  let links = 0;
  const names = split(path);
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === "..") {
      // Not by node:path: loading it takes Deno a tenth of what loading pyro takes.
      at = at.slice(0, at.lastIndexOf("/")) || "/";
      file = files.lstat(at);
      continue;
    }
    const next = at === "/" ? `/${name}` : `${at}/${name}`;
    const entry = files.lstat(next);
    changeable ??= whyChangeable(at, file, entry, users, files);
    if (entry.dev !== file.dev && files.fileSystem(next) === FUSE) changeable ??= `${next} is a user's file system`;
    if (entry.kind !== "link") {
      at = next;
      file = entry;
      continue;
    }
    if (++links > MAX_LINKS) throw new Error("too many symbolic links");
    const target = files.readlink(next);
    names.push(...split(target));
    if (!target.startsWith("/")) continue;
    at = "/";
    file = files.lstat(at);
  }
  return { file, changeable };
}

/** Why users other than `users` could replace an entry; undefined if they could not. */
function whyChangeable(
  path: string,
  directory: FileStatus,
  entry: FileStatus,
  users: readonly number[],
  files: Files,
): string | undefined {
  const owner = directory.uid;
  if (!users.includes(owner)) return `${path} belongs to user ${owner}`;
  const { mode } = directory;
  if ((mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  if ((mode & STICKY) !== 0 && users.includes(entry.uid)) return undefined;
  if ((mode & WRITABLE_BY_ALL) === 0) {
    const members = files.membersOf(directory.gid, owner);
    if (members !== undefined && [...members].every((user) => users.includes(user))) return undefined;
  }
  return `others than its owner may write ${path}`;
}

/** The names of a path, the last one first. */
function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".").reverse();
}

/** Write permission for the group or for all. */
const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** `FUSE_SUPER_MAGIC`. */
const FUSE = 0x6573_5546;
/** The number of symbolic links that Linux follows. */
const MAX_LINKS = 40;
