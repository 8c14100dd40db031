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

test("keyword/value: empty values are values", () => {
  assert.deepEqual(settings("host='' port= "), { hosts: [""], ports: [undefined] });
  assert.deepEqual(settings("user='' password='' dbname=''"), { user: "", password: "", db: "" });
  assert.deepEqual(settings("application_name='' user=ada"), { applicationName: "", user: "ada" });
  assert.match(refusal(UsageError, () => new Opts("sslmode='' user=ada")), /^Cannot set sslmode to ""/);
});

test("keyword/value: a forgotten value does not make the next pair a value", () => {
  for (const text of ["user= password=x", "host=h password=\n dbname=d", "user=\tpassword=x host=h"]) {
    const message = refusal(UsageError, () => new Opts(text));
    assert.match(
      message,
      /^Cannot read the connection string: (user|password) has no value; an empty value must be ''/,
    );
    assert.doesNotMatch(message, /password=x|dbname/);
  }
  assert.deepEqual(settings("password= a=b"), { password: "a=b" });
  assert.deepEqual(settings("password=user=b"), { password: "user=b" });
  assert.deepEqual(settings("password= 'user=b'"), { password: "user=b" });
});

test("keyword/value: only ASCII blanks separate pairs", () => {
  for (const blank of [" ", "\t", "\n", "\v", "\f", "\r"]) {
    assert.deepEqual(settings(`${blank}user${blank}=${blank}a${blank}password=b${blank}`), {
      user: "a",
      password: "b",
    });
  }
  for (const char of ["\u00a0", "\u3000", "\u2028", "\ufeff"]) {
    assert.deepEqual(settings(`user=a${char}password=b`), { user: `a${char}password=b` });
    assert.deepEqual(settings(`user=${char}a password=b`), { user: `${char}a`, password: "b" });
    refusal(UsageError, () => new Opts(`${char}user=a`));
    refusal(UsageError, () => new Opts(`user${char}=a`));
  }
});

test("keyword/value: a value in quotes ends with the quote, as in libpq", () => {
  assert.deepEqual(settings("host='a'user='b'password=c"), { hosts: ["a"], user: "b", password: "c" });
  assert.deepEqual(settings("password=a'b'c"), { password: "a'b'c" });
  assert.deepEqual(settings("password=a\\"), { password: "a" });
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
      "=x",
      "host=a b",
      "host='a' 'b'",
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
