/**
 * The signatures of certificates and revocation lists: by which algorithm they were made, and whether they
 * are right.
 *
 * What is too weak for OpenSSL's security level 2, its default, is refused: keys of RSA below 2048 bits,
 * MD5 and SHA-1.
 *
 * Source: RFC 3279, RFC 4055, RFC 5758, RFC 8410; OpenSSL manual, SSL_CTX_set_security_level.
 */
import { builtin } from "../builtin.ts";
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import {
  contextTag,
  DerError,
  DerReader,
  dotted,
  equalBytes,
  hex,
  integerOf,
  numberOf,
  objectIdentifierOf,
  onlySequence,
  Tag,
  wholeBytesOf,
} from "./der.ts";
import { isP521Signature } from "./ec_signature.ts";
import { isRsaSignature } from "./rsa_signature.ts";

/** A signature algorithm, as an AlgorithmIdentifier names it. */
export interface SignatureAlgorithm {
  /** For messages. */
  readonly name: string;
  /** Undefined: pyro does not know the algorithm. */
  readonly family: "RSA" | "RSA-PSS" | "EC" | "Ed25519" | undefined;
  /** As `node:crypto` names it; undefined if the algorithm has none of its own, or is unknown. */
  readonly hash: string | undefined;
  /** Of RSA-PSS, in bytes. */
  readonly saltLength?: number;
}

/** A public key of a certificate. */
export interface PublicKey {
  readonly family: "RSA" | "EC" | "Ed25519" | undefined;
  /** For messages. */
  readonly name: string;
  /** The whole SubjectPublicKeyInfo. */
  readonly encoded: Uint8Array;
  /** Of RSA: the key alone, and its size in bits. */
  readonly rsa?: { readonly encoded: Uint8Array; readonly bits: number; readonly exponentBytes: number };
  /** Of EC: its point. */
  readonly point?: Uint8Array;
  /** True if it may be used for RSA-PSS only. */
  readonly pssOnly: boolean;
}

/** What was signed, and how. */
export interface Signed {
  readonly signed: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/** Reads the content of an AlgorithmIdentifier. */
export function signatureAlgorithmOf(content: Uint8Array): SignatureAlgorithm {
  const reader = new DerReader(content);
  const identifier = objectIdentifierOf(reader.read(Tag.objectIdentifier, "algorithm"));
  const parameters = reader.done ? undefined : reader.next();
  reader.end("algorithm");
  const unknown = { name: dotted(identifier), family: undefined, hash: undefined };
  if (identifier === RSASSA_PSS) return parameters ? pssOf(parameters.whole) : unknown;
  const known = ALGORITHMS[identifier];
  const plain = parameters === undefined || (parameters.tag === Tag.null && parameters.content.length === 0);
  if (known === undefined || !plain) return unknown;
  const [family, hash] = known;
  return { name: hash === undefined ? family : `${family} with ${hash.toUpperCase()}`, family, hash };
}

/** Reads a whole SubjectPublicKeyInfo. */
export function publicKeyOf(encoded: Uint8Array): PublicKey {
  const reader = onlySequence(encoded, "public key");
  const algorithm = reader.sequence("algorithm of the public key");
  const identifier = objectIdentifierOf(algorithm.read(Tag.objectIdentifier, "algorithm of the public key"));
  const parameters = algorithm.done ? undefined : algorithm.next();
  algorithm.end("algorithm of the public key");
  const key = wholeBytesOf(reader.read(Tag.bitString, "public key"), "public key");
  reader.end("public key");
  const unknown = { name: dotted(identifier), family: undefined, encoded, pssOnly: false };
  if (identifier === RSA_ENCRYPTION || identifier === RSASSA_PSS) {
    return { ...rsaOf(key), encoded, pssOnly: identifier === RSASSA_PSS };
  }
  if (identifier === EC_PUBLIC_KEY && parameters?.tag === Tag.objectIdentifier) {
    const curve = CURVES[hex(parameters.content)];
    return curve === undefined ? unknown : { name: `EC, ${curve}`, family: "EC", encoded, point: key, pssOnly: false };
  }
  if (identifier === ED25519 && parameters === undefined) {
    return { name: "Ed25519", family: "Ed25519", encoded, pssOnly: false };
  }
  return unknown;
}

/** Why a key must not be trusted; undefined if it may. */
export function weaknessOfKey({ family, name, rsa }: PublicKey): string | undefined {
  if (family === undefined) return `its public key is of a kind that pyro does not know (${name})`;
  if (rsa !== undefined && rsa.bits < MIN_RSA_BITS) {
    return `its RSA key has ${rsa.bits} bits, and must have at least ${MIN_RSA_BITS}`;
  }
  if (rsa !== undefined && (rsa.bits > MAX_RSA_BITS || rsa.exponentBytes > MAX_EXPONENT_BYTES)) {
    return "its RSA key is too large";
  }
  return undefined;
}

/** Why signatures of an algorithm must not be trusted; undefined if they may. */
export function weaknessOfSignature({ family, name, hash }: SignatureAlgorithm): string | undefined {
  if (family === undefined) return `its signature algorithm is one that pyro does not know (${name})`;
  if (hash === "md5" || hash === "sha1") return `its signature uses ${hash.toUpperCase()}, which is not secure`;
  return undefined;
}

/** Whether the owner of the key made the signature. */
export function isSignedBy({ signed, algorithm, signature }: Signed, key: PublicKey): boolean {
  const { family, hash, saltLength } = algorithm;
  if (family === undefined || key.family !== (family === "RSA-PSS" ? "RSA" : family)) return false;
  if (key.pssOnly && family !== "RSA-PSS") return false;
  if (weaknessOfKey(key) !== undefined || weaknessOfSignature(algorithm) !== undefined) return false;
  try {
    const options = family === "RSA-PSS"
      ? { padding: builtin.crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: saltLength! }
      : {};
    if (builtin.crypto.verify(hash, signed, { key: keyObjectOf(key), ...options }, signature)) return true;
  } catch {
    // The key or the signature is malformed, or the runtime does not know such keys.
  }
  try {
    return isSignedBeyondRuntime({ signed, algorithm, signature }, key);
  } catch (error) {
    if (error instanceof DerError) return false;
    throw error;
  }
}

/**
 * The same for what some runtimes do not verify: Deno no signatures of P-521 with SHA-224 and SHA-256, and no RSA keys of
 * more than 4096 bits; Deno and Bun no RSA keys whose exponents are longer than 33 bits.
 */
function isSignedBeyondRuntime({ signed, algorithm, signature }: Signed, { name, rsa, point }: PublicKey): boolean {
  const { hash, saltLength } = algorithm;
  if (rsa !== undefined) {
    const isLong = rsa.bits > MAX_DENO_RSA_BITS;
    if (isLong ? rsa.exponentBytes > MAX_LONG_KEY_EXPONENT_BYTES : rsa.exponentBytes <= MAX_BUN_EXPONENT_BYTES) {
      return false;
    }
    return isRsaSignature(rsa.encoded, rsa.bits, hash!, saltLength, signed, signature);
  }
  const isRare = name === "EC, P-521" && (hash === "sha256" || hash === "sha224");
  return isRare && isP521Signature(point!, hash, signed, signature);
}

function keyObjectOf({ rsa, encoded }: PublicKey): KeyObject {
  // Not all runtimes read a key that is for RSA-PSS only, but all read it without its algorithm.
  return rsa === undefined
    ? builtin.crypto.createPublicKey({ key: buffer(encoded), format: "der", type: "spki" })
    : builtin.crypto.createPublicKey({ key: buffer(rsa.encoded), format: "der", type: "pkcs1" });
}

function rsaOf(encoded: Uint8Array): Pick<PublicKey, "name" | "family" | "rsa"> {
  const reader = onlySequence(encoded, "RSA key");
  const modulus = integerOf(reader.read(Tag.integer, "modulus"), "modulus");
  const exponent = integerOf(reader.read(Tag.integer, "exponent"), "exponent");
  reader.end("RSA key");
  const digits = hex(modulus).replace(/^0+/, "");
  const bits = digits === "" ? 0 : (digits.length - 1) * 4 + (32 - Math.clz32(parseInt(digits[0]!, 16)));
  return { name: `RSA, ${bits} bits`, family: "RSA", rsa: { encoded, bits, exponentBytes: exponent.length } };
}

/** The parameters of RSASSA-PSS. Both of its hash functions must be the same, as everybody uses it. */
function pssOf(parameters: Uint8Array): SignatureAlgorithm {
  const reader = onlySequence(parameters, "parameters of RSASSA-PSS");
  const hash = hashOf(reader.optional(contextTag(0, true)));
  const mask = reader.optional(contextTag(1, true));
  const salt = reader.optional(contextTag(2, true));
  const trailer = reader.optional(contextTag(3, true));
  reader.end("parameters of RSASSA-PSS");
  const saltLength = salt === undefined ? 20 : onlyNumber(salt);
  const name = `RSA-PSS with ${hash?.toUpperCase() ?? "an unknown hash function"}`;
  const isUsual = hash === maskHashOf(mask) && saltLength <= MAX_SALT_BYTES &&
    (trailer === undefined || onlyNumber(trailer) === 1);
  return hash !== undefined && isUsual
    ? { name, family: "RSA-PSS", hash, saltLength }
    : { name: `${name} in an unusual form`, family: undefined, hash };
}

function onlyNumber(content: Uint8Array): number {
  const reader = new DerReader(content);
  const value = numberOf(reader.read(Tag.integer, "number"), "number");
  reader.end("number");
  return value;
}

function maskHashOf(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return "sha1";
  const reader = onlySequence(content, "mask generation function");
  const isMgf1 = objectIdentifierOf(reader.read(Tag.objectIdentifier, "mask generation function")) === MGF1;
  const hash = hashOf(reader.next().whole);
  reader.end("mask generation function");
  return isMgf1 ? hash : undefined;
}

function hashOf(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return "sha1";
  const reader = onlySequence(content, "hash function");
  const identifier = objectIdentifierOf(reader.read(Tag.objectIdentifier, "hash function"));
  if (!reader.done && !equalBytes(reader.next().whole, NULL)) return undefined;
  reader.end("hash function");
  return HASHES[identifier];
}

/** Deno wants a view of a buffer of its own. */
function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

const RSA_ENCRYPTION = "2a864886f70d010101";
const RSASSA_PSS = "2a864886f70d01010a";
const MGF1 = "2a864886f70d010108";
const EC_PUBLIC_KEY = "2a8648ce3d0201";
const ED25519 = "2b6570";
const NULL = Uint8Array.of(Tag.null, 0);

const ALGORITHMS: Readonly<Record<string, readonly ["RSA" | "EC" | "Ed25519", string | undefined]>> = {
  "2a864886f70d010104": ["RSA", "md5"],
  "2a864886f70d010105": ["RSA", "sha1"],
  "2a864886f70d01010e": ["RSA", "sha224"],
  "2a864886f70d01010b": ["RSA", "sha256"],
  "2a864886f70d01010c": ["RSA", "sha384"],
  "2a864886f70d01010d": ["RSA", "sha512"],
  "2a8648ce3d0401": ["EC", "sha1"],
  "2a8648ce3d040301": ["EC", "sha224"],
  "2a8648ce3d040302": ["EC", "sha256"],
  "2a8648ce3d040303": ["EC", "sha384"],
  "2a8648ce3d040304": ["EC", "sha512"],
  [ED25519]: ["Ed25519", undefined],
};

const HASHES: Readonly<Record<string, string>> = {
  "2b0e03021a": "sha1",
  "608648016503040204": "sha224",
  "608648016503040201": "sha256",
  "608648016503040202": "sha384",
  "608648016503040203": "sha512",
};

/** Those that all runtimes know. */
const CURVES: Readonly<Record<string, string>> = {
  "2a8648ce3d030107": "P-256",
  "2b81040022": "P-384",
  "2b81040023": "P-521",
};

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 16384;
const MAX_DENO_RSA_BITS = 4096;
const MAX_BUN_EXPONENT_BYTES = 4;
/** It bounds the work of a signature: 30 ms. The usual exponent, 65537, has three bytes. */
const MAX_LONG_KEY_EXPONENT_BYTES = 3;
const MAX_EXPONENT_BYTES = 8;
/** No key has room for a longer salt. The longest that a key has room for is what OpenSSL uses by default. */
const MAX_SALT_BYTES = MAX_RSA_BITS / 8;
