/**
 * Composite types: rows of tables and of `create type … as (…)`, and the anonymous record.
 *
 * Source: PostgreSQL manual, "Composite Types", section "Composite Type Input and Output Syntax". The
 * binary format is that of `record_send`: count of attributes, then type, length and value of each.
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, encodeInside, encodeTextInside, mayBeText, textOf, wrongKind } from "./codec.ts";
import { isPlainObject, setOwn } from "./plain_object.ts";

/** An attribute of a composite type, as in `pg_attribute`, without dropped ones. */
export interface Attribute {
  readonly name: string;
  /** The OID of its type. For a domain, the OID is the domain's and the codec is the base type's. */
  readonly oid: number;
  readonly codec: Codec;
}

/** A composite type as an object with a property for each attribute. */
export function composite(name: string, attributes: readonly Attribute[]): Codec {
  const names = new Set(attributes.map((attribute) => attribute.name));
  const textOnly = attributes.some(({ codec }) => codec.textOnly);
  return {
    name,
    binary: attributes.every(({ codec }) => codec.binary),
    decode: (source, start, end) => decodeComposite(source, start, end, attributes),
    parse: (text) => parseComposite(text, attributes),
    encodeParts: (out, text) => encodeCompositeText(out, text, attributes),
    ...(attributes.some(({ codec }) => mayBeText(codec)) && { sendsText: true }),
    ...(textOnly && { textOnly }),
    encode(out, value) {
      checkObject(value, names);
      if (textOnly) return false;
      return encodeComposite(out, value, attributes);
    },
    text(value) {
      checkObject(value, names);
      return compositeText(value, attributes);
    },
  };
}

/**
 * A record whose type has no name, as an array of its fields' texts or null. Only the binary format contains the
 * fields' types, but to decode it, every type would have to be known in advance.
 */
export const record: Codec = {
  name: "record",
  binary: false,
  decode() {
    throw new BadValue("it was sent in the binary format, while pyro reads a record without a type as text");
  },
  parse(text) {
    const items = new QuotedItems(text, SPECIAL);
    items.expect("(");
    // A record without fields and one with a single NULL have the same text; the latter is more likely.
    const fields = [items.next()];
    while (items.expect(",)") === ",") fields.push(items.next());
    items.expectEnd();
    return fields;
  },
  encode: () => false,
  text() {
    throw new BadValue(
      "PostgreSQL takes no record without a type as a parameter; cast its place to a composite type (`$1::address`), or give each field as a parameter",
    );
  },
};

function decodeComposite(
  source: ByteSource,
  start: number,
  end: number,
  attributes: readonly Attribute[],
): Record<string, unknown> {
  const { view } = source;
  if (end - start < 4) throw new BadValue("it is shorter than a composite's header");
  const count = view.getInt32(start);
  if (count !== attributes.length) throw wrongCount(count, attributes);
  const value: Record<string, unknown> = {};
  let at = start + 4;
  for (const attribute of attributes) {
    try {
      if (at + 8 > end) throw new BadValue("it is cut short");
      const oid = view.getUint32(at);
      const length = view.getInt32(at + 4);
      at += 8;
      if (oid !== attribute.oid) throw new BadValue(`it has type ${oid} instead of ${attribute.oid}`);
      if (length < -1 || at + length > end) throw new BadValue("its length is wrong");
      setOwn(value, attribute.name, length === -1 ? null : attribute.codec.decode(source, at, at + length));
      if (length > 0) at += length;
    } catch (error) {
      throw within(attribute, error);
    }
  }
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return value;
}

function parseComposite(text: string, attributes: readonly Attribute[]): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  readItems(text, attributes, ({ name, codec }, item) => setOwn(value, name, item === null ? null : codec.parse(item)));
  return value;
}

/** Writes a composite value of its text. */
function encodeCompositeText(out: Outbox, text: string, attributes: readonly Attribute[]): void {
  out.int32(attributes.length);
  readItems(text, attributes, ({ oid, codec }, item) => {
    out.int32(oid | 0);
    if (item === null) out.int32(-1);
    else encodeTextInside(codec, out, item);
  });
}

/** Calls `use` with each attribute and its text, or null. */
function readItems(
  text: string,
  attributes: readonly Attribute[],
  use: (attribute: Attribute, item: string | null) => void,
): void {
  const items = new QuotedItems(text, SPECIAL);
  items.expect("(");
  for (let i = 0; i < attributes.length; i++) {
    if (i > 0) items.expect(",");
    const item = items.next();
    const attribute = attributes[i]!;
    try {
      use(attribute, item);
    } catch (error) {
      throw within(attribute, error);
    }
  }
  items.expect(")");
  items.expectEnd();
}

function encodeComposite(out: Outbox, value: Record<string, unknown>, attributes: readonly Attribute[]): boolean {
  const start = out.mark;
  out.int32(attributes.length);
  for (const attribute of attributes) {
    const { name, oid, codec } = attribute;
    const field = value[name];
    out.int32(oid | 0);
    if (field === null) {
      out.int32(-1);
      continue;
    }
    try {
      if (!encodeInside(codec, out, field)) {
        out.rewind(start);
        return false;
      }
    } catch (error) {
      throw within(attribute, error);
    }
  }
  return true;
}

function compositeText(value: Record<string, unknown>, attributes: readonly Attribute[]): string {
  const texts = attributes.map((attribute) => {
    const field = value[attribute.name];
    try {
      return field === null ? "" : quotedItem(textOf(attribute.codec, field));
    } catch (error) {
      throw within(attribute, error);
    }
  });
  return `(${texts.join(",")})`;
}

/**
 * Throws unless the value is an object with exactly these members: a missing one is more likely
 * forgotten than meant as NULL.
 */
function checkObject(value: unknown, names: ReadonlySet<string>): asserts value is Record<string, unknown> {
  if (!isPlainObject(value)) throw wrongKind(value, "a plain object by attribute name");
  for (const name of names) {
    if (!Object.hasOwn(value, name)) throw new BadValue(`attribute ${JSON.stringify(name)} is missing; NULL is null`);
  }
  for (const name of Object.keys(value)) {
    if (!names.has(name)) throw new BadValue(`${JSON.stringify(name)} is no attribute of the type`);
  }
}

function wrongCount(count: number, attributes: readonly Attribute[]): BadValue {
  return new BadValue(`it has ${count} attributes instead of ${attributes.length}`);
}

/** The error with the attribute's name before its message. */
function within(attribute: Attribute, error: unknown): unknown {
  if (!(error instanceof BadValue)) return error;
  return new BadValue(`attribute ${JSON.stringify(attribute.name)}: ${error.message}`);
}

/**
 * Reads the items of a composite's or a range's text, which are quoted alike: an empty item is null,
 * and `""` is the empty string; in a quoted item, quotes are doubled or preceded by a backslash.
 */
export class QuotedItems {
  readonly #text: string;
  readonly #special: string;
  #at = 0;

  /** `special`: the characters that are part of an item only inside quotes. */
  constructor(text: string, special: string) {
    this.#text = text;
    this.#special = special;
  }

  /** The next item, up to a separator or the end of the items. */
  next(): string | null {
    const text = this.#text;
    if (text[this.#at] === '"') return this.#quoted();
    const start = this.#at;
    while (this.#at < text.length && !this.#special.includes(text[this.#at]!)) this.#at += 1;
    return start === this.#at ? null : text.slice(start, this.#at);
  }

  /** The next character, which must be one of `choices`. */
  expect(choices: string): string {
    const character = this.#text[this.#at];
    if (character === undefined || !choices.includes(character)) throw this.#bad();
    this.#at += 1;
    return character;
  }

  /** Throws unless all text was read. */
  expectEnd(): void {
    if (this.#at !== this.#text.length) throw this.#bad();
  }

  #quoted(): string {
    const text = this.#text;
    let item = "";
    let start = this.#at + 1;
    for (this.#at = start; this.#at < text.length; this.#at++) {
      const character = text[this.#at];
      if (character !== '"' && character !== "\\") continue;
      item += text.slice(start, this.#at++);
      if (character === '"' && text[this.#at] !== '"') return item;
      // The character after a backslash is part of the item, whatever it is.
      start = this.#at;
    }
    throw this.#bad();
  }

  #bad(): BadValue {
    return new BadValue(`it is not as PostgreSQL prints it (at character ${this.#at})`);
  }
}

/** An item, quoted so that the server reads exactly `text`. */
export function quotedItem(text: string): string {
  if (text !== "" && !NEEDS_QUOTES.test(text)) return text;
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '""')}"`;
}

const SPECIAL = '"\\(),';
const NEEDS_QUOTES = /["\\()[\],\s]/;
