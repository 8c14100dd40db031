/**
 * What the certificates of a path must allow, as OpenSSL checks it for a server.
 *
 * Source: RFC 5280, section 6.1.4; OpenSSL manual, openssl-verification-options, "sslserver".
 */
import type { Certificate } from "./certificate.ts";
import { KeyUsage, NETSCAPE_SERVER } from "./extensions.ts";
import { addressOf, usesCommonName } from "./host_names.ts";
import { type GeneralName, textOf } from "./general_names.ts";
import { violationOf } from "./name_constraints.ts";
import { about, isSelfIssued, type Path } from "./path.ts";
import { weaknessOfKey } from "./signature.ts";

/** Why a path must not be trusted at a time (Unix milliseconds); undefined if it may. */
export function problemOfPath(path: Path, host: string, now: number): string | undefined {
  let problem: string | undefined;
  for (const [i, certificate] of path.entries()) {
    problem ??= about(i, certificate, problemOfItself(certificate, now));
    problem ??= about(
      i,
      certificate,
      i === 0 ? problemOfServer(certificate) : problemOfAuthority(certificate, i === path.length - 1),
    );
  }
  return problem ?? problemOfLength(path) ?? problemOfNames(path, host);
}

function problemOfItself({ extensions, key, ...certificate }: Certificate, now: number): string | undefined {
  const [unknown] = extensions.unknownCritical;
  if (unknown !== undefined) return `it has a critical extension that pyro does not know (${unknown})`;
  if (extensions.isProxy) return "it is a proxy certificate";
  return weaknessOfKey(key) ?? problemOfTime(certificate, now);
}

function problemOfTime(
  { notBefore, notAfter }: Pick<Certificate, "notBefore" | "notAfter">,
  now: number,
): string | undefined {
  if (now >= notAfter) return `it expired at ${timeText(notAfter)}, and now it is ${timeText(now)}`;
  if (now < notBefore) return `it is valid from ${timeText(notBefore)} on, and now it is ${timeText(now)}`;
  return undefined;
}

function problemOfServer(
  { extensions: { keyUsage, extendedKeyUsage, netscapeType } }: Certificate,
): string | undefined {
  const { digitalSignature, keyEncipherment, keyAgreement } = KeyUsage;
  if (keyUsage !== undefined && (keyUsage & (digitalSignature | keyEncipherment | keyAgreement)) === 0) {
    return "its key usage is not one of a server";
  }
  if (netscapeType !== undefined && (netscapeType & NETSCAPE_SERVER) === 0) return NOT_FOR_SERVERS;
  return isForServers(extendedKeyUsage) ? undefined : NOT_FOR_SERVERS;
}

function problemOfAuthority(certificate: Certificate, isRoot: boolean): string | undefined {
  const { basicConstraints, keyUsage, extendedKeyUsage } = certificate.extensions;
  if (keyUsage !== undefined && (keyUsage & KeyUsage.certificateSigning) === 0) {
    return "its key usage does not allow it to issue certificates";
  }
  // Before version 3, only a root could be known to be an authority.
  const isOldRoot = isRoot && (certificate.version === 1 || keyUsage !== undefined);
  if (!(basicConstraints?.isAuthority ?? isOldRoot)) return "it is not an authority, and must not issue certificates";
  return isForServers(extendedKeyUsage) ? undefined : NOT_FOR_SERVERS;
}

function isForServers(usages: readonly string[] | undefined): boolean {
  return usages === undefined || usages.some((usage) => SERVER_USAGES.has(usage));
}

function problemOfLength(path: Path): string | undefined {
  let authorities = 0;
  for (const certificate of path.slice(1)) {
    const { maxPathLength } = certificate.extensions.basicConstraints ?? {};
    if (maxPathLength !== undefined && authorities > maxPathLength) {
      return `its authority (${certificate.subject.text}) allows ${maxPathLength} authorities below it, not ${authorities}`;
    }
    if (!isSelfIssued(certificate)) authorities++;
  }
  return undefined;
}

/** Whether each certificate has only names that the authorities above it may certify. */
function problemOfNames(path: Path, host: string): string | undefined {
  for (const [i, certificate] of path.entries()) {
    if (i > 0 && isSelfIssued(certificate)) continue;
    const names = namesOf(certificate, i === 0 ? host : undefined);
    for (const authority of path.slice(i + 1)) {
      const { nameConstraints } = authority.extensions;
      const violation = nameConstraints && violationOf(names, nameConstraints);
      if (violation !== undefined) {
        return about(i, certificate, `${violation} by its authority (${authority.subject.text})`);
      }
    }
  }
  return undefined;
}

/** `host`: of the server's certificate, whose common name may count as a host's name too. */
function namesOf({ subject, extensions, ...certificate }: Certificate, host: string | undefined): GeneralName[] {
  const names: GeneralName[] = [...extensions.subjectAlternativeNames ?? []];
  if (subject.parts.length > 0) names.push({ type: "directory name", name: subject });
  if (subject.hasEmailAddress) names.push({ type: "e-mail address", bytes: new Uint8Array() });
  const { commonName } = subject;
  if (host === undefined || commonName === undefined) return names;
  const hasDnsName = names.some(({ type }) => type === "DNS name");
  if (hasDnsName && !usesCommonName({ subject, extensions, ...certificate }, host)) return names;
  const text = textOf(commonName);
  const address = addressOf(text);
  if (/^[\w*-]+(\.[\w-]+)+$/.test(text)) names.push({ type: "DNS name", bytes: commonName });
  if (address !== undefined) names.push({ type: "IP address", bytes: address });
  return names;
}

/** A time for messages. */
export function timeText(time: number): string {
  return new Date(time).toISOString().replace(".000Z", "Z");
}

const NOT_FOR_SERVERS = "its extended key usage does not allow it for servers";

/** TLS servers, and what Microsoft and Netscape had for them. */
const SERVER_USAGES: ReadonlySet<string> = new Set([
  "2b06010505070301",
  "2b0601040182370a0303",
  "6086480186f8420401",
]);
