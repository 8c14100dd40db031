import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { Settings } from "../../src/options/settings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

function settings(text: string): Settings {
  return settingsOf(new Opts(text));
}

test("keyword/value: pairs with any white space around", () => {
  const expected = { hosts: ["/run/pg"], db: "test", user: "ada" };
  for (
    const text of [
      "host=/run/pg dbname=test user=ada",
      "  host=/run/pg   dbname=test\tuser=ada\n",
      "host = /run/pg dbname\t=\ntest user= ada",
      "host='/run/pg' dbname = 'test' user=ada",
    ]
  ) {
    assert.deepEqual(settings(text), expected);
  }
});

test("keyword/value: quotes and escapes", () => {
  const cases: readonly (readonly [text: string, password: string])[] = [
    ["password=plain", "plain"],
    ["password='two words'", "two words"],
    ["password='it\\'s'", "it's"],
    ["password=it\\'s", "it's"],
    ["password=it's", "it's"],
    ["password='a\\\\b'", "a\\b"],
    ["password=a\\\\b", "a\\b"],
    ["password=two\\ words", "two words"],
    ["password='a=b host=c'", "a=b host=c"],
    ["password=a=b", "a=b"],
    ["password='\\a'", "a"],
    ["password='line\nbreak'", "line\nbreak"],
    ["password='ends with \\\\'", "ends with \\"],
    ["password=%41", "%41"],
    ["password='pg://x@y'", "pg://x@y"],
  ];
  for (const [text, password] of cases) {
    assert.deepEqual(settings(text), { password });
    assert.deepEqual(settings(`${text} user=ada`), { password, user: "ada" });
  }
});

test("keyword/value: empty values set nothing", () => {
  assert.deepEqual(settings("host='' port= "), {});
  assert.deepEqual(settings("host='' user=ada"), { user: "ada" });
  assert.deepEqual(settings("sslrootcert='' user=ada"), { user: "ada" });
});

test("keyword/value: of equal keys the last counts, and server settings add up", () => {
  assert.deepEqual(settings("user=a user=b"), { user: "b" });
  assert.deepEqual(settings("geqo=on work_mem=1MB geqo=off"), { param: { geqo: "off", work_mem: "1MB" } });
});

test("keyword/value: lists of hosts and ports", () => {
  assert.deepEqual(settings("host=a,b port=1,2"), { hosts: ["a", "b"], ports: [1, 2] });
});

test("keyword/value: malformed strings are refused", () => {
  for (
    const text of [
      "host=a b",
      "host=a b c=d",
      "host='a",
      "host='a'b",
      "host='a' 'b'",
      "host=a\\",
      "host=a =b",
      "host=a 1b=c",
      "host=a a-b=c",
      "host='a\\'",
    ]
  ) {
    assert.match(
      refusal(UsageError, () => new Opts(text)),
      /^Cannot read the connection string: it must be keyword=value/,
    );
  }
});

test("keyword/value: the same options as a URL", () => {
  assert.equal(
    new Opts("host=db.example.com port=5433 user=ada password='s e' dbname='my db' sslmode=require search_path=app")
      .toString(),
    new Opts("pg://ada:s%20e@db.example.com:5433/my%20db?sslmode=require&search_path=app").toString(),
  );
});
