/** Cancel requests that are awaited, by cancel key and without the connection. */
import { now } from "../runtime/clock.ts";
import { variable } from "../runtime/runtime.ts";
import { runHandshake } from "../run/connect_async.ts";
import { tracedAsync } from "../trace/traced_transport.ts";
import { ConnectionError, PyroError } from "../errors.ts";
import { cancel as cancelOp, type CancelKey, cancelTimeout, toCancelKey } from "../connect/cancel.ts";
import { traceListener } from "../trace/listener.ts";
import { nativeDialer } from "../transport/native_async.ts";

/**
 * Stops the running statement of a connection, given its `cancelKey`: from another thread, or for a blocking
 * connection. Does nothing if no statement is running. It stops whatever statement is running when the request
 * arrives, which can be a later one; `conn.cancel()` prevents that.
 *
 * @throws {ConnectionError} If the server cannot be reached within ten seconds.
 *
 * @example
 * ```ts
 * import { cancel, Conn } from "@x/pyro";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const long = conn.exec("select pg_sleep(60)");
 * setTimeout(() => cancel(conn.cancelKey!), 100);
 * await assert.rejects(long);
 * ```
 */
export async function cancel(key: CancelKey): Promise<void> {
  const request = cancelOp(toCancelKey(key), now() + cancelTimeout(0));
  const listener = traceListener(undefined, variable);
  try {
    await runHandshake(request, tracedAsync(await nativeDialer(), listener), undefined);
  } catch (error) {
    if (!(error instanceof PyroError)) throw error;
    throw new ConnectionError(`Cannot cancel: ${error.message}`, { cause: error });
  }
}
