import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { UsageError } from "../../src/errors.ts";
import type { FileState } from "../../src/options/files.ts";
import { filePasswords, findPassword, type PasswordKey } from "../../src/options/password_file.ts";
import type { Settings } from "../../src/options/settings.ts";
import { environmentOf, type Surroundings } from "../support/scripted/surroundings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const KEY: PasswordKey = { host: "h", port: 5432, db: "d", user: "u" };

/** The password for the key in a process with these files. */
function passwordIn(surroundings: Surroundings, settings: Settings = {}): string | undefined {
  return filePasswords(settings, [KEY], environmentOf({ home: "/home", ...surroundings }))[0]!();
}

test("password file: fields match as they are, escaped, or as *", () => {
  const all = "h:5432:d:u";
  for (const line of [all, "*:5432:d:u", "h:*:d:u", "h:5432:*:u", "h:5432:d:*", "\\h:5\\432:d:u", "*:*:*:*"]) {
    assert.equal(findPassword(`${line}:x`, KEY), "x", line);
  }
  for (const line of ["hh:5432:d:u", ":5432:d:u", "**:*:*:*", "h*:*:*:*", "h:543:d:u", "h:5432:D:u", " h:*:*:*", "h"]) {
    assert.equal(findPassword(`${line}:x`, KEY), undefined, line);
  }
  assert.equal(findPassword("a\\:b:*:c\\\\d:*:x", { ...KEY, host: "a:b", db: "c\\d" }), "x");
});

test("password file: the password ends with the line or a colon, and may be escaped", () => {
  const cases = [["a\\:b", "a:b"], ["a:b", "a"], ["a\\\\b", "a\\b"], ["a\\", "a\\"], [" a ", " a "], ["", ""]];
  for (const [written, password] of cases) {
    for (const end of ["", "\n", "\r\n", "\nh:*:*:*:other"]) {
      assert.equal(findPassword(`h:*:*:*:${written}${end}`, KEY), password);
    }
  }
});

test("password file: a password that is not in UTF-8 is not used, and a warning says so", () => {
  const latin1 = Uint8Array.from(Buffer.from("x:*:*:*:a\nh:*:*:*:caf\xe9\n", "latin1"));
  const utf8 = Buffer.from("h:*:*:*:caf\ufffd");
  const fileOf = (bytes: Uint8Array): FileState => ({
    state: "read",
    text: Buffer.from(bytes).toString("utf8"),
    bytes,
    isPrivate: true,
  });
  const warnings: string[] = [];
  const files = { "/home/.pgpass": fileOf(latin1), "/utf8": fileOf(utf8) };
  assert.equal(passwordIn({ files, warnings }), undefined);
  assert.deepEqual(warnings, ['The password in the password file "/home/.pgpass" is not used: it must be in UTF-8']);
  assert.equal(passwordIn({ files }, { passfile: "/utf8" }), "caf\ufffd");
  // Other lines may be as they are.
  const [other] = filePasswords({}, [{ ...KEY, host: "x" }], environmentOf({ home: "/home", files }));
  assert.equal(other!(), "a");
});

test("password file: the first line that matches is used; comments and empty lines are skipped", () => {
  assert.equal(findPassword("#h:*:*:*:a\n\nx:*:*:*:b\nh:*:*:*:c\nh:*:*:*:d", KEY), "c");
  assert.equal(findPassword("", KEY), undefined);
});

test("password file: localhost is the default host, and the default directories of sockets", () => {
  for (const host of ["", "localhost", "/tmp", "/run/postgresql", "/var/run/postgresql"]) {
    assert.equal(findPassword("localhost:*:*:*:x", { ...KEY, host }), "x", host);
  }
  for (const host of ["127.0.0.1", "::1", "/run/pg"]) {
    assert.equal(findPassword("localhost:*:*:*:x", { ...KEY, host }), undefined, host);
    assert.equal(findPassword(`${host.replaceAll(":", "\\:")}:*:*:*:x`, { ...KEY, host }), "x", host);
  }
  assert.equal(findPassword("/tmp:*:*:*:x", { ...KEY, host: "/tmp" }), "x");
});

test("password file: that of the options, or the one in the home directory", () => {
  const files = { "/own": "*:*:*:*:own", "/home/.pgpass": "*:*:*:*:home" };
  assert.equal(passwordIn({ files }), "home");
  assert.equal(passwordIn({ files }, { passfile: "/own" }), "own");
  assert.equal(passwordIn({ files }, { passfile: "" }), "home");
  assert.equal(passwordIn({ files }, { passfile: "/none" }), undefined);
  assert.equal(passwordIn({ files, home: undefined }), undefined);
  assert.equal(passwordIn({}), undefined);
});

test("password file: the default one is read when a password is needed, once; one that was named at once", () => {
  const read: string[] = [];
  const environment = environmentOf({ home: "/home", files: { "/own": "*:*:a:*:x" } });
  const readFile = (path: string): ReturnType<typeof environment.readFile> => {
    read.push(path);
    return environment.readFile(path);
  };
  const keys = [KEY, { ...KEY, db: "a" }];
  const byDefault = filePasswords({}, keys, { ...environment, readFile });
  assert.deepEqual(read, []);
  assert.deepEqual(byDefault.map((lookUp) => lookUp()), [undefined, undefined]);
  assert.deepEqual(read.splice(0), ["/home/.pgpass"]);
  const named = filePasswords({ passfile: "/own" }, keys, { ...environment, readFile });
  assert.deepEqual(read, ["/own"]);
  assert.deepEqual(named.map((lookUp) => lookUp()), [undefined, "x"]);
  assert.deepEqual(read, ["/own"]);
});

test("password file: one that others may read is not used, with a warning, and so is no file", () => {
  const text = "*:*:*:*:secret";
  const warnings: string[] = [];
  assert.equal(
    passwordIn({ files: { "/f": { state: "read", text, isPrivate: false } }, warnings }, { passfile: "/f" }),
    undefined,
  );
  assert.equal(passwordIn({ files: { "/home/.pgpass": { state: "special" } }, warnings }), undefined);
  assert.deepEqual(warnings, [
    'The password file "/f" is not used: its group or others have access; its permissions must be u=rw (0600) or less',
    'The password file "/home/.pgpass" is not used: it must be a plain file',
  ]);
});

test("password file: without permission, the default one is absent, and one that was named is an error", () => {
  const files = {
    "/f": { state: "not permitted", by: "Deno", flag: "--allow-read" },
    "/home/.pgpass": { state: "not permitted", by: "Deno", flag: "--allow-read" },
  } as const;
  assert.equal(passwordIn({ files }), undefined);
  assert.equal(
    refusal(UsageError, () => passwordIn({ files }, { passfile: "/f" })),
    'Cannot read the password file "/f": Deno needs --allow-read=/f',
  );
});
