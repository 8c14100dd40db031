/**
 * The `md5` password: a hash of password and user name, hashed again with the server's salt.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Flow", Start-up,
 * AuthenticationMD5Password.
 */
import { builtin } from "../builtin.ts";

/** The client's answer to `salt`. */
export function md5Password(user: string, password: string, salt: Uint8Array): string {
  const inner = builtin.crypto.createHash("md5").update(password, "utf8").update(user, "utf8").digest("hex");
  return `md5${builtin.crypto.createHash("md5").update(inner, "latin1").update(salt).digest("hex")}`;
}
