/**
 * Certificates and revocation lists of any kind, good and bad, made when a test needs them, so that the
 * repository contains no key. Keys are made once for each name.
 */
import { Buffer } from "node:buffer";
import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  bitString,
  boolean,
  explicit,
  flags,
  implicit,
  integer,
  NULL,
  objectIdentifier,
  octetString,
  sequence,
  set,
  text,
  time,
} from "./der.ts";

/** The kinds of keys and signatures. */
export type KeyType = "EC" | "P-384" | "RSA" | "RSA-PSS" | "RSA-PSS, long salt" | "Ed25519" | "RSA 1024";

/** A key and how it signs. */
export interface Signer {
  readonly type: KeyType;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** What a certificate says. Times are Unix milliseconds. */
export interface CertificateOptions {
  /** The distinguished name's DER; or the common name. Default: none. */
  subject?: string | Uint8Array;
  /** Its key. Default: that of the subject's name. */
  key?: Signer;
  /** Who signs. Default: itself. */
  issuer?: Issued;
  notBefore?: number;
  notAfter?: number;
  serial?: Uint8Array;
  /** 1 and 2 as well, for tests. Default: 3. */
  version?: number;
  /** In DER, each an Extension. Default: none. */
  extensions?: readonly Uint8Array[];
  hash?: "sha1" | "sha256" | "sha384" | "sha512";
  /** Changes what is signed. */
  alter?: (parts: Uint8Array[]) => Uint8Array[];
}

/** A certificate with its key. */
export interface Issued {
  readonly certificate: Buffer;
  readonly subject: Uint8Array;
  readonly key: Signer;
  readonly serial: Uint8Array;
}

/** Now, to the second, as certificates count time. */
export const NOW: number = Date.UTC(2031, 4, 6, 7, 8, 9);
export const DAY = 86_400_000;

const keys = new Map<string, Signer>();

/** The key with this name, the same for each call. */
export function keyNamed(name: string, type: KeyType = "EC"): Signer {
  const id = `${type} ${name}`;
  const known = keys.get(id);
  if (known !== undefined) return known;
  const signer = { type, ...newKeyPair(type) };
  keys.set(id, signer);
  return signer;
}

/** Makes a certificate. */
export function certificate(options: CertificateOptions): Issued {
  const { subject: given = "", issuer, version = 3, extensions = [], notBefore = NOW - DAY, notAfter = NOW + DAY } =
    options;
  const subject = typeof given === "string" ? commonName(given) : given;
  const key = options.key ?? keyNamed(typeof given === "string" ? given : "unnamed");
  const signer = issuer?.key ?? key;
  const algorithm = algorithmOf(signer, options.hash);
  const serial = options.serial ?? integer(nextSerial++);
  const parts: Uint8Array[] = [
    ...(version === 1 ? [] : [explicit(0, integer(version - 1))]),
    serial,
    algorithm,
    issuer?.subject ?? subject,
    sequence(time(notBefore), time(notAfter)),
    subject,
    key.publicKey.export({ type: "spki", format: "der" }),
    ...(extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  ];
  const body = sequence(...(options.alter?.(parts) ?? parts));
  return { certificate: signed(body, signer, options.hash), subject, key, serial };
}

/** A root or, with an issuer, an intermediate authority. */
export function authority(name: string, options: CertificateOptions = {}): Issued {
  return certificate({
    subject: name,
    extensions: [basicConstraints(true), keyUsage("certificateSigning", "listSigning")],
    ...options,
  });
}

/** A server's certificate for DNS names. */
export function server(issuer: Issued, names: readonly string[], options: CertificateOptions = {}): Issued {
  return certificate({
    subject: names[0] ?? "",
    issuer,
    extensions: [alternativeNames(...names.map(dnsName))],
    ...options,
  });
}

/** What a revocation list says. */
export interface ListOptions {
  issuer: Issued;
  /** Revoked serial numbers, in DER. */
  revoked?: readonly Uint8Array[];
  thisUpdate?: number;
  nextUpdate?: number | null;
  /** Who signs it, if not the issuer. */
  key?: Signer;
  extensions?: readonly Uint8Array[];
  entryExtensions?: readonly Uint8Array[];
}

/** A revocation list. */
export function revocationList(options: ListOptions): Buffer {
  const {
    issuer,
    revoked = [],
    thisUpdate = NOW - DAY,
    nextUpdate = NOW + DAY,
    extensions = [],
    entryExtensions = [],
  } = options;
  const signer = options.key ?? issuer.key;
  const entries = revoked.map((serial) =>
    sequence(serial, time(thisUpdate), ...(entryExtensions.length === 0 ? [] : [sequence(...entryExtensions)]))
  );
  const body = sequence(
    integer(1),
    algorithmOf(signer),
    issuer.subject,
    time(thisUpdate),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    ...(extensions.length === 0 ? [] : [explicit(0, sequence(...extensions))]),
  );
  return signed(body, signer);
}

/** The same certificate with one bit of its signature changed. */
export function damagedSignature(certificate: Uint8Array): Buffer {
  const damaged = Buffer.from(certificate);
  damaged[damaged.length - 1]! ^= 1;
  return damaged;
}

/** A body with its algorithm and its signature. */
export function signed(body: Uint8Array, signer: Signer, hash?: CertificateOptions["hash"]): Buffer {
  return sequence(body, algorithmOf(signer, hash), bitString(signatureOf(body, signer, hash)));
}

/** A distinguished name with one common name. */
export function commonName(name: string, tag: number = 0x0c): Buffer {
  return name === "" ? sequence() : distinguishedName(["2.5.4.3", text(tag, name)]);
}

/** A distinguished name of attributes, each with its type. */
export function distinguishedName(...attributes: [string, Uint8Array][]): Buffer {
  return sequence(...attributes.map(([type, value]) => set(sequence(objectIdentifier(type), value))));
}

/** An extension. */
export function extension(identifier: string, value: Uint8Array, critical: boolean = false): Buffer {
  return sequence(objectIdentifier(identifier), ...(critical ? [boolean(true)] : []), octetString(value));
}

export function basicConstraints(isAuthority: boolean, pathLength?: number): Buffer {
  const parts = [...(isAuthority ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)])];
  return extension("2.5.29.19", sequence(...parts), true);
}

export function keyUsage(...names: (keyof typeof KEY_USAGES)[]): Buffer {
  return extension("2.5.29.15", flags(...names.map((name) => KEY_USAGES[name])), true);
}

export function extendedKeyUsage(...identifiers: string[]): Buffer {
  return extension("2.5.29.37", sequence(...identifiers.map(objectIdentifier)));
}

export function alternativeNames(...names: Uint8Array[]): Buffer {
  return extension("2.5.29.17", sequence(...names));
}

export function nameConstraints(permitted: readonly Uint8Array[], excluded: readonly Uint8Array[] = []): Buffer {
  const subtrees = (number: number, names: readonly Uint8Array[]) =>
    names.length === 0 ? [] : [explicit(number, ...names.map((name) => sequence(name)))];
  return extension("2.5.29.30", sequence(...subtrees(0, permitted), ...subtrees(1, excluded)), true);
}

export function dnsName(name: string): Buffer {
  return implicit(2, Buffer.from(name, "latin1"));
}

export function ipAddress(...bytes: number[]): Buffer {
  return implicit(7, Buffer.from(bytes));
}

export function subjectKey(identifier: string): Buffer {
  return extension("2.5.29.14", octetString(Buffer.from(identifier)));
}

export function authorityKey(identifier: string): Buffer {
  return extension("2.5.29.35", sequence(implicit(0, Buffer.from(identifier))));
}

/** In PEM. */
export function pem(der: Uint8Array, label: string = "CERTIFICATE"): string {
  const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function newKeyPair(type: KeyType): { privateKey: KeyObject; publicKey: KeyObject } {
  switch (type) {
    case "EC":
      return generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    case "P-384":
      return generateKeyPairSync("ec", { namedCurve: "secp384r1" });
    case "Ed25519":
      return generateKeyPairSync("ed25519");
    default:
      return generateKeyPairSync("rsa", { modulusLength: type === "RSA 1024" ? 1024 : 2048 });
  }
}

function algorithmOf({ type }: Signer, hash: CertificateOptions["hash"] = "sha256"): Buffer {
  if (type === "Ed25519") return sequence(objectIdentifier("1.3.101.112"));
  if (type === "EC" || type === "P-384") return sequence(objectIdentifier(ECDSA[hash]));
  if (!type.startsWith("RSA-PSS")) return sequence(objectIdentifier(RSA[hash]), NULL);
  const hashAlgorithm = sequence(objectIdentifier(HASHES[hash]), NULL);
  return sequence(
    objectIdentifier("1.2.840.113549.1.1.10"),
    sequence(
      explicit(0, hashAlgorithm),
      explicit(1, sequence(objectIdentifier("1.2.840.113549.1.1.8"), hashAlgorithm)),
      explicit(2, integer(saltLengthOf(type))),
    ),
  );
}

function signatureOf(
  body: Uint8Array,
  { type, privateKey }: Signer,
  hash: CertificateOptions["hash"] = "sha256",
): Buffer {
  if (type === "Ed25519") return sign(null, body, privateKey);
  if (!type.startsWith("RSA-PSS")) return sign(hash, body, privateKey);
  const saltLength = saltLengthOf(type);
  return sign(hash, body, { key: privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength });
}

/** As long as the hash, or as long as 2048 bits have room for, which is OpenSSL's default. */
function saltLengthOf(type: KeyType): number {
  return type === "RSA-PSS, long salt" ? 222 : 32;
}

let nextSerial = 1000;

const KEY_USAGES = {
  digitalSignature: 0,
  keyEncipherment: 2,
  dataEncipherment: 3,
  keyAgreement: 4,
  certificateSigning: 5,
  listSigning: 6,
} as const;

const ECDSA = {
  sha1: "1.2.840.10045.4.1",
  sha256: "1.2.840.10045.4.3.2",
  sha384: "1.2.840.10045.4.3.3",
  sha512: "1.2.840.10045.4.3.4",
} as const;

const RSA = {
  sha1: "1.2.840.113549.1.1.5",
  sha256: "1.2.840.113549.1.1.11",
  sha384: "1.2.840.113549.1.1.12",
  sha512: "1.2.840.113549.1.1.13",
} as const;

const HASHES = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
} as const;
