/**
 * The file system, as far as connecting needs it. On Deno these are Deno's own functions, since to load `node:fs` takes
 * longer than to load pyro and to connect.
 *
 * Deno asks for the permission to read if it is neither granted nor denied, so callers look first (`mayRead`).
 */
import type { BigIntStats } from "node:fs";
import { builtin } from "../builtin.ts";
import { runtime } from "./name.ts";

/** The status of a file. Deno rounds the numbers of devices and files, and the times. */
export interface FileStatus {
  readonly kind: "file" | "link" | "socket" | "other";
  readonly dev: number | bigint;
  readonly ino: number | bigint | null;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** When the file was last changed, or its owner, permissions or name. */
  readonly changed: number | bigint | undefined;
}

/** The status of the file at a path; of the target, if it is a link. Throws if there is no file. */
export function fileStatus(path: string): FileStatus {
  return runtime === "deno"
    ? statusOfDeno(Deno.statSync(path))
    : statusOfNode(builtin.fs.statSync(path, { bigint: true }));
}

/** As {@linkcode fileStatus}; undefined if there is no file. */
export function fileStatusIfAny(path: string): FileStatus | undefined {
  try {
    if (runtime === "deno") return fileStatus(path);
    // Most files are absent, and an error takes longer to make than the question.
    const status = builtin.fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return status && statusOfNode(status);
  } catch (error) {
    const { code } = error as { readonly code?: string };
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** The status of the file at a path, also of a link itself. Throws if there is no file. */
export function linkStatus(path: string): FileStatus {
  return runtime === "deno"
    ? statusOfDeno(Deno.lstatSync(path))
    : statusOfNode(builtin.fs.lstatSync(path, { bigint: true }));
}

/** The target of a link. */
export function readLink(path: string): string {
  return runtime === "deno" ? Deno.readLinkSync(path) : builtin.fs.readlinkSync(path);
}

/** The content of a file. */
export function fileContent(path: string): Uint8Array<ArrayBuffer> {
  return runtime === "deno" ? Deno.readFileSync(path) : builtin.fs.readFileSync(path) as Uint8Array<ArrayBuffer>;
}

/** The content of a file as text. */
export function fileText(path: string): string {
  return textOf(fileContent(path));
}

/** Decodes UTF-8. Bytes that are not part of a character become U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/** The names in a directory. */
export function directoryNames(path: string): string[] {
  return runtime === "deno" ? Array.from(Deno.readDirSync(path), ({ name }) => name) : builtin.fs.readdirSync(path);
}

/** The content of a file in parts of at most `size` bytes, each read when it is requested, and valid until the next. */
export function* fileParts(path: string, size: number): Generator<Uint8Array> {
  const part = new Uint8Array(size);
  const { read, close } = openForReading(path);
  try {
    for (let length = read(part); length > 0; length = read(part)) yield part.subarray(0, length);
  } finally {
    close();
  }
}

function openForReading(path: string): { read(into: Uint8Array): number; close(): void } {
  if (runtime === "deno") {
    const file = Deno.openSync(path);
    return { read: (into) => file.readSync(into) ?? 0, close: () => file.close() };
  }
  const { closeSync, openSync, readSync } = builtin.fs;
  const fd = openSync(path, "r");
  return { read: (into) => readSync(fd, into), close: () => closeSync(fd) };
}

function statusOfNode(status: BigIntStats): FileStatus {
  const kind = status.isSymbolicLink() ? "link" : status.isSocket() ? "socket" : status.isFile() ? "file" : "other";
  const { dev, ino, uid, gid, mode, ctimeNs } = status;
  return { kind, dev, ino, uid: Number(uid), gid: Number(gid), mode: Number(mode), changed: ctimeNs };
}

function statusOfDeno(status: Deno.FileInfo): FileStatus {
  const kind = status.isSymlink ? "link" : status.isSocket ? "socket" : status.isFile ? "file" : "other";
  const { dev, ino, uid, gid, mode, ctime } = status;
  return { kind, dev, ino, uid: uid ?? NOBODY, gid: gid ?? NOBODY, mode: mode ?? 0, changed: ctime?.getTime() };
}

/** On Windows, which has no numbers of users: the one that stands for users without a number. */
const NOBODY = 65_534;
