/** The C library of this process, where it can be used. */
import process from "node:process";
import { loadBun } from "./ffi_bun.ts";
import { loadDeno } from "./ffi_deno.ts";
import { loadNode } from "./ffi_node.ts";
import type { LibC } from "./libc.ts";
import { granted, runtime } from "./runtime.ts";

let library: { readonly libc: LibC | undefined } | undefined;

/** The C library, loaded once in a process. Node warns of its FFI: it is used there only if it was asked for. */
export function loadedLibrary(askedFor: boolean): LibC | undefined {
  if (!isSupported() || (runtime === "node" && !askedFor) || (runtime === "deno" && !granted({ name: "ffi" }))) {
    return undefined;
  }
  library ??= { libc: { deno: loadDeno, bun: loadBun, node: loadNode }[runtime]() };
  return library.libc;
}

/** The reason why there is none, in words. */
export function whyNoLibrary(): string {
  if (!isSupported()) return `it is supported on 64-bit Linux, this is ${process.platform} on ${process.arch}`;
  if (runtime === "deno" && !granted({ name: "ffi" })) return "Deno's ffi permission is not granted (--allow-ffi)";
  return "this runtime cannot load libc.so.6";
}

function isSupported(): boolean {
  return process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");
}
