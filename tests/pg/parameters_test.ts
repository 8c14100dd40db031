/** What is sent for the values of parameters, and where clients connect to: the same as in pg. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import type { Utils } from "../../src/pg/mod.ts";
import { requirePg } from "../support/installed/pg.ts";
import { besidePg, errorOf, nodePg, pyroPg } from "../support/suite/beside_pg.ts";
import { test } from "../support/suite/test.ts";

const theirs = requirePg<Utils>("pg/lib/utils.js");
const ours = pyroPg.utils;

/** An object that says what is sent for it. */
const convertible = (value: unknown): object => ({
  toPostgres: (prepare: (value: unknown) => unknown) => prepare(value),
});

const VALUES: readonly unknown[] = [
  ...[null, undefined, 1, -0, 1.5, NaN, 10n ** 30n, true, false, "", "text", "é😀", Symbol.iterator.description],
  ...[Buffer.from([1, 2]), new Uint8Array([3]), new Uint16Array([258]), new DataView(new ArrayBuffer(2))],
  ...[{}, { a: [1, "x"], b: null }, Object.create(null), new Map([[1, 2]])],
  ...[[], [1, 2], [[1], [2]], ["a", 'b"c', "d\\e", null, undefined, "NULL", ""], [{ a: 1 }], [Buffer.from([255])]],
  ...[[new Date(0)], [true, 1n], Array(2), convertible(5), convertible([1]), convertible(null), [convertible("x")]],
  ...[new Date(0), new Date(-1), new Date(8.64e15), new Date(-62167219200000), new Date(-62135596800001)],
  ...[new Date(-1e14), new Date(1583024461007), new Date("1883-11-18T12:00:00Z")],
];

test("pg: the texts and bytes of parameters", () => {
  for (const value of VALUES) assert.deepEqual(ours.prepareValue(value), theirs.prepareValue(value));
  for (const pg of [nodePg, pyroPg]) pg.defaults.parseInputDatesAsUTC = true;
  try {
    for (const value of VALUES) assert.deepEqual(ours.prepareValue(value), theirs.prepareValue(value));
  } finally {
    for (const pg of [nodePg, pyroPg]) pg.defaults.parseInputDatesAsUTC = false;
  }
  const cycle: { toPostgres?: unknown } = {};
  cycle.toPostgres = () => cycle;
  assert.throws(() => ours.prepareValue(cycle), /circular reference detected while preparing/);
});

test("pg: quoting of names and literals", () => {
  for (const text of ["", "a", 'a"b', "it's", "back\\slash", "both'\\'", "é"]) {
    assert.equal(pyroPg.escapeIdentifier(text), nodePg.escapeIdentifier(text));
    assert.equal(pyroPg.escapeLiteral(text), nodePg.escapeLiteral(text));
  }
  assert.equal(pyroPg.escapeLiteral(null as unknown as string), "''");
});

const PARAMETERS: readonly (string | object | undefined)[] = [
  undefined,
  {},
  "postgres://ada:p%40ss@db.example.com:6432/library?application_name=shelf&statement_timeout=500",
  "postgresql:///library?host=/run/postgresql",
  "postgres://ada@db.example.com/library?ssl=true",
  "postgres://ada@db.example.com/library?sslmode=no-verify",
  "/run/postgresql library",
  { connectionString: "postgres://a:b@c:1/d", user: "other", max: 3 },
  { host: "h", port: "7", ssl: { rejectUnauthorized: false, key: "secret" }, keepAlive: true },
  { ssl: "no-verify", connectionTimeoutMillis: 2500, keepAliveInitialDelayMillis: 3000, options: "-c a=b" },
  { ssl: true, sslnegotiation: "direct", application_name: "x", fallback_application_name: "y", lock_timeout: 5 },
];

const VARIABLES: Readonly<Record<string, string>> = {
  PGUSER: "environment",
  PGPORT: "5555",
  PGHOST: "environment.example.com",
  PGPASSWORD: "secret",
  PGDATABASE: "environment_db",
  PGSSLMODE: "require",
  PGAPPNAME: "app",
  PGCONNECT_TIMEOUT: "9",
};

test("pg: parameters from configurations, connection strings and the environment", () => {
  const names = ["user", "database", "port", "host", "ssl", "options", "isDomainSocket", "application_name"] as const;
  const more = ["statement_timeout", "lock_timeout", "connect_timeout", "keepalives", "keepalives_idle"] as const;
  const compare = (): void => {
    for (const given of PARAMETERS) {
      const [expected, actual] = [nodePg, pyroPg].map(({ Client }) => {
        const { connectionParameters, password, user, host, port } = new Client(given as never);
        return [...[...names, ...more].map((name) => connectionParameters[name]), password, user, host, port];
      });
      assert.deepEqual(actual, expected, JSON.stringify(given));
    }
  };
  compare();
  const { env } = process;
  // On Deno, the test files share one environment.
  process.env = { ...env, ...VARIABLES };
  try {
    assert.equal(new pyroPg.Client().host, VARIABLES.PGHOST);
    compare();
  } finally {
    process.env = env;
  }
  const wrong = { ssl: true, sslnegotiation: "never" as "direct" };
  assert.throws(() => new pyroPg.Client(wrong), /Invalid sslnegotiation value: "never"/);
});

test("pg: secrets do not show", async () => {
  const { inspect } = await import("node:util");
  const options = { host: "h", password: "s3same", ssl: { key: "s3same" } };
  for (const shown of [new pyroPg.Client(options), new pyroPg.Pool(options)]) {
    assert.ok(!inspect(shown, { depth: 10 }).includes("s3same"));
    assert.ok(!JSON.stringify(shown, (key, value) => key.startsWith("_") ? undefined : value).includes("s3same"));
  }

  for (const query of ["", "?sslpassword=s3same&sslmode=disable", "?a=b&password=s3same#s"]) {
    const connectionString = `postgres://u:s3same@@h:1/d${query}`;
    const pool = new pyroPg.Pool({ connectionString });
    for (const shown of [inspect(pool, { depth: 10 }), inspect(pool.options), JSON.stringify(pool.options)]) {
      assert.ok(!shown.includes("s3same"), shown);
      assert.ok(shown.includes("postgres://u:***@h:1/d"), shown);
    }
    assert.deepEqual({ ...pool.options }.connectionString, connectionString, "a copy has all of it");
  }
});

besidePg("values of parameters on the server", async ({ client }) => {
  const conn = await client();
  const sql =
    "select $1::int4[] as a, $2::jsonb as b, $3::bytea as c, $4::timestamptz as d, $5::text as e, $6::bool as f";
  const values = [[1, null, 3], { x: [1] }, Buffer.from([0, 255]), new Date(1583024461007), "é\\'\"", true];
  const results = [];
  for (let i = 0; i < 3; i++) results.push((await conn.query(sql, values)).rows);
  const sparse: unknown[] = [];
  sparse[1] = "b";
  results.push((await conn.query("select $1::text as a, $2::text as b", sparse)).rows);
  results.push((await conn.query("select $1::text as a, $2::text as b", [{ toJSON: () => undefined }, {}])).rows);
  results.push(await errorOf(conn.query("select $1::int4, $2::int4", [1])));
  results.push(await errorOf(conn.query("select $1::int4", ["no number"])));
  results.push(await errorOf(conn.query("select $1::int4", "no array" as never)));
  results.push((await conn.query("select 1 as alive")).rows);
  return results;
});
