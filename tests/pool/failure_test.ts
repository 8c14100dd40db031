/** What a pool waits out. */
import assert from "node:assert/strict";
import { ConnectionError, ProtocolError, ServerError, UsageError } from "../../src/errors.ts";
import { isTransient } from "../../src/pool/failure.ts";
import { test } from "../support/suite/test.ts";

function refusal(code: string, message: string = "x"): ServerError {
  return new ServerError({ severity: "FATAL", code, message });
}

test("failure: a server that starts, stops or has no room is waited for, as is one that is not there", () => {
  for (const code of ["57P03", "53300", "57P01", "57P02"]) assert.ok(isTransient(refusal(code)), code);
  assert.ok(isTransient(new ConnectionError("connection refused")));
  for (const code of ["28P01", "3D000", "42501"]) assert.ok(!isTransient(refusal(code)), code);
  assert.ok(!isTransient(new ProtocolError("x")) && !isTransient(new UsageError("x")));
});

test("failure: PgBouncer has no room under another code, by which it says everything else too", () => {
  const full = refusal("08P01", "no more connections allowed (max_client_conn)");
  assert.ok(isTransient(full) && full.safeToRetry && refusal("53300").safeToRetry);
  const others = [refusal("08P01", "no such database: x"), refusal("28000", "no more connections allowed")];
  for (const other of others) assert.ok(!isTransient(other) && !other.safeToRetry);
});

test("failure: Pgpool-II that cannot reach its server is waited for, and no other internal error", () => {
  const message = "failed to create a backend connection";
  assert.ok(isTransient(refusal("XX000", message)));
  const raised = new ServerError({ severity: "ERROR", code: "XX000", message });
  for (const other of [refusal("XX000"), refusal("28000", message), raised]) assert.ok(!isTransient(other));
});
