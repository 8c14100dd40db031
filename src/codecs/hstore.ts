/**
 * hstore, as an object of texts and nulls by key.
 *
 * Source: PostgreSQL manual, "hstore"; the binary format is that of `hstore_send`: count, then of
 * each pair length and text of the key and length and text of the value, -1 for NULL.
 */
import type { ByteSource } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, checkedText, type Codec, wrongKind } from "./codec.ts";
import { isPlainObject, setOwn } from "./plain_object.ts";
import { plainText } from "./text.ts";

/** hstore as an object of strings and nulls, in the server's order; sent from an object or a Map. */
export const hstore: Codec = {
  name: "hstore",
  binary: true,
  decode: decodePairs,
  parse: (text) => new HstoreText(text).read(),
  encode(out, value) {
    const pairs = pairsOf(value);
    out.int32(pairs.length);
    for (const [key, text] of pairs) {
      writeText(out, key);
      if (text === null) out.int32(-1);
      else writeText(out, text);
    }
    return true;
  },
  text: (value) =>
    pairsOf(value).map(([key, text]) => `${quoted(key)}=>${text === null ? "NULL" : quoted(text)}`).join(", "),
};

type Hstore = Record<string, string | null>;

function decodePairs({ bytes, view }: ByteSource, start: number, end: number): Hstore {
  if (end - start < 4) throw cutShort();
  const count = view.getInt32(start);
  if (count < 0) throw new BadValue(`it claims ${count} pairs`);
  const pairs: Hstore = {};
  let at = start + 4;
  // Read pair by pair, so that a false count allocates no more than the bytes received.
  for (let left = count; left > 0; left--) {
    if (at + 4 > end) throw cutShort();
    const keyEnd = at + 4 + view.getInt32(at);
    if (keyEnd < at + 4 || keyEnd + 4 > end) throw new BadValue("a key's length is wrong");
    const key = bytes.utf8Slice(at + 4, keyEnd);
    const length = view.getInt32(keyEnd);
    at = keyEnd + 4;
    if (length === -1) {
      put(pairs, key, null);
      continue;
    }
    if (length < 0 || at + length > end) throw new BadValue("a value's length is wrong");
    put(pairs, key, bytes.utf8Slice(at, at + length));
    at += length;
  }
  if (at !== end) throw new BadValue(`${end - at} bytes are left over`);
  return pairs;
}

/** Adds a pair. */
function put(pairs: Hstore, key: string, value: string | null): void {
  if (Object.hasOwn(pairs, key)) throw new BadValue("it has a key twice");
  setOwn(pairs, key, value);
}

/** The pairs of a parameter, all checked before the first is written. */
function pairsOf(value: unknown): [key: string, text: string | null][] {
  return Array.from(entriesOf(value), ([key, item]) => {
    if (typeof key !== "string") throw wrongKind(key, "a string as a key");
    return [checkedText(key), item === null ? null : itemText(item)];
  });
}

function entriesOf(value: unknown): Iterable<[unknown, unknown]> {
  if (value instanceof Map) return value;
  if (isPlainObject(value)) return Object.entries(value);
  throw wrongKind(value, "an object, a Map or a string");
}

function itemText(item: unknown): string {
  switch (typeof item) {
    case "string":
    case "number":
    case "bigint":
    case "boolean":
      return plainText(item);
    default:
      throw wrongKind(item, "a string or null as a key's value");
  }
}

function writeText(out: Outbox, text: string): void {
  const length = out.beginValue();
  out.text(text);
  out.endValue(length);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function cutShort(): BadValue {
  return new BadValue("it is cut short");
}

/** Reads the text of an hstore as the server prints it: `"a"=>"1", "b"=>NULL`. */
class HstoreText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Hstore {
    const pairs: Hstore = {};
    if (this.#text === "") return pairs;
    do {
      const key = this.#quoted();
      if (!this.#skip("=>")) throw this.#bad();
      put(pairs, key, this.#skip("NULL") ? null : this.#quoted());
    } while (this.#skip(", "));
    if (this.#at !== this.#text.length) throw this.#bad();
    return pairs;
  }

  #skip(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #quoted(): string {
    if (!this.#skip('"')) throw this.#bad();
    let text = "";
    let start = this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') return text + this.#text.slice(start, this.#at++);
      if (character === "\\") {
        text += this.#text.slice(start, this.#at++);
        start = this.#at;
      }
    }
    throw this.#bad();
  }

  #bad(): BadValue {
    return new BadValue(`it is not the text of an hstore (at character ${this.#at})`);
  }
}
