/** Reads small files, such as libpq's password file. */
import { builtin } from "../builtin.ts";
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
    // Most files are absent, and an error takes longer to make than the question.
    const status = builtin.fs.statSync(path, { throwIfNoEntry: false });
    if (status === undefined) return { state: "absent" };
    const { mode, uid } = status;
    if (!status.isFile()) return { state: "special" };
    // Windows has no such permissions.
    const isPrivate = process.platform === "win32" || (mode & GROUP_AND_OTHERS) === 0;
    const isRootsKey = uid === 0 && (mode & GROUP_WRITES_AND_OTHERS) === 0;
    const bytes = builtin.fs.readFileSync(path);
    return { state: "read", text: bytes.toString("utf8"), bytes, isPrivate, isRootsKey };
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
    return builtin.fs.readdirSync(path);
  } catch {
    return undefined;
  }
}

const GROUP_AND_OTHERS = 0o077;
const GROUP_WRITES_AND_OTHERS = 0o037;
