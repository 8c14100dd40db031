/**
 * What binds SCRAM to a TLS connection: the hash of the server's certificate.
 *
 * Source: RFC 5929, section 4.
 */
import { builtin } from "../builtin.ts";
import { certificateOf, oddityOf } from "./certificate.ts";
import { DerError } from "./der.ts";

/**
 * `tls-server-end-point` for a certificate in DER: its hash, by the hash function of its signature, or by
 * SHA-256 if that is MD5 or SHA-1. Undefined if it has none, as Ed25519, or an unknown one.
 *
 * Also undefined if the certificate is not well-formed, or odd: Deno's TLS does not check that
 * the server has its key, so it would bind to nothing.
 */
export function endPointHash(certificate: Uint8Array): Uint8Array | undefined {
  const hash = signatureHashOf(certificate);
  if (hash === undefined) return undefined;
  const function_ = hash === "md5" || hash === "sha1" ? "sha256" : hash;
  return new Uint8Array(builtin.crypto.createHash(function_).update(certificate).digest());
}

function signatureHashOf(encoded: Uint8Array): string | undefined {
  try {
    const certificate = certificateOf(encoded);
    return oddityOf(certificate) === undefined ? certificate.algorithm.hash : undefined;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
