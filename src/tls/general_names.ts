/**
 * The names for which a certificate is valid: DNS names, IP addresses and others.
 *
 * Source: RFC 5280, section 4.2.1.6.
 */
import { Buffer } from "node:buffer";
import { contextTag, DerError, DerReader } from "./der.ts";
import { type DistinguishedName, distinguishedNameOf } from "./distinguished_name.ts";

/** One name. */
export type GeneralName =
  | { readonly type: "DNS name"; readonly bytes: Uint8Array }
  | { readonly type: "IP address"; readonly bytes: Uint8Array }
  | { readonly type: "directory name"; readonly name: DistinguishedName }
  | { readonly type: "e-mail address" | "URI" | "registered ID" | "other name"; readonly bytes: Uint8Array };

/** All names in a content. */
export function generalNamesOf(content: Uint8Array): GeneralName[] {
  const reader = new DerReader(content);
  const names: GeneralName[] = [];
  while (!reader.done) names.push(nextGeneralName(reader));
  return names;
}

/** The next value as a name. */
export function nextGeneralName(reader: DerReader): GeneralName {
  const { tag, content } = reader.next();
  if (tag === contextTag(4, true)) {
    const inner = new DerReader(content);
    const name = distinguishedNameOf(inner.read(0x30, "directory name"));
    inner.end("directory name");
    return { type: "directory name", name };
  }
  const type = TYPES[tag];
  if (type === undefined) throw new DerError("a name is of an unknown type");
  return { type, bytes: content };
}

/** The characters of a DNS name, a byte each: names are ASCII, and whatever else matches only itself. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

const TYPES: Readonly<Record<number, Exclude<GeneralName["type"], "directory name">>> = {
  [contextTag(0, true)]: "other name",
  [contextTag(1)]: "e-mail address",
  [contextTag(2)]: "DNS name",
  [contextTag(3, true)]: "other name",
  [contextTag(5, true)]: "other name",
  [contextTag(6)]: "URI",
  [contextTag(7)]: "IP address",
  [contextTag(8)]: "registered ID",
};
