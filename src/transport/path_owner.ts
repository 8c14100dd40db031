/**
 * Who can change where a path leads.
 *
 * A directory that only its owner may write, or a group in which nobody else is, or a sticky one, keeps
 * its entries as they are: then the owner of a socket's file is who listens on it. A file system that a user mounted (FUSE) can claim
 * any owner, so nothing is believed of it.
 *
 * Source: Linux manual, path_resolution(7), unlink(2) and rename(2) for sticky directories.
 */
import { lstatSync, readlinkSync, statfsSync } from "node:fs";
import { dirname } from "node:path/posix";
import { membersOf } from "./accounts.ts";
import { granted, runtime } from "../runtime/runtime.ts";

/** A file, as `lstat` tells of it. */
export interface FileStatus {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly mode: bigint;
  readonly ctimeNs: bigint;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** The files of a system. */
export interface Files {
  lstat(path: string): FileStatus;
  readlink(path: string): string;
  /** The type of the file system that the file is on. */
  fileSystem(path: string): number;
  /** All users of the group, if that owner is one of them; undefined where that is not certain. */
  membersOf(gid: number, owner: number): ReadonlySet<number> | undefined;
}

/** Those of this system. */
export const systemFiles: Files = {
  lstat: (path) => lstatSync(path, { bigint: true }),
  readlink: (path) => readlinkSync(path),
  membersOf,
  fileSystem(path): number {
    if (runtime === "deno" && !granted({ name: "sys", kind: "statfs" })) {
      throw new Error("Deno's sys permission is not granted");
    }
    return statfsSync(path).type;
  },
};

/** Follows a path as the system does: the file that it leads to, and why others than `users` could lead it elsewhere. */
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
      at = dirname(at);
      file = files.lstat(at);
      continue;
    }
    const next = at === "/" ? `/${name}` : `${at}/${name}`;
    const entry = files.lstat(next);
    changeable ??= whyChangeable(at, file, entry, users, files);
    if (entry.dev !== file.dev && files.fileSystem(next) === FUSE) changeable ??= `${next} is a user's file system`;
    if (!entry.isSymbolicLink()) {
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

/** Why others than `users` could put something else in an entry's place. */
function whyChangeable(
  path: string,
  directory: FileStatus,
  entry: FileStatus,
  users: readonly number[],
  files: Files,
): string | undefined {
  const owner = Number(directory.uid);
  if (!users.includes(owner)) return `${path} belongs to user ${owner}`;
  const mode = Number(directory.mode);
  if ((mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  if ((mode & STICKY) !== 0 && users.includes(Number(entry.uid))) return undefined;
  if ((mode & WRITABLE_BY_ALL) === 0) {
    const members = files.membersOf(Number(directory.gid), owner);
    if (members !== undefined && [...members].every((user) => users.includes(user))) return undefined;
  }
  return `others than its owner may write ${path}`;
}

/** The names of a path, the last one first. */
function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".").reverse();
}

/** Write permission for the group and for all. */
const WRITABLE_BY_OTHERS = 0o022;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
/** `FUSE_SUPER_MAGIC`. */
const FUSE = 0x6573_5546;
/** As many as Linux follows. */
const MAX_LINKS = 40;
