import assert from "node:assert/strict";
import { array } from "../../src/codecs/array.ts";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { box, circle, line, lseg, path, point, polygon } from "../../src/codecs/geometry.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import {
  decode,
  decodeHex,
  encode,
  encodeHex,
  hex,
  oidOf,
  readBoth,
  refused,
  roundTrip,
  sent,
} from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const ONE = "3ff0000000000000";
const TWO = "4000000000000000";
const THREE = "4008000000000000";
const FOUR = "4010000000000000";

/** A value of each type as the server sends and prints it. */
const SAMPLES: readonly (readonly [codec: Codec, digits: string, text: string, value: unknown])[] = [
  [point, ONE + TWO, "(1,2)", { x: 1, y: 2 }],
  [line, ONE + TWO + THREE, "{1,2,3}", { a: 1, b: 2, c: 3 }],
  [lseg, ONE + TWO + THREE + FOUR, "[(1,2),(3,4)]", { start: { x: 1, y: 2 }, end: { x: 3, y: 4 } }],
  [box, THREE + FOUR + ONE + TWO, "(3,4),(1,2)", { high: { x: 3, y: 4 }, low: { x: 1, y: 2 } }],
  [path, "0000000001" + ONE + TWO, "[(1,2)]", { closed: false, points: [{ x: 1, y: 2 }] }],
  [path, "0100000001" + ONE + TWO, "((1,2))", { closed: true, points: [{ x: 1, y: 2 }] }],
  [path, "0000000002" + ONE + TWO + THREE + FOUR, "[(1,2),(3,4)]", {
    closed: false,
    points: [{ x: 1, y: 2 }, { x: 3, y: 4 }],
  }],
  [polygon, "00000001" + ONE + TWO, "((1,2))", { points: [{ x: 1, y: 2 }] }],
  [polygon, "00000002" + ONE + TWO + THREE + FOUR, "((1,2),(3,4))", { points: [{ x: 1, y: 2 }, { x: 3, y: 4 }] }],
  [circle, ONE + TWO + THREE, "<(1,2),3>", { center: { x: 1, y: 2 }, radius: 3 }],
];

/** Numbers as the server prints them, and those that are special. */
const NUMBERS: readonly (readonly [text: string, value: number])[] = [
  ["0", 0],
  ["-0", -0],
  ["NaN", NaN],
  ["Infinity", Infinity],
  ["-Infinity", -Infinity],
  ["0.1", 0.1],
  ["-1.5", -1.5],
  ["1e+300", 1e300],
  ["1.5e-07", 1.5e-7],
  ["5e-324", 5e-324],
  ["-1.7976931348623157e+308", -Number.MAX_VALUE],
];

test("geometry: every type in both formats, both ways", () => {
  for (const [codec, digits, text, value] of SAMPLES) {
    assert.deepEqual(readBoth(codec, hex(digits), text), value);
    assert.equal(encodeHex(codec, value), digits);
    assert.equal(codec.text(value), text);
  }
});

test("geometry: a negative zero, NaN, the infinities and the extremes survive in both formats", () => {
  for (const [text, n] of NUMBERS) {
    const place = { x: n, y: n };
    const p = `(${text},${text})`;
    assert.deepEqual(point.parse(p), place);
    assert.deepEqual(line.parse(`{${text},${text},${text}}`), { a: n, b: n, c: n });
    assert.deepEqual(lseg.parse(`[${p},${p}]`), { start: place, end: place });
    assert.deepEqual(box.parse(`${p},${p}`), { high: place, low: place });
    assert.deepEqual(path.parse(`(${p},${p})`), { closed: true, points: [place, place] });
    assert.deepEqual(polygon.parse(`(${p},${p})`), { points: [place, place] });
    assert.deepEqual(circle.parse(`<${p},${text}>`), { center: place, radius: n });
    roundTrip(point, place);
    roundTrip(line, { a: n, b: n, c: n });
    roundTrip(lseg, { start: place, end: place });
    roundTrip(box, { high: place, low: place });
    roundTrip(path, { closed: false, points: [place, place, place] });
    roundTrip(polygon, { points: [place, place, place] });
    roundTrip(circle, { center: place, radius: Math.abs(n) });
  }
});

test("geometry: random bit patterns come back", () => {
  const random = new Random(600);
  for (let i = 0; i < 300; i++) {
    const view = new DataView(random.bytes(16).buffer);
    const place = { x: view.getFloat64(0), y: view.getFloat64(8) };
    roundTrip(point, place);
    roundTrip(polygon, { points: Array(1 + random.below(9)).fill(place) });
  }
});

test("geometry: the corners of a box are sent as they are given", () => {
  roundTrip(box, { high: { x: 1, y: 4 }, low: { x: 3, y: 2 } });
});

test("geometry: what the value has besides is not looked at", () => {
  class Place {
    readonly x = 1;
    get y(): number {
      return 2;
    }
  }
  assert.equal(encodeHex(point, new Place()), ONE + TWO);
  assert.equal(encodeHex(point, { x: 1, y: 2, z: 3 }), ONE + TWO);
});

test("circle: a negative radius, which the server computes but does not take, is read and not sent", () => {
  const value = { center: { x: 1, y: 2 }, radius: -3 };
  assert.deepEqual(readBoth(circle, hex(`${ONE}${TWO}c008000000000000`), "<(1,2),-3>"), value);
  assert.equal(refused(circle, value), "the radius is negative");
  assert.equal(refused(circle, { ...value, radius: -Infinity }), "the radius is negative");
  roundTrip(circle, { ...value, radius: -0 });
});

test("geometry: members that are missing or of another kind are refused by name", () => {
  const place = { x: 1, y: 2 };
  const cases: readonly (readonly [codec: Codec, value: unknown, complaint: string])[] = [
    [point, 1, "a number was given where a point ({ x, y }) is needed"],
    [point, [1, 2], "an array was given where a point ({ x, y }) is needed"],
    [point, undefined, "undefined was given where a point ({ x, y }) is needed"],
    [point, {}, "undefined was given where a number for x is needed"],
    [point, { x: 1 }, "undefined was given where a number for y is needed"],
    [point, { x: 1, y: "2" }, "a string was given where a number for y is needed"],
    [point, { x: 1n, y: 2 }, "a bigint was given where a number for x is needed"],
    [point, { x: null, y: 2 }, "null was given where a number for x is needed"],
    [line, place, "undefined was given where a number for a is needed"],
    [line, { a: 1, b: 2 }, "undefined was given where a number for c is needed"],
    [line, true, "a boolean was given where a line ({ a, b, c }) is needed"],
    [lseg, [place, place], "an array was given where a line segment ({ start, end }) is needed"],
    [lseg, { start: place }, "undefined was given where a point ({ x, y }) for end is needed"],
    [lseg, { start: "(1,2)", end: place }, "a string was given where a point ({ x, y }) for start is needed"],
    [box, 1n, "a bigint was given where a box ({ high, low }) is needed"],
    [box, { high: place, low: null }, "null was given where a point ({ x, y }) for low is needed"],
    [box, { high: [1, 2], low: place }, "an array was given where a point ({ x, y }) for high is needed"],
    [path, [place], "an array was given where a path ({ closed, points }) is needed"],
    [path, { points: [place] }, "undefined was given where a boolean for closed is needed"],
    [path, { closed: true }, "undefined was given where an array of points is needed"],
    [path, { closed: true, points: [] }, "there must be at least one point"],
    [path, { closed: true, points: [place, 1] }, "a number was given where a point ({ x, y }) is needed"],
    [polygon, [place], "an array was given where a polygon ({ points }) is needed"],
    [polygon, { points: [] }, "there must be at least one point"],
    [polygon, { points: [place, , place] }, "undefined was given where a point ({ x, y }) is needed"],
    [polygon, { points: new Set([place]) }, "a Set was given where an array of points is needed"],
    [circle, () => 1, "a function was given where a circle ({ center, radius }) is needed"],
    [circle, { radius: 1 }, "undefined was given where a point ({ x, y }) for center is needed"],
    [circle, { center: place }, "undefined was given where a number for radius is needed"],
  ];
  for (const [codec, value, complaint] of cases) assert.equal(refused(codec, value), complaint);
});

test("geometry: all of a value is checked before any of it is written", () => {
  const place = { x: 1, y: 2 };
  const cases: readonly (readonly [codec: Codec, value: unknown])[] = [
    [point, { x: 1 }],
    [line, { a: 1, b: 2 }],
    [lseg, { start: place, end: {} }],
    [box, { high: place, low: {} }],
    [path, { closed: true, points: [place, place, {}] }],
    [polygon, { points: [place, place, {}] }],
    [circle, { center: place, radius: "1" }],
  ];
  for (const [codec, value] of cases) {
    const out = new Outbox();
    refusal(BadValue, () => codec.encode(out, value));
    assert.equal(out.size, 0, codec.name);
  }
});

test("geometry: a body cut short anywhere, or with bytes behind it, is refused", () => {
  for (const [codec, digits] of SAMPLES) {
    const body = hex(digits);
    for (let length = 0; length < body.length; length++) {
      refusal(BadValue, () => decode(codec, body.slice(0, length)));
    }
    for (const more of [1, 7, 8, 16]) {
      refusal(BadValue, () => decode(codec, Uint8Array.of(...body, ...new Uint8Array(more))));
    }
  }
});

test("geometry: false headers of paths and polygons are refused at once", () => {
  const claims: readonly (readonly [codec: Codec, digits: string, complaint: string])[] = [
    [path, "", "it is shorter than a path's header"],
    [path, "00000000", "it is shorter than a path's header"],
    [path, `0200000001${ONE}${TWO}`, "it is neither open nor closed"],
    [path, "0000000000", "it has no points"],
    [path, `0000000000${ONE}${TWO}`, "it has no points"],
    [path, `007fffffff${ONE}${TWO}`, "it has 16 bytes instead of 34359738352"],
    [path, `00ffffffff${ONE}${TWO}`, "it has 16 bytes instead of 68719476720"],
    [polygon, "000000", "it is shorter than a polygon's header"],
    [polygon, "00000000", "it has no points"],
    [polygon, "10000001" + ONE + TWO, "it has 16 bytes instead of 4294967312"],
    [polygon, "80000001" + ONE + TWO, "it has 16 bytes instead of 34359738384"],
    [polygon, "00000002" + ONE + TWO, "it has 16 bytes instead of 32"],
  ];
  for (const [codec, digits, complaint] of claims) {
    assert.equal(refusal(BadValue, () => decodeHex(codec, digits)), complaint);
  }
});

test("geometry: other text is refused, and the message has a place and no content", () => {
  for (const [codec, , text] of SAMPLES) {
    const foreign = [
      "",
      "secret",
      ` ${text}`,
      `${text} `,
      `${text}${text}`,
      text.slice(0, -1),
      text.slice(1),
      text.replace("1", ""),
      text.replace("1", "secret"),
      text.replace("1", "0x1"),
      text.replace("1", "+1"),
      text.replace("1", "1."),
      text.replace("1", "1e5"),
      text.replace("1", "-NaN"),
      text.replace("1", "infinity"),
      text.replace(",", ", "),
      text.replace(",", ",,"),
      text.replaceAll(",", ";"),
    ];
    for (const other of foreign) {
      const complaint = refusal(BadValue, () => codec.parse(other));
      assert.match(complaint, new RegExp(`^it is not the text of ${codec.name} \\(at character \\d+\\)$`), other);
    }
  }
  assert.equal(refusal(BadValue, () => point.parse("(1,x)")), "it is not the text of point (at character 3)");
  for (const text of ["()", "[]", "[(1,2))", "((1,2)]"]) refusal(BadValue, () => path.parse(text));
});

test("geometry: 20000 points come back", () => {
  const points = Array.from({ length: 20_000 }, (_, i) => ({ x: i, y: -i / 2 }));
  assert.deepEqual(decode(polygon, encode(polygon, { points })!), { points });
  assert.deepEqual(polygon.parse(polygon.text({ points })), { points });
});

test("geometry: arrays, of which those of boxes have semicolons", () => {
  const values = { high: { x: 3, y: 4 }, low: { x: 1, y: 2 } };
  const boxes = array("box[]", box, oidOf("box"));
  assert.deepEqual(boxes.parse("{(3,4),(1,2);NULL;(3,4),(1,2)}"), [values, null, values]);
  assert.equal(boxes.text([values, null]), '{"(3,4),(1,2)";NULL}');
  roundTrip(boxes, [[values, null], [values, values]]);
  assert.equal(sent(boxes, ["(1,2),(3,4)", values]), '{"(1,2),(3,4)";"(3,4),(1,2)"}');
  for (const [codec, , , value] of SAMPLES) {
    roundTrip(array(`${codec.name}[]`, codec, oidOf(codec.name)), [[value, null], [value, value]]);
  }
  assert.equal(SAMPLES.filter(([codec]) => codec.delimiter !== undefined).length, 1);
});
