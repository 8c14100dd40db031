import assert from "node:assert/strict";
import { nodeHashing } from "../../src/auth/hashing.ts";
import type { ConnectPlan } from "../../src/connect/connect.ts";
import { type ConnectEnvironment, planOf } from "../../src/connect/plan.ts";
import { SecretFunction } from "../../src/connect/secret_function.ts";
import { UsageError } from "../../src/errors.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { localSockets } from "../support/scripted/local_sockets.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

function surroundings(variables: Readonly<Record<string, string>> = {}, osUser?: string): ConnectEnvironment {
  return {
    ...environmentOf({ variables, osUser }),
    now: () => 42,
    nonce: () => "nonce",
    hashing: nodeHashing,
    local: localSockets(),
  };
}

function plan(
  target: string | Opts,
  variables?: Readonly<Record<string, string>>,
  osUser: string = "osuser",
): ConnectPlan {
  return planOf(settingsOf(typeof target === "string" ? new Opts(target) : target), surroundings(variables, osUser));
}

/** The password, also if it is looked up when the server asks. */
function passwordOf({ password }: ConnectPlan): unknown {
  return typeof password === "function" ? password() : password;
}

test("plan: the defaults", () => {
  const made = plan("pg://");
  assert.deepEqual(made.endpoints, [{ kind: "tcp", host: "localhost", port: 5432, keepAlive: true }]);
  assert.deepEqual([made.sslMode, made.user, passwordOf(made), made.timeout], ["prefer", "osuser", undefined, 30_000]);
  assert.deepEqual(made.parameters.slice(0, 3), [["user", "osuser"], ["database", "osuser"], [
    "client_encoding",
    "UTF8",
  ]]);
  assert.equal(made.upgrade.skipReason, undefined);
});

test("plan: what is given", () => {
  const made = plan("pg://u:p@h:1/d?sslmode=require&connect_timeout=0&keepalives=0&application_name=a&search_path=s");
  assert.deepEqual(made.endpoints, [{ kind: "tcp", host: "h", port: 1, keepAlive: false }]);
  assert.deepEqual([made.sslMode, made.user, made.password, made.timeout], ["require", "u", "p", 0]);
  const parameters = new Map(made.parameters);
  assert.equal(parameters.size, made.parameters.length);
  assert.deepEqual(
    ["user", "database", "client_encoding", "application_name", "search_path"].map((name) => parameters.get(name)),
    ["u", "d", "UTF8", "a", "s"],
  );
});

test("plan: the clock, the nonce and the local sockets are those of the surroundings", () => {
  const given = surroundings({}, "u");
  const made = planOf({}, given);
  assert.equal(made.now, given.now);
  assert.equal(made.nonce, given.nonce);
  assert.equal(made.upgrade.local, given.local);
});

test("plan: a function for the password has precedence over all other passwords, and is not called yet", () => {
  const opts = new Opts("pg://u@h").password(() => assert.fail("it is called"));
  const { password, passwords } = plan(opts, { PGPASSWORD: "other", PGPASSFILE: "/no/such/file" });
  assert.ok(password instanceof SecretFunction);
  assert.equal(passwords, undefined);
});

test("plan: the user is the given one, the environment's, the operating system's", () => {
  assert.equal(plan("pg://given@", { PGUSER: "env" }).user, "given");
  assert.equal(plan("pg://", { PGUSER: "env" }).user, "env");
  assert.equal(plan("pg://").user, "osuser");
});

test("plan: without any user connecting is refused", () => {
  for (const osUser of [undefined, ""]) {
    const message = refusal(UsageError, () => planOf({}, surroundings({ PGDATABASE: "d" }, osUser)));
    assert.match(message, /^Cannot connect: no user is given/);
    assert.match(message, /PGUSER/);
  }
  assert.equal(planOf({ user: "u" }, surroundings()).user, "u");
});

test("plan: an empty value is the default, and keeps the environment out", () => {
  const variables = { PGHOST: "e", PGPORT: "7", PGUSER: "e", PGDATABASE: "e", PGPASSWORD: "e", PGAPPNAME: "e" };
  const made = plan("user='' dbname='' password='' application_name='' options='' host='' port=''", {
    ...variables,
    PGOPTIONS: "-c geqo=off",
  });
  assert.deepEqual(made.endpoints, [{ kind: "tcp", host: "localhost", port: 5432, keepAlive: true }]);
  assert.deepEqual([made.user, passwordOf(made)], ["osuser", undefined]);
  assert.deepEqual(made.parameters, [["user", "osuser"], ["database", "osuser"], ["client_encoding", "UTF8"]]);
  assert.equal(new Map(plan("pg://?geqo=").parameters).get("geqo"), "", "settings of the server's may be empty");
});

test("plan: the fallback of the application's name is used if there is no other, not even an empty one", () => {
  const name = (text: string, variables?: Readonly<Record<string, string>>): string | undefined =>
    new Map(plan(text, variables).parameters).get("application_name");
  assert.equal(name("pg://?fallback_application_name=f"), "f");
  assert.equal(name("pg://?fallback_application_name=f&application_name=a"), "a");
  assert.equal(name("pg://?fallback_application_name=f", { PGAPPNAME: "e" }), "e");
  assert.equal(name("pg://?fallback_application_name=f&application_name="), undefined);
});

test("plan: protocol 3.0 is asked for, unless another version is wanted", () => {
  const asked = (query: string, variables: Readonly<Record<string, string>> = {}): string[] => {
    const { min, max } = plan(`pg://?${query}`, variables).versions;
    return [min, max].map((version) => `${version >> 16}.${version & 0xffff}`);
  };
  assert.deepEqual(asked(""), ["3.0", "3.0"]);
  assert.deepEqual(asked("max_protocol_version=3.2"), ["3.0", "3.2"]);
  assert.deepEqual(asked("max_protocol_version=latest"), ["3.0", "3.2"]);
  assert.deepEqual(asked("min_protocol_version=3.2"), ["3.2", "3.2"]);
  assert.deepEqual(asked("min_protocol_version=latest"), ["3.2", "3.2"]);
  assert.deepEqual(asked("min_protocol_version=3.0"), ["3.0", "3.0"]);
  assert.deepEqual(asked("max_protocol_version=3.2", { PGMINPROTOCOLVERSION: "3.2" }), ["3.2", "3.2"]);
  const tooNew = "max_protocol_version=3.0&min_protocol_version=latest";
  assert.equal(
    refusal(UsageError, () => asked(tooNew)),
    "Cannot connect: min_protocol_version latest is newer than max_protocol_version 3.0",
  );
  refusal(UsageError, () => asked("min_protocol_version=3.2", { PGMAXPROTOCOLVERSION: "3.0" }));
});

test("plan: the database is the one named like the user", () => {
  assert.equal(new Map(plan("pg://ada@").parameters).get("database"), "ada");
  assert.equal(new Map(plan("pg://ada@/d").parameters).get("database"), "d");
  assert.equal(new Map(plan("pg://ada@", { PGDATABASE: "env" }).parameters).get("database"), "env");
});

test("plan: a host that starts with a slash is a socket directory", () => {
  assert.deepEqual(plan(new Opts().host("/run/pg")).endpoints, [{ kind: "unix", path: "/run/pg/.s.PGSQL.5432" }]);
  assert.deepEqual(plan(new Opts().host("/run/pg//").port(1)).endpoints, [{
    kind: "unix",
    path: "/run/pg/.s.PGSQL.1",
  }]);
  assert.deepEqual(plan(new Opts().host("/")).endpoints, [{ kind: "unix", path: "/.s.PGSQL.5432" }]);
});

test("plan: a socket is the only address, whatever host and port say", () => {
  const socket = [{ kind: "unix", path: "/tmp/pg/.s.PGSQL.9" }];
  assert.deepEqual(plan("pg://a,b:1/test?socket=/tmp/pg/.s.PGSQL.9").endpoints, socket);
  assert.deepEqual(plan("pg://?socket=/tmp/pg/.s.PGSQL.9", { PGHOST: "e", PGPORT: "1,2,3" }).endpoints, socket);
});

test("plan: hosts in their order, with one port for all or one each", () => {
  const addresses = (target: string | Opts, variables?: Readonly<Record<string, string>>): string[] =>
    plan(target, variables).endpoints.map((end) => end.kind === "unix" ? end.path : `${end.host} ${end.port}`);
  assert.deepEqual(addresses("pg://a,b,c"), ["a 5432", "b 5432", "c 5432"]);
  assert.deepEqual(addresses("pg://a:1,b,[::1]:3"), ["a 1", "b 5432", "::1 3"]);
  assert.deepEqual(addresses(new Opts().host("a,/b").port(7)), ["a 7", "/b/.s.PGSQL.7"]);
  assert.deepEqual(addresses(new Opts().host("a,b").port([7, 8])), ["a 7", "b 8"]);
  assert.deepEqual(addresses("host=a,b", { PGPORT: "7" }), ["a 7", "b 7"]);
  assert.deepEqual(addresses("pg://a", { PGPORT: "7" }), ["a 7"]);
  assert.deepEqual(addresses("pg://a,b", { PGPORT: "7" }), ["a 5432", "b 5432"], "as in libpq, a list has its ports");
  assert.deepEqual(addresses("pg://a,:1"), ["a 5432", "localhost 1"]);
  assert.deepEqual(addresses("pg://", { PGHOST: "a,b", PGPORT: ",8" }), ["a 5432", "b 8"]);
});

test("plan: hostaddr is dialled, and the host is kept; one without a host is the host too", () => {
  const tcp = { kind: "tcp", port: 5432, keepAlive: true } as const;
  assert.deepEqual(plan("pg://db?hostaddr=192.0.2.7").endpoints, [{ ...tcp, host: "db", address: "192.0.2.7" }]);
  assert.deepEqual(plan("hostaddr=::1").endpoints, [{ ...tcp, host: "::1", address: "::1", isOnlyAddress: true }]);
  assert.deepEqual(plan("host=::1 hostaddr=::1").endpoints, [{ ...tcp, host: "::1", address: "::1" }]);
  assert.deepEqual(plan("pg://db", { PGHOSTADDR: "::1" }).endpoints, [{ ...tcp, host: "db", address: "::1" }]);
  assert.deepEqual(plan("host=a,b,/c port=,7, hostaddr=::1,,::2").endpoints, [
    { ...tcp, host: "a", address: "::1" },
    { ...tcp, host: "b", port: 7 },
    { ...tcp, host: "/c", address: "::2" },
  ]);
  assert.deepEqual(plan("hostaddr=::1,::2 port=1,2").endpoints, [
    { ...tcp, host: "::1", address: "::1", isOnlyAddress: true, port: 1 },
    { ...tcp, host: "::2", address: "::2", isOnlyAddress: true, port: 2 },
  ]);
  assert.deepEqual(plan("host=a,b hostaddr=''").endpoints, [{ ...tcp, host: "a" }, { ...tcp, host: "b" }]);
  assert.deepEqual(plan("pg://?socket=/s", { PGHOSTADDR: "::1" }).endpoints, [{ kind: "unix", path: "/s" }]);
  for (const text of ["host=a,b hostaddr=::1", "host=a hostaddr=::1,::2", "host=a,b hostaddr=::1,::2,::3"]) {
    assert.match(
      refusal(UsageError, () => plan(text)),
      /^Cannot connect: \d addresses are given in hostaddr for \d host/,
    );
  }
  assert.match(plan("hostaddr=::1,::2").upgrade.skipReason!, /several hosts/);
});

test("plan: the password file is looked in by the host, without one by hostaddr", () => {
  const files = {
    "/f": { state: "read", text: "db:*:*:*:a\n::\\:1:*:*:*:b\n\\:\\:1:*:*:*:c\n", isPrivate: true },
  } as const;
  const password = (text: string): unknown =>
    passwordOf(
      planOf(settingsOf(new Opts(text)), { ...surroundings({}, "u"), ...environmentOf({ osUser: "u", files }) }),
    );
  assert.equal(password("host=db hostaddr=::1 passfile=/f"), "a");
  assert.equal(password("hostaddr=::1 passfile=/f"), "c");
});

test("plan: a host that starts with @ is an abstract socket", () => {
  assert.deepEqual(plan(new Opts().host("@pg").port(7)).endpoints, [{ kind: "unix", path: "@pg/.s.PGSQL.7" }]);
});

test("plan: options of TCP sockets; 0 is the default, and without keepalives there are none of them", () => {
  const options = (query: string): unknown => {
    const [endpoint] = plan(`pg://h?${query}`).endpoints;
    return endpoint?.kind === "tcp" ? endpoint.options : "none";
  };
  const all = "keepalives_idle=60&keepalives_interval=10&keepalives_count=5&tcp_user_timeout=1500";
  assert.deepEqual(options(all), {
    keepAliveIdle: 60_000,
    keepAliveInterval: 10_000,
    keepAliveCount: 5,
    userTimeout: 1500,
  });
  assert.deepEqual(options(`${all}&keepalives=0`), { userTimeout: 1500 });
  assert.equal(options("keepalives_idle=0&keepalives_interval=0&keepalives_count=0&tcp_user_timeout=0"), undefined);
  assert.deepEqual(plan(`host=/tmp ${all.replaceAll("&", " ")}`).endpoints, [{
    kind: "unix",
    path: "/tmp/.s.PGSQL.5432",
  }]);
});

test("plan: another number of ports than of hosts is refused", () => {
  for (
    const opts of [new Opts().host("a,b,c").port([1, 2]), new Opts().host("a").port([1, 2]), new Opts().port([1, 2])]
  ) {
    assert.match(refusal(UsageError, () => plan(opts)), /^Cannot connect: 2 ports are given for \d hosts/);
  }
});

test("plan: no upgrade to a Unix socket where it is switched off or cannot be meant", () => {
  assert.match(plan("pg://?upgrade_to_unix_socket=no").upgrade.skipReason!, /switched off/);
  assert.match(plan("pg://?sslmode=require").upgrade.skipReason!, /TLS/);
  for (const url of ["pg://?pgbouncer=true", "pg://?pgbouncer=true&upgrade_to_unix_socket=yes"]) {
    assert.match(plan(url).upgrade.skipReason!, /pooler stands between/);
    assert.deepEqual(plan(url).parameters, plan("pg://").parameters, "the server knows no such setting");
  }
  assert.match(plan("pg://a,b").upgrade.skipReason!, /several hosts/);
  assert.match(plan("pg://", { PGSSLMODE: "require" }).upgrade.skipReason!, /TLS/);
  for (const wanted of ["pg://", "pg://h", "pg://?sslmode=prefer", "pg://?sslmode=disable"]) {
    assert.equal(plan(wanted).upgrade.skipReason, undefined);
  }
});
