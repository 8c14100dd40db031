/** Arguments that are revoked Proxies: whatever is asked of one throws an error of the runtime's. */
import { UsageError } from "./errors.ts";

/** The error of a call whose arguments could not be read, to follow "Cannot" and the action. */
export function argumentError(error: unknown, action: string): unknown {
  if (!(error instanceof TypeError) || !/revoked/.test(error.message)) return error;
  return new UsageError(`Cannot ${action}: an argument is a Proxy that was revoked`, { cause: error });
}
