import assert from "node:assert/strict";
import { UsageError } from "../../mod.ts";
import { lineOf, messageBytes, messageOfLine, namedMessage, type Sender } from "../../src/testing/message_text.ts";
import { replay } from "../../src/testing/mod.ts";
import { Comparable, withoutPasswords } from "../../src/testing/recordable.ts";
import { test } from "../support/suite/test.ts";

/** The line of a message, which must give the same bytes. */
function line(sender: Sender, type: string, body: readonly number[]): string {
  const code = type.charCodeAt(0);
  const shown = lineOf(namedMessage(sender, code, new Uint8Array(body)));
  const bytes = messageBytes(sender, messageOfLine(shown));
  assert.deepEqual([...bytes], [code, 0, 0, 0, body.length + 4, ...body]);
  return shown;
}

test("message text: fields as they are in the manual, and the same bytes again", () => {
  const cases: readonly [Sender, string, number[], string][] = [
    ["client", "S", [], "Sync"],
    ["client", "Q", [0x61, 0xc3, 0xa4, 0x0a, 0x22, 0], 'Query ["aä\\n\\""]'],
    ["client", "E", [0, 0, 0, 1, 0], 'Execute ["", 256]'],
    ["client", "D", [0x53, 0x61, 0], 'Describe ["S", "a"]'],
    ["server", "D", [0, 3, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 2, 0, 7], 'DataRow [[null, "", {"hex":"0007"}]]'],
    ["server", "D", [0, 1, 0, 0, 0, 1, 0xff], 'DataRow [[{"hex":"ff"}]]'],
    ["server", "D", [0, 1, 0, 0, 0, 3, 0xef, 0xbb, 0xbf], 'DataRow [["\ufeff"]]'],
    [
      "server",
      "T",
      [0, 1, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 1],
      'RowDescription [[["a", 0, 0, 23, 4, -1, 1]]]',
    ],
    ["server", "E", [0x53, 0x45, 0, 0x4d, 0x78, 0, 0], 'ErrorResponse [["SE", "Mx"]]'],
    // Malformed, or unknown.
    ["server", "Z", [], 'ReadyForQuery [{"raw":""}]'],
    ["server", "Z", [0x49, 0x49], 'ReadyForQuery [{"raw":"4949"}]'],
    ["server", "C", [0xff, 0], 'CommandComplete [{"raw":"ff00"}]'],
    ["server", "D", [0, 9, 0, 0], 'DataRow [{"raw":"00090000"}]'],
    ["server", "V", [1, 2], 'V [{"raw":"0102"}]'],
  ];
  for (const [sender, type, body, expected] of cases) assert.equal(line(sender, type, body), expected);
});

test("recordable: names are numbered in their order", () => {
  const comparable = new Comparable();
  const of = (text: string): string => lineOf(comparable.of(messageOfLine(text)));
  assert.equal(of('Parse ["x9", "select 1", []]'), 'Parse ["s1", "select 1", []]');
  assert.equal(of('Parse ["", "select 1", []]'), 'Parse ["", "select 1", []]');
  assert.equal(of('Bind ["x9", "y", [], [], []]'), 'Bind ["p1", "s2", [], [], []]');
  assert.equal(of('Describe ["S", "y"]'), 'Describe ["S", "s2"]');
  assert.equal(of('Close ["P", "x9"]'), 'Close ["P", "p1"]');
  assert.equal(of('Execute ["z", 3]'), 'Execute ["p2", 3]');
  assert.equal(of('Parse [{"raw":"ff"}]'), 'Parse [{"raw":"ff"}]');
});

test("recordable: passwords in SQL are hidden", () => {
  const cases = [
    ["alter role a password 'x' valid until 'y'", "alter role a password '***' valid until 'y'"],
    [
      "create user a encrypted PASSWORD/* */E'\\'x';select 'z'",
      "create user a encrypted PASSWORD/* */'***';select 'z'",
    ],
    ["alter role a password null", "alter role a password null"],
    ["select 'password', 'x', \"password\" 'y'", "select 'password', 'x', \"password\" 'y'"],
  ] as const;
  for (const [sql, hidden] of cases) assert.equal(withoutPasswords(sql), hidden);
});

test("replay: a text that is no record is refused, with the line", () => {
  const cases: readonly [string, RegExp][] = [
    ["", /its first line must be "pyro conversation 1"/],
    ["pyro conversation 2\n", /its first line must be/],
    ["pyro conversation 1\n> Sync", /line 2 must be/],
    ["pyro conversation 1\n\nconnection 1\n> Sync\nSync", /line 5 must be/],
    ["pyro conversation 1\n\nconnection 1\n< DataRow [", /line 4 must be/],
    ["pyro conversation 1\n\nconnection 1\n< DataRow [[1]]", /line 4 must be/],
  ];
  for (const [text, problem] of cases) {
    assert.throws(() => replay(text), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, problem);
      return true;
    });
  }
});
