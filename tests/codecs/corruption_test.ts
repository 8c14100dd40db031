import assert from "node:assert/strict";
import type { TypeChoices } from "../../src/options/choices.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { codec, decode, encode, hex } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** A codec and a body that it can read. */
type Sample = readonly [codec: Codec, body: Uint8Array];

function sample(name: string, value: unknown, choices: Partial<TypeChoices> = {}): Sample {
  return [codec(name, choices), encode(codec(name, choices), value)!];
}

/** Bodies that say nowhere how long they are. */
const OPEN: readonly Sample[] = [
  sample("text", "text"),
  sample("name", "name"),
  sample("bytea", Uint8Array.of(1, 2, 3)),
  sample("json", "[]", { json: "string" }),
];

/** Bodies of which every byte is accounted for. */
const CLOSED: readonly Sample[] = [
  sample("bool", true),
  sample("int2", -2),
  sample("int4", 7),
  sample("oid", 7),
  sample("int8", 7n),
  sample("int8", 7n, { int8: "number" }),
  sample("float4", 0.5),
  sample("float8", 0.1),
  [codec("numeric"), hex("0003 0001 4000 0005 0001 0002 1388")],
  [codec("numeric"), hex("0001 fffd 0000 0010 0001")],
  [codec("uuid"), new Random(1).bytes(16)],
  ...(["temporal", "date", "string"] as const).flatMap((dates) => [
    sample("date", new Date(0), { dates }),
    sample("time", Temporal.PlainTime.from("12:34"), { dates }),
    sample("timestamp", new Date(1), { dates }),
    sample("timestamptz", new Date(1), { dates }),
  ]),
  sample("jsonb", { a: [1, 2] }),
  sample("json", { a: [1, 2] }),
  sample("int4[]", [[1, null], [3, 4]]),
  sample("text[]", ["a", null, "", "bcd"]),
  sample("jsonb[]", [{ a: 1 }, null]),
];

/** Decodes what may be wrong: a value or a complaint, and nothing else. */
function attempt(codec: Codec, body: Uint8Array): void {
  try {
    decode(codec, body);
  } catch (error) {
    assert.ok(error instanceof BadValue, `${codec.name} of ${[...body]}: ${error}`);
  }
}

test("corruption: a body cut short anywhere is refused", () => {
  for (const [codec, body] of CLOSED) {
    for (let length = 0; length < body.length; length++) {
      refusal(BadValue, () => decode(codec, body.slice(0, length)));
    }
  }
});

test("corruption: bytes behind a body are refused", () => {
  for (const [codec, body] of CLOSED) {
    for (let more = 1; more <= 9; more++) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more).fill(0x2a))));
    }
  }
});

test("corruption: any other byte anywhere gives a value or a complaint", () => {
  for (const [codec, body] of [...OPEN, ...CLOSED]) {
    for (let at = 0; at < body.length; at++) {
      for (const byte of [0, 1, 0x27, 0x7f, 0x80, 0xc0, 0xff, body[at]! ^ 1, body[at]! ^ 0x80]) {
        attempt(codec, body.with(at, byte));
      }
    }
  }
});

test("corruption: random bodies give a value or a complaint", () => {
  const random = new Random(404);
  for (const [codec, body] of [...OPEN, ...CLOSED]) {
    for (let i = 0; i < 200; i++) {
      attempt(codec, random.bytes(body.length));
      attempt(codec, random.bytes(random.below(40)));
    }
  }
});

test("corruption: random dates and times give a value or a complaint", () => {
  const random = new Random(405);
  for (const dates of ["temporal", "date", "string"] as const) {
    for (const name of ["date", "time", "timestamp", "timestamptz"]) {
      for (let i = 0; i < 500; i++) attempt(codec(name, { dates }), random.bytes(name === "date" ? 4 : 8));
    }
  }
});

test("corruption: invalid UTF-8 in text is replaced, and does not reach what stands around it", () => {
  for (const digits of ["ff", "c3", "e282", "f09f8e", "61ff", "eda080"]) {
    const text = decode(codec("text"), hex(digits)) as string;
    assert.match(text, /^a?\ufffd+$/);
    assert.ok(text.isWellFormed());
  }
});
