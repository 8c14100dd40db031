import assert from "node:assert/strict";
import { BadValue, type Codec } from "../../src/codecs/codec.ts";
import { Outbox } from "../../src/wire/outbox.ts";
import { codec, encodeHex } from "../support/values/codecs.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const int4s = codec("int4[]");
const texts = codec("text[]");

test("array text: elements as the server writes them", () => {
  const cases: readonly (readonly [text: string, values: unknown[]])[] = [
    ["{}", []],
    ["{a}", ["a"]],
    ["{a,b c}", ["a", "b c"]],
    ['{"",NULL,"NULL"}', ["", null, "NULL"]],
    ['{"a,b","c}d","{e"}', ["a,b", "c}d", "{e"]],
    ['{"\\"","\\\\","a\\\\\\"b"}', ['"', "\\", 'a\\"b']],
    ['{"\n","\\n"}', ["\n", "n"]],
    ["{{a,b},{c,NULL}}", [["a", "b"], ["c", null]]],
    ['{{{"x"}}}', [[["x"]]]],
    ["{null}", ["null"]],
    ["{🎉,é}", ["🎉", "é"]],
  ];
  for (const [text, values] of cases) assert.deepEqual(texts.parse(text), values);
});

test("array text: elements are read as their type", () => {
  assert.deepEqual(int4s.parse("{1,-2,NULL}"), [1, -2, null]);
  assert.deepEqual(codec("int8[]").parse("{9223372036854775807}"), [2n ** 63n - 1n]);
  assert.deepEqual(codec("bool[]").parse("{t,f}"), [true, false]);
  assert.deepEqual(codec("bytea[]").parse('{"\\\\x00ff"}'), [Uint8Array.of(0, 255)]);
  assert.deepEqual(codec("jsonb[]").parse('{"{\\"a\\": [1, 2]}",NULL,null,"null"}'), [{ a: [1, 2] }, null, null, null]);
  assert.deepEqual(codec("point[]").parse('{"(1,2)","(3,4)"}'), [{ x: 1, y: 2 }, { x: 3, y: 4 }]);
  assert.match(refusal(BadValue, () => int4s.parse("{1,x}")), /not a number/);
});

test("array text: lower bounds are dropped", () => {
  assert.deepEqual(int4s.parse("[2:3]={1,2}"), [1, 2]);
  assert.deepEqual(int4s.parse("[0:1][-2:-1]={{1,2},{3,4}}"), [[1, 2], [3, 4]]);
  assert.deepEqual(texts.parse("[5:5]={a=b}"), ["a=b"]);
});

test("array text: where it must be sent in binary, bounds stay, and elements are written by their own text", () => {
  const sent = (codec: Codec, text: string): string => {
    const out = new Outbox();
    codec.encodeParts!(out, text);
    return Array.from(out.pending(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  for (const text of ["{1,-2,NULL}", "{ 1 ,\t-2, null }", "[1:3]={1,-2,NULL}"]) {
    assert.equal(sent(int4s, text), encodeHex(int4s, [1, -2, null]));
  }
  assert.equal(
    sent(int4s, "[2:3][-1:-1]={{1},{2}}"),
    encodeHex(int4s, [[1], [2]])!.replace("00000002000000010000000100000001", "000000020000000200000001ffffffff"),
  );
  assert.equal(sent(texts, '{"null"," a ","\\\\"}'), encodeHex(texts, ["null", " a ", "\\"]));
  assert.equal(sent(codec("jsonb[]"), '{"null","1.0",NULL}'), encodeHex(codec("jsonb[]"), ["null", "1.0", null]));
  for (const text of ["[1:2]={1}", "[1:1]={{1}}", "[1]={1}", "[a:b]={1}", "[0:-1]={}", "[2147483648:2147483648]={1}"]) {
    refusal(BadValue, () => sent(int4s, text));
  }
  for (const text of ["{a\\b}", '{a"b"}', "{a{b}", "{a,}", "{ , a}"]) refusal(BadValue, () => sent(texts, text));
});

test("array text: six dimensions are read, seven are refused", () => {
  assert.deepEqual(int4s.parse("{{{{{{1}}}}}}"), [[[[[[1]]]]]]);
  refusal(BadValue, () => int4s.parse("{{{{{{{1}}}}}}}"));
  refusal(BadValue, () => int4s.parse("{".repeat(1_000_000)));
});

test("array text: malformed text is refused, and the message has a place and no content", () => {
  for (
    const text of [
      "",
      "secret",
      "{",
      "}",
      "{}}",
      "{} ",
      " {}",
      "{secret",
      "{secret,",
      "{secret,}",
      "{,secret}",
      "{,}",
      "{secret}}",
      "{secret}{secret}",
      '{"secret',
      '{"secret}',
      '{"secret\\',
      '{"secret"x}',
      '{"secret" ,b}',
      "{{secret}",
      "{{secret},",
      "{{secret}secret}",
      "[1:2]",
      "[1:2]=",
      "[1:2]=secret",
      "[secret",
    ]
  ) {
    assert.match(refusal(BadValue, () => texts.parse(text)), /^it is not the text of an array \(at character \d+\)$/);
  }
});

test("array text: random text is an array or is refused", () => {
  const random = new Random(6);
  const pieces = ["{", "}", "{", "}", ",", '"', "\\", "NULL", "1", "a", "[", "=", ":", " ", ""];
  let arrays = 0;
  for (let i = 0; i < 5000; i++) {
    const text = Array.from({ length: random.below(14) }, () => random.pick(pieces)).join("");
    try {
      assert.ok(Array.isArray(texts.parse(`{${text}}`)));
      arrays += 1;
    } catch (error) {
      assert.ok(error instanceof BadValue, `${text}: ${error}`);
    }
  }
  assert.ok(arrays > 100 && arrays < 4000, `${arrays} of the texts are arrays`);
});
