/**
 * Codecs with random values, bodies and texts: values come back as they were, and whatever a server sends is a value or
 * a complaint (`BadValue`), without reading beyond it.
 */
import assert from "node:assert/strict";
import { Json, type JsonValue } from "../../mod.ts";
import { type Codec, textOf } from "../../src/codecs/codec.ts";
import { BUILT_IN_TYPES } from "../../src/codecs/oids.ts";
import { codec, decode, encode, shown } from "../support/values/codecs.ts";
import { tryBody, tryText } from "../support/values/corruption.ts";
import { mutated, type Mutation, mutations } from "../support/values/mutations.ts";
import { randomValueOf, typesWithValues } from "../support/values/type_values.ts";
import type { Arbitrary } from "../support/installed/fast_check.ts";
import { fc, fuzz } from "../support/suite/fuzz.ts";
import { Random } from "../support/suite/random.ts";

const DATES = ["temporal", "date", "string"] as const;
const NAMES = BUILT_IN_TYPES.map(([name]) => name);
const ANY = fc.record({
  name: fc.constantFrom(...NAMES),
  isArray: fc.constantFrom(false, false, true),
  dates: fc.constantFrom(...DATES),
});

/** A codec, by its type and the options of the connection. */
function codecOf({ name, isArray, dates }: { name: string; isArray: boolean; dates: typeof DATES[number] }): Codec {
  return codec(isArray ? `${name}[]` : name, { dates });
}

/** A random value of a type, or an array of them. */
const VALUE = fc.record({
  name: fc.constantFrom(...typesWithValues()),
  isArray: fc.constantFrom(false, true),
  seed: fc.nat(0x7fff_ffff),
});

function valueOf({ name, isArray, seed }: { name: string; isArray: boolean; seed: number }): [Codec, unknown] {
  const random = new Random(seed);
  const json = name === "json" || name === "jsonb";
  // A string for json is its text.
  const value = (): unknown => json ? Json(randomValueOf(name, random) as JsonValue) : randomValueOf(name, random);
  if (!isArray) return [codec(name), value()];
  const one = (): unknown => random.below(4) === 0 ? null : value();
  return [codec(`${name}[]`), Array.from({ length: random.below(4) }, one)];
}

fuzz("values come back as they were, in both formats", 6000, VALUE, (input) => {
  const [codec, value] = valueOf(input);
  // A string is sent as the text that it is.
  if (typeof value === "string") {
    assert.notEqual(codec.parse(value), undefined);
    return;
  }
  const text = shown(codec.parse(textOf(codec, value)));
  const binary = encode(codec, value);
  if (binary === undefined) return;
  const decoded = decode(codec, binary);
  assert.deepEqual(shown(decoded), text, `${codec.name}: both formats`);
  // Decoded JSON may be a string, which would be sent as JSON text.
  if (typeof decoded === "string" || input.name.startsWith("json")) return;
  assert.deepEqual(shown(codec.parse(textOf(codec, decoded))), text, `${codec.name}: sent again`);
});

fuzz("changed bodies of values", 8000, fc.record({ value: VALUE, changes: mutations(fc) }), ({ value, changes }) => {
  const [codec, one] = valueOf(value);
  const body = typeof one === "string" ? undefined : encode(codec, one);
  if (body !== undefined) tryBody(codec, mutated(body, changes as Mutation[]));
});

fuzz("random bodies", 8000, fc.record({ of: ANY, body: fc.uint8Array({ maxLength: 64 }) }), ({ of, body }) => {
  tryBody(codecOf(of), body);
});

fuzz("random texts", 8000, fc.record({ of: ANY, text: texts() }), ({ of, text }) => {
  tryText(codecOf(of), text);
});

/** Texts of characters that have a meaning in some type, and any other. */
function texts(): Arbitrary<string> {
  const pieces = [
    ..."\"\\'{}()[]<>,;:/=|&!*@.+- 0123456789aefAENPTZ\n\0",
    "NULL",
    "infinity",
    "NaN",
    " BC",
    "00:",
    "{{",
    "}}",
  ];
  return fc.oneof(
    fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({ unit: "grapheme", maxLength: 30 }),
  );
}
