/**
 * Chooses the sockets of this runtime, for connections that block: the C library if FFI is granted, the
 * operating system is Linux and TLS is not requested, otherwise a worker; or the user's function that dials instead.
 */
import { ConnectionError } from "../errors.ts";
import type { DialFunction } from "../options/dial.ts";
import type { BlockingTransport } from "../options/settings.ts";
import { customDialer } from "./custom_sync.ts";
import { permitted, requestDeno } from "./deno_permissions.ts";
import { dialFfi, ffiCanDial } from "./ffi.ts";
import type { LibC } from "./libc.ts";
import { holdLibrary, loadedLibrary, mayLoadLibrary, releaseLibrary, whyNoLibrary } from "./library.ts";
import { localSockets } from "./local_sockets.ts";
import { checkTcpOptions } from "./tcp_options.ts";
import { runtime } from "../runtime/runtime.ts";
import type { Endpoint, SyncDialer, SyncTransport } from "./transport.ts";
import { dialWorker } from "./worker.ts";

/** The dialer of this runtime, with the given transport or, for `"auto"`, the best; or that of the user's function. */
export function nativeDialer(kind: BlockingTransport, dial?: DialFunction): SyncDialer {
  if (dial !== undefined) return customDialer(dial);
  const mayLoad = kind !== "worker" && mayLoadLibrary(kind === "ffi");
  if (kind === "ffi" && !mayLoad) throw noLibrary();
  return {
    // Dialling through the C library needs no permission of Deno.
    local: localSockets(runtime === "deno" && !mayLoad),
    dial(endpoint, tls, milliseconds): SyncTransport {
      if (mayLoad && !tls && ffiCanDial(endpoint)) {
        const libc = loadedLibrary(true);
        if (libc !== undefined) return dialHeld(libc, endpoint, milliseconds);
        if (kind === "ffi") throw noLibrary();
      }
      checkTcpOptions(endpoint);
      if (runtime !== "deno") return dialWorker(endpoint, milliseconds);
      const allowed = permitted(endpoint);
      requestDeno(allowed);
      return dialWorker(allowed, milliseconds);
    },
  };
}

/** Dials with the library, which stays loaded until the connection is closed. */
function dialHeld(libc: LibC, endpoint: Endpoint, milliseconds: number): SyncTransport {
  holdLibrary();
  try {
    return dialFfi(libc, endpoint, milliseconds, releaseLibrary);
  } catch (error) {
    releaseLibrary();
    throw error;
  }
}

function noLibrary(): ConnectionError {
  return new ConnectionError(`Cannot connect through FFI: ${whyNoLibrary()}`, { safeToRetry: true });
}
