/** Reads small files, such as libpq's password file. */
import { directoryNames, fileContent, fileStatusIfAny, textOf } from "./file_system.ts";
import { system } from "./name.ts";
import { granted, runtime } from "./runtime.ts";

/** What reading a file gave: see `options/files.ts`. */
type FileState =
  | {
    readonly state: "read";
    readonly text: string;
    readonly bytes: Uint8Array;
    readonly isPrivate: boolean;
    readonly isRootsKey: boolean;
  }
  | { readonly state: "absent" | "unreadable" | "special" }
  | { readonly state: "not permitted"; readonly by: string; readonly flag: string };

/** Reads a whole file as UTF-8, if the permissions of the runtime cover it; never asks for one. */
export function readFile(path: string): FileState {
  if (path === "") return { state: "absent" };
  if (runtime === "deno" && !granted({ name: "read", path })) {
    return { state: "not permitted", by: "Deno", flag: "--allow-read" };
  }
  try {
    const status = fileStatusIfAny(path);
    if (status === undefined) return { state: "absent" };
    const { kind, mode, uid } = status;
    if (kind !== "file") return { state: "special" };
    const isPrivate = isWindows || (mode & GROUP_AND_OTHERS) === 0;
    const isRootsKey = uid === 0 && (mode & GROUP_WRITES_AND_OTHERS) === 0;
    const bytes = fileContent(path);
    return { state: "read", text: textOf(bytes), bytes, isPrivate, isRootsKey };
  } catch (error) {
    const { code, name } = error as { code?: string; name?: string };
    if (code === "ERR_ACCESS_DENIED") return { state: "not permitted", by: "Node", flag: "--allow-fs-read" };
    const isAbsent = code === "ENOENT" || code === "ENOTDIR" || name === "NotFound" || name === "NotADirectory";
    return { state: isAbsent ? "absent" : "unreadable" };
  }
}

/** The names in a directory; undefined if it cannot be read, on Deno without asking. */
export function readDirectory(path: string): readonly string[] | undefined {
  if (runtime === "deno" && !granted({ name: "read", path })) return undefined;
  try {
    return directoryNames(path);
  } catch {
    return undefined;
  }
}

/** Whether files have no such permissions. */
const isWindows = system === "win32" || system === "windows";
const GROUP_AND_OTHERS = 0o077;
const GROUP_WRITES_AND_OTHERS = 0o037;
