import assert from "node:assert/strict";
import { saslprep } from "../../src/auth/saslprep.ts";
import {
  LEFT_TO_RIGHT,
  MAPPED_TO_NOTHING,
  NON_ASCII_SPACE,
  PROHIBITED,
  type Ranges,
  RIGHT_TO_LEFT,
  UNASSIGNED,
} from "../../src/auth/stringprep.ts";
import { test } from "../support/suite/test.ts";

test("saslprep: the examples of RFC 4013", () => {
  assert.equal(saslprep("I\u00adX"), "IX");
  assert.equal(saslprep("user"), "user");
  assert.equal(saslprep("USER"), "USER");
  assert.equal(saslprep("\u00aa"), "a");
  assert.equal(saslprep("\u2168"), "IX");
});

test("saslprep: what RFC 4013 prohibits is used as it is", () => {
  for (const password of ["\u0007", "\u0627\u0031", "a\u00adb\u0007", "é\u007f", "\u2168\ue000", "\u2168\ufffd"]) {
    assert.equal(saslprep(password), password, JSON.stringify(password));
  }
});

test("saslprep: ASCII never changes", () => {
  const all = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join("");
  for (const password of ["", " ", " ~", "p ssw,rd=", all]) assert.equal(saslprep(password), password);
});

test("saslprep: spaces become plain ones", () => {
  assert.equal(saslprep("a\u00a0b\u3000c\u2009d"), "a b c d");
  // In both tables of RFC 3454; to the server it is a space.
  assert.equal(saslprep("a\u200bb"), "a b");
});

test("saslprep: what is commonly mapped to nothing disappears", () => {
  assert.equal(saslprep("a\u200d\ufe0f\u2060b\ufeff"), "ab");
});

test("saslprep: composed and decomposed characters are the same", () => {
  assert.equal(saslprep("e\u0301"), "\u00e9");
  assert.equal(saslprep("\u00e9"), "\u00e9");
  assert.equal(saslprep("\uff21\uff42"), "Ab");
});

test("saslprep: a password of which nothing is left is used as it is", () => {
  assert.equal(saslprep("\u00ad"), "\u00ad");
});

test("saslprep: right-to-left text begins and ends with it, and has no left-to-right", () => {
  // A presentation form, so that a change shows.
  const aleph = "\ufe8d";
  assert.equal(saslprep(aleph), "\u0627");
  assert.equal(saslprep(`${aleph}1${aleph}`), "\u06271\u0627");
  for (const password of [`${aleph}1`, `1${aleph}`, `${aleph}a${aleph}`]) assert.equal(saslprep(password), password);
});

test("saslprep: code points that Unicode 3.2 does not assign are not prepared", () => {
  // U+0221 came with Unicode 4; the soft hyphen would disappear otherwise.
  for (const point of ["\u0221", "\u{1f600}", "\u{1f130}\u0221"]) {
    assert.equal(saslprep(`x\u00ad${point}`), `x\u00ad${point}`);
  }
});

test("saslprep: characters outside the basic plane are one code point", () => {
  // MATHEMATICAL BOLD CAPITAL A, in Unicode since 3.1.
  assert.equal(saslprep("\u{1d400}"), "A");
  assert.equal(saslprep("\u{20000}\u00ad"), "\u{20000}");
});

test("saslprep: lone surrogates are left alone", () => {
  assert.equal(saslprep("a\ud800"), "a\ud800");
  assert.equal(saslprep("a\u00ad\udc00"), "a\u00ad\udc00");
});

test("stringprep: ranges are sorted, apart, and within Unicode", () => {
  for (const ranges of [UNASSIGNED, MAPPED_TO_NOTHING, NON_ASCII_SPACE, PROHIBITED, RIGHT_TO_LEFT, LEFT_TO_RIGHT]) {
    const table = ranges();
    assert.equal(table.length % 2, 0);
    let previous = -2;
    for (let i = 0; i < table.length; i += 2) {
      const [first, last] = [table[i]!, table[i + 1]!];
      // Neighbours would be one range.
      assert.ok(first > previous + 1 && last >= first);
      previous = last;
    }
    assert.ok(previous <= 0x10_ffff);
  }
});

test("stringprep: the tables have the sizes that RFC 3454 gives them", () => {
  const size = (ranges: Ranges): number => {
    const table = ranges();
    let count = 0;
    for (let i = 0; i < table.length; i += 2) count += table[i + 1]! - table[i]! + 1;
    return count;
  };
  assert.equal(size(MAPPED_TO_NOTHING), 27);
  assert.equal(size(NON_ASCII_SPACE), 17);
  // All private use areas, surrogates and noncharacters are in it.
  assert.ok(size(PROHIBITED) > 6400 + 2 * 65_534 + 2048 + 66);
});

test("saslprep: what is allowed is decided before normalization, as the server does it", () => {
  for (const password of ["x\u32ff", "a\u0340", "\u2095"]) assert.equal(saslprep(password), password);
});
