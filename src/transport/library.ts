/** The C library of this process, if it can be used. */
import { loadBun } from "./ffi_bun.ts";
import { loadDeno } from "./ffi_deno.ts";
import { loadNode } from "./ffi_node.ts";
import type { LibC } from "./libc.ts";
import { granted, runtime } from "../runtime/runtime.ts";

let library: { readonly libc: LibC | undefined } | undefined;
/** The number of open sockets that use it. */
let sockets = 0;

/** Whether the C library may be used. Node's FFI prints a warning, so it is used on request only. */
export function mayLoadLibrary(askedFor: boolean): boolean {
  return isSupported() && (runtime !== "node" || askedFor) && (runtime !== "deno" || granted({ name: "ffi" }));
}

/** The C library, loaded once for all sockets that are open at the same time. */
export function loadedLibrary(askedFor: boolean): LibC | undefined {
  if (!mayLoadLibrary(askedFor)) return undefined;
  library ??= { libc: { deno: loadDeno, bun: loadBun, node: loadNode }[runtime]() };
  return library.libc;
}

/** Counts a socket that is about to be opened. */
export function holdLibrary(): void {
  sockets++;
}

/**
 * Uncounts a socket that was closed. After the last one, a library that the runtime treats as an open
 * resource is unloaded.
 */
export function releaseLibrary(): void {
  if (--sockets > 0 || library?.libc?.unload === undefined) return;
  library.libc.unload();
  library = undefined;
}

/** Why the library cannot be used, in words. */
export function whyNoLibrary(): string {
  if (!isSupported()) return `it is supported on 64-bit Linux, this is ${process.platform} on ${process.arch}`;
  if (runtime === "deno" && !granted({ name: "ffi" })) return "Deno's ffi permission is not granted (--allow-ffi)";
  const { permission } = process as { readonly permission?: { has(scope: string): boolean } };
  if (permission?.has("ffi") === false) return "Node's ffi permission is not granted (--allow-ffi)";
  return "this runtime cannot load libc.so.6";
}

function isSupported(): boolean {
  return process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");
}
