import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { Settings } from "../../src/options/settings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

function settings(url: string): Settings {
  return settingsOf(new Opts(url));
}

function complaint(url: string): string {
  return refusal(UsageError, () => new Opts(url));
}

test("URL: all parts", () => {
  assert.deepEqual(settings("pg://USER:PASSWORD@HOST:5433/DATABASE?sslmode=require"), {
    user: "USER",
    password: "PASSWORD",
    hosts: ["HOST"],
    ports: [5433],
    db: "DATABASE",
    sslMode: "require",
  });
});

test("URL: every part may be missing", () => {
  assert.deepEqual(settings("pg://"), {});
  assert.deepEqual(settings("pg:///"), {});
  assert.deepEqual(settings("pg://?"), {});
  assert.deepEqual(settings("pg://@"), {});
  assert.deepEqual(settings("pg://:@:/"), {});
  assert.deepEqual(settings("pg://user@"), { user: "user" });
  assert.deepEqual(settings("pg://:secret@"), { password: "secret" });
  assert.deepEqual(settings("pg://host"), { hosts: ["host"] });
  assert.deepEqual(settings("pg://:5433"), { ports: [5433] });
  assert.deepEqual(settings("pg:///db"), { db: "db" });
  assert.deepEqual(settings("pg://?sslmode=disable"), { sslMode: "disable" });
  assert.deepEqual(settings("pg://host?sslmode=disable"), { hosts: ["host"], sslMode: "disable" });
});

test("URL: three schemes, in any case", () => {
  for (const scheme of ["pg", "postgres", "postgresql", "PG", "PostgreSQL"]) {
    assert.deepEqual(settings(`${scheme}://host/db`), { hosts: ["host"], db: "db" });
  }
  assert.deepEqual(settings("  pg://host/db\n"), { hosts: ["host"], db: "db" });
});

test("URL: another scheme is refused, and the three are named", () => {
  for (
    const url of [
      "host/db",
      "pg:host",
      "pg:/host",
      "//host/db",
      "mysql://host",
      "http://host",
      "pgx://h",
      "é://h",
    ]
  ) {
    assert.equal(
      complaint(url),
      "Cannot read the connection URL: its scheme is none of pg://, postgres://, postgresql://",
    );
  }
});

test("URL: what a program makes of a variable that is not set is told apart from a bad URL", () => {
  for (const text of ["", " ", "undefined", "null"]) {
    assert.equal(
      complaint(text),
      "Cannot read the connection string: it is what is left of a variable that is not set; pg:// is the default server",
    );
  }
});

test("URL: user, password, host and database are percent-decoded", () => {
  assert.deepEqual(settings("pg://%41da%40x:%3A%2F%3F%23%40%25@%68ost/a%2Fb%3F%23%40%20c"), {
    user: "Ada@x",
    password: ":/?#@%",
    hosts: ["host"],
    db: "a/b?#@ c",
  });
  assert.deepEqual(settings("pg://%C3%A9:%F0%9F%8E%89@h/%E6%BC%A2"), {
    user: "é",
    password: "🎉",
    hosts: ["h"],
    db: "漢",
  });
  assert.equal(settings("pg://a+b:c+d@h/e+f").password, "c+d");
});

test("URL: what is not percent-encoded UTF-8 is refused with the part's name", () => {
  for (
    const [url, part] of [["%zz@h", "user"], ["u:50%@h", "password"], ["%ff", "host"], [
      "h/%e0%a4",
      "database",
    ]] as const
  ) {
    assert.equal(
      complaint(`pg://${url}`),
      `Cannot read the connection URL: its ${part} is not percent-encoded UTF-8; "%" itself is %25`,
    );
  }
});

test("URL: a NUL is refused in every part", () => {
  for (
    const url of [
      "%00@h",
      "u:%00@h",
      "h/%00",
      "h?application_name=%00",
      "h?search_path=%00",
      "%2Fa%00",
      "?user=%00&user=u",
    ]
  ) {
    assert.match(complaint(`pg://${url}`), /NUL/);
  }
});

test("URL: the password begins at the first colon", () => {
  assert.deepEqual(settings("pg://user:a:b:c@h"), { user: "user", password: "a:b:c", hosts: ["h"] });
});

test("URL: IPv6 addresses stand in brackets", () => {
  assert.deepEqual(settings("pg://[::1]"), { hosts: ["::1"] });
  assert.deepEqual(settings("pg://u@[2001:db8::ff]:5433/db"), {
    user: "u",
    hosts: ["2001:db8::ff"],
    ports: [5433],
    db: "db",
  });
  assert.deepEqual(settings("pg://[::ffff:127.0.0.1]").hosts, ["::ffff:127.0.0.1"]);
  for (
    const url of [
      "pg://::1",
      "pg://::1:5432/db",
      "pg://[::1",
      "pg://::1]",
      "pg://[::1]x",
      "pg://x[::1]",
      "pg://[]",
      "pg://[host]",
    ]
  ) {
    assert.match(complaint(url), /malformed; IPv6 addresses go in brackets/);
  }
});

test("URL: lists of hosts, each with or without a port", () => {
  const ports = [undefined, undefined, undefined];
  assert.deepEqual(settings("pg://a,b,c/db"), { hosts: ["a", "b", "c"], ports, db: "db" });
  assert.deepEqual(settings("pg://a,,b"), { hosts: ["a", "", "b"], ports });
  assert.deepEqual(settings("pg://a%2Cb"), { hosts: ["a", "b"] });
  assert.deepEqual(settings("pg://a:1,b,[::1]:3/db"), { hosts: ["a", "b", "::1"], ports: [1, undefined, 3], db: "db" });
  assert.deepEqual(settings("pg://a:1,b:2"), { hosts: ["a", "b"], ports: [1, 2] });
});

test("URL: ports are numbers from 1 to 65535", () => {
  assert.deepEqual(settings("pg://h:1").ports, [1]);
  assert.deepEqual(settings("pg://h:65535").ports, [65535]);
  assert.deepEqual(settings("pg://h:"), { hosts: ["h"] });
  for (const port of ["+7", " 7", "7 ", "%37"]) {
    assert.deepEqual(settings(`pg://h:${port}`), { hosts: ["h"], ports: [7] });
  }
  for (const port of ["0", "-1", "65536", "99999999999999999999"]) {
    assert.match(complaint(`pg://h:${port}`), /from 1 to 65535/);
  }
  for (const port of ["x", "1.5", "1:2", "7%20"]) {
    assert.match(complaint(`pg://h:${port}`), /host or its port is malformed/);
  }
});

test("URL: an encoded slash at the beginning of a host makes it a socket directory", () => {
  assert.deepEqual(settings("pg://%2Frun%2Fpostgresql:5433/db"), {
    hosts: ["/run/postgresql"],
    ports: [5433],
    db: "db",
  });
});

test("URL: an encoded @ at the beginning of a host makes it an abstract socket", () => {
  assert.deepEqual(settings("pg://%40run:5433/db"), { hosts: ["@run"], ports: [5433], db: "db" });
  assert.equal(String(new Opts("pg://%40run:5433/db")), "pg://%40run:5433/db");
});

test("URL: hosts that are none are refused, and not quoted", () => {
  for (const url of ["pg://se%20cret", "pg://se%40cret", "pg://se%5Ccret"]) {
    assert.match(complaint(url), /^Cannot set host: /);
    assert.doesNotMatch(complaint(url), /cret/);
  }
});

test("URL: socket is a whole path, whatever the host", () => {
  assert.deepEqual(settings("pg://localhost/test?socket=/tmp/pg/.s.PGSQL.5432"), {
    hosts: ["localhost"],
    db: "test",
    socket: "/tmp/pg/.s.PGSQL.5432",
  });
  assert.match(
    complaint("pg://?socket=tmp/x"),
    /Cannot set socket to "tmp\/x": it must be the whole path of a socket file/,
  );
});

test("URL: the query's keys and values are percent-decoded, and a plus is a plus", () => {
  assert.deepEqual(settings("pg://h?application_name=a%26b%3Dc+d&%73earch_path=x%2Cy"), {
    hosts: ["h"],
    applicationName: "a&b=c+d",
    param: { search_path: "x,y" },
  });
  assert.deepEqual(settings("pg://h?application_name=a%3Db"), { hosts: ["h"], applicationName: "a=b" });
  assert.match(complaint("pg://h?application_name=%zz"), /its application_name is not percent-encoded/);
});

test("URL: a query that is not key=value&key=value is refused", () => {
  for (
    const query of ["x", "=x", "&", "a=1&&", "&a=1", "a=1&&b=2", "a=1&b", "=", "a b=1", "a%00=1", "%3D=1", "a-b=1"]
  ) {
    assert.match(complaint(`pg://h?${query}`), /Cannot read the connection URL: its query/);
  }
});

test("URL: a second = in a query value must be percent-encoded, as in libpq", () => {
  for (const value of ["a=b", "=", "a=", "=a"]) {
    assert.equal(
      complaint(`pg://h?password=${value}`),
      'Cannot read the connection URL: the value of password in its query contains "="; percent-encode it (%3D)',
    );
  }
});

test("URL: spaces around a part are dropped, others must be percent-encoded, as in libpq", () => {
  assert.deepEqual(settings("pg:// u : p @ h : 7 / d ?application_name= a%20b "), {
    user: "u",
    password: "p",
    hosts: ["h"],
    ports: [7],
    db: "d",
    applicationName: "a b",
  });
  for (const url of ["pg://h:7 7", "pg://u u@h", "pg://u:p p@h", "pg://h/d d", "pg://h?application_name=a b"]) {
    assert.match(complaint(url), /contains a space, which must be percent-encoded \(%20\)$/);
  }
  assert.deepEqual(settings("pg://u\u00a0:\u3000@h"), { user: "u\u00a0", password: "\u3000", hosts: ["h"] });
});

test("URL: one ampersand may end the query", () => {
  assert.deepEqual(settings("pg://h?sslmode=disable&"), { hosts: ["h"], sslMode: "disable" });
  assert.deepEqual(settings("pg://h?a=1&b=2&"), { hosts: ["h"], param: { a: "1", b: "2" } });
});

test("URL: an IPv6 address may have a zone", () => {
  for (const zone of ["eth0", "1", "wlan-0.5", "en_0~x"]) {
    const url = `pg://u@[fe80::1%25${zone}]:5433/d`;
    assert.deepEqual(settings(url), { user: "u", hosts: [`fe80::1%${zone}`], ports: [5433], db: "d" });
    assert.equal(String(new Opts(url)), url);
    assert.equal(String(new Opts().user("u").host(`fe80::1%${zone}`).port(5433).db("d")), url);
  }
  for (const host of ["[fe80::1%eth0]", "[fe80::1%25]", "[fe80::1%25a b]", "[fe80::1%25a]b]", "[eth0]"]) {
    assert.match(complaint(`pg://${host}/d`), /Cannot read the connection URL/);
  }
});

test("URL: the query can say what stands before it, and has the last word", () => {
  assert.deepEqual(settings("pg://?host=a,b&port=1,2&user=u&password=p&dbname=d"), {
    hosts: ["a", "b"],
    ports: [1, 2],
    user: "u",
    password: "p",
    db: "d",
  });
  assert.equal(settings("pg://u@h/one?dbname=two").db, "two");
  assert.deepEqual(settings("pg://h?sslmode=disable&sslmode=require").sslMode, "require");
});

test("URL: what is no string is refused", () => {
  for (const value of [null, 1, {}, [], true]) {
    assert.match(refusal(UsageError, () => new Opts(value as unknown as string)), /it must be a string/);
  }
});
