/**
 * Makes connection strings, good, odd and bad, with variables and files: of the pieces that are easy to get wrong, and of
 * recorded cases with a few changes.
 */
import type { ConnectionCase } from "../../options/libpq/connection_case.ts";
import type { Arbitrary, FastCheck } from "../installed/fast_check.ts";

/** Keyword/value strings, URLs and changed cases, with variables. None has a NUL, at which C ends a string. */
export function connectionCases(fc: FastCheck, recorded: readonly ConnectionCase[]): Arbitrary<ConnectionCase> {
  return fc.oneof(
    fc.record({ text: keywordStrings(fc), variables: variables(fc) }).map(withoutFiles),
    fc.record({ text: urls(fc), variables: variables(fc) }).map(withoutFiles),
    changedCases(fc, recorded),
  );
}

function withoutFiles({ text, variables }: Pick<ConnectionCase, "text" | "variables">): ConnectionCase {
  return { text, variables, files: {} };
}

/** Pairs, most of which libpq could read. */
function keywordStrings(fc: FastCheck): Arbitrary<string> {
  const pair = fc.record({
    before: rarely(fc, " ", [...BLANKS, "", ";", "&"]),
    pair: pairs(fc),
    behindKey: rarely(fc, "", BLANKS),
    equals: rarely(fc, "=", ["", "=="]),
    behindEquals: rarely(fc, "", BLANKS),
    style: fc.constantFrom("escaped", "escaped", "quoted", "quoted", "quoted", "bare", "raw quotes"),
  });
  return fc.array(pair, { minLength: 1, maxLength: 6 }).map((all) =>
    all.map(({ before, pair, behindKey, equals, behindEquals, style }, i) =>
      (i === 0 && before.trim() !== "" ? "" : before) + pair.key + behindKey + equals + behindEquals +
      styled(pair.value, style)
    ).join("")
  );
}

function styled(value: string, style: string): string {
  switch (style) {
    case "escaped":
      return value.replace(/[\s'\\]/g, "\\$&");
    case "quoted":
      return `'${value.replace(/['\\]/g, "\\$&")}'`;
    case "raw quotes":
      return `'${value}'`;
    default:
      return value;
  }
}

/** URLs, most of which libpq could read. */
function urls(fc: FastCheck): Arbitrary<string> {
  const part = fc.array(fc.constantFrom(...URL_PIECES), { maxLength: 3 }).map((pieces) => pieces.join(""));
  const host = fc.record({
    name: fc.oneof(fc.constantFrom(...URL_HOSTS), part),
    port: rarely(fc, "", [":", ":7", ":5433", ":7", ":0", ":65536", ":x", ":%37", ":+7", ": 7", ":7 ", ":07"]),
  });
  const query = fc.record({
    pair: pairs(fc),
    between: rarely(fc, "&", ["&&", ";", "?", ""]),
    equals: rarely(fc, "=", ["", "=="]),
    isEncoded: fc.constantFrom(true, true, true, true, true, false),
  });
  return fc.record({
    scheme: rarely(fc, "postgresql://", SCHEMES),
    account: fc.oneof(
      fc.constantFrom("", "u@", "u:p@", "u:p@", "u:@", ":p@", "@", ":@"),
      fc.record({ user: part, password: part }).map(({ user, password }) => `${user}:${password}@`),
    ),
    hosts: fc.array(host, { maxLength: 3 }),
    database: fc.oneof(fc.constantFrom("", "/", "/d", "/d"), part.map((name) => `/${name}`)),
    query: fc.array(query, { maxLength: 4 }),
    end: rarely(fc, "", ["#", "#f", "&", "?", " ", "\n"]),
  }).map(({ scheme, account, hosts, database, query, end }) =>
    scheme + account + hosts.map(({ name, port }) => name + port).join(",") + database +
    query.map(({ pair, between, equals, isEncoded }, i) =>
      (i === 0 ? "?" : between) + pair.key + equals + (isEncoded ? encodeURIComponent(pair.value) : pair.value)
    ).join("") + end
  );
}

/** A key, and a value that may be one of its own, of another, or nonsense. */
function pairs(fc: FastCheck): Arbitrary<{ readonly key: string; readonly value: string }> {
  const own = Object.entries(VALUES).flatMap(([key, values]) => values.map((value) => ({ key, value })));
  const good = Object.entries(VALUES).map(([key, [value]]) => ({ key, value: value! }));
  const pieces = fc.array(fc.constantFrom(...VALUE_PIECES), { maxLength: 5 }).map((all) => all.join(""));
  return fc.oneof(
    ...Array.from({ length: 8 }, () => fc.constantFrom(...good)),
    ...Array.from({ length: 4 }, () => fc.record({ key: fc.constantFrom(...FREE_KEYS), value: pieces })),
    fc.constantFrom(...own),
    fc.constantFrom(...own),
    fc.record({ key: fc.constantFrom(...Object.keys(VALUES), ...ODD_KEYS), value: pieces }),
    fc.record({
      key: fc.constantFrom(...Object.keys(VALUES)),
      value: fc.constantFrom(...Object.values(VALUES).flat()),
    }),
  );
}

/** Mostly the first value, and one of the others once in twelve times. */
function rarely(fc: FastCheck, usual: string, others: readonly string[]): Arbitrary<string> {
  return fc.oneof(...Array.from({ length: 11 }, () => fc.constantFrom(usual)), fc.constantFrom(...others));
}

function variables(fc: FastCheck): Arbitrary<Readonly<Record<string, string>>> {
  const some = fc.array(
    fc.constantFrom(
      ...Object.entries(VARIABLES).flatMap(([name, key]) =>
        VALUES[key]!.map((value): [string, string] => [name, value])
      ),
    ),
    { maxLength: 3 },
  );
  return fc.oneof(fc.constantFrom({}), fc.constantFrom({}), some.map((all) => Object.fromEntries(all)));
}

/** A change of one text of a case. */
interface Change {
  readonly kind: "insert" | "remove" | "repeat" | "replace";
  /** Which text: reduced to what there is. */
  readonly of: number;
  readonly at: number;
  readonly length: number;
  readonly piece: string;
}

/** Recorded cases, each with a few changes. */
function changedCases(fc: FastCheck, recorded: readonly ConnectionCase[]): Arbitrary<ConnectionCase> {
  const change = fc.record<Change>({
    kind: fc.constantFrom("insert", "remove", "repeat", "replace"),
    of: fc.nat(5),
    at: fc.nat(200),
    length: fc.nat(6),
    piece: fc.constantFrom(...VALUE_PIECES, ...URL_PIECES, ...BLANKS, ...FREE_KEYS.map((key) => `${key}=`)),
  });
  return fc.record({
    // Settings of the session do not show before they are sent.
    of: fc.constantFrom(...recorded.filter(({ variables }) => !Object.keys(variables).some(isOfSession))),
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
  }).map(({ of, changes }) => changes.reduce(changed, of));
}

function isOfSession(variable: string): boolean {
  return ["PGTZ", "PGDATESTYLE", "PGGEQO"].includes(variable);
}

function changed({ text, variables, files }: ConnectionCase, change: Change): ConnectionCase {
  const others = [...Object.keys(variables), ...Object.keys(files)];
  // Half of the changes are of the string.
  const name = change.of % 2 === 0 ? undefined : others[(change.of >> 1) % Math.max(1, others.length)];
  const changeOf = (texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    name !== undefined && name in texts ? { ...texts, [name]: changedText(texts[name]!, change) } : texts;
  return {
    text: name === undefined ? changedText(text, change) : text,
    variables: changeOf(variables),
    files: changeOf(files),
  };
}

function changedText(text: string, { kind, at, length, piece }: Change): string {
  const characters = Array.from(text);
  const start = at % (characters.length + 1);
  const before = characters.slice(0, start).join("");
  const some = characters.slice(start, start + length).join("");
  const rest = characters.slice(start).join("");
  const after = characters.slice(start + length).join("");
  switch (kind) {
    case "insert":
      return before + piece + rest;
    case "remove":
      return before + after;
    case "repeat":
      return before + some + rest;
    case "replace":
      return before + piece + after;
  }
}

const BLANKS = [" ", "  ", "\t", "\n", "\r\n", "\v", "\f", "\u00a0", "\u3000", "\u2028", "\ufeff", "\x85", "\x1f"];

const VALUE_PIECES = [
  ..."abz019'\"\\=&?#@:/;,%+-_.[]{}()!*$~^|<>`",
  ...BLANKS,
  ...["p", "''", "\\'", "\\\\", "%41", "%00", "%zz", "%", "%%", "%C3%A9", "%ff", "é", "漢", "🎉", "\u0301"],
  ...["host=h", "user", "=x", "postgresql://", "pg://", "a=b", "c d", "1", "true", "x".repeat(70)],
];

const URL_PIECES = [
  ..."ab19'\"\\=&?#@:/;,+-_.[]!$",
  ...["%20", "%41", "%2F", "%3A", "%40", "%2C", "%00", "%ff", "%zz", "%", "%4", "%C3%A9", "%E2%80%A8"],
  ...[" ", "\t", "\n", "\u00a0", "é", "🎉", "u", "p", "d", "h"],
];

const URL_HOSTS = [
  ...["h", "h", "localhost", "127.0.0.1", "[::1]", "[::1", "::1", "[h]", "[]", "[fe80::1%25eth0]", "%2Frun%2Fpg"],
  ...["/run/pg", "%40abstract", "a%2Cb", "db.example.com.", "h h", " h", "h ", "[::1]x", "x[::1]", "[127.0.0.1]"],
];

const SCHEMES = [
  ...["postgres://", "postgres://", "postgres://", "postgres://", "pg://", "PostgreSQL://"],
  ...["postgresql:/", "postgresql:", "postgre://", "http://", "//", " postgresql://", "postgres:///"],
];

/** Keys that take any text. */
const FREE_KEYS = ["password", "user", "dbname", "application_name", "options", "fallback_application_name"];

/** What is no key of libpq's, or one in another spelling. */
const ODD_KEYS = ["", "nosuchkey", "search_path", "HOST", "1b", "a-b", "a.b", "é", "ssl", "h ost", "%75ser", "user%00"];

/** Values of each key of libpq's: good, odd and bad. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  host: ["h", "a,b", "", ",", "a,", "/run/pg", "/run/pg/", "@abstract", "::1", "[::1]", "a b", "h.", "é", "a,/s,b"],
  hostaddr: ["127.0.0.1", "", "::1", "127.0.0.1,::1", ",", "x", "127.1", "127.0.0.010", "[::1]", "fe80::1%lo"],
  port: ["5432", "", "1", "65535", "0", "65536", "-1", "1,2", ",", "7,", "x", " 7 ", "+7", "007", "7x", "1.5", "\t7"],
  user: ["u", "", "a b", "é"],
  password: ["p", "", "p q", "it's", "a\\b", "a=b", "%41"],
  dbname: ["d", "", "a b", "postgresql://x/y", "host=x"],
  passfile: ["/nonexistent", ""],
  service: ["", "nosuch"],
  connect_timeout: ["5", "", "0", "-1", " 5 ", "5s", "1.5", "2147483648", "+5", "x"],
  application_name: ["a", "", "a b"],
  fallback_application_name: ["f", ""],
  options: ["-c geqo=off", ""],
  client_encoding: ["UTF8", "utf-8", "LATIN1", "auto", ""],
  replication: ["false", "true", "database", "", "0", "off", "no", "1", "on"],
  keepalives: ["0", "1", "", "2", "-1", "on", "off", "x", " 0 ", "2147483648"],
  keepalives_idle: ["60", "", "0", "-1", "x", "32768", " 5 "],
  keepalives_interval: ["60", "", "0", "x"],
  keepalives_count: ["9", "", "0", "128", "x"],
  tcp_user_timeout: ["1000", "", "0", "-1", "x", "2147483648"],
  sslmode: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full", "", "Require", "bogus", "no-verify"],
  requiressl: ["1", "0", "", "yes", "1x"],
  sslnegotiation: ["postgres", "direct", "", "bogus"],
  sslrootcert: ["system", "/r.crt", ""],
  sslcert: ["/c.crt", ""],
  sslkey: ["/c.key", ""],
  sslpassword: ["x", ""],
  sslcertmode: ["disable", "allow", "require", "", "bogus"],
  sslcrl: ["/r.crl", ""],
  sslcrldir: ["/crls", ""],
  sslsni: ["1", "0", "", "10", "on"],
  sslcompression: ["0", "1", ""],
  ssl_min_protocol_version: ["TLSv1.2", "tlsv1.3", "TLSv1", "", "1.2"],
  ssl_max_protocol_version: ["TLSv1.3", "tlsv1.2", "TLSv1.1", "", "SSLv3"],
  require_auth: ["scram-sha-256", "!password", "none", "", "password,md5", "!password,md5", "md5,md5", "bogus", ","],
  channel_binding: ["disable", "prefer", "require", "", "bogus"],
  min_protocol_version: ["3.0", "3.2", "latest", "", "3.1"],
  max_protocol_version: ["3.0", "3.2", "latest", "", "4.0"],
  requirepeer: ["nobody", ""],
  gssencmode: ["disable", "prefer", "require", "", "bogus"],
  gssdelegation: ["0", "1", ""],
  krbsrvname: ["postgres", ""],
  target_session_attrs: ["any", "primary", "", "bogus"],
  load_balance_hosts: ["disable", "random", "", "bogus"],
  oauth_issuer: ["https://i", ""],
  oauth_client_id: ["c", ""],
  oauth_scope: ["a b", ""],
};

/** Variables, and the keys whose values they may have. */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGHOSTADDR: "hostaddr",
  PGPORT: "port",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGDATABASE: "dbname",
  PGAPPNAME: "application_name",
  PGOPTIONS: "options",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGSSLMODE: "sslmode",
  PGREQUIRESSL: "requiressl",
  PGSSLNEGOTIATION: "sslnegotiation",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERTMODE: "sslcertmode",
  PGSSLSNI: "sslsni",
  PGSSLMINPROTOCOLVERSION: "ssl_min_protocol_version",
  PGSSLMAXPROTOCOLVERSION: "ssl_max_protocol_version",
  PGREQUIREAUTH: "require_auth",
  PGCHANNELBINDING: "channel_binding",
  PGREQUIREPEER: "requirepeer",
  PGGSSENCMODE: "gssencmode",
  PGMINPROTOCOLVERSION: "min_protocol_version",
  PGMAXPROTOCOLVERSION: "max_protocol_version",
  PGLOADBALANCEHOSTS: "load_balance_hosts",
  PGCLIENTENCODING: "client_encoding",
};
