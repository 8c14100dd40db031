/**
 * The salted passwords of SCRAM. Computing one takes some milliseconds on purpose, so that of the last
 * ones are kept: the connections of a pool compute it once.
 *
 * One rule: nothing outside of this file sees what is kept, and passwords are kept as hashes only.
 *
 * Source: RFC 5802, section 3, SaltedPassword.
 */
import { Buffer } from "node:buffer";
import { type Hashing, nodeHashing } from "./hashing.ts";
import { saslprep } from "./saslprep.ts";

/** The input of a salted password. */
export interface PasswordToSalt {
  readonly password: string;
  /** In base64. */
  readonly salt: string;
  readonly iterations: number;
}

/** The salted password, computed with `node:crypto` if it is not known. */
export function saltedPassword(given: PasswordToSalt): Uint8Array {
  const salting = new Salting(given, nodeHashing);
  const { known, password, salt, iterations } = salting;
  return salting.keep(known ?? nodeHashing.pbkdf2(password, salt, iterations));
}

/** The computation of one: `Hi(Normalize(password), salt, iterations)`. */
export class Salting {
  readonly password: Uint8Array<ArrayBuffer>;
  readonly salt: Uint8Array<ArrayBuffer>;
  readonly iterations: number;
  /** A hash that names the input. */
  readonly key: string;

  constructor({ password, salt, iterations }: PasswordToSalt, { sha256 }: Hashing) {
    const prepared = saslprep(password);
    this.password = Buffer.from(prepared);
    this.salt = Buffer.from(salt, "base64");
    this.iterations = iterations;
    this.key = Buffer.from(sha256(Buffer.from(JSON.stringify([iterations, salt, prepared])))).toString("base64");
  }

  /** What was computed before; undefined if that is no longer known. */
  get known(): Uint8Array | undefined {
    return kept.get(this.key);
  }

  /** Keeps what was computed, or was known, and returns it. */
  keep(salted: Uint8Array): Uint8Array {
    // The one that was used last is the last of the map.
    kept.delete(this.key);
    kept.set(this.key, salted);
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!);
    return salted;
  }
}

const kept = new Map<string, Uint8Array>();

/** More than the roles that one process usually logs in as. */
const MAX_KEPT = 64;
