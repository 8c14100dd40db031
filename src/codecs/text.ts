/**
 * The types whose values are their text: text, varchar, bpchar, name, xml, uuid and every type that
 * pyro does not know.
 *
 * Source: PostgreSQL manual, "Character Types" and "UUID Type".
 */
import { lazy } from "../lazy.ts";
import { allocate, type Bytes, type ByteSource } from "../wire/bytes.ts";
import { BadValue, checkedText, type Codec, expectLength, wrongKind } from "./codec.ts";

/** A type whose binary format is also its text. */
export function textual(name: string): Codec {
  return {
    name,
    binary: true,
    decode: (source, start, end) => source.bytes.utf8Slice(start, end),
    parse: (text) => text,
    takesStrings: true,
    encode(out, value) {
      out.text(plainText(value));
      return true;
    },
    text: plainText,
  };
}

/**
 * xml as its text. It is sent as text only: in binary, the server uses the encoding that the document
 * declares, but pyro always sends UTF-8. So the encoding declaration is removed before sending, as the
 * server removes it from its output.
 *
 * Source: PostgreSQL manual, "XML Type", section "Encoding Handling".
 */
export const xml: Codec = {
  ...textual("xml"),
  takesStrings: false,
  encode: () => false,
  sendsText: true,
  rewrite: withoutEncoding,
};

/** The document without its encoding declaration, and without an XML declaration that would then be empty. */
function withoutEncoding(text: string): string {
  if (!text.startsWith("<?xml")) return text;
  const declaration = ENCODING_DECLARATION.exec(text);
  if (declaration === null) return text;
  const [whole, version, number, standalone = ""] = declaration;
  const says = number === "1.0" && standalone === "" ? "" : `<?xml ${version}${standalone}?>`;
  return says + text.slice(whole.length);
}

/** A type that is always sent and requested as text: it has no binary output, or pyro does not know it. */
export function opaque(name: string): Codec {
  return {
    name,
    binary: false,
    textOnly: true,
    decode() {
      throw new BadValue("it was sent in a binary format that pyro does not know");
    },
    parse: (text) => text,
    encode: () => false,
    text: plainText,
    sendsText: true,
  };
}

/**
 * A type whose values can be neither decoded nor encoded, for a reason; a string is sent as its text.
 * Results are requested in binary, since the length of text can double with each level of nesting.
 */
export function refused(name: string, reason: string): Codec {
  const refuse = (): never => {
    throw new BadValue(reason);
  };
  return { name, binary: true, decode: refuse, parse: refuse, encode: refuse, text: refuse };
}

/** The parameters of a type whose values are strings only, which are sent as they are. */
export const STRINGS_ONLY: Pick<Codec, "encode" | "text" | "sendsText"> = {
  encode: () => false,
  sendsText: true,
  text(value) {
    throw wrongKind(value, "a string");
  },
};

/** A type whose values are the text that the server prints, which must match `shape`. */
export function printed(name: string, shape: RegExp, decode: Codec["decode"]): Codec {
  return {
    name,
    binary: true,
    decode,
    parse(text) {
      if (!shape.test(text)) throw new BadValue(`it is not the text of ${name}`);
      return text;
    },
    ...STRINGS_ONLY,
  };
}

/** uuid as its canonical text, lower case. */
export const uuid: Codec = {
  ...printed("uuid", /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/, decodeUuid),
  sendsText: false,
  encodeText(out, text) {
    if (!/^[\da-f]{4}(?:-?[\da-f]{4}){7}$/i.test(text)) throw new BadValue("it is not the text of a uuid");
    const digits = text.replaceAll("-", "");
    for (let i = 0; i < 32; i += 2) out.byte(Number.parseInt(digits.slice(i, i + 2), 16));
  },
};

function decodeUuid(source: ByteSource, start: number, end: number): string {
  expectLength(start, end, 16);
  const { bytes } = source;
  for (let i = 0; i < 16; i++) {
    const byte = bytes[start + i]!;
    const at = UUID_PLACES[i]!;
    uuidText[at] = DIGITS[byte >> 4]!;
    uuidText[at + 1] = DIGITS[byte & 15]!;
  }
  return uuidText.latin1Slice(0, 36);
}

/** Text of the values that every language writes alike: strings, numbers, bigints and booleans. */
export function plainText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return checkedText(value);
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    default:
      throw wrongKind(value, "a string");
  }
}

/** The shape of any text. */
export const ANY_TEXT: RegExp = /(?:)/;

/** Two hexadecimal digits of each byte. */
export const hexOfBytes: () => readonly string[] = lazy(() =>
  Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
);

/** The positions of each byte's digits in the text of a uuid. */
const UUID_PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
/** The codes of the hexadecimal digits. */
const DIGITS = new TextEncoder().encode("0123456789abcdef");
/** A buffer for the text of a uuid: one string made of it is faster than sixteen joined. */
const uuidText = allocate(36).fill(0x2d) as Bytes;

/** The version with its number, the encoding, and whether the document stands alone. */
const ENCODING_DECLARATION =
  /^<\?xml\s+(version\s*=\s*["']([\d.]+)["'])\s+encoding\s*=\s*["'][\w.:-]+["'](\s+standalone\s*=\s*["'](?:yes|no)["'])?\s*\?>/;
