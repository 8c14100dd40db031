/** Cancel requests that block, by cancel key and without the connection. */
import { now } from "../runtime/clock.ts";
import { variable } from "../runtime/runtime.ts";
import { runHandshake } from "../run/connect_sync.ts";
import { tracedSync } from "../trace/traced_transport.ts";
import { ConnectionError, PyroError } from "../errors.ts";
import { cancel as cancelOp, type CancelKey, cancelTimeout, toCancelKey } from "../connect/cancel.ts";
import { traceListener } from "../trace/listener.ts";
import { nativeDialer } from "../transport/native_sync.ts";

/**
 * Stops the running statement of a connection, given its `cancelKey`. Call it on another thread, since the
 * connection's own thread waits. Does nothing if no statement is running. It stops whatever statement is running when
 * the request arrives, which can be a later one.
 *
 * @throws {ConnectionError} If the server cannot be reached within ten seconds.
 *
 * @example
 * ```ts
 * import { cancel, Conn } from "@x/pyro/sync";
 *
 * using conn = new Conn("pg://");
 * cancel(conn.cancelKey!); // nothing runs, so nothing happens
 * ```
 */
export function cancel(key: CancelKey): void {
  const request = cancelOp(toCancelKey(key), now() + cancelTimeout(0));
  const listener = traceListener(undefined, variable);
  try {
    runHandshake(request, tracedSync(nativeDialer("auto"), listener));
  } catch (error) {
    if (!(error instanceof PyroError)) throw error;
    throw new ConnectionError(`Cannot cancel: ${error.message}`, { cause: error });
  }
}
