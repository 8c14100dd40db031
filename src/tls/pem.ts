/**
 * Finds certificates, keys and revocation lists in PEM texts, as OpenSSL reads files of them.
 *
 * Source: RFC 7468; OpenSSL manual, PEM_read.
 */
import { Buffer } from "node:buffer";
import { UsageError } from "../errors.ts";
import { signedPartsOf } from "./certificate.ts";
import { revocationListOf } from "./revocation_list.ts";
import { contextTag, DerError, DerReader, hex, Tag } from "./der.ts";

/**
 * The certificates in a text, in DER, in their order, without those that OpenSSL does not trust for servers. Throws a
 * {@linkcode UsageError} about `what` if there is none, or one is malformed.
 */
export function certificatesIn(text: string, what: string): Uint8Array[] {
  const labels = ["CERTIFICATE", "X509 CERTIFICATE", TRUSTED];
  return blocksIn(text, what, "certificate", labels, (der, label) => {
    const certificate = label === TRUSTED ? trustedPartOf(der) : der;
    if (certificate !== undefined) signedPartsOf(certificate, "certificate");
    return certificate;
  });
}

/** The revocation lists in a text, in DER. Throws a {@linkcode UsageError} about `what` if there is none, or one is malformed. */
export function revocationListsIn(text: string, what: string): Uint8Array[] {
  return blocksIn(text, what, "revocation list", ["X509 CRL"], (der) => {
    revocationListOf(der);
    return der;
  });
}

/** The first block whose first line matches, as a text of plain lines; undefined if there is none. */
export function blockIn(text: string, begin: RegExp): string | undefined {
  const lines = linesOf(text);
  const start = lines.findIndex((line) => begin.test(line));
  if (start === -1) return undefined;
  const end = lines.indexOf(lines[start]!.replace("BEGIN", "END"), start);
  return `${lines.slice(start, end === -1 ? undefined : end + 1).join("\n")}\n`;
}

/** A text of certificates as every runtime reads it, without what else a file may have. */
export function pemOfCertificates(certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => {
    const lines = Buffer.from(der).toString("base64").match(/.{1,64}/g) ?? [];
    return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  }).join("");
}

function linesOf(text: string): string[] {
  return text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).map((line) => line.trimEnd());
}

function blocksIn(
  text: string,
  what: string,
  kind: string,
  labels: readonly string[],
  take: (der: Uint8Array, label: string) => Uint8Array | undefined,
): Uint8Array[] {
  const blocks: (Uint8Array | undefined)[] = [];
  const lines = linesOf(text);
  for (let i = 0; i < lines.length; i++) {
    const label = BEGIN.exec(lines[i]!)?.[1];
    if (label === undefined) continue;
    const end = lines.indexOf(`-----END ${label}-----`, i);
    if (!labels.includes(label)) {
      if (end !== -1) i = end;
      continue;
    }
    if (end === -1) throw unusable(what, `${kind} ${blocks.length + 1} has no line "-----END ${label}-----"`);
    const number = blocks.length + 1;
    blocks.push(derOf(lines.slice(i + 1, end).join(""), what, `${kind} ${number}`, (der) => take(der, label)));
    i = end;
  }
  const taken = blocks.filter((block) => block !== undefined);
  if (taken.length > 0) return taken;
  if (blocks.length > 0) throw unusable(what, `OpenSSL's notes in it trust no ${kind} for servers`);
  throw unusable(what, `it has no ${kind}: it must have a line "-----BEGIN ${labels[0]}-----"`);
}

function derOf<T>(base64: string, what: string, which: string, take: (der: Uint8Array) => T): T {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw unusable(what, `${which} is not in base64`);
  }
  try {
    return take(new Uint8Array(Buffer.from(base64, "base64")));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw unusable(what, `${which} is malformed: ${error.message}`);
  }
}

/** The certificate of what `openssl x509 -trustout` writes; undefined if the notes behind it exclude servers. */
function trustedPartOf(der: Uint8Array): Uint8Array | undefined {
  const reader = new DerReader(der);
  const certificate = reader.next().whole;
  if (reader.done) return certificate;
  const notes = reader.sequence("trust");
  reader.end("trust");
  const trusted = notes.optional(Tag.sequence);
  const rejected = notes.optional(contextTag(0, true));
  const isTrusted = trusted === undefined || namesServers(trusted);
  return isTrusted && !(rejected !== undefined && namesServers(rejected)) ? certificate : undefined;
}

function namesServers(uses: Uint8Array): boolean {
  const reader = new DerReader(uses);
  let names = false;
  while (!reader.done) names = SERVER_USES.includes(hex(reader.read(Tag.objectIdentifier, "use"))) || names;
  return names;
}

function unusable(what: string, problem: string): UsageError {
  return new UsageError(`Cannot use ${what}: ${problem}`);
}

/** The label of a certificate with what OpenSSL trusts it for. */
const TRUSTED = "TRUSTED CERTIFICATE";
/** serverAuth and anyExtendedKeyUsage. */
const SERVER_USES: readonly string[] = ["2b06010505070301", "551d2500"];
const BEGIN = /^-----BEGIN ([A-Z0-9 ]+)-----$/;
