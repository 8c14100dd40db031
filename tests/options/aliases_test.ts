import assert from "node:assert/strict";
import { inspect } from "node:util";
import { PyroError, UsageError } from "../../src/errors.ts";
import { withEnvironment } from "../../src/options/environment.ts";
import { isSecretName } from "../../src/options/aliases.ts";
import { ADDED_OPTIONS, NOT_IMPLEMENTED, OPTIONS } from "../../src/options/option_table.ts";
import { Opts, settingsOf } from "../../src/options/opts.ts";
import { type Target, toOpts } from "../../src/options/target.ts";
import { environmentOf } from "../support/scripted/surroundings.ts";
import { setterNames } from "./setter_names.ts";
import { refusal } from "../support/suite/refusal.ts";
import { test } from "../support/suite/test.ts";

/** What is looked for in everything that can be seen. */
const SECRET = "tr0ub4dor";

/** What the dialects call a thing, and which key and setter pyro has for it. */
const DIALECTS: readonly (readonly [names: readonly string[], key: string, setter: string])[] = [
  [
    ["Password", "PASSWORD", "pass", "Pass", "passwd", "pwd", "PWD", "PSW", "pass_word", "Pass Word", "pass-word"],
    "password",
    "password",
  ],
  [["User", "username", "User Name", "UserName", "UserId", "User ID", "user-id", "UID"], "user", "user"],
  [["Host", "HOST", "Server", "hostname", "Data Source"], "host", "host"],
  [["Port", "PORT"], "port", "port"],
  [["Database", "DATABASE", "database", "Initial Catalog", "DbName", "databaseName"], "dbname", "db"],
  [["Ssl Mode", "SSLMODE", "sslMode", "ssl_mode", "Ssl-Mode", "sslaccept", "UseSSL"], "sslmode", "sslMode"],
  [["SSL", "Ssl"], "ssl", "sslMode"],
  [["Application Name", "ApplicationName", "application-name", "AppName"], "application_name", "applicationName"],
  [
    ["connectTimeout", "Connection Timeout", "connectionTimeoutMillis", "loginTimeout"],
    "connect_timeout",
    "connectTimeout",
  ],
  [["Timeout"], "connect_timeout", "timeout"],
  [["Protocol_Version", "PGMAXPROTOCOLVERSION"], "max_protocol_version", "maxProtocolVersion"],
  [["PgMinProtocolVersion"], "min_protocol_version", "minProtocolVersion"],
  [["Keepalive", "tcpKeepAlive", "TCP Keepalive"], "keepalives", "keepAlive"],
  [
    ["connection_limit", "pool_max_conns", "Maximum Pool Size", "MaxPoolSize", "max", "pool_size"],
    "pool_max_concurrency",
    "poolMaxConcurrency",
  ],
  [["Minimum Pool Size", "pool_min_conns", "min"], "pool_min_idle", "poolMinIdle"],
  [["pool_timeout"], "pool_acquire_timeout", "poolAcquireTimeout"],
  [
    ["Connection Idle Lifetime", "idle_timeout", "pool_max_conn_idle_time"],
    "pool_idle_timeout",
    "poolIdleTimeout",
  ],
  [["pool_max_conn_lifetime", "max_lifetime", "Connection Lifetime"], "pool_max_lifetime", "poolMaxLifetime"],
  [
    ["Max Auto Prepare", "default_query_exec_mode", "prepareThreshold", "statementCacheSize"],
    "statement_cache_size",
    "statementCacheSize",
  ],
  [["PgBouncer", "PGBOUNCER"], "pgbouncer", "pgbouncer"],
  [["Upgrade To Unix Socket"], "upgrade_to_unix_socket", "upgradeToUnixSocket"],
];

/** Settings of the server's by the names that others have for them. */
const SETTINGS: readonly (readonly [names: readonly string[], setting: string])[] = [
  [["schema", "currentSchema", "Search Path", "SearchPath"], "search_path"],
  [["Command Timeout", "statementTimeout", "socket_timeout"], "statement_timeout"],
  [["Options"], "options"],
  [["Time Zone", "time_zone"], "TimeZone"],
];

/** Names of secrets that pyro has no key for, and names that have no counterpart. */
const OTHERS = ["client_secret", "Access Token", "token", "apiKey", "SSL Password", "SslPassword", "oauthClientSecret"];
const NEEDLESS = ["uselibpqcompat", "Pooling", "Persist Security Info", "Multiplexing", "clientEncoding", "Encoding"];

/** All that an error or options show of themselves. */
function shownForms(value: unknown): string[] {
  const error = value as Partial<Error>;
  const forms = [String(value), inspect(value, { showHidden: true, depth: 9 }), JSON.stringify(value) ?? ""];
  forms.push(String(error.message), String(error.stack), inspect(error.cause));
  for (const name of Reflect.ownKeys(value as object)) {
    forms.push(inspect((value as Record<PropertyKey, unknown>)[name]));
  }
  const { Deno, Bun } = globalThis as unknown as Record<
    "Deno" | "Bun",
    { inspect(value: unknown): string } | undefined
  >;
  for (const runtime of [Deno, Bun]) if (runtime !== undefined) forms.push(runtime.inspect(value));
  return forms;
}

/** The error that a target is refused with, which shows the secret nowhere. */
function refused(what: string, body: () => unknown): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof UsageError && error instanceof PyroError, `${what}: ${error}`);
    for (const form of shownForms(error)) assert.ok(!form.includes(SECRET), `${what}: ${form}`);
    return error.message;
  }
  assert.fail(`${what} is refused`);
}

/** The ways to give a key and a value as text. */
function texts(name: string): [what: string, target: Target][] {
  const key = encodeURIComponent(name);
  const url = new URL("pg://ada@db.example.com/library");
  url.searchParams.set(name, SECRET);
  return [
    [`?${key}`, `pg://ada@db.example.com/library?${key}=${SECRET}`],
    [`&${key}`, `pg://db.example.com?connect_timeout=5&${key}=${SECRET}&`],
    [`?${key} of a URL object`, url],
    [`${name}= first`, `${name}=${SECRET}`],
    [`${name} = '…'`, `${name} = '${SECRET}' host=db.example.com`],
  ];
}

test("other names: a respelt key or another dialect's is refused in URLs and strings, and the right key named", () => {
  for (const [names, key] of DIALECTS) {
    for (const name of names) {
      for (const [what, target] of texts(name)) {
        const message = refused(what, () => toOpts(target));
        assert.ok(message.startsWith(`Cannot use key "${name}": use ${key} instead`), `${what}: ${message}`);
      }
    }
  }
});

test("other names: in an object and in param() the setter is named", () => {
  for (const [names, , setter] of DIALECTS) {
    for (const name of names) {
      if (name === setter) continue;
      const object = refused(name, () => toOpts({ [name]: SECRET } as Target));
      assert.ok(object.startsWith(`Cannot use option "${name}": use ${setter} instead`), object);
      for (const param of [() => new Opts().param(name, SECRET), () => toOpts({ param: { [name]: SECRET } })]) {
        const message = refused(name, param);
        assert.ok(message.startsWith(`Cannot set param "${name}": use ${setter}() instead`), message);
      }
    }
  }
  assert.match(refused("database", () => toOpts({ database: SECRET } as Target)), /: use db instead$/);
});

test("other names: times say in which unit the right one is", () => {
  assert.match(refused("key", () => new Opts("pg://?connectTimeout=5")), /: use connect_timeout instead, in seconds$/);
  assert.match(
    refused("option", () => toOpts({ connect_timeout: 5 } as Target)),
    /: use connectTimeout instead, in milliseconds$/,
  );
});

test("other names: those of server settings", () => {
  for (const [names, setting] of SETTINGS) {
    for (const name of names) {
      for (const [what, target] of texts(name)) {
        assert.equal(refused(what, () => toOpts(target)), `Cannot use key "${name}": use ${setting} instead`);
      }
      const message = refused(name, () => toOpts({ [name]: SECRET } as Target));
      assert.equal(message, `Cannot use option "${name}": use param: { ${setting}: … } instead`);
      assert.equal(
        refused(name, () => new Opts().param(name, SECRET)),
        `Cannot set param "${name}": use ${setting} instead`,
      );
    }
  }
});

test("other names: secrets without a key, and what has no counterpart", () => {
  for (const name of [...OTHERS, ...NEEDLESS]) {
    for (const [what, target] of texts(name)) {
      const message = refused(what, () => toOpts(target));
      // What is neither a name nor known may be a piece of a password, and is not shown.
      if (name !== "Access Token") assert.ok(message.startsWith(`Cannot use key "${name}": `), message);
    }
    refused(name, () => toOpts({ [name]: SECRET } as Target));
    refused(name, () => new Opts().param(name, SECRET));
  }
});

test("other names: every key and setter in another spelling is refused, and is taken in its own", () => {
  const setters = setterNames();
  assert.ok(setters.length > 20);
  for (const setter of setters) {
    const words = setter.replaceAll(/[A-Z]/g, (letter) => `_${letter}`);
    for (const name of [setter.toUpperCase(), words.toUpperCase(), words.replaceAll("_", "-")]) {
      if (name === setter) continue;
      const message = refused(name, () => toOpts({ [name]: SECRET } as Target));
      assert.ok(message.startsWith(`Cannot use option "${name}": use ${setter} instead`), message);
      const key = refused(name, () => new Opts(`pg://?${name}=${SECRET}`));
      assert.match(key, /^Cannot use key ".*": use [\w.()]+ instead/);
    }
  }
  for (const key of LIBPQ) {
    for (
      const name of [
        key.toUpperCase(),
        key.replaceAll("_", "-").toUpperCase(),
        `${key[0]!.toUpperCase()}${key.slice(1)}`,
      ]
    ) {
      const message = refused(name, () => new Opts(`pg://?${name}=${SECRET}`));
      assert.match(message, new RegExp(`^Cannot use key "${name}": use \\w+ instead`));
      refused(name, () => new Opts().param(name, SECRET));
    }
  }
});

test("other names: one with a typing error is refused, and the right one named", () => {
  for (
    const [name, key, setter] of [
      ["conect_timeout", "connect_timeout", "connectTimeout"],
      ["sslmod", "sslmode", "sslMode"],
      ["sslmodes", "sslmode", "sslMode"],
      ["passwrod", "password", "password"],
      ["pasword", "password", "password"],
      ["hots", "host", "host"],
      ["aplication_name", "application_name", "applicationName"],
      ["tagret_session_attrs", "target_session_attrs", "targetSessionAttrs"],
      ["pool_max_concurency", "pool_max_concurrency", "poolMaxConcurrency"],
      ["statementCachSize", "statement_cache_size", "statementCacheSize"],
    ] as const
  ) {
    for (const [what, target] of texts(name)) {
      const message = refused(what, () => toOpts(target));
      assert.ok(message.startsWith(`Cannot use key "${name}": use ${key} instead`), `${what}: ${message}`);
    }
    const object = refused(name, () => toOpts({ [name]: SECRET } as Target));
    assert.ok(object.startsWith(`Cannot use option "${name}": use ${setter} instead`), object);
    const param = refused(name, () => new Opts().param(name, SECRET));
    assert.ok(param.startsWith(`Cannot set param "${name}": use ${setter}() instead`), param);
  }
  assert.match(refused("trac", () => toOpts({ trac: SECRET } as never)), /: use trace instead$/);
});

test("other names: what differs by more, or has a dot, is the name of a setting", () => {
  for (const name of ["hstname", "app.port", "h.ost", "date", "trac", "tcp_keepalives_count", "role", "seed", "ssq"]) {
    assert.deepEqual(settingsOf(new Opts(`pg://?${name}=x`)).param, { [name]: "x" });
  }
});

test("other names: no two options have one in common", () => {
  const options = [
    ...Object.entries(OPTIONS).map(([setter, { key = "", aliases = "" }]) => [setter, key, ...aliases.split(" ")]),
    ...Object.entries(ADDED_OPTIONS).map(([setter, aliases]) => [setter, ...aliases.split(" ")]),
    ...[...NOT_IMPLEMENTED].map(([key, { aliases = "" }]) => [key, ...aliases.split(" ")]),
  ];
  const names = options.flatMap((all) => [...new Set(all.map((name) => name.toLowerCase().replaceAll("_", "")))]);
  const taken = names.filter((name) => name !== "");
  assert.deepEqual(taken.filter((name, i) => taken.indexOf(name) !== i), []);
});

test("other names: server settings are taken in any case", () => {
  for (const name of ["search_path", "SEARCH_PATH", "TimeZone", "timezone", "statement_timeout", "DateStyle", "role"]) {
    assert.deepEqual(settingsOf(new Opts(`pg://?${name}=x`)).param, { [name]: "x" });
  }
  assert.deepEqual(settingsOf(new Opts("pg://?password_encryption=md5")).param, { password_encryption: "md5" });
});

test("other names: pairs separated by semicolons are refused, whatever their order", () => {
  const pairs = ["Host=db", "Port=5432", "Username=u", `Password=${SECRET}`, "Database=d", "host='db'", "user=u"];
  for (const first of pairs) {
    for (const second of pairs) {
      for (const text of [`${first};${second}`, `${first}; ${second};`, ` ${first} ;\n${second}`]) {
        const message = refused(text, () => new Opts(text));
        assert.match(message, /^Cannot read the connection string: pairs must be separated by spaces, not ";"/);
      }
    }
  }
  refused("ODBC", () => new Opts(`Driver={PostgreSQL};Server=db;Uid=u;Pwd=${SECRET};`));
  refused("ADO.NET", () => new Opts(`User Id=u;Password=${SECRET};Data Source=db`));
  refused("port", () => new Opts(`host=db port=5432;password=${SECRET}`));
  assert.equal(settingsOf(new Opts(`password='a;b=c' host=h`)).password, "a;b=c");
  assert.equal(settingsOf(new Opts("password=a\\;b=c host=h")).password, "a;b=c");
  assert.equal(settingsOf(new Opts("password=a;b host=h")).password, "a;b");
});

test("other names: semicolons in a URL take nothing into a value that is shown", () => {
  for (
    const rest of [
      `/d;user=u;password=${SECRET}`,
      `/d?sslmode=require;password=${SECRET}`,
      `;user=u;password=${SECRET}`,
      `:5432;password=${SECRET}`,
      `/?port=1;pwd=${SECRET}`,
    ]
  ) {
    refused(rest, () => new Opts(`pg://db.example.com${rest}`));
    refused(rest, () => toOpts(new URL(`pg://db.example.com/x?a=1${rest.replaceAll("/", "")}`)));
  }
  refused("encoded", () => new Opts(`pg://h?sslmode=require%3Bpassword=${SECRET}`));
  refused("setter", () => new Opts().sslMode(`require;password=${SECRET}` as "require"));
  refused("host", () => new Opts().host(`db;password=${SECRET}`));
});

test("other names: what the environment holds of them is refused, and not shown", () => {
  for (const [name, value] of [["PGHOST", `db;Password=${SECRET}`], ["PGPORT", `5432;Password=${SECRET}`]] as const) {
    const environment = environmentOf({ variables: { [name]: value } });
    refused(name, () => withEnvironment({}, environment));
  }
  const environment = environmentOf({ variables: { PGPASSWORD: `${SECRET}\0` } });
  refused("PGPASSWORD", () => withEnvironment({}, environment));
});

test("secrets: a setting of the user's whose name says that it is one is not shown", () => {
  for (const name of ["app.jwt_secret", "app.token", "my.Password", "x.api_key", "app.db_credentials"]) {
    assert.ok(isSecretName(name));
    const all = [
      new Opts().param(name, SECRET),
      new Opts(`pg://?${name}=${SECRET}`),
      toOpts({ param: { [name]: SECRET } }),
    ];
    for (const opts of all) {
      for (const form of shownForms(opts)) assert.ok(!form.includes(SECRET), form);
      assert.deepEqual(opts.toJSON(), { param: { [name]: "***" } });
      assert.deepEqual(settingsOf(opts).param, { [name]: SECRET });
    }
  }
  for (const name of ["password_encryption", "app.tenant", "search_path"]) assert.ok(!isSecretName(name), name);
});

test("other names: values that are wrong are shown only where they can be nobody's secret", () => {
  assert.match(refusal(UsageError, () => new Opts("pg://?sslmode=maybe")), /sslmode to "maybe": /);
  assert.match(refusal(UsageError, () => new Opts("pg://?sslmode=a%26password%3Db")), /^Cannot set sslmode: it must/);
  assert.match(refusal(UsageError, () => new Opts().port(["x"] as unknown as number[])), /^Cannot set port to "x": /);
  assert.match(refusal(UsageError, () => new Opts().keepAlive({} as boolean)), /^Cannot set keepAlive to an object: /);
});

/** libpq's keys that have a capital, an underscore or both in other spellings. */
const LIBPQ = (
  "host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout options " +
  "application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count " +
  "tcp_user_timeout replication gssencmode sslmode requiressl sslnegotiation sslcompression sslcert sslkey sslkeylogfile " +
  "sslpassword sslcertmode sslrootcert sslcrl sslcrldir sslsni requirepeer ssl_min_protocol_version " +
  "ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname gsslib gssdelegation scram_client_key " +
  "scram_server_key service servicefile target_session_attrs load_balance_hosts oauth_issuer oauth_client_id " +
  "oauth_client_secret oauth_scope"
).split(" ");
