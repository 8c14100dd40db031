/**
 * Reads X.509 certificates.
 *
 * Source: RFC 5280, section 4.1.
 */
import {
  contextTag,
  DerError,
  DerReader,
  equalBytes,
  hex,
  integerOf,
  onlySequence,
  Tag,
  timeOf,
  wholeBytesOf,
} from "./der.ts";
import { type DistinguishedName, distinguishedNameOf } from "./distinguished_name.ts";
import { type Extensions, extensionsOf } from "./extensions.ts";
import {
  type PublicKey,
  publicKeyOf,
  type SignatureAlgorithm,
  signatureAlgorithmOf,
  type Signed,
} from "./signature.ts";

/** A certificate. Times are Unix milliseconds. */
export interface Certificate extends Signed {
  /** The whole certificate. */
  readonly encoded: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** In hexadecimal digits. */
  readonly serial: string;
  readonly issuer: DistinguishedName;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly subject: DistinguishedName;
  readonly key: PublicKey;
  readonly extensions: Extensions;
  /** Whether it has identifiers that nobody uses any more. */
  readonly hasUniqueIdentifiers: boolean;
  readonly algorithm: SignatureAlgorithm;
}

/** Reads a certificate. Throws a {@linkcode DerError}. */
export function certificateOf(encoded: Uint8Array): Certificate {
  if (encoded.length > MAX_SIZE) throw new DerError(`it is longer than ${MAX_SIZE} bytes`);
  // Keys and texts are found in views of `encoded`, which must be as small as it is.
  const own = new Uint8Array(encoded);
  const { body, signed, algorithm, signature } = signedPartsOf(own, "certificate");
  const version = versionOf(body);
  const serial = hex(integerOf(body.read(Tag.integer, "serial number"), "serial number"));
  if (!equalBytes(body.read(Tag.sequence, "signature algorithm"), algorithm)) {
    throw new DerError("its two signature algorithms differ");
  }
  const issuer = distinguishedNameOf(body.read(Tag.sequence, "issuer"));
  const validity = body.sequence("validity");
  const notBefore = timeOf(validity.next(), "beginning of the validity");
  const notAfter = timeOf(validity.next(), "end of the validity");
  validity.end("validity");
  const subject = distinguishedNameOf(body.read(Tag.sequence, "subject"));
  if (!body.isNext(Tag.sequence)) throw new DerError("the public key is missing, or of another type");
  const key = publicKeyOf(body.next().whole);
  const optional = optionalPartsOf(body, version);
  return {
    ...{ encoded: own, version, serial, issuer, notBefore, notAfter, subject, key, signed, signature },
    ...optional,
    algorithm: signatureAlgorithmOf(algorithm),
  };
}

/**
 * Why a well-formed certificate must not be a server's: Deno's TLS does not parse it, and then does not check
 * that the server has its key. Undefined if it may.
 */
export function oddityOf({ version, hasUniqueIdentifiers }: Certificate): string | undefined {
  if (version !== 3) {
    return `it is an X.509 certificate of version ${version}, and must be one of version 3: issue it anew with an ` +
      "extension, such as its names (openssl x509 -req -extfile)";
  }
  return hasUniqueIdentifiers ? "it has unique identifiers, which X.509 advises against: issue it anew" : undefined;
}

/** The three parts of everything that is signed: certificates and revocation lists. */
export function signedPartsOf(
  encoded: Uint8Array,
  what: string,
): { body: DerReader; signed: Uint8Array; algorithm: Uint8Array; signature: Uint8Array } {
  const reader = onlySequence(encoded, what);
  if (!reader.isNext(Tag.sequence)) throw new DerError("the signed part is missing, or of another type");
  const { content, whole } = reader.next();
  const algorithm = reader.read(Tag.sequence, "signature algorithm");
  const signature = wholeBytesOf(reader.read(Tag.bitString, "signature"), "signature");
  reader.end("signature");
  return { body: new DerReader(content), signed: whole, algorithm, signature };
}

function versionOf(body: DerReader): 1 | 2 | 3 {
  const content = body.optional(contextTag(0, true));
  if (content === undefined) return 1;
  if (equalBytes(content, VERSION_3)) return 3;
  if (equalBytes(content, VERSION_2)) return 2;
  throw new DerError("its version is unknown");
}

/** The unique identifiers, which nobody uses, and the extensions. */
function optionalPartsOf(
  body: DerReader,
  version: 1 | 2 | 3,
): Pick<Certificate, "extensions" | "hasUniqueIdentifiers"> {
  const unique = [body.optional(contextTag(1)), body.optional(contextTag(2))];
  const hasUniqueIdentifiers = unique.some((part) => part !== undefined);
  const extensions = body.optional(contextTag(3, true));
  body.end("certificate's last part");
  if (version < 3 && extensions !== undefined) throw new DerError("its version does not have extensions");
  if (version < 2 && hasUniqueIdentifiers) {
    throw new DerError("its version does not have unique identifiers");
  }
  return {
    hasUniqueIdentifiers,
    extensions: extensions === undefined ? { unknownCritical: [] } : extensionsOf(extensions),
  };
}

const VERSION_2 = Uint8Array.of(Tag.integer, 1, 1);
const VERSION_3 = Uint8Array.of(Tag.integer, 1, 2);

/** As large as Deno's TLS accepts certificates. */
const MAX_SIZE = 0xffff;
