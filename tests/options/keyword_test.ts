import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { parseBoolean } from "../../src/options/keywords.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { Settings } from "../../src/options/settings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** What `key=value` sets: the same in a URL and in a keyword/value string. */
function setting(key: string, value: string): Settings {
  const settings = settingsOf(new Opts(`pg://?${key}=${encodeURIComponent(value)}`));
  assert.deepEqual(settingsOf(new Opts(dsn(key, value))), settings);
  return settings;
}

function complaint(key: string, value: string): string {
  const message = refusal(UsageError, () => new Opts(`pg://?${key}=${encodeURIComponent(value)}`));
  assert.equal(refusal(UsageError, () => new Opts(dsn(key, value))), message);
  return message;
}

function dsn(key: string, value: string): string {
  return `${key}='${value.replaceAll(/['\\]/g, "\\$&")}'`;
}

test("keys: libpq's that pyro implements", () => {
  assert.deepEqual(setting("host", "a"), { hosts: ["a"] });
  assert.deepEqual(setting("host", "a,/run/pg,::1,[::1]"), { hosts: ["a", "/run/pg", "::1", "::1"] });
  assert.deepEqual(setting("port", "5433"), { ports: [5433] });
  assert.deepEqual(setting("port", "1,,3"), { ports: [1, undefined, 3] });
  assert.deepEqual(setting("user", "a b"), { user: "a b" });
  assert.deepEqual(setting("password", "a'b\\c d"), { password: "a'b\\c d" });
  assert.deepEqual(setting("dbname", "pg://x"), { db: "pg://x" });
  assert.deepEqual(setting("application_name", "x"), { applicationName: "x" });
  assert.deepEqual(setting("sslmode", "disable"), { sslMode: "disable" });
  assert.deepEqual(setting("client_encoding", "UTF8"), {});
  assert.deepEqual(setting("client_encoding", "auto"), {});
});

test("keys: pyro's own", () => {
  assert.deepEqual(setting("socket", "/a b"), { socket: "/a b" });
  assert.deepEqual(setting("upgrade_to_unix_socket", "off"), { upgradeToUnixSocket: false });
  assert.deepEqual(setting("statement_cache_size", "0"), { statementCacheSize: 0 });
  assert.deepEqual(setting("pgbouncer", "true"), { pgbouncer: true });
  assert.deepEqual(setting("pgbouncer", "off"), { pgbouncer: false });
  assert.match(
    complaint("pgbouncer", "maybe"),
    /^Cannot set pgbouncer to "maybe": it must be one of true, 1, yes, on, /,
  );
  assert.deepEqual(setting("pool_max_idle_conn", "0"), { poolMaxIdleConn: 0 });
  assert.deepEqual(setting("pool_max_concurrency", "1"), { poolMaxConcurrency: 1 });
  assert.deepEqual(setting("pool_min_idle", "7"), { poolMinIdle: 7 });
  assert.deepEqual(setting("pool_max_waiting", "7"), { poolMaxWaiting: 7 });
  assert.deepEqual(setting("pool_max_pipelined", "7"), { poolMaxPipelined: 7 });
  assert.deepEqual(setting("pool_idle_timeout", "7"), { poolIdleTimeout: 7000 });
  assert.deepEqual(setting("pool_max_lifetime", "7"), { poolMaxLifetime: 7000 });
  assert.deepEqual(setting("pool_acquire_timeout", "7"), { poolAcquireTimeout: 7000 });
  assert.deepEqual(setting("pool_leak_timeout", "7"), { poolLeakTimeout: 7000 });
  assert.deepEqual(setting("blocking_transport", "worker"), { blockingTransport: "worker" });
});

test("keys: connect_timeout is in whole seconds", () => {
  assert.deepEqual(setting("connect_timeout", "5"), { connectTimeout: 5000 });
  assert.deepEqual(setting("connect_timeout", "0"), { connectTimeout: 0 });
  assert.deepEqual(setting("connect_timeout", "2147483"), { connectTimeout: 2_147_483_000 });
  for (const value of ["1.5", "5s", "x", "2147484", "-1", "1e3", "0x10"]) {
    assert.match(
      complaint("connect_timeout", value),
      /^Cannot set connect_timeout to .*: it must be an integer from 0 to 2147483$/,
    );
  }
});

test("keys: booleans in every spelling, in any case", () => {
  for (const [spellings, expected] of [["true 1 yes on", true], ["false 0 no off", false]] as const) {
    for (const spelling of spellings.split(" ")) {
      for (const value of [spelling, spelling.toUpperCase(), spelling.replace(/^./, (first) => first.toUpperCase())]) {
        assert.deepEqual(setting("upgrade_to_unix_socket", value), { upgradeToUnixSocket: expected });
        assert.deepEqual(setting("keepalives", value), { keepAlive: expected });
        assert.deepEqual(setting("ssl", value), { sslMode: expected ? "require" : "disable" });
      }
    }
  }
  for (const value of ["t", "2", "yess", "enable", "tru e", " true"]) {
    assert.equal(
      complaint("upgrade_to_unix_socket", value),
      `Cannot set upgrade_to_unix_socket to ${
        JSON.stringify(value)
      }: it must be one of true, 1, yes, on, false, 0, no, off`,
    );
  }
  assert.match(refusal(UsageError, () => parseBoolean("ssl", "")), /^Cannot set ssl to ""/);
});

test("keys: a bad value is refused with the key, the value and what is allowed", () => {
  assert.equal(
    complaint("sslmode", "maybe"),
    'Cannot set sslmode to "maybe": it must be one of disable, prefer, require',
  );
  assert.equal(
    complaint("sslmode", "Require"),
    'Cannot set sslmode to "Require": it must be one of disable, prefer, require',
  );
  assert.equal(
    complaint("blocking_transport", "x"),
    'Cannot set blocking_transport to "x": it must be one of auto, ffi, worker',
  );
  assert.equal(complaint("port", "0"), "Cannot set port to 0: it must be an integer from 1 to 65535");
  assert.equal(complaint("port", "a"), 'Cannot set port to "a": it must be an integer from 1 to 65535');
  assert.equal(
    complaint("statement_cache_size", "-1"),
    "Cannot set statement_cache_size to -1: it must be an integer from 0 to 1000000",
  );
  assert.equal(
    complaint("pool_max_concurrency", "0"),
    "Cannot set pool_max_concurrency to 0: it must be an integer from 1 to 1000000",
  );
  assert.equal(complaint("socket", "x"), 'Cannot set socket to "x": it must be the whole path of a socket file');
  assert.equal(
    complaint("client_encoding", "latin1"),
    'Cannot set client_encoding to "latin1": pyro reads and writes UTF8 only',
  );
});

test("keys: libpq's other TLS modes are refused as not implemented", () => {
  for (const mode of ["allow", "verify-ca", "verify-full"]) {
    assert.equal(
      complaint("sslmode", mode),
      `Cannot set sslmode to ${mode}: it is not implemented; pyro has disable, prefer, require`,
    );
  }
});

test("keys: libpq's that are not implemented are refused, and never sent on", () => {
  const keys =
    "channel_binding gssencmode gsslib hostaddr keepalives_count keepalives_idle keepalives_interval krbsrvname " +
    "load_balance_hosts max_protocol_version min_protocol_version oauth_issuer passfile require_auth requirepeer " +
    "service servicefile ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode sslcompression sslcrl " +
    "sslcrldir sslkey sslkeylogfile sslnegotiation sslpassword sslrootcert sslsni target_session_attrs " +
    "tcp_user_timeout replication fallback_application_name requiressl scram_client_key gssdelegation";
  for (const key of keys.split(" ")) {
    const message = complaint(key, "secret");
    assert.match(
      message,
      new RegExp(`^Cannot use ${key}: it is a connection parameter of libpq's that is not implemented`),
    );
    assert.doesNotMatch(message, /secret/);
  }
});

test("keys: libpq's that are not implemented are taken with the value that asks for nothing", () => {
  const harmless: readonly (readonly [key: string, ...values: string[]])[] = [
    ["channel_binding", "disable", "prefer"],
    ["gssdelegation", "0"],
    ["gssencmode", "disable", "prefer"],
    ["load_balance_hosts", "disable"],
    ["max_protocol_version", "3.0"],
    ["min_protocol_version", "3.0"],
    ["replication", "false", "off", "no", "0"],
    ["requiressl", "0"],
    ["sslcertmode", "disable", "allow"],
    ["sslcompression", "0"],
    ["sslnegotiation", "postgres"],
    ["sslsni", "1"],
    ["target_session_attrs", "any"],
    ["tcp_user_timeout", "0"],
  ];
  for (const [key, ...values] of harmless) {
    for (const value of values) assert.deepEqual(setting(key, value), {});
    assert.ok(complaint(key, "x").endsWith(`; of its values pyro has ${values.join(", ")}`));
  }
  assert.match(complaint("service", "x"), /is not implemented$/);
});

test("keys: any other is a server setting", () => {
  assert.deepEqual(settingsOf(new Opts("pg://?statement_timeout=5s&search_path=app&DateStyle=ISO&my.own$1=x&geqo=")), {
    param: { statement_timeout: "5s", search_path: "app", DateStyle: "ISO", "my.own$1": "x", geqo: "" },
  });
  assert.deepEqual(setting("options", "-c geqo=off"), { param: { options: "-c geqo=off" } });
});

test("keys: startup parameters that are no settings are refused", () => {
  assert.equal(complaint("database", "x"), 'Cannot use key "database": use dbname instead');
  assert.equal(complaint("DATABASE", "x"), 'Cannot use key "DATABASE": use dbname instead');
  assert.equal(complaint("USER", "x"), 'Cannot use key "USER": use user instead');
  assert.match(complaint("Client_Encoding", "x"), /UTF8 only/);
  assert.match(complaint("_pq_.x", "1"), /^Cannot set param "_pq_.x": names that begin with _pq_/);
  assert.match(refusal(UsageError, () => new Opts("pg://?a..b=1")), /must be the name of a server setting/);
  assert.match(refusal(UsageError, () => new Opts("pg://?1a=1")), /must be the name of a server setting/);
});
