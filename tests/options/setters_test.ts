import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import type { Logger } from "../../src/options/logger.ts";
import type { TypeCodec } from "../../src/options/type_codec.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { POOL_OPTION_LIST } from "../../src/options/pool_options.ts";
import type { Settings } from "../../src/options/settings.ts";
import { setterNames } from "./setter_names.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

type Setter = (opts: Opts) => Opts;
type Case = readonly [name: string, set: Setter, change: Settings];
type Bounds = readonly [name: string, set: (opts: Opts, value: never) => Opts, min: number, max: number];

const listener = (): void => {};
const token = (): string => "t";
const dial = (): never => {
  throw new Error();
};
const logger: Logger = { info: listener };
const codec: TypeCodec = { parse: String };

const SETTERS: readonly Case[] = [
  ["host", (opts) => opts.host("h"), { hosts: ["h"] }],
  ["port", (opts) => opts.port(1), { ports: [1] }],
  ["targetSessionAttrs", (opts) => opts.targetSessionAttrs("primary"), { targetSessionAttrs: "primary" }],
  ["loadBalanceHosts", (opts) => opts.loadBalanceHosts(true), { loadBalanceHosts: true }],
  ["hostRecheck", (opts) => opts.hostRecheck(5), { hostRecheck: 5 }],
  ["socket", (opts) => opts.socket("/s"), { socket: "/s" }],
  ["user", (opts) => opts.user("u"), { user: "u" }],
  ["password", (opts) => opts.password("p"), { password: "p" }],
  ["oauthToken", (opts) => opts.oauthToken(token), { oauthToken: token }],
  ["oauthIssuer", (opts) => opts.oauthIssuer("https://i"), { oauthIssuer: "https://i" }],
  ["oauthClientId", (opts) => opts.oauthClientId("c"), { oauthClientId: "c" }],
  ["oauthScope", (opts) => opts.oauthScope("a b"), { oauthScope: "a b" }],
  ["passfile", (opts) => opts.passfile("/f"), { passfile: "/f" }],
  ["service", (opts) => opts.service("s"), { service: "s" }],
  ["serviceFile", (opts) => opts.serviceFile("/f"), { serviceFile: "/f" }],
  ["db", (opts) => opts.db("d"), { db: "d" }],
  ["applicationName", (opts) => opts.applicationName("a"), { applicationName: "a" }],
  ["fallbackApplicationName", (opts) => opts.fallbackApplicationName("a"), { fallbackApplicationName: "a" }],
  ["sslMode", (opts) => opts.sslMode("require"), { sslMode: "require" }],
  ["sslRootCert", (opts) => opts.sslRootCert("system"), { sslRootCert: "system" }],
  ["sslCert", (opts) => opts.sslCert("/f"), { sslCert: "/f" }],
  ["sslKey", (opts) => opts.sslKey("/f"), { sslKey: "/f" }],
  ["sslPassword", (opts) => opts.sslPassword("p"), { sslPassword: "p" }],
  ["sslCertMode", (opts) => opts.sslCertMode("disable"), { sslCertMode: "disable" }],
  ["sslCrl", (opts) => opts.sslCrl("/f"), { sslCrl: "/f" }],
  ["sslCrlDir", (opts) => opts.sslCrlDir("/d"), { sslCrlDir: "/d" }],
  ["sslSni", (opts) => opts.sslSni(false), { sslSni: false }],
  ["sslNegotiation", (opts) => opts.sslNegotiation("direct"), { sslNegotiation: "direct" }],
  ["sslMinProtocolVersion", (opts) => opts.sslMinProtocolVersion("TLSv1.3"), { sslMinProtocolVersion: "TLSv1.3" }],
  ["sslMaxProtocolVersion", (opts) => opts.sslMaxProtocolVersion("TLSv1.2"), { sslMaxProtocolVersion: "TLSv1.2" }],
  ["tls", (opts) => opts.tls({ serverName: "n" }), { tls: { serverName: "n" } }],
  ["requireAuth", (opts) => opts.requireAuth("!password"), { requireAuth: "!password" }],
  ["channelBinding", (opts) => opts.channelBinding("disable"), { channelBinding: "disable" }],
  ["requirePeer", (opts) => opts.requirePeer("postgres"), { requirePeer: "postgres" }],
  ["upgradeToUnixSocket", (opts) => opts.upgradeToUnixSocket(false), { upgradeToUnixSocket: false }],
  ["connectTimeout", (opts) => opts.connectTimeout(1), { connectTimeout: 1 }],
  ["keepAlive", (opts) => opts.keepAlive(false), { keepAlive: false }],
  ["minProtocolVersion", (opts) => opts.minProtocolVersion("3.2"), { minProtocolVersion: "3.2" }],
  ["maxProtocolVersion", (opts) => opts.maxProtocolVersion("latest"), { maxProtocolVersion: "latest" }],
  ["hostAddr", (opts) => opts.hostAddr("::1"), { hostAddrs: ["::1"] }],
  ["keepAlivesIdle", (opts) => opts.keepAlivesIdle(60_000), { keepAlivesIdle: 60_000 }],
  ["keepAlivesInterval", (opts) => opts.keepAlivesInterval(5000), { keepAlivesInterval: 5000 }],
  ["keepAlivesCount", (opts) => opts.keepAlivesCount(3), { keepAlivesCount: 3 }],
  ["tcpUserTimeout", (opts) => opts.tcpUserTimeout(1500), { tcpUserTimeout: 1500 }],
  ["param", (opts) => opts.param("geqo", "off"), { param: { geqo: "off" } }],
  ["statementCacheSize", (opts) => opts.statementCacheSize(0), { statementCacheSize: 0 }],
  ["pgbouncer", (opts) => opts.pgbouncer(true), { pgbouncer: true }],
  ...POOL_OPTION_LIST.map(([name, { min }]): Case => [name, (opts) => opts[name](min), { [name]: min }]),
  ["blockingTransport", (opts) => opts.blockingTransport("ffi"), { blockingTransport: "ffi" }],
  ["dial", (opts) => opts.dial(dial), { dial }],
  ["onNotice", (opts) => opts.onNotice(listener), { onNotice: listener }],
  ["trace", (opts) => opts.trace(listener), { trace: listener }],
  ["logger", (opts) => opts.logger(logger), { logger }],
  ["logLevel", (opts) => opts.logLevel("warn"), { logLevel: "warn" }],
  ["timeout", (opts) => opts.timeout(1500), { timeout: 1500 }],
  ["slow", (opts) => opts.slow(100), { slow: 100 }],
  ["strictTransactions", (opts) => opts.strictTransactions(true), { strictTransactions: true }],
  ["logValues", (opts) => opts.logValues(true), { logValues: true }],
  ["names", (opts) => opts.names("camel"), { names: "camel" }],
  ["numberArrays", (opts) => opts.numberArrays("typed"), { numberArrays: "typed" }],
  ["int8", (opts) => opts.int8("number"), { int8: "number" }],
  ["numeric", (opts) => opts.numeric(Number), { numeric: Number }],
  ["json", (opts) => opts.json("string"), { json: "string" }],
  ["dates", (opts) => opts.dates("date"), { dates: "date" }],
  ["codec", (opts) => opts.codec("point", codec), { codec: { point: codec } }],
];

/** The complaint of a setter that gets what its types do not allow. */
function complaint(set: (opts: Opts, value: never) => Opts, value: unknown): string {
  return refusal(UsageError, () => set(new Opts(), value as never));
}

test("setters: each sets its own option in new options, and leaves the old ones as they are", () => {
  for (const [name, set, change] of SETTERS) {
    const before = new Opts("pg://other@other:2/other?keepalives=1");
    const settings = settingsOf(before);
    const copy = structuredClone(settings);
    const after = set(before);
    assert.notEqual(after, before, name);
    assert.ok(after instanceof Opts);
    assert.equal(settingsOf(before), settings, name);
    assert.deepEqual(settings, copy, name);
    assert.deepEqual(settingsOf(after), { ...copy, ...change }, name);
    assert.deepEqual(settingsOf(set(new Opts())), change, name);
  }
});

test("setters: every method of the options that sets something is in this list", () => {
  assert.deepEqual(setterNames(), SETTERS.map(([name]) => name).sort());
});

test("options: what is no string is refused, and objects with what takes them", () => {
  const refused = (text: unknown): string => refusal(UsageError, () => new Opts(text as string));
  const instead = "; connections and pools take objects of options, and URLs, themselves";
  assert.equal(refused(5), "Cannot read the connection string: it must be a string, not number");
  for (const object of [{ host: "h" }, new URL("pg://h"), new Opts("pg://h")]) {
    assert.equal(refused(object), `Cannot read the connection string: it must be a string, not object${instead}`);
  }
});

test("setters: the last call counts, and server settings add up", () => {
  assert.deepEqual(settingsOf(new Opts().user("a").user("b")), { user: "b" });
  assert.deepEqual(settingsOf(new Opts().param("a", "1").param("b", "2").param("a", "3")), {
    param: { a: "3", b: "2" },
  });
});

test("setters: lists that the caller changes later change nothing", () => {
  const hosts = ["a", "b"];
  const ports = [1, 2];
  const opts = new Opts().host(hosts).port(ports);
  hosts.push("c");
  ports[0] = 9;
  assert.equal(opts.toString(), "pg://a:1,b:2");
});

test("host: names, addresses, directories, and lists of them", () => {
  const host = (value: string | readonly string[]): readonly string[] => settingsOf(new Opts().host(value)).hosts!;
  assert.deepEqual(host("db.example.com"), ["db.example.com"]);
  assert.deepEqual(host("a,b"), ["a", "b"]);
  assert.deepEqual(host(["a", "b"]), ["a", "b"]);
  assert.deepEqual(host("::1"), ["::1"]);
  assert.deepEqual(host("[::1],127.0.0.1"), ["::1", "127.0.0.1"]);
  assert.deepEqual(host("/run/my dir@1/#?"), ["/run/my dir@1/#?"]);
  for (
    const bad of [
      "",
      "a b",
      "a/b",
      "a?b",
      "a#b",
      "a@b",
      "a,",
      ",",
      "[a",
      "[abc]",
      "[127.0.0.1]",
      "[/tmp]",
      "[@abstract]",
      "[/tmp:1]",
      "[[::1]]",
      "a\\b",
      "a\n",
      "a\0",
      "\ud800",
      [],
    ]
  ) {
    assert.match(complaint((opts, value) => opts.host(value), bad), /^Cannot set host/);
  }
  for (const bad of [1, null, undefined, {}, [1], [null], [["a"]]]) {
    assert.match(complaint((opts, value) => opts.host(value), bad), /^Cannot set host/);
  }
});

test("port: a number from 1 to 65535, or a list", () => {
  assert.deepEqual(settingsOf(new Opts().port([1, 65_535])), { ports: [1, 65_535] });
  for (const bad of [0, 65_536, 1.5, NaN, "5432", null, undefined, 5432n, [0], [1, "2"], {}]) {
    assert.match(
      complaint((opts, value) => opts.port(value), bad),
      /^Cannot set port to .*: it must be an integer from 1 to 65535$/,
    );
  }
  assert.match(complaint((opts, value) => opts.port(value), []), /^Cannot set port/);
});

test("texts: no other kind, no NUL, no lone surrogate", () => {
  const setters: readonly (readonly [name: string, set: (opts: Opts, value: never) => Opts])[] = [
    ["user", (opts, value) => opts.user(value)],
    ["password", (opts, value) => opts.password(value)],
    ["db", (opts, value) => opts.db(value)],
    ["applicationName", (opts, value) => opts.applicationName(value)],
    ["socket", (opts, value) => opts.socket(value)],
    ["param geqo", (opts, value) => opts.param("geqo", value)],
  ];
  for (const [name, set] of setters) {
    for (const [bad, why] of [[true, "boolean"], [{}, "object"], [undefined, "undefined"]] as const) {
      assert.equal(complaint(set, bad), `Cannot set ${name}: it must be a string, not ${why}`);
    }
    assert.equal(complaint(set, "a\0b"), `Cannot set ${name}: it contains a NUL character`);
    assert.equal(complaint(set, "a\udc00"), `Cannot set ${name}: it contains a lone surrogate`);
  }
});

test("socket: a whole path", () => {
  for (const bad of ["", "tmp/x", "./x", "@x"]) {
    assert.equal(
      complaint((opts, value) => opts.socket(value), bad),
      `Cannot set socket to ${JSON.stringify(bad)}: it must be the whole path of a socket file`,
    );
  }
});

test("numbers: integers within their bounds", () => {
  const bounds: readonly Bounds[] = [
    ["connectTimeout", (opts, value) => opts.connectTimeout(value), 0, 2 ** 31 - 1],
    ["statementCacheSize", (opts, value) => opts.statementCacheSize(value), 0, 1_000_000],
    ...POOL_OPTION_LIST.map(([name, { min, max }]): Bounds => [name, (opts, value) => opts[name](value), min, max]),
  ];
  for (const [name, set, min, max] of bounds) {
    for (const good of [min, max]) assert.deepEqual(settingsOf(set(new Opts(), good as never)), { [name]: good });
    for (const bad of [min - 1, max + 1, 1.5, NaN, Infinity, "1", null, undefined, true, 1n]) {
      assert.match(
        complaint(set, bad),
        new RegExp(`^Cannot set ${name} to .*: it must be an integer from ${min} to ${max}$`),
      );
    }
  }
});

test("booleans: true or false, and no spelling of them", () => {
  for (const bad of [1, 0, "true", "yes", null, undefined]) {
    assert.match(
      complaint((opts, value) => opts.keepAlive(value), bad),
      /^Cannot set keepAlive to .*: it must be true or false$/,
    );
    assert.match(
      complaint((opts, value) => opts.upgradeToUnixSocket(value), bad),
      /^Cannot set upgradeToUnixSocket to /,
    );
    assert.match(
      complaint((opts, value) => opts.pgbouncer(value), bad),
      /^Cannot set pgbouncer to .*: it must be true or/,
    );
  }
});

test("choices: one of the words, or a function where one is taken", () => {
  const setters: readonly ((opts: Opts, value: never) => Opts)[] = [
    (opts, value) => opts.sslMode(value),
    (opts, value) => opts.blockingTransport(value),
    (opts, value) => opts.int8(value),
    (opts, value) => opts.numeric(value),
    (opts, value) => opts.json(value),
    (opts, value) => opts.dates(value),
  ];
  for (const set of setters) {
    for (const bad of ["", "x", "Require", 1, null, undefined, {}, []]) {
      assert.match(complaint(set, bad), /: it must be one of /);
    }
  }
  assert.equal(
    complaint((opts, value) => opts.int8(value), "text"),
    'Cannot set int8 to "text": it must be one of bigint, number, string',
  );
  assert.equal(
    complaint((opts, value) => opts.dates(value), "js"),
    'Cannot set dates to "js": it must be one of temporal, date, string',
  );
  assert.match(complaint((opts, value) => opts.int8(value), Number), /one of bigint, number/);
  assert.equal(settingsOf(new Opts().json(JSON.parse)).json, JSON.parse);
});

test("dial: a function", () => {
  for (const bad of [undefined, null, "tcp", {}]) {
    assert.match(complaint((opts, value) => opts.dial(value), bad), /^Cannot set dial to .*: it must be a function$/);
  }
});

test("onNotice, trace: a function", () => {
  for (const bad of ["x", {}, null, undefined]) {
    assert.match(complaint((opts, value) => opts.trace(value), bad), /^Cannot set trace to .*: it must be a function$/);
    assert.match(
      complaint((opts, value) => opts.onNotice(value), bad),
      /^Cannot set onNotice to .*: it must be a function$/,
    );
  }
});

test("param: names of server settings", () => {
  for (const name of ["geqo", "my.setting", "DateStyle", "_x", "a$1", "a.b.c"]) {
    assert.deepEqual(settingsOf(new Opts().param(name, "v")), { param: { [name]: "v" } });
  }
  for (const name of ["", " ", "a b", "1a", "a-b", ".a", "a.", "a..b", "é", "a=b", "a\n", "a;"]) {
    assert.match(refusal(UsageError, () => new Opts().param(name, "v")), /must be the name of a server setting$/);
  }
  for (const name of ["user", "USER", "database", "replication", "client_encoding", "Client_Encoding"]) {
    assert.match(refusal(UsageError, () => new Opts().param(name, "v")), new RegExp(`^Cannot set param "${name}": `));
  }
});

test("setters: codecs are kept by the catalog's name of their type, or by its OID", () => {
  const opts = new Opts().codec("double precision", codec).codec("Timestamp With Time Zone", codec).codec(16_400, codec)
    .codec("public.geometry", codec).codec("__proto__", codec);
  assert.deepEqual(Object.keys(settingsOf(opts).codec!).sort(), [
    "16400",
    "__proto__",
    "float8",
    "public.geometry",
    "timestamptz",
  ]);
});

test("setters: what is no codec is refused, by the name of its type", () => {
  const refused = (type: unknown, given: unknown): string =>
    complaint((opts) => opts.codec(type as string, given as TypeCodec), 0);
  for (const given of [undefined, null, () => 1, "x", {}, { parse: 7 }]) {
    assert.match(refused("point", given), /^Cannot set the codec of point: .*parse/);
  }
  for (const member of ["format", "decode", "encode", "isValue"]) {
    assert.equal(
      refused("point", { parse: String, [member]: "x" }),
      `Cannot set the codec of point: its ${member} must be a function`,
    );
  }
  for (const oid of [0, -1, 1.5, 2 ** 32, NaN]) assert.match(refused(oid, codec), /an integer from 1 to 4294967295/);
  for (const name of ["", " "]) assert.match(refused(name, codec), /a name as in pg_type, or an OID/);
  for (const type of [undefined, null, {}, Symbol("x")]) assert.match(refused(type, codec), /must be a string/);
});

test("setters: a logger has one of the methods at least, and stays out of JSON", () => {
  for (const bad of [null, 1, {}, { log: listener }, { info: "info" }]) {
    assert.equal(
      complaint((opts, value) => opts.logger(value), bad),
      "Cannot set logger: it must be an object with some of the methods debug, info, warn, error",
    );
  }
  const circular: Record<string, unknown> = { warn: listener };
  circular.self = circular;
  const opts = new Opts("pg://h").logger(circular).logLevel("error");
  assert.equal(JSON.stringify(opts), '{"host":"h","logLevel":"error"}');
  assert.equal(String(opts), "pg://h");
  assert.equal(
    complaint((opts, value) => opts.logLevel(value), "trace"),
    'Cannot set logLevel to "trace": it must be one of debug, info, warn, error',
  );
});
