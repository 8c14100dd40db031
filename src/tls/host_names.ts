/**
 * Whether a certificate is for a host, by libpq's rules.
 *
 * A name with a wildcard stands for hosts with exactly one more label. The common name counts only if
 * there is no alternative name of the host's kind: DNS name or IP address.
 *
 * Source: PostgreSQL manual, "Client Verification of Server Certificates".
 */
import { Buffer } from "node:buffer";
import type { Certificate } from "./certificate.ts";
import { textOf } from "./general_names.ts";

/** How a certificate's names compare with a host. */
export type NameComparison = "match" | "no match" | "malformed";

/** Whether the certificate is for the host. */
export function compareNames(certificate: Certificate, host: string): NameComparison {
  const address = addressOf(host);
  const text = Buffer.from(host, "utf8").toString("latin1");
  for (const name of certificate.extensions.subjectAlternativeNames ?? []) {
    let comparison: NameComparison = "no match";
    if (name.type === "DNS name") comparison = compareText(textOf(name.bytes), text);
    else if (name.type === "IP address") comparison = compareAddress(name.bytes, address);
    if (comparison !== "no match") return comparison;
  }
  const { commonName } = certificate.subject;
  if (commonName === undefined || !usesCommonName(certificate, host)) return "no match";
  return compareText(textOf(commonName), text);
}

/** Whether the common name may be the host's name. */
export function usesCommonName(certificate: Certificate, host: string): boolean {
  const type = addressOf(host) === undefined ? "DNS name" : "IP address";
  return certificate.extensions.subjectAlternativeNames?.every((name) => name.type !== type) ?? true;
}

/** The names for which the certificate is, for messages. */
export function namesIn(certificate: Certificate, host: string): string[] {
  const names: string[] = [];
  for (const name of certificate.extensions.subjectAlternativeNames ?? []) {
    if (name.type === "DNS name") names.push(textOf(name.bytes));
    if (name.type === "IP address") names.push(addressText(name.bytes));
  }
  const { commonName } = certificate.subject;
  if (commonName !== undefined && usesCommonName(certificate, host)) names.push(textOf(commonName));
  return names;
}

/** The bytes of an IP address; undefined for other hosts, also for an address with a zone. */
export function addressOf(host: string): Uint8Array | undefined {
  return host.includes(":") ? ipv6Of(host) : ipv4Of(host);
}

function compareText(name: string, host: string): NameComparison {
  if (name.includes("\0")) return "malformed";
  const [pattern, folded] = [foldCase(name), foldCase(host)];
  if (pattern === folded) return "match";
  if (!pattern.startsWith("*.") || pattern.length < 3) return "no match";
  const dot = folded.indexOf(".");
  return dot > 0 && folded.slice(dot) === pattern.slice(1) ? "match" : "no match";
}

function compareAddress(bytes: Uint8Array, address: Uint8Array | undefined): NameComparison {
  if (bytes.length !== 4 && bytes.length !== 16) return "malformed";
  return address !== undefined && address.length === bytes.length && address.every((byte, i) => byte === bytes[i])
    ? "match"
    : "no match";
}

/** Only ASCII letters have cases here. */
function foldCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** All forms that inet_aton reads, as libpq does: `127.0.0.1`, `127.1`, `0x7f.1`, `2130706433`. */
function ipv4Of(host: string): Uint8Array | undefined {
  const parts = host.split(".");
  if (parts.length > 4 || !parts.every((part) => /^(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/.test(part))) {
    return undefined;
  }
  const numbers = parts.map((part) => /^0[0-7]/.test(part) ? parseInt(part, 8) : Number(part));
  const last = numbers.pop()!;
  if (numbers.some((number) => number > 0xff) || last >= 0x100 ** (4 - numbers.length)) return undefined;
  const value = numbers.reduce((sum, number, i) => sum + number * 0x100 ** (3 - i), last);
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function ipv6Of(host: string): Uint8Array | undefined {
  const dotted = /^(.*:)(\d{1,3}(?:\.\d{1,3}){3})$/.exec(host);
  if (dotted) {
    const parts = dotted[2]!.split(".");
    if (parts.some((part) => Number(part) > 255 || /^0\d/.test(part))) return undefined;
    const [a, b, c, d] = parts.map(Number) as [number, number, number, number];
    return ipv6Of(`${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const halves = host.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => half === "" ? [] : half.split(":"));
  const count = groups.flat().length;
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const zeros = Array.from({ length: 8 - count }, () => "0");
  const all = [...groups[0]!, ...zeros, ...(groups[1] ?? [])].map((group) => parseInt(group, 16));
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "a malformed IP address";
  const groups = Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 0x100 + bytes[2 * i + 1]!).toString(16));
  const zeros = /(?:^|:)0(?::0)+(?=:|$)/g;
  const text = groups.join(":");
  const longest = [...text.matchAll(zeros)].sort((a, b) => b[0].length - a[0].length)[0];
  if (longest === undefined) return text;
  return `${text.slice(0, longest.index)}::${text.slice(longest.index + longest[0].length).replace(/^:/, "")}`;
}
