/**
 * Distinguished names: whom a certificate is for, and who issued it.
 *
 * Two names are equal if they differ only in the case of letters, in blanks and in the type of strings.
 *
 * Source: RFC 5280, sections 4.1.2.4 and 7.1.
 */
import { Buffer } from "node:buffer";
import { DerError, DerReader, dotted, hex, objectIdentifierOf, Tag } from "./der.ts";

/** A distinguished name. */
export interface DistinguishedName {
  /** Equal for equal names: a key for each part, the outermost first. */
  readonly parts: readonly string[];
  /** {@linkcode parts} as one key. */
  readonly key: string;
  /** For messages, such as `CN=Example CA, O=Example`. */
  readonly text: string;
  /** The bytes of the first common name. */
  readonly commonName: Uint8Array | undefined;
  /** Whether it has an e-mail address. */
  readonly hasEmailAddress: boolean;
}

interface Attribute {
  readonly type: string;
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Reads the content of a name. */
export function distinguishedNameOf(content: Uint8Array): DistinguishedName {
  const reader = new DerReader(content);
  const sets: Attribute[][] = [];
  while (!reader.done) sets.push(attributesOf(reader.read(Tag.set, "part of a name")));
  const attributes = sets.flat();
  const parts = sets.map((set) => set.map(keyOf).sort().join("+"));
  return {
    parts,
    key: parts.join(","),
    text: textOf(attributes),
    commonName: attributes.find(({ type }) => type === COMMON_NAME)?.content,
    hasEmailAddress: attributes.some(({ type }) => type === EMAIL_ADDRESS),
  };
}

/** A text of a certificate, quoted, with everything escaped that could confuse a terminal. */
export function quoted(text: string): string {
  return `"${escaped(text)}"`;
}

/** A text of a certificate, shortened, with everything escaped that could confuse a terminal. */
export function escaped(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return JSON.stringify(short).slice(1, -1).replace(
    INVISIBLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function attributesOf(content: Uint8Array): Attribute[] {
  const reader = new DerReader(content);
  const attributes: Attribute[] = [];
  do {
    const attribute = reader.sequence("attribute of a name");
    const type = objectIdentifierOf(attribute.read(Tag.objectIdentifier, "type of an attribute"));
    const { tag, content } = attribute.next();
    attribute.end("attribute of a name");
    attributes.push({ type, tag, content });
  } while (!reader.done);
  return attributes;
}

function keyOf({ type, tag, content }: Attribute): string {
  const text = stringOf(tag, content);
  if (text === undefined) return `${type}:${tag}:${hex(content)}`;
  const folded = text.replace(/[ \t-\r]+/g, " ").replace(/^ | $/g, "")
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return `${type}=${hex(Buffer.from(folded))}`;
}

function textOf(attributes: readonly Attribute[]): string {
  if (attributes.length === 0) return "(no name)";
  const shown = attributes.slice(0, MAX_ATTRIBUTES).map(({ type, tag, content }) => {
    const text = stringOf(tag, content) ?? `#${hex(content.subarray(0, 16))}`;
    return `${ATTRIBUTES[type] ?? dotted(type)}=${escaped(text)}`;
  });
  return [...shown, ...(attributes.length > MAX_ATTRIBUTES ? ["…"] : [])].join(", ");
}

function stringOf(tag: number, content: Uint8Array): string | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  switch (tag) {
    case Tag.utf8String: {
      const text = bytes.toString("utf8");
      return bytes.equals(Buffer.from(text)) ? text : undefined;
    }
    case Tag.printableString:
    case Tag.teletexString:
    case Tag.ia5String:
    case Tag.visibleString:
      return bytes.toString("latin1");
    case Tag.bmpString:
      if (bytes.length % 2 !== 0) throw new DerError("a string of a name is malformed");
      return Buffer.from(bytes).swap16().toString("utf16le");
    default:
      return undefined;
  }
}

const COMMON_NAME = "550403";
const EMAIL_ADDRESS = "2a864886f70d010901";

const ATTRIBUTES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: "CN",
  [EMAIL_ADDRESS]: "emailAddress",
  "550406": "C",
  "550407": "L",
  "550408": "ST",
  "55040a": "O",
  "55040b": "OU",
};

const MAX_LENGTH = 100;
const MAX_ATTRIBUTES = 8;

/** Controls, marks that change the direction of text, separators of lines, and halves of characters. */
const INVISIBLE = /[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
