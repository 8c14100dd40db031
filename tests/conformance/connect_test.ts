import assert from "node:assert/strict";
import { Conn, ConnectionError, type ConnectOptions, Opts, ServerError, SqlState, UsageError } from "../../mod.ts";
import { conformance, type World } from "../support/suite/worlds.ts";
import { newest, type TestServer } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";

/** Who is logged in, and how the server sees the connection. */
const WHO = `select current_user::text as name, current_database()::text as db, inet_client_addr() is null as local,
  (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as tls`;

/** How a role that authenticates in that way can get in. */
async function enters(
  world: World,
  url: string,
  expected: { name: string; local: boolean; tls: boolean },
): Promise<void> {
  await using conn = await world.connect(url);
  assert.deepEqual(await conn.queryFirst(WHO), { db: "test_db", ...expected });
  assert.equal(conn.transport, expected.local ? "unix" : "tcp");
  assert.equal(conn.tls, expected.tls);
}

function routes(server: TestServer, user: string): { tcp: string; tls: string; unix: string } {
  const account = { user, password: "secret" };
  return {
    tcp: server.url({ ...account, query: "sslmode=disable&upgrade_to_unix_socket=no" }),
    tls: server.url({ ...account, query: "sslmode=require" }),
    unix: server.url({ ...account, query: `socket=${encodeURIComponent(server.socket)}` }),
  };
}

for (const user of ["auth_trust", "auth_password", "auth_md5", "auth_scram"]) {
  conformance(`connect: ${user} over TCP and TLS`, async (world, server) => {
    const { tcp, tls } = routes(server, user);
    await enters(world, tcp, { name: user, local: false, tls: false });
    await enters(world, tls, { name: user, local: false, tls: true });
  });

  conformance(`connect: ${user} over a Unix socket`, async (world, server) => {
    await enters(world, routes(server, user).unix, { name: user, local: true, tls: false });
  });
}

conformance("connect: a role that only TLS lets in, and one that only clear text does", async (world, server) => {
  const prefer = "sslmode=prefer&upgrade_to_unix_socket=no";
  const onlyTls = { user: "auth_tls", password: "secret" };
  const onlyPlain = { user: "auth_plain", password: "secret" };
  await enters(world, server.url({ ...onlyTls, query: prefer }), { name: "auth_tls", local: false, tls: true });
  await enters(world, server.url({ ...onlyPlain, query: prefer }), { name: "auth_plain", local: false, tls: false });
  for (const [account, mode] of [[onlyTls, "disable"], [onlyPlain, "require"]] as const) {
    await assert.rejects(
      world.connect(server.url({ ...account, query: `sslmode=${mode}` })),
      (error) => error instanceof ServerError && error.code === SqlState.InvalidAuthorizationSpecification,
    );
  }
});

conformance("connect: what the server refuses is its own error", async (world, server) => {
  const cases: [url: string, code: string][] = [
    [server.url({ password: "wrong" }), SqlState.InvalidPassword],
    [server.url({ user: "auth_password", password: "wrong" }), SqlState.InvalidPassword],
    [server.url({ user: "auth_md5", password: "wrong" }), SqlState.InvalidPassword],
    [server.url({ user: "auth_reject", password: "secret" }), SqlState.InvalidAuthorizationSpecification],
    [server.url({ user: "postgres", password: "", db: "no_such_db" }), SqlState.InvalidCatalogName],
    [server.url({ query: "no_such_setting=1" }), SqlState.UndefinedObject],
  ];
  for (const [url, code] of cases) {
    await assert.rejects(world.connect(url), (error) => {
      assert.ok(error instanceof ServerError, String(error));
      assert.equal(error.code, code);
      assert.equal(error.severity, "FATAL");
      assert.ok(error.connectionLost);
      assert.ok(!String(error.stack).includes("1234"));
      return true;
    });
  }
});

conformance("connect: a password that is asked for and not given", async (world, server) => {
  await assert.rejects(world.connect(server.url({ password: "" })), (error) => {
    assert.ok(error instanceof ConnectionError);
    assert.match(error.message, /no password is given/);
    assert.equal(error.safeToRetry, false, "the same call does not succeed later");
    return true;
  });
});

conformance("connect: settings to start with, and the application's name", async (world, server) => {
  await using conn = await world.connect(
    server.url({ query: "statement_timeout=4321ms&search_path=app,public&application_name=conformance" }),
  );
  const names = ["statement_timeout", "search_path", "application_name"];
  assert.deepEqual(
    await conn.exec("select current_setting(unnest($1::text[]))", [names], { rows: "array" }),
    [["4321ms"], ["app,public"], ["conformance"]],
  );
});

conformance("connect: other ways to say where", async (world, server) => {
  for (
    const target of [
      `host=127.0.0.1 port=${server.port} user=test password=1234 dbname=test_db`,
      new Opts().host(["127.0.0.1", "::1"]).port(server.port).user("test").password("1234").db("test_db"),
      `pg://test:1234@127.0.0.1:1,127.0.0.1:${server.port}/test_db`,
    ]
  ) {
    await using conn = await world.connect(target);
    assert.equal(await conn.execValue("select current_database()::text"), "test_db");
  }
});

conformance("connect: a socket directory, and a socket that is not there", async (world, server) => {
  const [directory] = server.socketDirectories;
  for (
    const target of [
      `host=${directory} port=${server.port} user=test dbname=test_db`,
      new Opts().host(directory!).port(server.port).user("test").db("test_db"),
    ]
  ) {
    await using conn = await world.connect(target);
    assert.equal(conn.transport, "unix");
  }
  await assert.rejects(
    world.connect("pg://test@localhost/test_db?socket=/nonexistent/s"),
    (error) =>
      error instanceof ConnectionError &&
      error.message === "Cannot connect to /nonexistent/s: no such file or directory",
  );
});

conformance("connect: bad targets are refused before anything is dialled", async (world) => {
  for (const url of ["mysql://localhost", "pg://localhost?sslmode=verify", "pg://localhost?port=0", "host=a b"]) {
    await assert.rejects(world.connect(url), UsageError);
  }
});

conformance("connect: no setting of the server is taken for a misspelt option", async (world, server) => {
  await using conn = await world.connect(server.fast);
  const refused = (await conn.execColumn<string>("select name from pg_settings order by name")).filter((name) => {
    try {
      new Opts().param(name, "x");
      return false;
    } catch {
      return true;
    }
  });
  // Options, and names that clients have for options.
  const known = ["application_name", "client_encoding", "max_connections", "port", "ssl", "ssl_ca_file", "ssl_crl_dir"];
  assert.deepEqual(refused, [...known, "tcp_user_timeout"]);
});

test("connect: its only option is a signal", async () => {
  const connect = (options: unknown) => Conn.connect(newest.fast, options as ConnectOptions);
  await assert.rejects(connect({ timeout: 5000 }), {
    name: "UsageError",
    message: 'Cannot use option "timeout": there is only signal; the options of the connection are those of the ' +
      "target, such as connectTimeout",
  });
  for (const options of [{ signal: new AbortController() }, 5000, null, []]) {
    await assert.rejects(connect(options), UsageError);
  }
  await (await connect({ signal: undefined })).close();
});

conformance("connect: nobody there", async (world) => {
  const cases: [url: string, message: RegExp][] = [
    ["pg://test@127.0.0.1:1/test_db", /^Cannot connect to 127\.0\.0\.1:1: connection refused$/],
    [`pg://test@127.0.0.1:1,[::1]:1/test_db`, /127\.0\.0\.1:1: .*; \[::1\]:1: /],
    ["pg://test@[::1%251]:1/test_db", /^Cannot connect to \[::1%1\]:1: connection refused$/],
  ];
  for (const [url, message] of cases) {
    await assert.rejects(world.connect(url), (error) => {
      assert.ok(error instanceof ConnectionError, String(error));
      assert.match(error.message, message);
      assert.ok(error.connectionLost && error.safeToRetry);
      return true;
    });
  }
});
