import assert from "node:assert/strict";
import { excerptOf } from "../../src/excerpt.ts";
import { columnsOf, cutToColumns } from "../../src/text_width.ts";
import { test } from "../support/suite/test.ts";

/** The place is marked by the first `^` of the text, which is left out. */
function excerpt(marked: string): string | undefined {
  const [before = "", ...rest] = marked.split("^");
  return excerptOf(before + rest.join("^"), Array.from(before).length + 1);
}

test("excerpt: the caret is below the place, whichever the line", () => {
  assert.equal(excerpt("select ^bad"), "LINE 1: select bad\n               ^");
  assert.equal(excerpt("^selec 1"), "LINE 1: selec 1\n        ^");
  assert.equal(excerpt("select 1,\n  ^bad\nfrom t"), "LINE 2:   bad\n          ^");
  assert.equal(excerpt("select\r\n1,\r\n^bad\r\nfrom t"), "LINE 3: bad\n        ^");
  assert.equal(excerpt("a\rb\r^c"), "LINE 3: c\n        ^");
  assert.equal(excerpt(`${"\n".repeat(9)}^x`), "LINE 10: x\n         ^");
});

test("excerpt: at the end of the text the caret is behind it", () => {
  assert.equal(excerpt("select (^"), "LINE 1: select (\n                ^");
  assert.equal(excerpt("select\n^"), "LINE 2:\n        ^");
  assert.equal(excerptOf("abc", 5), undefined);
  assert.equal(excerptOf("abc", 0), undefined);
  assert.equal(excerptOf("", 2), undefined);
});

test("excerpt: characters count once, wide ones take two columns, marks none, tabs one", () => {
  assert.equal(excerpt("select '🎉', ^bad"), "LINE 1: select '🎉', bad\n                     ^");
  assert.equal(excerpt("select '日本', ^bad"), "LINE 1: select '日本', bad\n                       ^");
  assert.equal(excerpt("select 'e\u0301', ^bad"), "LINE 1: select 'e\u0301', bad\n                    ^");
  assert.equal(excerpt("\tselect\t^bad"), "LINE 1:  select bad\n                ^");
});

test("excerpt: control characters are escaped", () => {
  assert.equal(excerpt("select '\x1b[2J', ^bad"), "LINE 1: select '\\x1b[2J', bad\n                          ^");
});

test("excerpt: of long lines it has what is around the place", () => {
  const text = excerpt(`select ${"a, ".repeat(100)}^bad${", b".repeat(100)}`)!;
  const [line, caret] = text.split("\n");
  assert.match(line!, /^LINE 1: …[a, ]+bad[b, ]+…$/);
  assert.ok(line!.length < 100);
  assert.equal(line!.slice(caret!.indexOf("^")).slice(0, 3), "bad");
  assert.equal(excerpt(`select '${"x".repeat(1_000_000)}' ^bad`)!.split("\n")[0]!.slice(-5), "' bad");
});

test("columns of a terminal", () => {
  const widths: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["é", 1],
    ["e\u0301", 1],
    ["日本語", 6],
    ["ｱ", 1],
    ["Ａ", 2],
    ["한", 2],
    ["👩‍👩‍👧", 2],
    ["🇩🇪", 2],
    ["a\u200bb", 2],
  ];
  for (const [text, columns] of widths) assert.equal(columnsOf(text), columns, JSON.stringify(text));
  assert.equal(cutToColumns("abc", 3), "abc");
  assert.equal(cutToColumns("abcd", 3), "ab…");
  assert.equal(cutToColumns("日本語", 4), "日…");
});
