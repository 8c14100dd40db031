/** Corrupts bodies and texts, and checks what codecs make of them. */
import assert from "node:assert/strict";
import { BadValue, type Codec } from "../../../src/codecs/codec.ts";
import { allocate, type Bytes, viewOf } from "../../../src/wire/bytes.ts";
import { shown } from "./codecs.ts";
import type { Random } from "../suite/random.ts";

/** Decodes a corrupted body: the result must be a value or a BadValue. */
export function tryBody(codec: Codec, body: Uint8Array): void {
  const result = attempt(() => decodeAmid(0xff, codec, body), () => `${codec.name} of ${hexOf(body)}`);
  if (result === undefined) return;
  assert.deepEqual(shown(decodeAmid(0, codec, body)), shown(result.value), `${codec.name} reads beyond its body`);
}

/** Parses a corrupted text: the result must be a value or a BadValue. */
export function tryText(codec: Codec, text: string): void {
  attempt(() => codec.parse(text), () => `${codec.name} of ${JSON.stringify(text.slice(0, 500))}`);
}

/** Throws unless the codec refuses the body. */
export function expectRefused(codec: Codec, body: Uint8Array): void {
  const result = attempt(() => decodeAmid(0xff, codec, body), () => `${codec.name} of ${hexOf(body)}`);
  if (result !== undefined) {
    assert.fail(`${codec.name} of ${hexOf(body)}: ${String(result.value)} instead of a complaint`);
  }
}

/** All truncations of a body. */
export function* truncations(body: Uint8Array): Iterable<Uint8Array> {
  for (const length of places(body.length)) yield body.subarray(0, length);
}

/** The body and 1 to 9 bytes more, of several kinds. */
export function* extensions(body: Uint8Array): Iterable<Uint8Array> {
  for (const byte of [0, 0x2a, 0xff]) {
    for (let more = 1; more <= 9; more++) yield Uint8Array.of(...body, ...new Uint8Array(more).fill(byte));
  }
}

/** The body with changed bytes and numbers, and with pieces removed and doubled. */
export function* alterations(body: Uint8Array, random: Random): Iterable<Uint8Array> {
  for (const at of places(body.length)) {
    for (const byte of [0, 1, 0x27, 0x7f, 0x80, 0xff, body[at]! ^ 1, body[at]! ^ 0x80, random.below(256)]) {
      yield body.with(at, byte);
    }
    const length = 1 + random.below(8);
    yield Uint8Array.of(...body.subarray(0, at), ...body.subarray(at + length));
    yield Uint8Array.of(...body.subarray(0, at + length), ...body.subarray(at));
    if (at + 4 > body.length) continue;
    for (const word of WORDS) {
      const altered = body.slice();
      altered.set(word, at);
      yield altered;
    }
  }
}

/** Random bodies, complete or after a correct beginning. */
export function* chances(body: Uint8Array, random: Random): Iterable<Uint8Array> {
  for (let i = 0; i < 40; i++) {
    yield random.bytes(body.length);
    yield random.bytes(random.below(64));
    const kept = random.below(body.length + 1);
    yield Uint8Array.of(...body.subarray(0, kept), ...random.bytes(random.below(24)));
  }
}

/** The text truncated, with characters removed, added and exchanged, and with pieces doubled. */
export function* misprints(text: string, random: Random): Iterable<string> {
  for (const at of places(text.length)) {
    const [before, behind] = [text.slice(0, at), text.slice(at + 1)];
    yield before;
    yield before + behind;
    for (let i = 0; i < 4; i++) {
      yield before + random.pick(CHARACTERS) + text.slice(at);
      yield before + random.pick(CHARACTERS) + behind;
    }
    yield before + text.slice(random.below(text.length));
  }
  for (const character of CHARACTERS) yield text + character;
}

/** Texts that repeat one or a few characters. */
export function* monotonies(): Iterable<string> {
  for (const piece of [...CHARACTERS, "[]", "{}", '""', "1,", ",1", "a ", " 1", "00:", "{{1},"]) {
    yield piece.repeat(20_000);
  }
}

/** The value; undefined if there is a BadValue. */
function attempt(read: () => unknown, what: () => string): { value: unknown } | undefined {
  let value: unknown;
  try {
    value = read();
  } catch (error) {
    if (error instanceof BadValue) return undefined;
    throw new Error(`${what()}: ${error}`, { cause: error });
  }
  if (value === undefined) assert.fail(`${what()}: neither a value nor a complaint`);
  return { value };
}

/** The value of a body between many copies of a byte; a length of 0xffffffff there is NULL's. */
function decodeAmid(byte: number, codec: Codec, body: Uint8Array): unknown {
  const bytes = allocate(body.length + 2 * MARGIN).fill(byte) as Bytes;
  bytes.set(body, MARGIN);
  return codec.decode({ bytes, view: viewOf(bytes) }, MARGIN, MARGIN + body.length);
}

/** The positions to corrupt: all, unless there are many. */
function places(length: number): number[] {
  const all = Array.from({ length }, (_, at) => at);
  return all.filter((at) => at < 80 || at >= length - 16 || at % Math.ceil(length / 32) === 0);
}

function hexOf(body: Uint8Array): string {
  return Array.from(body.subarray(0, 200), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** 32-bit numbers that are not correct as lengths and counts. */
const WORDS: readonly Uint8Array[] = [
  Uint8Array.of(0x7f, 0xff, 0xff, 0xff),
  Uint8Array.of(0x80, 0, 0, 0),
  Uint8Array.of(0xff, 0xff, 0xff, 0xff),
  Uint8Array.of(0xff, 0xff, 0xff, 0xfe),
  Uint8Array.of(0, 0, 0, 0),
];

const CHARACTERS = [..."\"\\'{}()[]<>,;:/=|&!*@.+- 0159aefAENPTZ\n\0é🎉", "\ud800"];
const MARGIN = 16;
