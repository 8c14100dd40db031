import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { test } from "../support/suite/test.ts";

test("toString: a URL and the setters give the same for equal options", () => {
  const pairs: readonly (readonly [url: string, opts: Opts])[] = [
    ["pg://", new Opts()],
    [
      "pg://USER:PASSWORD@HOST:5432/DATABASE?sslmode=require",
      new Opts().user("USER").password("PASSWORD").host("HOST").port(5432).db("DATABASE").sslMode("require"),
    ],
    ["postgres://%C3%A9%40@h", new Opts().host("h").user("é@")],
    ["postgresql://a:1,b:2,[::1]:3", new Opts().host(["a", "b", "::1"]).port([1, 2, 3])],
    ["pg://a,b?port=7", new Opts().host("a,b").port(7)],
    ["pg://:7", new Opts().port(7)],
    ["pg://%2Frun%2Fpg/db", new Opts().host("/run/pg").db("db")],
    ["pg://h?socket=/s", new Opts().socket("/s").host("h")],
    ["pg:///a%2Fb", new Opts().db("a/b")],
    ["pg://?connect_timeout=5", new Opts().connectTimeout(5000)],
    ["pg://?keepalives=off", new Opts().keepAlive(false)],
    [
      "pg://?min_protocol_version=3.0&max_protocol_version=latest",
      new Opts().minProtocolVersion("3.0").maxProtocolVersion("latest"),
    ],
    ["pg://?upgrade_to_unix_socket=NO", new Opts().upgradeToUnixSocket(false)],
    ["pg://?application_name=a%20b", new Opts().applicationName("a b")],
    ["pg://?pool_max_idle_conn=1&pool_max_concurrency=2", new Opts().poolMaxConcurrency(2).poolMaxIdleConn(1)],
    ["pg://?statement_cache_size=0&blocking_transport=ffi", new Opts().blockingTransport("ffi").statementCacheSize(0)],
    ["pg://?pgbouncer=yes", new Opts().pgbouncer(true)],
    ["pg://?statement_cache_size=9&pgbouncer=0", new Opts().pgbouncer(false).statementCacheSize(9)],
    ["pg://?work_mem=1MB&geqo=off", new Opts().param("geqo", "off").param("work_mem", "1MB")],
  ];
  for (const [url, opts] of pairs) {
    assert.equal(new Opts(url).toString(), opts.toString());
    assert.deepEqual(new Opts(url).toJSON(), opts.toJSON());
  }
});

test("toString: the order of calls and of query keys is of no importance", () => {
  const one = new Opts().param("b", "1").sslMode("prefer").param("a", "2").user("u").keepAlive(true);
  const other = new Opts("pg://u@?a=2&keepalives=1&b=1&sslmode=prefer");
  assert.equal(one.toString(), other.toString());
  assert.equal(one.toString(), "pg://u@?a=2&b=1&keepalives=1&sslmode=prefer");
});

test("toString: the canonical URL reads back as the same options", () => {
  const all = new Opts().host(["a", "/run/my pg", "::1"]).port([1, 2, 3]).socket("/tmp/é ?#").user("a/b:c@d").db(
    "?#%&=",
  )
    .applicationName("a&b=c+d").sslMode("disable").upgradeToUnixSocket(false).connectTimeout(7000).keepAlive(true)
    .param("search_path", '"$user", public').param("geqo", "").statementCacheSize(3).poolMaxIdleConn(1)
    .poolMaxConcurrency(2).poolMinIdle(3).poolMaxWaiting(4).poolMaxPipelined(5).poolIdleTimeout(6000).poolMaxLifetime(
      7000,
    )
    .poolAcquireTimeout(8000).poolLeakTimeout(9000).pgbouncer(true).blockingTransport("auto");
  assert.equal(new Opts(all.toString()).toString(), all.toString());
  assert.deepEqual(new Opts(all.toString()).toJSON(), all.toJSON());
});

test("toString: different options differ", () => {
  const texts = [
    new Opts(),
    new Opts().user("a"),
    new Opts().db("a"),
    new Opts().host("a"),
    new Opts().password("a"),
    new Opts().port(1),
    new Opts().socket("/a"),
    new Opts().param("a", "a"),
    new Opts().applicationName("a"),
    new Opts().keepAlive(true),
    new Opts().keepAlive(false),
    new Opts().connectTimeout(0),
    new Opts().connectTimeout(1),
    new Opts().connectTimeout(1000),
  ].map(String);
  assert.equal(new Set(texts).size, texts.length);
});

test("toString: defaults that were not given do not appear", () => {
  assert.equal(new Opts("pg://localhost/").toString(), "pg://localhost");
  assert.equal(new Opts("pg://localhost:5432").toString(), "pg://localhost:5432");
});

test("toJSON: what was set, by the setters' names", () => {
  const listener = (): void => {};
  const opts = new Opts("pg://u:p@a:1,b/d?connect_timeout=2&geqo=off&application_name=n&socket=/s").onNotice(listener)
    .int8("number");
  assert.deepEqual(opts.toJSON(), {
    host: ["a", "b"],
    port: [1, 5432],
    user: "u",
    password: "***",
    db: "d",
    connectTimeout: 2000,
    param: { geqo: "off" },
    applicationName: "n",
    socket: "/s",
    onNotice: listener,
    int8: "number",
  });
  assert.deepEqual(new Opts().toJSON(), {});
  assert.deepEqual(new Opts().host("a").port(1).toJSON(), { host: "a", port: 1 });
  assert.equal(JSON.stringify({ opts: new Opts("pg://u@h") }), '{"opts":{"host":"h","user":"u"}}');
});

test("toJSON: lists in it are copies", () => {
  const opts = new Opts("pg://a:1,b:2");
  const { host, port } = opts.toJSON() as { host: string[]; port: number[] };
  host.push("c");
  port.push(3);
  assert.equal(opts.toString(), "pg://a:1,b:2");
});

test("inspect: the canonical URL", () => {
  const opts = new Opts("pg://u:p@h/d");
  assert.equal(inspect(opts), "Opts pg://u:***@h/d");
  assert.match(inspect({ a: [opts] }), /Opts pg:\/\/u:\*\*\*@h\/d/);
  const runtimes = globalThis as unknown as Record<"Deno" | "Bun", { inspect(value: unknown): string } | undefined>;
  for (const runtime of [runtimes.Deno, runtimes.Bun]) {
    if (runtime !== undefined) assert.equal(runtime.inspect(opts), "Opts pg://u:***@h/d");
  }
});

test("display: what is set and empty is shown in the query, and read again", () => {
  for (
    const url of [
      "pg://?user=",
      "pg://?dbname=&host=&port=&user=",
      "pg://?application_name=&fallback_application_name=f",
      // A colon is no sign of an IPv6 address elsewhere, as fuzzing has shown.
      "pg://%2Frun%2Fa%3Ab:1,%40c%3Ad:2,%26%3A:3",
      "pg://?passfile=%2Fp&service=s&servicefile=%2Fs",
      "pg://?channel_binding=disable&client_encoding=UTF8&require_auth=none&sslrootcert=",
    ]
  ) {
    const opts = new Opts(url);
    assert.equal(String(opts), url);
    assert.deepEqual(settingsOf(new Opts(String(opts))), settingsOf(opts));
  }
  assert.deepEqual(new Opts("pg://?gssencmode=disable&service=s").toJSON(), { service: "s" });
});
