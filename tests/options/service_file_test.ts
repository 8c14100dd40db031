import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { UsageError } from "../../src/errors.ts";
import { withEnvironment } from "../../src/options/environment.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { Settings } from "../../src/options/settings.ts";
import { environmentOf, type Surroundings } from "../support/scripted/surroundings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const HOME = "/home/.pg_service.conf";

/** What a string means with these files and variables, without the names of services and files. */
function filled(text: string, surroundings: Surroundings): Settings {
  const all = withEnvironment(settingsOf(new Opts(text)), environmentOf({ home: "/home", ...surroundings }));
  const { service: _, serviceFile: __, ...others } = all;
  return others;
}

/** What the service `s` of a file with these lines means. */
function section(...lines: readonly string[]): Settings {
  return filled("service=s", { files: { [HOME]: ["[s]", ...lines].join("\n") } });
}

test("service file: a section completes the options, before the environment", () => {
  const files = { [HOME]: "[x]\nhost=x\n[s]\nhost=h\nuser=u\n#port=9\n\n port=7 \r\n[y]\nhost=y\ndbname=y" };
  assert.deepEqual(filled("service=s", { files }), { hosts: ["h"], user: "u", ports: [7] });
  assert.deepEqual(filled("service=s user=me", { files, variables: { PGUSER: "e", PGPORT: "x", PGDATABASE: "d" } }), {
    user: "me",
    hosts: ["h"],
    ports: [7],
    db: "d",
  });
  assert.deepEqual(filled("pg://", { files, variables: { PGSERVICE: "s" } }).hosts, ["h"]);
  assert.deepEqual(filled("service=y", { files, variables: { PGSERVICE: "s" } }).hosts, ["y"]);
});

test("service file: a line of the section that is not in UTF-8 is refused", () => {
  const bytes = Uint8Array.from(Buffer.from("# \xe9\n[s]\nuser=u\npassword=caf\xe9\n[t]\nuser=t", "latin1"));
  const file = { state: "read", text: Buffer.from(bytes).toString("utf8"), bytes, isPrivate: true } as const;
  const message = refusal(UsageError, () => filled("service=s", { files: { [HOME]: file } }));
  assert.equal(message, `Cannot read the service file "${HOME}", line 4: it must be in UTF-8`);
  assert.deepEqual(filled("service=t", { files: { [HOME]: file } }), { user: "t" });
});

test("service file: of equal keys the first one is used, and the others are not looked at", () => {
  assert.deepEqual(section("port=1", "port=x"), { ports: [1] });
  assert.deepEqual(section("user=", "user=u"), { user: "" });
});

test("service file: values are text up to the end of the line", () => {
  assert.equal(section("password=a=b 'c' # d").password, "a=b 'c' # d");
  assert.equal(section("password= x").password, " x");
});

test("service file: it is looked for where libpq looks", () => {
  const files = {
    [HOME]: "[s]\nuser=home",
    "/own": "[s]\nuser=own",
    "/sys/pg_service.conf": "[s]\nuser=sys\n[t]\nuser=sys",
  };
  const user = (text: string, variables: Readonly<Record<string, string>> = {}): string | undefined =>
    filled(text, { files, variables }).user;
  assert.equal(user("service=s"), "home");
  assert.equal(user("service=s servicefile=/own", { PGSERVICEFILE: "/none" }), "own");
  assert.equal(user("service=s", { PGSERVICEFILE: "/own" }), "own");
  assert.equal(user("service=s", { PGSYSCONFDIR: "/sys" }), "home");
  assert.equal(user("service=t", { PGSYSCONFDIR: "/sys" }), "sys");
  assert.equal(user("service=t", { PGSYSCONFDIR: "/sys", PGSERVICEFILE: "/own" }), "sys");
  assert.equal(user("servicefile=/none user=u"), "u", "without a service no file is read");
});

test("service file: a service that no file has, and a file that does not exist, are errors", () => {
  const none = /^Cannot use service "s": no service file has it$/;
  assert.match(refusal(UsageError, () => filled("service=s", {})), none);
  assert.match(refusal(UsageError, () => filled("service=s", { files: { [HOME]: "[x]" } })), none);
  assert.match(refusal(UsageError, () => filled("service=''", {})), /^Cannot use service "": no service file has it$/);
  assert.equal(
    refusal(UsageError, () => filled("service=s servicefile=/none", { files: { [HOME]: "[s]" } })),
    'Cannot use service "s": the service file "/none" does not exist, or cannot be read',
  );
});

test("service file: a malformed line is named, and not shown", () => {
  const cases: readonly (readonly [line: string, problem: RegExp])[] = [
    ["secret", /^Cannot read the service file "\/home\/.pg_service.conf", line 3: it must be keyword=value/],
    ["password =secret", /line 3: there must be no blank before =/],
    ["secret=x", /line 3: its keyword must be one of libpq's; server settings must be in options$/],
    ["search_path=secret", /line 3: its keyword must be one of libpq's/],
    ["pool_max_waiting=1", /line 3: its keyword must be one of libpq's/],
    ["ssl=true", /line 3: its keyword must be one of libpq's/],
    ["service=secret", /line 3: a service must not name another one with service$/],
    ["servicefile=secret", /line 3: a service must not name another one with servicefile$/],
    ["ldap://secret/x?y", /^Cannot use the service file .*, line 3: LDAP look-ups are not implemented$/],
    [`password=${"secret".repeat(200)}`, /line 3: it must not be longer than 1021 bytes$/],
    ["port=x", /^Cannot set port in the service file "\/home\/.pg_service.conf", line 3 to "x": it must be an integer/],
    ["sslmode=", /^Cannot set sslmode in the service file .*, line 3 to "": it must be one of/],
    ["sslkeylogfile=secret", /^Cannot use sslkeylogfile in the service file .*, line 3: .* not implemented/],
  ];
  for (const [line, problem] of cases) {
    const message = refusal(UsageError, () => section("user=u", line));
    assert.match(message, problem);
    assert.doesNotMatch(message, /secret/);
  }
  assert.deepEqual(section("user=u", "[t]", "secret"), { user: "u" }, "other sections are not read");
});

test("service file: without permission, default files are absent, and one that was named is an error", () => {
  const files = {
    [HOME]: { state: "not permitted", by: "Deno", flag: "--allow-read" },
    "/own": { state: "not permitted", by: "Deno", flag: "--allow-read" },
  } as const;
  assert.equal(
    refusal(UsageError, () => filled("service=s", { files })),
    `Cannot use service "s": no service file has it; Deno does not permit reading ${HOME}: it needs --allow-read`,
  );
  for (
    const [text, variables] of [["service=s servicefile=/own", {}], ["service=s", { PGSERVICEFILE: "/own" }]] as const
  ) {
    assert.equal(
      refusal(UsageError, () => filled(text, { files, variables })),
      'Cannot read the service file "/own": Deno needs --allow-read=/own',
    );
  }
});
