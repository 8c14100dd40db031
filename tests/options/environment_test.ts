import assert from "node:assert/strict";
import { UsageError } from "../../src/errors.ts";
import { withEnvironment } from "../../src/options/environment.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import type { Settings } from "../../src/options/settings.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** What becomes of the settings in a process with these variables. */
function filled(given: Settings | string, variables: Readonly<Record<string, string>>): Settings {
  return withEnvironment(typeof given === "string" ? settingsOf(new Opts(given)) : given, {
    ...environmentOf({ variables }),
    osUser: () => assert.fail("the operating system's user is not asked for here"),
  });
}

const ALL = {
  PGHOST: "env.example.com",
  PGPORT: "6000",
  PGUSER: "envuser",
  PGPASSWORD: "envpassword",
  PGDATABASE: "envdb",
  PGAPPNAME: "envapp",
  PGSSLMODE: "disable",
  PGCONNECT_TIMEOUT: "3",
  PGCLIENTENCODING: "UTF8",
  PGOPTIONS: "-c geqo=off",
  PGDATESTYLE: "ISO",
  PGTZ: "Europe/Berlin",
  PGGEQO: "off",
};

test("environment: fills all that is not given", () => {
  assert.deepEqual(filled({}, ALL), {
    hosts: ["env.example.com"],
    ports: [6000],
    user: "envuser",
    password: "envpassword",
    db: "envdb",
    applicationName: "envapp",
    sslMode: "disable",
    connectTimeout: 3000,
    accepted: { client_encoding: "UTF8" },
    param: { options: "-c geqo=off", DateStyle: "ISO", TimeZone: "Europe/Berlin", geqo: "off" },
  });
  assert.deepEqual(filled({}, {}), {});
});

test("environment: what is given has precedence, one by one", () => {
  assert.deepEqual(filled("pg://me:mine@h:1/db?sslmode=require&connect_timeout=1&application_name=a", ALL), {
    hosts: ["h"],
    ports: [1],
    user: "me",
    password: "mine",
    db: "db",
    applicationName: "a",
    sslMode: "require",
    connectTimeout: 1000,
    accepted: { client_encoding: "UTF8" },
    param: filled({}, ALL).param,
  });
  assert.deepEqual(filled("pg://h", { PGPORT: "6000", PGUSER: "u" }), { hosts: ["h"], ports: [6000], user: "u" });
  assert.deepEqual(filled("pg://:1", { PGHOST: "e" }), { hosts: ["e"], ports: [1] });
  assert.deepEqual(filled("pg://?connect_timeout=0&keepalives=0", { PGCONNECT_TIMEOUT: "9" }), {
    connectTimeout: 0,
    keepAlive: false,
  });
});

test("environment: server settings add up, and the given ones win", () => {
  assert.deepEqual(filled("pg://?geqo=on&work_mem=1MB", { PGGEQO: "off", PGTZ: "UTC" }).param, {
    geqo: "on",
    TimeZone: "UTC",
    work_mem: "1MB",
  });
});

test("environment: nothing but the given options decides about values and listeners", () => {
  const listener = (): void => {};
  assert.deepEqual(filled({ onNotice: listener, int8: "number" }, { PGUSER: "u" }), {
    onNotice: listener,
    int8: "number",
    user: "u",
  });
});

test("environment: an empty variable is a value, as in libpq", () => {
  const empty = Object.fromEntries(
    "PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE PGAPPNAME PGOPTIONS PGPASSFILE PGTZ".split(" ").map((
      name,
    ) => [name, ""]),
  );
  assert.deepEqual(filled({}, empty), {
    hosts: [""],
    ports: [undefined],
    user: "",
    password: "",
    db: "",
    applicationName: "",
    passfile: "",
    param: { options: "", TimeZone: "" },
  });
  assert.deepEqual(filled({}, { PGSSLROOTCERT: "" }), { sslRootCert: "" });
  for (const name of ["PGSSLMODE", "PGCONNECT_TIMEOUT", "PGCHANNELBINDING", "PGGSSENCMODE", "PGTARGETSESSIONATTRS"]) {
    const message = refusal(UsageError, () => filled({}, { [name]: "" }));
    assert.match(message, new RegExp(`^Cannot (set|use) ${name}`));
  }
});

test("environment: a variable is not looked at, not even for errors, if its setting is given", () => {
  assert.deepEqual(filled("sslmode=require", { PGSSLMODE: "bogus", PGREQUIRESSL: "1" }), { sslMode: "require" });
  assert.deepEqual(filled("port=1 connect_timeout=2", { PGPORT: "x", PGCONNECT_TIMEOUT: "" }), {
    ports: [1],
    connectTimeout: 2000,
  });
  assert.deepEqual(
    filled("gssencmode=disable client_encoding=UTF8", {
      PGGSSENCMODE: "require",
      PGCLIENTENCODING: "LATIN1",
    }),
    { accepted: { gssencmode: "disable", client_encoding: "UTF8" } },
  );
  assert.deepEqual(filled("user='' dbname='' application_name=''", ALL).user, "");
});

test("environment: default is no value of the session's settings", () => {
  assert.deepEqual(filled({}, { PGTZ: "default", PGDATESTYLE: "DEFAULT", PGGEQO: "Default" }), {});
  assert.deepEqual(filled({}, { PGTZ: " default" }), { param: { TimeZone: " default" } });
});

test("environment: PGREQUIRESSL is the older spelling of PGSSLMODE=require", () => {
  for (const value of ["1", "1x"]) assert.deepEqual(filled({}, { PGREQUIRESSL: value }), { sslMode: "require" });
  for (const value of ["", "0", "true"]) assert.deepEqual(filled({}, { PGREQUIRESSL: value }), {});
  assert.deepEqual(filled({}, { PGREQUIRESSL: "1", PGSSLMODE: "disable" }), { sslMode: "disable" });
});

test("environment: a socket that is given needs no host and port", () => {
  assert.deepEqual(filled("pg://?socket=/s", { PGHOST: "e", PGPORT: "1", PGUSER: "u" }), { socket: "/s", user: "u" });
  assert.deepEqual(filled("pg://h:1?socket=/s", { PGHOST: "e", PGPORT: "2" }), {
    socket: "/s",
    hosts: ["h"],
    ports: [1],
  });
});

test("environment: lists and socket directories", () => {
  assert.deepEqual(filled({}, { PGHOST: "a,/run/pg,[::1]", PGPORT: "1,2,3" }), {
    hosts: ["a", "/run/pg", "::1"],
    ports: [1, 2, 3],
  });
});

test("environment: a bad value is refused with the variable's name, the value and what is allowed", () => {
  const cases: readonly (readonly [name: string, value: string, message: string])[] = [
    [
      "PGSSLMODE",
      "maybe",
      'Cannot set PGSSLMODE to "maybe": it must be one of disable, allow, prefer, require, verify-ca, verify-full',
    ],
    ["PGPORT", "x", 'Cannot set PGPORT to "x": it must be an integer from 1 to 65535'],
    ["PGPORT", "70000", "Cannot set PGPORT to 70000: it must be an integer from 1 to 65535"],
    ["PGCONNECT_TIMEOUT", "5s", 'Cannot set PGCONNECT_TIMEOUT to "5s": it must be an integer from 0 to 2147483647'],
    ["PGCLIENTENCODING", "LATIN1", 'Cannot set PGCLIENTENCODING to "LATIN1": pyro reads and writes UTF8 only'],
  ];
  for (const [name, value, message] of cases) {
    assert.equal(refusal(UsageError, () => filled({}, { [name]: value })), message);
  }
});

test("environment: variables of what is not implemented are refused by name, harmless values aside", () => {
  const message = refusal(UsageError, () => filled("pg://u@h", { PGGSSENCMODE: "secret" }));
  assert.ok(
    message.startsWith("Cannot use PGGSSENCMODE: it is a connection parameter of libpq's that is not implemented"),
  );
  assert.doesNotMatch(message, /secret/);
  assert.deepEqual(filled({}, { PGGSSENCMODE: "disable" }), { accepted: { gssencmode: "disable" } });
});

test("environment: which host is chosen has variables", () => {
  const variables = { PGTARGETSESSIONATTRS: "standby", PGLOADBALANCEHOSTS: "random" };
  assert.deepEqual(filled({}, variables), { targetSessionAttrs: "standby", loadBalanceHosts: true });
  assert.match(refusal(UsageError, () => filled({}, { PGLOADBALANCEHOSTS: "" })), /^Cannot set PGLOADBALANCEHOSTS /);
});

test("environment: what authentication may be has variables", () => {
  const variables = { PGREQUIREAUTH: "!md5", PGCHANNELBINDING: "require", PGREQUIREPEER: "postgres" };
  assert.deepEqual(filled({}, variables), {
    requireAuth: "!md5",
    channelBinding: "require",
    requirePeer: "postgres",
  });
  assert.match(refusal(UsageError, () => filled({}, { PGREQUIREAUTH: "" })), /^Cannot set PGREQUIREAUTH to "": /);
});

test("environment: what encryption may be has variables", () => {
  const variables = {
    PGSSLMODE: "verify-full",
    PGSSLNEGOTIATION: "direct",
    PGSSLROOTCERT: "/root.crt",
    PGSSLCERT: "/client.crt",
    PGSSLKEY: "/client.key",
    PGSSLCERTMODE: "disable",
    PGSSLCRL: "/root.crl",
    PGSSLCRLDIR: "/crls",
    PGSSLSNI: "0",
    PGSSLMINPROTOCOLVERSION: "tlsv1.3",
    PGSSLMAXPROTOCOLVERSION: "",
  };
  assert.deepEqual(filled({}, variables), {
    sslMode: "verify-full",
    sslNegotiation: "direct",
    sslRootCert: "/root.crt",
    sslCert: "/client.crt",
    sslKey: "/client.key",
    sslCertMode: "disable",
    sslCrl: "/root.crl",
    sslCrlDir: "/crls",
    sslSni: false,
    sslMinProtocolVersion: "TLSv1.3",
    sslMaxProtocolVersion: "",
  });
  assert.match(
    refusal(UsageError, () => filled({}, { PGSSLMINPROTOCOLVERSION: "SSLv3" })),
    /^Cannot set PGSSLMINPROTOCOLVERSION to "SSLv3": it must be one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3$/,
  );
  assert.match(refusal(UsageError, () => filled({}, { PGSSLCERTMODE: "require" })), /^Cannot set PGSSLCERTMODE/);
});

test("environment: the versions of the protocol", () => {
  const variables = { PGMINPROTOCOLVERSION: "3.2", PGMAXPROTOCOLVERSION: "latest" };
  assert.deepEqual(filled({}, variables), { minProtocolVersion: "3.2", maxProtocolVersion: "latest" });
  assert.deepEqual(filled("pg://?min_protocol_version=3.0&max_protocol_version=3.0", variables), {
    minProtocolVersion: "3.0",
    maxProtocolVersion: "3.0",
  });
  for (const name of Object.keys(variables)) {
    const message = `Cannot set ${name} to "": it must be one of 3.0, 3.2, latest`;
    assert.equal(refusal(UsageError, () => filled({}, { [name]: "" })), message);
  }
});

test("environment: options themselves stay as they are", () => {
  const given = settingsOf(new Opts("pg://h?geqo=on"));
  const copy = structuredClone(given);
  filled(given, ALL);
  assert.deepEqual(given, copy);
});
