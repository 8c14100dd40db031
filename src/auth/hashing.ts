/**
 * The hash functions of SCRAM: those of `node:crypto`, or pyro's own.
 *
 * Source: RFC 2104, for HMAC.
 */
import { builtin } from "../builtin.ts";
import { BLOCK, ownSha256 } from "./sha256.ts";

/** Hash functions. */
export interface Hashing {
  /** The hash, of 32 bytes. */
  sha256(input: Uint8Array): Uint8Array;
  /** The code that proves, by SHA-256, that the sender of a text knows the key. */
  hmac(key: Uint8Array, text: string): Uint8Array;
  /** Whether the driver salts passwords, while other work goes on, since these functions cannot. */
  readonly saltsLater: boolean;
}

/** Those of `node:crypto`, which salts passwords too. */
export const nodeHashing: Hashing & {
  pbkdf2(password: Uint8Array, salt: Uint8Array, iterations: number): Uint8Array;
} = {
  sha256: (input) => builtin.crypto.createHash("sha256").update(input).digest(),
  hmac: (key, text) => builtin.crypto.createHmac("sha256", key).update(text).digest(),
  saltsLater: false,
  pbkdf2: (password, salt, iterations) => builtin.crypto.pbkdf2Sync(password, salt, iterations, 32, "sha256"),
};

/** Those that need nothing of the runtime. */
export const ownHashing: Hashing = { sha256: ownSha256, hmac: ownHmac, saltsLater: true };

function ownHmac(key: Uint8Array, text: string): Uint8Array {
  const block = new Uint8Array(BLOCK);
  block.set(key.length > BLOCK ? ownSha256(key) : key);
  const inner = ownSha256(joined(block.map((byte) => byte ^ 0x36), new TextEncoder().encode(text)));
  return ownSha256(joined(block.map((byte) => byte ^ 0x5c), inner));
}

/** Whether two byte strings are the same, in a time that only their lengths decide. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [i, byte] of a.entries()) difference |= byte ^ b[i]!;
  return difference === 0;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
