/** The values of node-postgres: what pg-types and pg themselves make of the same texts and parameters. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Interval, Json, Range } from "../../mod.ts";
import { BUILT_IN_TYPES } from "../../src/codecs/oids.ts";
import { PostgresInterval } from "../../src/node_postgres/interval.ts";
import { pgParameters } from "../../src/node_postgres/parameters.ts";
import { hasSeveralStatements } from "../../src/node_postgres/several_statements.ts";
import { asText, pgTypes } from "../../src/node_postgres/types.ts";
import { requireDriver } from "../support/installed/libraries.ts";
import { test } from "../support/suite/test.ts";

interface NodePostgres {
  readonly types: { getTypeParser(oid: number, format: "text"): (text: string) => unknown };
}

const pg = requireDriver<NodePostgres>("pg");

const OIDS = new Map(BUILT_IN_TYPES.flatMap(([name, oid, array]) => [[name, oid], [`${name}[]`, array]] as const));

const DATES = [
  "2024-02-29 12:34:56",
  "2024-02-29 12:34:56.7",
  "2024-02-29 12:34:56.789012",
  "0044-03-15 00:00:00 BC",
  "0099-12-31 23:59:59.999999",
  "0001-01-01 00:00:00",
  "10000-01-01 00:00:00",
  "infinity",
  "-infinity",
];

const TEXTS: Readonly<Record<string, readonly string[]>> = {
  bytea: ["\\x", "\\x0001ff", "a\\\\b\\000\\377"],
  float4: ["0.1", "-1.5e-20", "NaN", "-Infinity"],
  circle: ["<(1,2.5),3>", "<(-1e+20,0),0.1>"],
  date: ["2024-02-29", "0044-03-15 BC", "0050-01-01", "12024-02-29", "infinity", "-infinity"],
  timestamp: DATES,
  timestamptz: [
    ...DATES.slice(0, 3).flatMap((text) => ["+00", "-05", "+05:30", "-03:30", "+00:53:28"].map((zone) => text + zone)),
    "0044-03-15 00:00:00+00 BC",
    "0099-12-31 23:59:59.999999-08",
    "10000-01-01 00:00:00.5+02",
    "infinity",
  ],
  "int8[]": ["{}", "{1,NULL,-9007199254740993}", "[0:1]={1,2}", "{{1,2},{3,4}}"],
  "float4[]": ["{0.1,NULL}"],
  "numeric[]": ["{1.50,NULL,-2}"],
  "uuid[]": ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"],
  "bytea[]": ['{"\\\\x0001",NULL}'],
  "numrange[]": ['{"[1,2)",empty}', '{"(,\\"a\\\\\\\\b\\")"}'],
  "timestamptz[]": ['{"2024-02-29 12:34:56.789+00",NULL}'],
  "timestamp[]": ['{"2024-02-29 12:34:56.789"}'],
  "date[]": ["{2024-02-29,NULL}"],
  "inet[]": ["{192.168.0.1/24}"],
  numeric: ["1.50"],
  int8: ["9007199254740993", "-1"],
  inet: ["192.168.0.1/24"],
  uuid: ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
  box: ["(3,4),(1,2)"],
  time: ["12:34:56"],
  int4range: ["[1,5)"],
  xid: ["571"],
  "name[]": ["{a,b}"],
};

test("node-postgres: values of texts are those of pg-types", () => {
  for (const [type, texts] of Object.entries(TEXTS)) {
    const oid = OIDS.get(type)!;
    const theirs = pg.types.getTypeParser(oid, "text");
    for (const text of texts) assert.deepEqual(pgTypes(oid)!(text), theirs(text), `${type}: ${text}`);
  }
});

test("node-postgres: types whose values are texts there are texts, also unknown ones", () => {
  for (const [name, oid] of OIDS) {
    if (oid === 0 || pgTypes(oid) !== asText || pg.types.getTypeParser(oid, "text")("1") === "1") continue;
    assert.fail(`${name} has a parser in pg-types`);
  }
  assert.equal(pgTypes(16_400), asText);
});

test("node-postgres: every millisecond is that of the text", () => {
  for (let n = 0; n < 1000; n++) {
    const fraction = String(n).padStart(3, "0");
    const date = pgTypes(1184)!(`2024-02-29 12:34:56.${fraction}999+00`) as Date;
    assert.equal(date.toISOString(), `2024-02-29T12:34:56.${fraction}Z`);
  }
});

test("node-postgres: dates in another style are refused", () => {
  for (const text of ["29.02.2024 12:34:56", "02/29/2024", "Thu Feb 29 12:34:56 2024 UTC"]) {
    assert.throws(() => pgTypes(1184)!(text), /DateStyle/);
  }
});

test("node-postgres: intervals have the same fields and texts", () => {
  const theirs = pg.types.getTypeParser(1186, "text");
  for (
    const text of [
      "00:00:00",
      "1 year 2 mons -3 days +04:05:06.789",
      "-1 years -2 mons +3 days -04:05:06.000001",
      "1 mon",
      "2 days",
      "-00:00:00.5",
      "1000:00:00.25",
      "00:00:09",
    ]
  ) {
    const [own, other] = [pgTypes(1186)!(text), theirs(text)] as PostgresInterval[];
    assert.deepEqual({ ...own }, { ...other }, text);
    assert.deepEqual(partsOf(own!.toPostgres()), partsOf(other!.toPostgres()), text);
    assert.equal(own!.toISOString().replace(/\.?0*S$/, "S"), other!.toISOString().replace(/\.?0*S$/, "S"), text);
    assert.equal(own!.toISO(), own!.toISOString());
  }
  assert.equal(pgTypes(1186)!("infinity"), Infinity);
  assert.throws(() => pgTypes(1186)!("P1Y2M"), /IntervalStyle/);
  assert.deepEqual(pgTypes(1187)!('{"1 day",NULL}'), [new PostgresInterval({ days: 1 }), null]);
});

/** `1 day` and `2 hours` of a text, whose order means nothing. */
function partsOf(interval: string): string[] | undefined {
  return interval.match(/\S+( [a-z]+)?/g)?.sort();
}

const utils = requireDriver<{ prepareValue(value: unknown): unknown }>("pg/lib/utils.js");

test("node-postgres: parameters are sent as pg sends them", () => {
  const parameters: unknown[] = [
    "text",
    null,
    undefined,
    1,
    -0,
    1.5e300,
    NaN,
    -Infinity,
    12345678901234567890n,
    true,
    new Date("2024-02-29T12:34:56.789Z"),
    new Date("0044-03-15T00:00:00Z"),
    new Date(-62198755200000),
    [],
    [1, null, undefined, true, 'a"b\\c, {d}'],
    [["x", "y"], [1n, 2n]],
    // deno-lint-ignore no-sparse-arrays
    [1, , [, 2]],
    [Buffer.from([0, 255])],
    [{ a: 1, 'b"': ["\\"] }, new Date(0)],
    { a: [1, { b: null }] },
    { toJSON: () => ({ c: 1 }) },
    { toPostgres: (prepare: (value: unknown) => unknown) => prepare([1, 2]) },
    new PostgresInterval({ days: 1, milliseconds: 1.5 }),
    new Map([[1, 2]]),
  ];
  for (const value of parameters) {
    const [own] = pgParameters([value]);
    // The offset of a time before time zones has seconds, which pg has as a fraction of a minute.
    if (value instanceof Date && value.getTimezoneOffset() % 1 !== 0) continue;
    // pg does not quote bytes in arrays.
    const theirs = utils.prepareValue(value);
    assert.deepEqual(own, theirs === "{\\\\x00ff}" ? '{"\\\\x00ff"}' : theirs, String(value));
  }
});

test("node-postgres: bytes, and values that only pyro knows, are left to pyro", () => {
  const bytes = new Uint8Array([1, 2]);
  const words = new Uint16Array([513]);
  const own = [Interval.from("1 day"), new Range(1, 2), Json({ a: 1 }), bytes];
  assert.deepEqual(pgParameters(own), own);
  assert.deepEqual(pgParameters([words]), [new Uint8Array([1, 2])]);
  const texts = ["a", null];
  assert.equal(pgParameters(texts), texts);
});

test("node-postgres: what may be several statements", () => {
  for (const sql of ["select 1", "select 1;", "select 1;\n ", ""]) assert.equal(hasSeveralStatements(sql), false, sql);
  for (const sql of ["a; b", "a;b;", "select ';' as x"]) assert.equal(hasSeveralStatements(sql), true, sql);
});
