/**
 * The sockets of this runtime, for connections that block: the C library where FFI is granted, the
 * operating system is Linux and TLS is not asked for, else a worker.
 */
import { ConnectionError } from "../errors.ts";
import type { BlockingTransport } from "../opts/settings.ts";
import { requestDeno } from "./deno_permissions.ts";
import { dialFfi, ffiCanDial } from "./ffi.ts";
import { loadedLibrary, whyNoLibrary } from "./library.ts";
import { localSockets } from "./local_sockets.ts";
import { runtime } from "./runtime.ts";
import type { SyncDialer, SyncTransport } from "./transport.ts";
import { dialWorker } from "./worker.ts";

/** How this runtime dials, with that transport or the best there is. */
export function nativeDialer(kind: BlockingTransport): SyncDialer {
  const libc = kind === "worker" ? undefined : loadedLibrary(kind === "ffi");
  if (kind === "ffi" && libc === undefined) {
    throw new ConnectionError(`Cannot connect through FFI: ${whyNoLibrary()}`, { safeToRetry: true });
  }
  return {
    // The C library asks nobody.
    local: localSockets(runtime === "deno" && libc === undefined),
    dial(endpoint, tls, milliseconds): SyncTransport {
      if (libc !== undefined && !tls && ffiCanDial(endpoint)) return dialFfi(libc, endpoint, milliseconds);
      if (runtime === "deno") requestDeno(endpoint);
      return dialWorker(endpoint, milliseconds);
    },
  };
}
