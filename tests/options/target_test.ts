import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { Opts, settingsOf, type StringOptions } from "../../src/options/opts.ts";
import type { OptsObject } from "../../src/options/opts_object.ts";
import { type Target, toOpts } from "../../src/options/target.ts";
import type { Settings } from "../../src/options/settings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

function settings(target: unknown): Settings {
  return settingsOf(toOpts(target as Target));
}

function complaint(target: unknown): string {
  return refusal(UsageError, () => toOpts(target as Target));
}

test("target: Opts are taken as they are", () => {
  const opts = new Opts("pg://h");
  assert.equal(toOpts(opts), opts);
});

test("target: members that would be ignored are refused", () => {
  for (const value of [new Map([["work_mem", "64MB"]]), ["work_mem"], "work_mem", 5, null]) {
    assert.match(
      complaint({ param: value }),
      /^Cannot set param to .*: it must be an object such as \{ work_mem: "64MB" \}$/,
    );
    assert.match(
      complaint({ codec: value }),
      /^Cannot set codec to .*: it must be an object such as \{ point: \{ parse \} \}$/,
    );
  }
  for (const tls of [new Map([["ca", "x"]]), [], new (class {})()]) {
    assert.match(complaint({ tls }), /^Cannot set tls: it must be an object such as \{ ca \}/);
  }
});

test("target: URLs and keyword/value strings", () => {
  assert.deepEqual(settings("pg://u@h/d"), { user: "u", hosts: ["h"], db: "d" });
  assert.deepEqual(settings("user=u host=h dbname=d"), { user: "u", hosts: ["h"], db: "d" });
});

test("target: URL objects, whatever they percent-encode", () => {
  assert.deepEqual(settings(new URL("pg://u:p%40@h:5433/d?sslmode=require")), {
    user: "u",
    password: "p@",
    hosts: ["h"],
    ports: [5433],
    db: "d",
    sslMode: "require",
  });
  const url = new URL("postgres://h/d");
  url.username = "a@b/c";
  url.password = "é:#?/@ !";
  url.searchParams.set("application_name", "x&y");
  assert.deepEqual(settings(url), {
    user: "a@b/c",
    password: "é:#?/@ !",
    hosts: ["h"],
    db: "d",
    applicationName: "x&y",
  });
  assert.deepEqual(settings(new URL("pg://[::1]:5433/d")), { hosts: ["::1"], ports: [5433], db: "d" });
  assert.match(complaint(new URL("https://h/d")), /scheme is none of/);
});

test("target: a plus is a blank in a URL object, and a plus in a string", () => {
  const url = new URL("pg://a+b:p+w@h/d+e");
  url.searchParams.set("application_name", "my app+1");
  assert.ok(url.href.endsWith("?application_name=my+app%2B1"));
  assert.deepEqual(settings(url), { ...settings("pg://a+b:p+w@h/d+e"), applicationName: "my app+1" });
  assert.equal(settings(url.href).applicationName, "my+app+1");
  assert.equal(settings(url.href).db, "d+e");
});

test("target: objects with the setters' names are what the setters make", () => {
  const object: OptsObject = {
    host: ["a", "b"],
    port: [1, 2],
    user: "u",
    password: "p",
    passfile: "/p",
    service: "s",
    serviceFile: "/s",
    db: "d",
    applicationName: "n",
    fallbackApplicationName: "f",
    sslMode: "disable",
    upgradeToUnixSocket: false,
    connectTimeout: 1,
    keepAlive: false,
    minProtocolVersion: "3.0",
    maxProtocolVersion: "3.2",
    param: { geqo: "off", work_mem: "1MB" },
    statementCacheSize: 2,
    pgbouncer: true,
    poolMaxIdleConn: 3,
    poolMaxConcurrency: 4,
    poolMinIdle: 5,
    poolMaxWaiting: 6,
    poolMaxPipelined: 7,
    poolIdleTimeout: 8,
    poolMaxLifetime: 9,
    poolAcquireTimeout: 10,
    poolLeakTimeout: 11,
    blockingTransport: "worker",
    int8: "number",
    numeric: Number,
    json: "string",
    dates: "string",
    codec: { numeric: { parse: String }, 600: { parse: String } },
  };
  const { host, port, ...others } = object;
  assert.deepEqual(settings(object), { hosts: host, ports: port, ...others });
  assert.deepEqual(settings({ socket: "/s" }), { socket: "/s" });
  assert.deepEqual(settings({}), {});
  assert.deepEqual(settings(Object.assign(Object.create(null), { user: "u" })), { user: "u" });
});

test("target: members that are undefined are not given", () => {
  assert.deepEqual(settings({ user: undefined, host: "h", param: undefined }), { hosts: ["h"] });
});

test("target: an unknown name is refused, and the known ones are listed", () => {
  for (const name of ["xyz", "toString", "toJSON", "constructor", "", "__proto__"]) {
    const message = complaint({ [name]: "x" });
    assert.ok(
      message.startsWith(
        `Cannot use option ${JSON.stringify(name)}: the options are host, hostAddr, port, socket, user, `,
      ),
    );
    assert.match(message, /, codec$/);
  }
});

test("target: values of objects are checked as the setters check them", () => {
  assert.equal(complaint({ port: 0 }), "Cannot set port to 0: it must be an integer from 1 to 65535");
  assert.match(complaint({ sslMode: "x" }), /^Cannot set sslMode to "x"/);
  assert.match(complaint({ user: null }), /^Cannot set user/);
  assert.match(complaint({ param: { "a b": "x" } }), /must be the name of a server setting/);
  assert.match(complaint({ param: { geqo: true } }), /^Cannot set param geqo: it must be a string/);
});

test("target: anything else is refused", () => {
  for (const target of [null, undefined, 1, true, 1n, Symbol("x"), () => "pg://h", ["pg://h"], []]) {
    assert.match(complaint(target), /^Cannot connect to (null|undefined|an array|a [a-z]+): give a URL/);
  }
});

test("target: an object without options of its own is refused, since it would mean the default server", () => {
  assert.deepEqual(settings({}), {});
  assert.deepEqual(settings(Object.assign(Object.create(null), { host: "h" })), { hosts: ["h"] });
  class Config {
    host = "h";
  }
  assert.deepEqual(settings(new Config()), { hosts: ["h"] });
  assert.equal(complaint(Promise.resolve("pg://h")), "Cannot connect to a promise: await it first");
  for (const target of [new Map([["host", "h"]]), new Date(), new URLSearchParams("host=h"), new (class Empty {})()]) {
    assert.match(
      complaint(target),
      new RegExp(`^Cannot connect to an object of the class ${target.constructor.name}: `),
    );
  }
});

test("target: the options of a string are checked, since a misspelt allow would allow everything", () => {
  const parse = (options: unknown) => () => new Opts("pg://h?passfile=/f", options as StringOptions);
  assert.equal(refusal(UsageError, parse({ alow: ["host"] })), 'Cannot use option "alow": there is only allow');
  for (const options of [null, ["host"], "host", new Set(["host"])]) {
    assert.match(refusal(UsageError, parse(options)), /^Cannot use the options: they must be an object such as /);
  }
});
