/**
 * Reads certificate revocation lists.
 *
 * Source: RFC 5280, section 5.
 */
import {
  contextTag,
  DerError,
  DerReader,
  dotted,
  equalBytes,
  hex,
  integerOf,
  numberOf,
  onlySequence,
  Tag,
  timeOf,
} from "./der.ts";
import { signedPartsOf } from "./certificate.ts";
import { type DistinguishedName, distinguishedNameOf } from "./distinguished_name.ts";
import { pointNamesOf } from "./distribution_points.ts";
import { type AuthorityKey, authorityKeyOf, rawExtensionsOf } from "./extensions.ts";
import { signatureAlgorithmOf, type Signed } from "./signature.ts";

/** A revocation list. Times are Unix milliseconds. */
export interface RevocationList extends Signed {
  readonly issuer: DistinguishedName;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  /** The serial numbers of the revoked certificates, in hexadecimal digits. */
  readonly revoked: ReadonlySet<string>;
  readonly authorityKey: AuthorityKey | undefined;
  readonly scope: Scope;
  /** Why the list cannot be used: an extension that pyro does not know, for example. */
  readonly problem: string | undefined;
}

/** For which certificates of its issuer a list is. */
export interface Scope {
  readonly onlyUsers: boolean;
  readonly onlyAuthorities: boolean;
  /** The names of its distribution point; undefined: it is for all distribution points. */
  readonly names: readonly string[] | undefined;
}

/** Reads a revocation list. Throws a {@linkcode DerError}. */
export function revocationListOf(encoded: Uint8Array): RevocationList {
  const { body, signed, algorithm, signature } = signedPartsOf(new Uint8Array(encoded), "revocation list");
  const version = body.optional(Tag.integer);
  if (version !== undefined && !equalBytes(version, VERSION_2)) throw new DerError("its version is unknown");
  if (!equalBytes(body.read(Tag.sequence, "signature algorithm"), algorithm)) {
    throw new DerError("its two signature algorithms differ");
  }
  const issuer = distinguishedNameOf(body.read(Tag.sequence, "issuer"));
  const thisUpdate = timeOf(body.next(), "time of the update");
  const hasNext = body.isNext(Tag.utcTime) || body.isNext(Tag.generalizedTime);
  const nextUpdate = hasNext ? timeOf(body.next(), "time of the next update") : undefined;
  const entries = entriesOf(body.optional(Tag.sequence));
  const extensions = body.optional(contextTag(0, true));
  body.end("revocation list's last part");
  const known = listExtensionsOf(extensions);
  return {
    ...{ signed, signature, issuer, thisUpdate, nextUpdate, revoked: entries.revoked },
    ...known,
    algorithm: signatureAlgorithmOf(algorithm),
    problem: entries.problem ?? known.problem,
  };
}

function entriesOf(content: Uint8Array | undefined): Pick<RevocationList, "revoked" | "problem"> {
  const revoked = new Set<string>();
  let problem: string | undefined;
  const list = new DerReader(content ?? new Uint8Array());
  while (!list.done) {
    const entry = list.sequence("entry");
    const serial = hex(integerOf(entry.read(Tag.integer, "serial number"), "serial number"));
    timeOf(entry.next(), "time of a revocation");
    const extensions = entry.isNext(Tag.sequence) ? entry.next().whole : undefined;
    entry.end("entry");
    const read = extensions === undefined ? undefined : entryExtensionsOf(extensions);
    problem ??= read?.problem;
    if (!read?.isRemoved) revoked.add(serial);
  }
  return { revoked, problem };
}

function entryExtensionsOf(content: Uint8Array): { isRemoved: boolean; problem: string | undefined } {
  let isRemoved = false;
  let problem: string | undefined;
  for (const { identifier, critical, value } of rawExtensionsOf(content)) {
    if (identifier === REASON) {
      const reader = new DerReader(value);
      isRemoved = numberOf(reader.read(Tag.enumerated, "reason"), "reason") === REMOVE_FROM_LIST;
      reader.end("reason");
    } else if (critical) problem ??= unknown(identifier);
  }
  return { isRemoved, problem };
}

function listExtensionsOf(
  content: Uint8Array | undefined,
): Pick<RevocationList, "authorityKey" | "scope" | "problem"> {
  let authorityKey: AuthorityKey | undefined;
  let scope: Scope = EVERYTHING;
  let problem: string | undefined;
  for (const { identifier, critical, value } of content === undefined ? [] : rawExtensionsOf(content)) {
    if (identifier === AUTHORITY_KEY) authorityKey = authorityKeyOf(value);
    else if (identifier === ISSUING_POINT) {
      const read = scopeOf(value);
      scope = read.scope;
      problem ??= read.problem;
    } else if (identifier === DELTA) problem ??= "it has changes only";
    else if (critical && identifier !== NUMBER) problem ??= unknown(identifier);
  }
  return { authorityKey, scope, problem };
}

function scopeOf(value: Uint8Array): { scope: Scope; problem: string | undefined } {
  const reader = onlySequence(value, "issuing distribution point");
  const names = reader.optional(contextTag(0, true));
  const onlyUsers = flag(reader.optional(contextTag(1)));
  const onlyAuthorities = flag(reader.optional(contextTag(2)));
  const reasons = reader.optional(contextTag(3));
  const isIndirect = flag(reader.optional(contextTag(4)));
  const onlyAttributes = flag(reader.optional(contextTag(5)));
  reader.end("issuing distribution point");
  const isPartial = reasons !== undefined || isIndirect || onlyAttributes || (onlyUsers && onlyAuthorities);
  return {
    scope: { onlyUsers, onlyAuthorities, names: names && pointNamesOf(names) },
    problem: isPartial ? "it is for some reasons, issuers or attributes only" : undefined,
  };
}

function flag(content: Uint8Array | undefined): boolean {
  if (content === undefined) return false;
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError("a flag is malformed");
  return content[0] === 0xff;
}

function unknown(identifier: string): string {
  return `it has a critical extension that pyro does not know (${dotted(identifier)})`;
}

const VERSION_2 = Uint8Array.of(1);
const EVERYTHING: Scope = { onlyUsers: false, onlyAuthorities: false, names: undefined };

const AUTHORITY_KEY = "551d23";
const NUMBER = "551d14";
const REASON = "551d15";
const DELTA = "551d1b";
const ISSUING_POINT = "551d1c";

/** Of a list with changes: the certificate is no longer revoked. */
const REMOVE_FROM_LIST = 8;
