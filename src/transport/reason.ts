/** Words for socket errors, the same on every runtime. */
import { tlsReasonOf } from "./tls_reason.ts";

/** The reason for an error of the operating system or the runtime. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node tries several addresses of a name, and reports their errors in one without a message.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  const code = "code" in error ? String(error.code) : "";
  return WORDS.get(code) ?? WORDS.get(error.name) ?? tlsReasonOf(error) ?? (error.message || code || error.name);
}

/** The words by code, as in Node and Bun, and by the names of Deno's error classes. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["EACCES", "permission denied"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset"],
  ["EHOSTUNREACH", "no route to host"],
  ["ENETUNREACH", "network unreachable"],
  ["ENOENT", "no such file or directory"],
  ["ENOTDIR", "not a directory"],
  ["ENOTFOUND", "the host name cannot be resolved"],
  ["EPIPE", "broken pipe"],
  ["ETIMEDOUT", "connection timed out"],
  ["BrokenPipe", "broken pipe"],
  ["ConnectionRefused", "connection refused"],
  ["ConnectionReset", "connection reset"],
  ["NotFound", "no such file or directory"],
  ["PermissionDenied", "permission denied"],
  ["TimedOut", "connection timed out"],
]);
