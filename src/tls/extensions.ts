/**
 * The extensions of certificates: what a certificate may be used for.
 *
 * Source: RFC 5280, section 4.2.
 */
import {
  contextTag,
  DerError,
  DerReader,
  dotted,
  flagsOf,
  hex,
  numberOf,
  objectIdentifierOf,
  onlySequence,
  optionalBoolean,
  Tag,
} from "./der.ts";
import { type GeneralName, generalNamesOf } from "./general_names.ts";
import { type NameConstraints, nameConstraintsOf } from "./name_constraints.ts";
import { type DistributionPoint, distributionPointsOf } from "./distribution_points.ts";

/** What identifies the key that signed a certificate or a revocation list. */
export interface AuthorityKey {
  readonly identifier: string | undefined;
  /** The issuer's own issuer and serial number. */
  readonly issuer: string | undefined;
  readonly serial: string | undefined;
}

/** The extensions of a certificate. Absent ones are undefined. */
export interface Extensions {
  readonly keyUsage?: number;
  readonly extendedKeyUsage?: readonly string[];
  readonly basicConstraints?: { readonly isAuthority: boolean; readonly maxPathLength: number | undefined };
  readonly subjectAlternativeNames?: readonly GeneralName[];
  readonly nameConstraints?: NameConstraints;
  readonly subjectKey?: string;
  readonly authorityKey?: AuthorityKey;
  readonly distributionPoints?: readonly DistributionPoint[];
  /** What Netscape had before there was the extended key usage. */
  readonly netscapeType?: number;
  readonly isProxy?: true;
  /** The object identifiers of critical extensions that pyro does not know. */
  readonly unknownCritical: readonly string[];
}

/** An extension that is not yet understood. */
export interface RawExtension {
  readonly identifier: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Reads the sequence of extensions that is the whole of `content`. */
export function rawExtensionsOf(content: Uint8Array): RawExtension[] {
  const list = onlySequence(content, "list of extensions");
  const extensions = new Map<string, RawExtension>();
  if (list.done) throw new DerError("the list of extensions is empty");
  while (!list.done) {
    const reader = list.sequence("extension");
    const identifier = objectIdentifierOf(reader.read(Tag.objectIdentifier, "extension's identifier"));
    const critical = optionalBoolean(reader);
    const value = reader.read(Tag.octetString, "extension's value");
    reader.end("extension");
    if (extensions.has(identifier)) throw new DerError(`the extension ${dotted(identifier)} is there twice`);
    extensions.set(identifier, { identifier, critical, value });
  }
  return [...extensions.values()];
}

/** Understands the extensions of a certificate. */
export function extensionsOf(content: Uint8Array): Extensions {
  const known: Record<string, unknown> = {};
  const unknownCritical: string[] = [];
  for (const { identifier, critical, value } of rawExtensionsOf(content)) {
    const read = READERS[identifier];
    if (read !== undefined) Object.assign(known, read(value));
    else if (critical && !IGNORED.has(identifier)) unknownCritical.push(dotted(identifier));
  }
  return { ...known, unknownCritical };
}

/** The extension that identifies the issuer's key. */
export function authorityKeyOf(value: Uint8Array): AuthorityKey {
  const reader = onlySequence(value, "authority key identifier");
  const identifier = reader.optional(contextTag(0));
  const issuer = reader.optional(contextTag(1, true));
  const serial = reader.optional(contextTag(2));
  reader.end("authority key identifier");
  const name = issuer && generalNamesOf(issuer).find((name) => name.type === "directory name");
  return { identifier: identifier && hex(identifier), issuer: name?.name.key, serial: serial && hex(serial) };
}

/** A bit of the key usage. */
export const KeyUsage = {
  digitalSignature: 0x8000,
  keyEncipherment: 0x2000,
  keyAgreement: 0x0800,
  certificateSigning: 0x0400,
  listSigning: 0x0200,
} as const;

/** The bit of Netscape's type that servers have. */
export const NETSCAPE_SERVER = 0x4000;

function basicConstraintsOf(value: Uint8Array): Extensions["basicConstraints"] {
  const reader = onlySequence(value, "basic constraints");
  const isAuthority = optionalBoolean(reader);
  const length = reader.optional(Tag.integer);
  reader.end("basic constraints");
  if (length !== undefined && !isAuthority) throw new DerError("the basic constraints contradict each other");
  return { isAuthority, maxPathLength: length && numberOf(length, "path length") };
}

function extendedKeyUsageOf(value: Uint8Array): string[] {
  const reader = onlySequence(value, "extended key usage");
  const usages: string[] = [];
  while (!reader.done) usages.push(objectIdentifierOf(reader.read(Tag.objectIdentifier, "extended key usage")));
  return usages;
}

function subjectAlternativeNamesOf(value: Uint8Array): GeneralName[] {
  const reader = new DerReader(value);
  const names = generalNamesOf(reader.read(Tag.sequence, "alternative names"));
  reader.end("alternative names");
  return names;
}

function onlyContent(value: Uint8Array, tag: number, what: string): Uint8Array {
  const reader = new DerReader(value);
  const content = reader.read(tag, what);
  reader.end(what);
  return content;
}

const READERS: Readonly<Record<string, (value: Uint8Array) => Omit<Extensions, "unknownCritical"> | object>> = {
  "551d0e": (value) => ({ subjectKey: hex(onlyContent(value, Tag.octetString, "subject key identifier")) }),
  "551d0f": (value) => ({ keyUsage: flagsOf(onlyContent(value, Tag.bitString, "key usage"), "key usage") }),
  "551d11": (value) => ({ subjectAlternativeNames: subjectAlternativeNamesOf(value) }),
  "551d13": (value) => ({ basicConstraints: basicConstraintsOf(value) }),
  "551d1e": (value) => ({ nameConstraints: nameConstraintsOf(value) }),
  "551d1f": (value) => ({ distributionPoints: distributionPointsOf(value) }),
  "551d23": (value) => ({ authorityKey: authorityKeyOf(value) }),
  "551d25": (value) => ({ extendedKeyUsage: extendedKeyUsageOf(value) }),
  "6086480186f8420101": (value) => ({
    netscapeType: flagsOf(onlyContent(value, Tag.bitString, "Netscape certificate type"), "Netscape certificate type"),
  }),
  // Deno's TLS reads the timestamps of certificate transparency, so they must be well-formed.
  "2b06010401d679020402": (value) => {
    onlyContent(value, Tag.octetString, "list of timestamps");
    return {};
  },
  "2b0601050507010e": () => ({ isProxy: true }),
};

/** Of certificate policies, which OpenSSL too follows only if it is told to. */
const IGNORED: ReadonlySet<string> = new Set(["551d20", "551d21", "551d24", "551d36"]);
