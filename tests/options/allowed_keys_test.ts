import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { Opts } from "../../src/options/opts.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

const PLACE = ["host", "port", "user", "password", "dbname"];
const MARKER = "tr0ub4dor";

function complaint(text: string, allow: readonly string[] = PLACE): string {
  const message = refusal(UsageError, () => new Opts(text, { allow }));
  assert.ok(!message.includes(MARKER), message);
  return message;
}

test("allow: a string with the listed keys is read as without a list", () => {
  for (
    const text of [
      "pg://ada:secret@db.example.com:5433,other/library",
      "host=db.example.com port=5433 user=ada password=secret dbname=library",
      "pg://?host=a&port=1&user=b&password=c&dbname=d",
      "pg://",
    ]
  ) {
    assert.equal(new Opts(text, { allow: PLACE }).toString(), new Opts(text).toString());
  }
  const allow = [...PLACE, "sslmode", "statement_timeout", "socket"];
  const text = "pg://ada@db/library?sslmode=require&statement_timeout=5s";
  assert.equal(new Opts(text, { allow }).toString(), new Opts(text).toString());
});

test("allow: any other key is refused by its name, without its value", () => {
  const keys = "passfile service servicefile sslmode sslkey sslrootcert socket options application_name search_path " +
    "require_auth channel_binding connect_timeout upgrade_to_unix_socket pool_max_concurrency hostaddr no_such_setting";
  for (const key of keys.split(" ")) {
    for (const text of [`pg://ada:${MARKER}@h/d?${key}=${MARKER}`, `host=h ${key}=${MARKER}`]) {
      assert.equal(
        complaint(text),
        `Cannot use ${key} in the connection string: its keys are limited by the option allow, ` +
          `which does not list ${key}`,
      );
    }
  }
});

test("allow: a key that comes again with an allowed value is refused too", () => {
  assert.match(complaint("host=h passfile=/etc/shadow host=h"), /Cannot use passfile/);
  assert.match(complaint("pg://h?sslmode=disable&dbname=d"), /Cannot use sslmode/);
});

test("allow: the parts of a URL are keys", () => {
  const parts: [url: string, key: string][] = [
    [`pg://ada@`, "user"],
    [`pg://:${MARKER}@`, "password"],
    [`pg://h`, "host"],
    [`pg://:5433`, "port"],
    [`pg:///d`, "dbname"],
  ];
  for (const [url, key] of parts) {
    assert.match(complaint(url, PLACE.filter((name) => name !== key)), new RegExp(`^Cannot use ${key} in the`));
    assert.ok(new Opts(url, { allow: [key] }) instanceof Opts);
  }
  assert.match(complaint("pg://h", []), /does not list host$/);
});

test("allow: a Unix socket needs socket beside host", () => {
  for (
    const text of [
      "pg://%2Frun%2Fpostgresql/d",
      "pg:///d?host=/tmp",
      "host=/tmp dbname=d",
      "host=a,/tmp",
      "host=@pg",
      "pg://%40pg",
    ]
  ) {
    assert.match(complaint(text), /^Cannot use a Unix socket as the host .* which does not list socket$/);
    assert.ok(new Opts(text, { allow: [...PLACE, "socket"] }) instanceof Opts);
  }
});

test("allow: other spellings are refused with the right one, and do not get by", () => {
  assert.equal(complaint(`pg://h?sslMode=${MARKER}`), 'Cannot use key "sslMode": use sslmode instead');
  assert.match(complaint(`pg://h?PassFile=${MARKER}`), /use passfile instead/);
  assert.match(complaint(`pg://h?ssl=true`, [...PLACE, "sslmode"]), /Cannot use ssl in/);
});

test("allow: a list that cannot be one is refused", () => {
  for (const allow of ["host", { host: true }, [1], [undefined]]) {
    assert.match(
      refusal(UsageError, () => new Opts("pg://", { allow: allow as never })),
      /^Cannot set allow: it must be an array of keys/,
    );
  }
  assert.equal(complaint("pg://", ["database"]), 'Cannot set allow: it has "database"; use dbname instead');
  assert.equal(complaint("pg://", ["sslMode"]), 'Cannot set allow: it has "sslMode"; use sslmode instead');
});

test("allow: setters are the program's own, and not limited", () => {
  const opts = new Opts("pg://h", { allow: ["host"] }).passfile("/own").sslMode("require");
  assert.deepEqual(opts.toJSON(), { host: "h", passfile: "/own", sslMode: "require" });
});

test("allow: a password that is empty would be the program's own", () => {
  for (const text of ["host=h user=u password='' dbname=d", "pg://u@h/d?password=", "pg://u:@h/d?password="]) {
    assert.match(complaint(text), /^Cannot use an empty password in the connection string: /);
  }
});
