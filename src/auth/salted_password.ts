/**
 * The salted passwords of SCRAM. Computing one takes some milliseconds on purpose, so that of the last
 * ones are kept: the connections of a pool compute it once.
 *
 * One rule: nothing outside of this file sees what is kept, and passwords are kept as hashes only.
 *
 * Source: RFC 5802, section 3, SaltedPassword.
 */
import { builtin } from "../builtin.ts";
import { Buffer } from "node:buffer";
import { saslprep } from "./saslprep.ts";

/** `Hi(Normalize(password), salt, iterations)`; `salt` in base64. */
export function saltedPassword(password: string, salt: string, iterations: number): Uint8Array {
  const prepared = saslprep(password);
  const input = JSON.stringify([iterations, salt, prepared]);
  const key = builtin.crypto.createHash("sha256").update(input, "utf8").digest("base64");
  const salted = kept.get(key) ??
    builtin.crypto.pbkdf2Sync(prepared, Buffer.from(salt, "base64"), iterations, 32, "sha256");
  // The one that was used last is the last of the map.
  kept.delete(key);
  kept.set(key, salted);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
  return salted;
}

const kept = new Map<string, Uint8Array>();

/** More than the roles that one process usually logs in as. */
const MAX_KEPT = 64;
