/** Reads small files, such as libpq's password file. */
import { readFileSync, statSync } from "node:fs";
import process from "node:process";
import { granted, runtime } from "./runtime.ts";

/** What reading a file gave: see `options/files.ts`. */
type FileState =
  | { readonly state: "read"; readonly text: string; readonly isPrivate: boolean }
  | { readonly state: "absent" | "special" | "not permitted" };

/** Reads a whole file as UTF-8; on Deno only if it may be read without asking. */
export function readFile(path: string): FileState {
  if (path === "") return { state: "absent" };
  if (runtime === "deno" && !granted({ name: "read", path })) return { state: "not permitted" };
  try {
    const status = statSync(path);
    if (!status.isFile()) return { state: "special" };
    // Windows has no such permissions.
    const isPrivate = process.platform === "win32" || (status.mode & GROUP_AND_OTHERS) === 0;
    return { state: "read", text: readFileSync(path, "utf8"), isPrivate };
  } catch {
    return { state: "absent" };
  }
}

const GROUP_AND_OTHERS = 0o077;
