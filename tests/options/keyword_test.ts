import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { applyKeyword, isGiven } from "../../src/options/keywords.ts";
import { parseBoolean } from "../../src/options/option_values.ts";
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
  assert.deepEqual(setting("fallback_application_name", "x"), { fallbackApplicationName: "x" });
  assert.deepEqual(setting("passfile", "/x y"), { passfile: "/x y" });
  assert.deepEqual(setting("service", "x"), { service: "x" });
  assert.deepEqual(setting("servicefile", "/x"), { serviceFile: "/x" });
  for (const version of ["3.0", "3.2", "latest"]) {
    assert.deepEqual(setting("min_protocol_version", version), { minProtocolVersion: version });
    assert.deepEqual(setting("max_protocol_version", version), { maxProtocolVersion: version });
  }
  assert.deepEqual(setting("requiressl", "1"), { sslMode: "require" });
  assert.deepEqual(setting("requiressl", "0"), { sslMode: "prefer" });
  assert.deepEqual(setting("client_encoding", "UTF8"), { accepted: { client_encoding: "UTF8" } });
  assert.deepEqual(setting("client_encoding", "auto"), { accepted: { client_encoding: "auto" } });
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
  // As in libpq; a timer's time is 2^31-1 milliseconds at most.
  assert.deepEqual(setting("connect_timeout", "2147483647"), { connectTimeout: 2_147_483_000 });
  assert.deepEqual(setting("connect_timeout", "-1"), { connectTimeout: 0 });
  assert.deepEqual(setting("connect_timeout", "\t7 \v"), { connectTimeout: 7000 });
  for (const value of ["1.5", "5s", "x", "2147483648", "-2147483649", "1e3", "0x10", "", " ", "7\u00a0"]) {
    assert.match(
      complaint("connect_timeout", value),
      /^Cannot set connect_timeout to .*: it must be an integer from 0 to 2147483647$/,
    );
  }
  assert.match(complaint("pool_idle_timeout", "-1"), /from 0 to 2147483$/);
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
    'Cannot set sslmode to "maybe": it must be one of disable, allow, prefer, require, verify-ca, verify-full',
  );
  assert.equal(
    complaint("sslmode", "Require"),
    'Cannot set sslmode to "Require": it must be one of disable, allow, prefer, require, verify-ca, verify-full',
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

test("keys: libpq's modes of TLS, and what certificates, keys and versions may be", () => {
  for (const sslMode of ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]) {
    assert.deepEqual(setting("sslmode", sslMode), { sslMode });
  }
  assert.deepEqual(setting("sslnegotiation", "direct"), { sslNegotiation: "direct" });
  const paths = {
    sslrootcert: "sslRootCert",
    sslcert: "sslCert",
    sslkey: "sslKey",
    sslpassword: "sslPassword",
    sslcrl: "sslCrl",
    sslcrldir: "sslCrlDir",
  };
  for (const [key, member] of Object.entries(paths)) assert.deepEqual(setting(key, "x"), { [member]: "x" });
  for (const value of ["1", "0", "", "true"]) assert.deepEqual(setting("sslsni", value), { sslSni: value === "1" });
  assert.deepEqual(setting("ssl_min_protocol_version", "tlsV1.1"), { sslMinProtocolVersion: "TLSv1.1" });
  assert.deepEqual(setting("ssl_max_protocol_version", "TLSv1.3"), { sslMaxProtocolVersion: "TLSv1.3" });
  assert.deepEqual(setting("sslcertmode", "disable"), { sslCertMode: "disable" });
  assert.match(complaint("sslcertmode", "require"), /^Cannot set sslcertmode to require: no runtime tells whether /);
  assert.match(complaint("sslnegotiation", "tls"), /it must be one of postgres, direct$/);
});

test("keys: libpq's that are not implemented are refused, and never sent on", () => {
  const keys = "gssencmode gsslib krbsrvname sslcompression sslkeylogfile " +
    "replication scram_client_key gssdelegation";
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
    ["gssdelegation", "0"],
    ["gssencmode", "disable", "prefer"],
    ["replication", "false", "off", "no", "0"],
    ["sslcompression", "0"],
  ];
  for (const [key, ...values] of harmless) {
    for (const value of values) assert.deepEqual(setting(key, value), { accepted: { [key]: value } });
    assert.ok(complaint(key, "x").endsWith(`; only the values ${values.join(", ")} are accepted`));
  }
  assert.match(complaint("sslkeylogfile", "x"), /is not implemented$/);
});

test("keys: which host is chosen", () => {
  for (const attrs of ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]) {
    assert.deepEqual(setting("target_session_attrs", attrs), { targetSessionAttrs: attrs });
  }
  assert.match(complaint("target_session_attrs", "master"), /it must be one of any, .*, prefer-standby$/);
  assert.deepEqual(setting("load_balance_hosts", "random"), { loadBalanceHosts: true });
  assert.deepEqual(setting("load_balance_hosts", "disable"), { loadBalanceHosts: false });
  assert.match(complaint("load_balance_hosts", "true"), /it must be one of disable, random$/);
  assert.deepEqual(setting("host_recheck", "5"), { hostRecheck: 5000 });
  assert.match(complaint("host_recheck", "-1"), /^Cannot set host_recheck to /);
});

test("keys: versions of the protocol that libpq does not have are refused", () => {
  for (const key of ["min_protocol_version", "max_protocol_version"]) {
    for (const value of ["", "3", "3.1", "2.0", "3.3", "3.9999", "LATEST", " 3.2"]) {
      const message = `Cannot set ${key} to ${JSON.stringify(value)}: it must be one of 3.0, 3.2, latest`;
      assert.equal(complaint(key, value), message);
    }
  }
});

test("keys: keepalives is an integer, as in libpq, or a boolean", () => {
  for (const value of ["1", "2", "-1", " 1 ", "on"]) {
    assert.deepEqual(setting("keepalives", value), { keepAlive: true });
  }
  for (const value of ["0", "00", " 0", "off"]) assert.deepEqual(setting("keepalives", value), { keepAlive: false });
  for (const value of ["", "x", "1x"]) assert.match(complaint("keepalives", value), /^Cannot set keepalives to /);
});

test("keys: times of keepalives are in seconds, and the user timeout in milliseconds, as in libpq", () => {
  assert.deepEqual(setting("keepalives_idle", "60"), { keepAlivesIdle: 60_000 });
  assert.deepEqual(setting("keepalives_interval", " +10 "), { keepAlivesInterval: 10_000 });
  assert.deepEqual(setting("keepalives_count", "5"), { keepAlivesCount: 5 });
  assert.deepEqual(setting("tcp_user_timeout", "1500"), { tcpUserTimeout: 1500 });
  assert.deepEqual(setting("keepalives_idle", "0"), { keepAlivesIdle: 0 });
  assert.deepEqual(setting("tcp_user_timeout", "-1"), { tcpUserTimeout: 0 });
  for (const key of ["keepalives_idle", "keepalives_interval"]) {
    for (const value of ["", "x", "1.5", "32768"]) {
      assert.match(complaint(key, value), new RegExp(`^Cannot set ${key} to .*an integer from 0 to 32767$`));
    }
  }
  assert.match(complaint("keepalives_count", "128"), /an integer from 0 to 127$/);
  assert.match(complaint("tcp_user_timeout", "2147483648"), /an integer from 0 to 2147483647$/);
});

test("keys: hostaddr is a list of addresses, each for a host", () => {
  assert.deepEqual(setting("hostaddr", "192.0.2.7"), { hostAddrs: ["192.0.2.7"] });
  assert.deepEqual(setting("hostaddr", "::1,,fe80::1%eth0"), { hostAddrs: ["::1", "", "fe80::1%eth0"] });
  for (
    const value of ["127.0.0.010", "127.1", "db.example.com", "1.2.3", "1.2.3.256", "/tmp", "1.2.3.4.5", ":::"]
  ) {
    assert.match(complaint("hostaddr", value), /^Cannot set hostaddr to ".*": it must be an IP address$/);
  }
  // libpq takes brackets in host only.
  assert.match(complaint("hostaddr", "[::1]"), /^Cannot set hostaddr to "\[::1\]": it must be .*, without brackets$/);
});

test("keys: empty values are values where libpq has a default for them, and errors where it has none", () => {
  const members = {
    user: "user",
    password: "password",
    dbname: "db",
    application_name: "applicationName",
    requirepeer: "requirePeer",
  };
  for (const [key, member] of Object.entries(members)) assert.deepEqual(setting(key, ""), { [member]: "" });
  assert.deepEqual(setting("host", ""), { hosts: [""] });
  assert.deepEqual(setting("host", "a,,b"), { hosts: ["a", "", "b"] });
  assert.deepEqual(setting("hostaddr", ""), { hostAddrs: [""] });
  assert.deepEqual(setting("port", ""), { ports: [undefined] });
  assert.deepEqual(setting("options", ""), { param: { options: "" } });
  assert.deepEqual(setting("replication", ""), { accepted: { replication: "" } });
  assert.deepEqual(setting("sslrootcert", ""), { sslRootCert: "" });
  for (const key of ["sslmode", "connect_timeout", "channel_binding", "gssencmode", "target_session_attrs"]) {
    assert.match(complaint(key, ""), new RegExp(`^Cannot (set|use) ${key}`));
  }
});

test("keys: of equal keys only the last one is read", () => {
  assert.deepEqual(settingsOf(new Opts("sslmode=bogus sslmode=disable")), { sslMode: "disable" });
  assert.deepEqual(settingsOf(new Opts("pg://?port=x&ssl=true&port=1&sslmode=disable")), {
    sslMode: "disable",
    ports: [1],
  });
});

test("keys: what the settings have is given, and nothing else", () => {
  const values: Readonly<Record<string, string>> = { port: "1", connect_timeout: "1", sslmode: "disable", x: "y" };
  const keys = "host port user password dbname passfile service servicefile application_name sslmode connect_timeout " +
    "fallback_application_name channel_binding client_encoding options x";
  for (const key of keys.split(" ")) {
    const value = values[key] ?? { channel_binding: "disable", client_encoding: "UTF8" }[key] ?? "";
    assert.ok(isGiven(applyKeyword({}, key, value), key), key);
    assert.ok(!isGiven({}, key), key);
  }
  assert.ok(isGiven({ param: { timezone: "UTC" } }, "TimeZone"));
  assert.ok(isGiven({ sslMode: "prefer" }, "requiressl"));
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

test("keys: of those for the same setting only the last is read", () => {
  assert.deepEqual(settingsOf(new Opts("sslmode=bogus requiressl=1 user=u")), { sslMode: "require", user: "u" });
  assert.deepEqual(settingsOf(new Opts("pg://?ssl=bogus&sslmode=disable")), { sslMode: "disable" });
  assert.throws(() => new Opts("requiressl=1 sslmode=bogus"), UsageError);
});
