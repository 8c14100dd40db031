/**
 * Verifies signatures of RSA, for keys that a runtime cannot read. Only public values are computed with, so the time
 * that it takes discloses nothing. The caller bounds the size of the key.
 *
 * Source: RFC 8017, sections 8.1.2, 8.2.2, 9.1.2, 9.2 and B.2.1.
 */
import { builtin } from "../builtin.ts";
import { Buffer } from "node:buffer";
import { bigintOf, bytesOf, equalBytes, integerOf, onlySequence, Tag } from "./der.ts";

/** Whether the owner of an RSAPublicKey made the signature; `saltLength` is that of RSA-PSS, undefined for PKCS #1. */
export function isRsaSignature(
  key: Uint8Array,
  bits: number,
  hash: string,
  saltLength: number | undefined,
  signed: Uint8Array,
  signature: Uint8Array,
): boolean {
  const reader = onlySequence(key, "RSA key");
  const modulus = bigintOf(integerOf(reader.read(Tag.integer, "modulus"), "modulus"));
  const exponent = bigintOf(integerOf(reader.read(Tag.integer, "exponent"), "exponent"));
  const length = Math.ceil(bits / 8);
  const value = bigintOf(signature);
  if (signature.length !== length || value >= modulus) return false;
  const message = bytesOf(power(value, exponent, modulus), length);
  const digest = digestOf(hash, signed);
  return saltLength === undefined
    ? equalBytes(message, padded(hash, digest, length))
    : isPss(message, bits - 1, hash, digest, saltLength);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = result * result % modulus;
    if (bit === "1") result = result * base % modulus;
  }
  return result;
}

/** The message that PKCS #1 signs: a padding, and then the digest with the name of its hash function. */
function padded(hash: string, digest: Uint8Array, length: number): Uint8Array {
  const info = [...Buffer.from(DIGEST_INFO[hash]!, "hex"), digest.length, ...digest];
  const padding = new Uint8Array(length - info.length - 3).fill(0xff);
  return Uint8Array.of(0, 1, ...padding, 0, ...info);
}

function isPss(message: Uint8Array, bits: number, hash: string, digest: Uint8Array, saltLength: number): boolean {
  const length = Math.ceil(bits / 8);
  const unused = message.length - length;
  const encoded = message.subarray(unused);
  const maskLength = length - digest.length - 1;
  const zeros = maskLength - saltLength - 1;
  const highBits = 0xff >> (8 * length - bits);
  if (zeros < 0 || message.subarray(0, unused).some((byte) => byte !== 0)) return false;
  if (encoded.at(-1) !== 0xbc || encoded[0]! > highBits) return false;
  const seed = encoded.subarray(maskLength, -1);
  const mask = maskOf(hash, seed, maskLength);
  const data = encoded.slice(0, maskLength).map((byte, i) => byte ^ mask[i]!);
  data[0]! &= highBits;
  if (data.subarray(0, zeros).some((byte) => byte !== 0) || data[zeros] !== 1) return false;
  const salted = Uint8Array.of(...new Uint8Array(8), ...digest, ...data.subarray(zeros + 1));
  return equalBytes(digestOf(hash, salted), seed);
}

/** MGF1. */
function maskOf(hash: string, seed: Uint8Array, length: number): Uint8Array {
  const mask: number[] = [];
  for (let counter = 0; mask.length < length; counter++) {
    mask.push(...digestOf(hash, Uint8Array.of(...seed, 0, 0, counter >> 8, counter & 0xff)));
  }
  return Uint8Array.from(mask.slice(0, length));
}

function digestOf(hash: string, data: Uint8Array): Uint8Array {
  return new Uint8Array(builtin.crypto.createHash(hash).update(data).digest());
}

/** The beginning of a DigestInfo, up to the length of the digest. */
const DIGEST_INFO: Readonly<Record<string, string>> = {
  sha224: "302d300d0609608648016503040204050004",
  sha256: "3031300d0609608648016503040201050004",
  sha384: "3041300d0609608648016503040202050004",
  sha512: "3051300d0609608648016503040203050004",
};
