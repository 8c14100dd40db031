import assert from "node:assert/strict";
import { inspect } from "node:util";
import { UsageError } from "../../src/errors.ts";
import { Opts } from "../../src/options/opts.ts";
import { toOpts } from "../../src/options/target.ts";
import { Random } from "../support/suite/random.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** What is looked for in everything that can be seen. */
const MARKER = "tr0ub4dor";

/** Everything that shows options: as text, as JSON, and as the runtimes print objects. */
function shownForms(value: unknown): string[] {
  const forms = [
    String(value),
    JSON.stringify(value),
    `${value}`,
    inspect(value),
    inspect(value, { showHidden: true }),
  ];
  forms.push(inspect({ nested: [value] }, { depth: 9, showHidden: true, getters: true, customInspect: false }));
  const { Deno, Bun } = globalThis as unknown as Record<
    "Deno" | "Bun",
    { inspect(value: unknown): string } | undefined
  >;
  for (const runtime of [Deno, Bun]) {
    if (runtime !== undefined) forms.push(runtime.inspect(value), runtime.inspect({ nested: [value] }));
  }
  return forms;
}

function expectHidden(text: string, where: string): void {
  assert.ok(!decodeURIComponent(text.replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25")).includes(MARKER), `${where}: ${text}`);
}

test("secrets: options with a password show ***, however they are printed", () => {
  const all = [
    new Opts(`pg://ada:${MARKER}@db.example.com/library?sslmode=require`),
    new Opts(`host=h user=ada password='${MARKER}'`),
    new Opts(`pg://ada@h?password=${MARKER}`),
    new Opts().user("ada").password(MARKER),
    new Opts().user("ada").password(() => MARKER),
    toOpts({ user: "ada", password: MARKER }),
    toOpts({ user: "ada", password: async () => await Promise.resolve(MARKER) }),
    toOpts(new URL(`pg://ada:${MARKER}@h`)),
    new Opts(`pg://ada:${MARKER}@h`).host("other").db("x").param("a", "b").applicationName("c"),
  ];
  for (const opts of all) {
    for (const form of shownForms(opts)) expectHidden(form, "printed");
    assert.match(opts.toString(), /^pg:\/\/ada:\*\*\*@/);
    assert.equal(opts.toJSON()["password"], "***");
    assert.equal(inspect(opts), `Opts ${opts}`);
    assert.deepEqual(Reflect.ownKeys(opts), []);
  }
});

test("secrets: the length of a password does not show", () => {
  assert.equal(String(new Opts().user("u").password("x")), String(new Opts().user("u").password("x".repeat(99))));
  assert.equal(String(new Opts().password("")), "pg://:***@");
});

test("secrets: setters that refuse a password do not show it", () => {
  for (const password of [`${MARKER}\0`, `${MARKER}\ud800`, [MARKER], { MARKER }]) {
    const message = refusal(UsageError, () => new Opts().password(password as string));
    assert.match(message, /^Cannot set password: /);
    expectHidden(message, "setter");
    expectHidden(refusal(UsageError, () => toOpts({ password: password as string })), "object");
  }
  expectHidden(refusal(UsageError, () => new Opts(`pg://h?password=${MARKER}%00`)), "query");
  expectHidden(refusal(UsageError, () => new Opts(`pg://h?password=${MARKER}%zz`)), "query");
  expectHidden(refusal(UsageError, () => new Opts(`pg://h?sslpassword=${MARKER}%00`)), "query");
  const withPassphrase = new Opts(`pg://h?sslpassword=${MARKER}`);
  for (const shown of [String(withPassphrase), JSON.stringify(withPassphrase)]) expectHidden(shown, "sslpassword");
});

test("secrets: a raw #, / or ? and a second @ in a password are to be percent-encoded", () => {
  for (
    const password of [
      "#x",
      "x#",
      "/x",
      "x/x",
      "?x",
      "x?",
      "@x",
      "x@",
      "@",
      "x@y@z",
      "?a=b",
      "?a=b&c",
      "/?#@",
      "#/",
      "%23#",
    ]
  ) {
    for (const rest of ["host/db", "host:5433/db?sslmode=require", "[::1]/db", "h1,h2"]) {
      const message = refusal(UsageError, () => new Opts(`pg://user:${MARKER}${password}@${rest}`));
      assert.match(message, /percent-encode "\/", "\?", "#", "@" and ":" .*%2F %3F %23 %40 %3A/);
      expectHidden(message, password);
    }
  }
});

test("secrets: a raw #, / or ? and a second @ in a user are to be percent-encoded", () => {
  for (const user of ["a#", "a/b", "a?b", "a@b", "#", "/?"]) {
    const message = refusal(UsageError, () => new Opts(`pg://${user}:${MARKER}@host/db`));
    assert.match(message, /percent-encode/);
    expectHidden(message, user);
  }
});

test("secrets: a raw /, # or @ in a database is to be percent-encoded", () => {
  for (const db of ["a/b", "a@b", "a#b", "/a", "a/"]) {
    assert.match(refusal(UsageError, () => new Opts(`pg://u:${MARKER}@host/${db}`)), /percent-encode/);
  }
});

test("secrets: complaints about mutated URLs never show the password", () => {
  const random = new Random(8080);
  const pieces = [
    "#",
    "/",
    "?",
    "@",
    ":",
    "%",
    "[",
    "]",
    ",",
    "&",
    "=",
    " ",
    "\0",
    "%00",
    "%zz",
    "\n",
    "é",
    "\ud800",
    "'",
    "\\",
  ];
  let refused = 0;
  for (let i = 0; i < 6000; i++) {
    let url = `${random.pick(["pg", "postgres", "pg", "mysql"])}://ada:${MARKER}@${
      random.pick(["h", "h:5432", "[::1]", "a,b:1"])
    }`;
    url += random.pick(["/library", "", "/"]) +
      random.pick(["", "?sslmode=require", "?connect_timeout=5&search_path=a"]);
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      const at = random.below(url.length + 1);
      if (random.below(3) > 0) url = url.slice(0, at) + random.pick(pieces) + url.slice(at);
      // The password itself stays whole, so that it can be recognized.
      else if (!overlaps(url, at)) url = url.slice(0, at) + url.slice(at + 1);
    }
    if (!url.includes(MARKER)) continue;
    try {
      new Opts(url);
    } catch (error) {
      assert.ok(error instanceof UsageError, `${JSON.stringify(url)}: ${error}`);
      expectHidden(error.message, url);
      refused += 1;
    }
  }
  assert.ok(refused > 2000, `${refused} URLs are refused`);
});

test("secrets: pieces in every place of a password never show", () => {
  for (
    const piece of [
      "#",
      "/",
      "?",
      "@",
      ":",
      "%",
      "%2",
      "[",
      "]",
      ",",
      "&",
      "=",
      " ",
      "\n",
      "\ud800",
      "%00",
      "%ff",
      "?&=",
      "@:",
      "#@",
      "://",
      "@/",
      "/@",
    ]
  ) {
    for (const password of [piece + MARKER, MARKER + piece, `x${piece}${MARKER}${piece}y`, piece + piece + MARKER]) {
      for (
        const url of [
          `pg://u:${password}@h/db`,
          `pg://u:${password}@h`,
          `pg://u:${password}`,
          `pg://:${password}@`,
          `u:${password}@h`,
        ]
      ) {
        try {
          new Opts(url);
        } catch (error) {
          assert.ok(error instanceof UsageError, `${url}: ${error}`);
          expectHidden(error.message, url);
        }
      }
    }
  }
});

test("secrets: malformed keyword/value strings are not quoted", () => {
  for (
    const text of [
      `password=${MARKER} x`,
      `password='${MARKER}`,
      `host=h password='x${MARKER}'y`,
      `user= password=${MARKER}`,
      `user=u ${MARKER}`,
      `password=${MARKER}\0`,
    ]
  ) {
    expectHidden(refusal(UsageError, () => new Opts(text)), text);
  }
});

function overlaps(url: string, at: number): boolean {
  const start = url.indexOf(MARKER);
  return at >= start && at < start + MARKER.length;
}
