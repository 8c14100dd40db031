/** Adapts the codecs that users give, for their own types or instead of pyro's. */
import type { TypeCodec } from "../options/type_codec.ts";
import { copyOf, isDetached } from "../wire/bytes.ts";
import type { Outbox } from "../wire/outbox.ts";
import { BadValue, type Codec, wrongKind } from "./codec.ts";
import { originalOf } from "./instance.ts";
import { plainText } from "./text.ts";

/** The user's codec of a type, instead of pyro's own. */
export function custom(own: Codec, given: TypeCodec): Codec {
  const { encodeText: _, encodeParts: __, readText: ___, ...rest } = own;
  return {
    ...rest,
    // A string is sent as text even for a type whose binary format is its text: the user's codec does not get it.
    takesStrings: false,
    binary: given.decode !== undefined,
    decode(source, start, end) {
      if (given.decode === undefined) throw new BadValue("it was sent in binary, which its codec does not read");
      return given.decode(copyOf(source.bytes, start, end));
    },
    parse: (text) => given.parse(text),
    encode: (out, value) => given.encode !== undefined && encode(out, given.encode(parameterOf(value))),
    sendsText: given.encode === undefined,
    textOnly: own.textOnly === true && given.encode === undefined,
    text: (value) => text(given, value),
    isValue: (array) => given.isValue?.(array) ?? false,
  };
}

/** The parameter that the user's codec gets. Undefined is refused for every type. */
function parameterOf(value: unknown): unknown {
  if (value === undefined) throw wrongKind(value, "a value");
  return originalOf(value);
}

/** The text of a parameter. If the codec has its own binary format, the usual text could mean another value. */
function text(given: TypeCodec, value: unknown): string {
  if (given.format !== undefined) return checked(given.format(parameterOf(value)));
  if (given.encode === undefined) return plainText(value);
  throw new BadValue("it must be sent as text here, but its codec has no function format");
}

function encode(out: Outbox, bytes: unknown): boolean {
  if (!(bytes instanceof Uint8Array)) throw new BadValue("its codec's encode gives no Uint8Array");
  if (isDetached(bytes)) throw new BadValue("its codec's encode gives bytes whose memory was transferred");
  out.bytes(bytes);
  return true;
}

function checked(text: unknown): string {
  if (typeof text !== "string") throw new BadValue("its codec's format gives no string");
  return plainText(text);
}
