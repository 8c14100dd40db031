/** Private keys of clients: read from what a file has, and compared with their certificates. */
import { builtin } from "../builtin.ts";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import { UsageError } from "../errors.ts";
import { blockIn } from "./pem.ts";

/**
 * The key in a text in PEM, or in bytes in DER. `what` names where it is from, and `passwordName` the option with
 * its passphrase, for the {@linkcode UsageError} if it cannot be read.
 */
export function privateKeyOf(
  content: string | Uint8Array,
  passphrase: string | undefined,
  what: string,
  passwordName: string,
): KeyObject {
  if (typeof content !== "string") return derKey(content, what);
  // Not all runtimes find the key beside a certificate, as OpenSSL does.
  const block = blockIn(content, PRIVATE_KEY);
  if (block === undefined) throw new UsageError(`Cannot use ${what}: it has no line "-----BEGIN PRIVATE KEY-----"`);
  const isEncrypted = /BEGIN ENCRYPTED PRIVATE KEY|^Proc-Type: 4,ENCRYPTED/m.test(block);
  if (isEncrypted && !passphrase) {
    throw new UsageError(`Cannot use ${what}: it is encrypted, and ${passwordName} is not given`);
  }
  try {
    return builtin.crypto.createPrivateKey({ key: block, ...(isEncrypted ? { passphrase } : {}) });
  } catch {
    const reason = isEncrypted
      ? `it cannot be decrypted with ${passwordName}; if that is right, the runtime does not know the encryption: ` +
        "openssl pkcs8 -topk8 -v2 aes256 encrypts a key so that each runtime can decrypt it"
      : "it is malformed, or of a kind that the runtime does not know";
    throw new UsageError(`Cannot use ${what}: ${reason}`);
  }
}

function derKey(content: Uint8Array, what: string): KeyObject {
  for (const type of ["pkcs8", "pkcs1", "sec1"] as const) {
    try {
      return builtin.crypto.createPrivateKey({ key: Buffer.from(content), format: "der", type });
    } catch {
      // It may be of another type.
    }
  }
  throw new UsageError(`Cannot use ${what}: it must be a private key in PEM or DER`);
}

/** The key as a text in PEM, which every runtime's TLS reads. */
export function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }) as string;
}

/** Throws a {@linkcode UsageError} unless a key is the one of a certificate, which is in DER; the others name them. */
export function checkKeyOf(key: KeyObject, keyName: string, certificate: Uint8Array, certificateName: string): void {
  const own = builtin.crypto.createPublicKey(key).export({ type: "spki", format: "der" });
  let other: Uint8Array;
  try {
    other = new builtin.crypto.X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
  } catch {
    throw new UsageError(
      `Cannot use ${certificateName}: it is malformed, or the runtime does not know its kind of key`,
    );
  }
  if (!own.equals(other)) throw new UsageError(`Cannot use ${keyName}: it is not the key of ${certificateName}`);
}

const PRIVATE_KEY = /^-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----$/;
