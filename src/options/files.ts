/** Files that complete the options: what reading one gives, and what it means if the user named it. */
import { UsageError } from "../errors.ts";

/** What reading a file gave. */
export type FileState =
  | FileContent
  /** It does not exist. */
  | { readonly state: "absent" }
  /** The operating system does not let this process read it. */
  | { readonly state: "unreadable" }
  /** It is a directory, a device or a pipe. */
  | { readonly state: "special" }
  /** The permissions of the runtime do not cover it. */
  | NotPermitted;

/** A file that the runtime, Deno or Node, does not let the program read without a flag. */
export interface NotPermitted {
  readonly state: "not permitted";
  readonly by: string;
  readonly flag: string;
}

/** A file that was read. */
export interface FileContent {
  readonly state: "read";
  /** Its bytes as UTF-8. */
  readonly text: string;
  readonly bytes?: Uint8Array;
  /** False if the file's group or others have any access to it. */
  readonly isPrivate: boolean;
  /** Whether root owns it, its group may only read it, and others have no access to it. */
  readonly isRootsKey?: boolean;
}

/** Reads a whole file. Never asks for a permission. */
export type ReadFile = (path: string) => FileState;

/** Reads a file that the user named. Throws if the runtime does not permit it, since the user relies on the file. */
export function readNamedFile(what: string, path: string, { readFile }: { readonly readFile: ReadFile }): FileState {
  const file = readFile(path);
  if (file.state === "not permitted") {
    throw new UsageError(`Cannot read the ${what} ${JSON.stringify(path)}: ${file.by} needs ${file.flag}=${path}`);
  }
  return file;
}

/** Whether a part of a file's text is not what the file has there, since the file is not in UTF-8. */
export function isGarbled(part: string, { bytes }: FileContent): boolean {
  if (bytes === undefined || !part.includes("\ufffd")) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return false;
  } catch {
    return true;
  }
}
