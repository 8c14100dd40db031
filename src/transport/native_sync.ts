/**
 * The sockets of this runtime, for connections that block: the C library where FFI is granted, the
 * operating system is Linux and TLS is not asked for, else a worker.
 */
import process from "node:process";
import { ConnectionError } from "../errors.ts";
import type { BlockingTransport } from "../opts/settings.ts";
import { requestDeno } from "./deno_permissions.ts";
import { dialFfi, ffiCanDial } from "./ffi.ts";
import { loadBun } from "./ffi_bun.ts";
import { loadDeno } from "./ffi_deno.ts";
import { loadNode } from "./ffi_node.ts";
import type { LibC } from "./libc.ts";
import { obstacleTo } from "./obstacle.ts";
import { granted, runtime } from "./runtime.ts";
import type { SyncDialer, SyncTransport } from "./transport.ts";
import { dialWorker } from "./worker.ts";

/** How this runtime dials, with that transport or the best there is. */
export function nativeDialer(kind: BlockingTransport): SyncDialer {
  const libc = kind === "worker" ? undefined : loadedLibrary(kind === "ffi");
  if (kind === "ffi" && libc === undefined) {
    throw new ConnectionError(`Cannot connect through FFI: ${whyNoFfi()}`, { safeToRetry: true });
  }
  return {
    // The C library asks nobody.
    obstacle: (endpoint) => obstacleTo(endpoint, runtime === "deno" && libc === undefined),
    dial(endpoint, tls, milliseconds): SyncTransport {
      if (libc !== undefined && !tls && ffiCanDial(endpoint)) return dialFfi(libc, endpoint, milliseconds);
      if (runtime === "deno") requestDeno(endpoint);
      return dialWorker(endpoint, milliseconds);
    },
  };
}

let library: { readonly libc: LibC | undefined } | undefined;

/** The C library, loaded once in a process. */
function loadedLibrary(askedFor: boolean): LibC | undefined {
  if (!isSupported() || (runtime === "node" && !askedFor) || (runtime === "deno" && !granted({ name: "ffi" }))) {
    return undefined;
  }
  library ??= { libc: { deno: loadDeno, bun: loadBun, node: loadNode }[runtime]() };
  return library.libc;
}

function isSupported(): boolean {
  return process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64");
}

function whyNoFfi(): string {
  if (!isSupported()) return `it is supported on 64-bit Linux, this is ${process.platform} on ${process.arch}`;
  if (runtime === "deno" && !granted({ name: "ffi" })) return "Deno's ffi permission is not granted (--allow-ffi)";
  return "this runtime cannot load libc.so.6";
}
