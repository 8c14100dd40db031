import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { parseSingle } from "../../src/codecs/single.ts";
import { halfvec, sparsevec, type SparseVector, vector } from "../../src/codecs/vector.ts";
import {
  decode,
  decodeHex,
  encode,
  encodeHex,
  hex,
  readBoth,
  refused,
  roundTrip,
  sent,
} from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const DENSE = [vector, halfvec];

/** Bodies and texts as pgvector 0.8.6 sends them. */
const VECTOR = "0002 0000 3f800000 40200000";
const HALVES = "0004 0000 3c00 c100 7bff 0002";
const SPARSE = "00000005 00000002 00000000 00000000 00000002 3fc00000 40000000";

/** A vector of halves with these bits. */
function halves(...bits: number[]): Float32Array {
  const digits = [bits.length, 0, ...bits].map((word) => word.toString(16).padStart(4, "0")).join("");
  return decodeHex(halfvec, digits) as Float32Array;
}

test("vector, halfvec: a Float32Array with memory of its own from both formats", () => {
  assert.deepEqual(readBoth(vector, hex(VECTOR), "[1,2.5]"), Float32Array.of(1, 2.5));
  assert.deepEqual(
    readBoth(halfvec, hex(HALVES), "[1,-2.5,65504,1.1920929e-07]"),
    Float32Array.of(1, -2.5, 65504, 2 ** -23),
  );
  assert.equal((decodeHex(vector, VECTOR) as Float32Array).buffer.byteLength, 8);
});

test("vector, halfvec: Float32Arrays and arrays come back", () => {
  for (const codec of DENSE) {
    for (const elements of [[0], [-0], [1, -2.5, 0.25], [65504, 2 ** -24], Array<number>(16_000).fill(3)]) {
      roundTrip(codec, Float32Array.from(elements));
      roundTrip(codec, elements, Float32Array.from(elements));
    }
  }
  roundTrip(vector, [0.1, 3.4028234663852886e38, 2 ** -149], Float32Array.of(0.1, 3.4028234663852886e38, 2 ** -149));
  roundTrip(vector, new Float32Array([9, 1, 2, 9]).subarray(1, 3), Float32Array.of(1, 2));
});

test("vector, halfvec: what is sent", () => {
  assert.equal(encodeHex(vector, [1, 2.5]), VECTOR.replaceAll(" ", ""));
  assert.equal(encodeHex(halfvec, [1, -2.5, 65504, 1e-7]), HALVES.replaceAll(" ", ""));
  assert.equal(vector.text([1, -0, 0.1]), "[1,-0,0.10000000149011612]");
  assert.equal(halfvec.text([0.1]), "[0.0999755859375]");
  assert.equal(sent(vector, "[1, 2]"), "[1, 2]");
});

test("halfvec: every half is exactly a single and comes back", () => {
  const bits = Array.from({ length: 0x1_0000 }, (_, half) => half).filter((half) => (half & 0x7c00) !== 0x7c00);
  for (let i = 0; i < bits.length; i += 16_000) {
    const part = bits.slice(i, i + 16_000);
    const value = halves(...part);
    assert.deepEqual(halves(...wordsOf(encode(halfvec, value)!)), value);
    assert.deepEqual(wordsOf(encode(halfvec, value)!), part);
    assert.deepEqual(halfvec.parse(halfvec.text(value)), value);
  }
});

test("halfvec: halves are what IEEE 754 says", () => {
  assert.deepEqual(
    halves(0x0001, 0x03ff, 0x0400, 0x3555, 0x3c01, 0x7bff, 0x8001, 0xc000),
    Float32Array.of(2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.333251953125, 1.0009765625, 65504, -(2 ** -24), -2),
  );
  assert.ok(Object.is(halves(0x8000)[0], -0));
});

test("halfvec: numbers are rounded once, to the nearest half and to even between two", () => {
  const half = (number: number): number => wordsOf(encode(halfvec, [number])!)[0]!;
  for (
    const [number, bits] of [
      [1 + 2 ** -11, 0x3c00],
      [1 + 3 * 2 ** -11, 0x3c02],
      [1 + 2 ** -11 + 2 ** -40, 0x3c01], // which a single would have rounded down first
      [2 - 2 ** -11, 0x4000],
      [2 - 2 ** -50, 0x4000],
      [2 ** -25, 0x0000],
      [2 ** -25 + 2 ** -60, 0x0001],
      [3 * 2 ** -25, 0x0002],
      [2 ** -14 - 2 ** -25, 0x0400],
      [65519.999, 0x7bff],
      [-65519.999, 0xfbff],
      [-(2 ** -26), 0x8000],
      [5e-324, 0x0000],
    ] as const
  ) {
    assert.equal(half(number), bits, String(number));
    assert.deepEqual(halfvec.parse(halfvec.text([number])), halves(bits));
  }
  assert.equal(refused(halfvec, [65520]), "an element is out of halfvec's range");
  assert.equal(refused(halfvec, [-1e300]), "an element is out of halfvec's range");
});

test("vector: the text of a single is that single, also where a double lies between two", () => {
  const single = decodeHex(vector, "0001 0000 15ae43fd") as Float32Array;
  assert.notEqual(Math.fround(7.038531e-26), single[0]);
  assert.deepEqual(vector.parse("[7.038531e-26]"), single);
  assert.deepEqual(vector.parse("[-7.038531e-26]"), single.map((element) => -element));
  for (
    const [text, number] of [
      ["16777217", 16777216], // exactly between: to even
      ["16777219", 16777220],
      ["16777217.000000000000000000001", 16777218],
      ["16777218.999999999999999999999", 16777218],
      ["-16777217.000000000000000000001", -16777218],
      ["1.6777217e+07", 16777216],
      ["0.1", Math.fround(0.1)],
      ["1e-05", Math.fround(1e-5)],
      ["3.4028235e+38", 3.4028234663852886e38],
      ["1e-45", 2 ** -149],
      ["-0", -0],
    ] as const
  ) {
    assert.ok(Object.is(parseSingle(text), number), text);
  }
});

test("vector, halfvec: an array of numbers is one value, and arrays of them are arrays of values", () => {
  for (const codec of DENSE) {
    const codecs = array(`${codec.name}[]`, codec, 99);
    roundTrip(codecs, [Float32Array.of(1, 2), null, Float32Array.of(3)]);
    roundTrip(codecs, [[1, 2], [3]], [Float32Array.of(1, 2), Float32Array.of(3)]);
    roundTrip(
      codecs,
      [[[1], [2]], [[3], null]],
      [[[1], [2]], [[3], null]].map((row) => row.map((item) => item && Float32Array.from(item))),
    );
    roundTrip(codecs, []);
    assert.equal(sent(codecs, [[1, 2], "[3,4]"]), '{"[1,2]","[3,4]"}');
    assert.match(refused(codecs, [[1], []]), /^it has 0 elements/);
    assert.match(refused(codecs, [1, 2]), /^a number was given where a Float32Array/);
  }
});

test("vector, halfvec: other kinds, other lengths and what is not finite are refused", () => {
  for (const codec of DENSE) {
    for (const value of [1, {}, new Float64Array(1), new Set([1]), undefined]) {
      assert.match(refused(codec, value), /was given where a Float32Array, an array of numbers or a string is needed$/);
    }
    for (const length of [0, 16_001]) {
      assert.equal(
        refused(codec, new Float32Array(length)),
        `it has ${length} elements, a ${codec.name} must have 1 to 16000`,
      );
    }
    for (const element of [NaN, Infinity, -Infinity]) {
      assert.equal(refused(codec, [1, element]), "an element must be finite");
      assert.equal(refused(codec, Float32Array.of(1, element)), "an element must be finite");
    }
    for (const element of [undefined, null, "1", 1n, [1], true]) {
      assert.match(refused(codec, [1, element]), /was given where a number for each element is needed$/);
    }
  }
  assert.equal(refused(vector, [3.5e38]), "an element is out of vector's range");
});

test("vector, halfvec: bodies that are inconsistent are refused", () => {
  for (
    const [codec, digits, message] of [
      [vector, "", "it is shorter than a vector's header"],
      [vector, "0001", "it is shorter than a vector's header"],
      [halfvec, "000100", "it is shorter than a halfvec's header"],
      [vector, "0000 0000", "it has no dimensions"],
      [vector, "0001 0001 3f800000", "the reserved part of its header is not zero"],
      [vector, "ffff 0000 3f800000", "it has 4 bytes of elements instead of 262140"],
      [vector, "0001 0000 7fc00000", "an element must be finite"],
      [vector, "0001 0000 ff800000", "an element must be finite"],
      [halfvec, "0001 0000 3c", "it has 1 bytes of elements instead of 2"],
      [halfvec, "0001 0000 7c00", "an element must be finite"],
      [halfvec, "0001 0000 fe00", "an element must be finite"],
    ] as const
  ) {
    assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), message);
  }
});

test("vector, halfvec: text that the server does not print is refused", () => {
  for (const codec of DENSE) {
    for (
      const text of ["", "[", "[]", "1", "(1)", "[1", "[1,]", "[,1]", "[1,,2]", "[ 1]", "[0x1]", "[NaN]", "[Infinity]"]
    ) {
      assert.match(
        refusal(BadValue, () => codec.parse(text)),
        /^(it is not the text of a vector|an element is not a number)$/,
      );
    }
    assert.equal(refusal(BadValue, () => codec.parse("[1,1e+39]")), "an element must be finite");
  }
});

test("sparsevec: dimensions, indices from 1 and values from both formats", () => {
  const value = { dimensions: 5, indices: [1, 3], values: [1.5, 2] };
  assert.deepEqual(readBoth(sparsevec, hex(SPARSE), "{1:1.5,3:2}/5"), value);
  assert.equal(encodeHex(sparsevec, value), SPARSE.replaceAll(" ", ""));
  assert.equal(sparsevec.text(value), "{1:1.5,3:2}/5");
  assert.deepEqual(readBoth(sparsevec, hex("00000001 00000000 00000000"), "{}/1"), {
    dimensions: 1,
    indices: [],
    values: [],
  });
});

test("sparsevec: values come back, rounded to single precision and without zeros", () => {
  const most = 1_000_000_000;
  roundTrip(sparsevec, { dimensions: most, indices: [1, most], values: [-2.5, 2 ** -149] });
  roundTrip(
    sparsevec,
    { dimensions: 9, indices: [1, 2, 3, 4, 9], values: [0, 0.1, -0, 1e-60, 1] },
    { dimensions: 9, indices: [2, 9], values: [Math.fround(0.1), 1] },
  );
  const single = { dimensions: 3, indices: [2], values: [7.038530691851209e-26] };
  assert.deepEqual(sparsevec.parse("{2:7.038531e-26}/3"), single);
  roundTrip(array("sparsevec[]", sparsevec, 99), [single, null]);
  assert.equal(sent(sparsevec, "{1:1}/2"), "{1:1}/2");
});

test("sparsevec: other kinds, and parts that do not fit each other, are refused", () => {
  const given = (change: object): string =>
    refused(sparsevec, { dimensions: 5, indices: [1, 3], values: [1, 2], ...change });
  const kinds = [[1, 2], Float32Array.of(1), 1, {}, { dimensions: 1, indices: [] }, { dimensions: 1, values: [] }];
  for (const value of [...kinds, { indices: [], values: [] }, { dimensions: 1, indices: 1, values: 1 }, undefined]) {
    assert.match(
      refused(sparsevec, value),
      /was given where a SparseVector \{ dimensions, indices, values \} or a string/,
    );
  }
  for (const dimensions of [0, -1, 1.5, 1_000_000_001, NaN, "5"]) {
    assert.equal(given({ dimensions }), "a sparsevec must have 1 to 1000000000 dimensions");
  }
  for (const indices of [[1], [1, 2, 3], []]) {
    assert.equal(given({ indices }), "there must be as many indices as values");
  }
  for (const indices of [[0, 1], [1, 6], [1, 1.5], [1, NaN], [1, "3"], [undefined, 2]]) {
    assert.equal(given({ indices }), "an index must be an integer from 1 to the number of dimensions");
  }
  for (const indices of [[3, 1], [2, 2]]) assert.equal(given({ indices }), "the indices must ascend");
  assert.equal(given({ indices: [3, 1], values: [0, 1] }), "the indices must ascend");
  for (const values of [[1, NaN], [Infinity, 1]]) assert.equal(given({ values }), "an element must be finite");
  assert.equal(given({ values: [1, 3.5e38] }), "an element is out of sparsevec's range");
  assert.match(given({ values: [1, "2"] }), /^a string was given where a number for each element/);

  const many = Array.from({ length: 16_001 }, (_, i) => i + 1);
  const full = { dimensions: 20_000, indices: many, values: many };
  assert.equal(refused(sparsevec, full), "a sparsevec must have at most 16000 elements that are not zero");
  assert.ok(encode(sparsevec, { ...full, values: many.with(0, 0) }));
});

test("sparsevec: bodies and texts that are inconsistent are refused", () => {
  const header = "00000005 00000001 00000000";
  for (
    const [digits, message] of [
      ["00000005 00000000 000000", "it is shorter than a sparsevec's header"],
      ["00000005 00000000 00000001", "the reserved part of its header is not zero"],
      ["00000000 00000000 00000000", "a sparsevec must have 1 to 1000000000 dimensions"],
      ["ffffffff 00000000 00000000", "a sparsevec must have 1 to 1000000000 dimensions"],
      ["00000005 7fffffff 00000000", "it has 0 bytes of elements instead of 17179869176"],
      ["00000005 ffffffff 00000000", "it has 0 bytes of elements instead of -8"],
      [`${header} 00000005 3f800000`, "an index must be an integer from 1 to the number of dimensions"],
      [`${header} ffffffff 3f800000`, "an index must be an integer from 1 to the number of dimensions"],
      [`${header} 00000000 80000000`, "an element must not be zero"],
      [`${header} 00000000 7f800000`, "an element must be finite"],
      ["00000005 00000002 00000000 00000001 00000001 3f800000 3f800000", "the indices must ascend"],
    ] as const
  ) {
    assert.equal(refusal(BadValue, () => decodeHex(sparsevec, digits)), message);
  }
  for (
    const text of [
      "",
      "{}",
      "{}/",
      "{}/0",
      "{1:1}/01",
      "{1}/5",
      "{12}/50",
      "{:1}/5",
      "{01:1}/5",
      "{1:1,}/5",
      "{1: 1}/5",
      "{}/5 ",
    ]
  ) {
    assert.match(
      refusal(BadValue, () => sparsevec.parse(text)),
      /^(it is not the text of a|an element is not a number)/,
    );
  }
  for (const text of ["{6:1}/5", "{2:1,1:1}/5", "{1:0}/5", "{1:1e+39}/5", "{}/1000000001"]) {
    refusal(BadValue, () => sparsevec.parse(text));
  }
});

test("vectors: a body cut short, longer, or with any other byte gives a complaint or a value", () => {
  const random = new Random(13);
  for (const [codec, digits] of [[vector, VECTOR], [halfvec, HALVES], [sparsevec, SPARSE]] as const) {
    const body = hex(digits);
    for (let length = 0; length < body.length; length++) refusal(BadValue, () => decode(codec, body.slice(0, length)));
    for (const more of [1, 2, 4, 8]) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more))));
    }
    for (let i = 0; i < 2000; i++) attempt(codec, body.with(random.below(body.length), random.below(256)));
  }
});

/** The 16-bit words behind the header of a halfvec's body. */
function wordsOf(body: Uint8Array): number[] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  return Array.from({ length: (body.length - 4) / 2 }, (_, i) => view.getUint16(4 + 2 * i));
}

/** Decodes what may be wrong: a value that can be sent, or a complaint, and nothing else. */
function attempt(codec: Codec, body: Uint8Array): void {
  let value: unknown;
  try {
    value = decode(codec, body);
  } catch (error) {
    return assert.ok(error instanceof BadValue, `${codec.name} of ${[...body]}: ${error}`);
  }
  assert.deepEqual(encode(codec, value as Float32Array | SparseVector), body);
}
