/**
 * What every codec makes of what the server sends, and of what is left of that when it is corrupted:
 * a value or a complaint, and nothing else. Codecs are pure, so that one server and one world are enough.
 */
import assert from "node:assert/strict";
import { Conn, Json, type JsonValue, Range } from "../../mod.ts";
import { DEFAULT_CHOICES } from "../../src/options/choices.ts";
import { Catalog, type TypeInfo, type TypeShape } from "../../src/codecs/catalog.ts";
import type { Codec } from "../../src/codecs/codec.ts";
import { Registry } from "../../src/codecs/registry.ts";
import { codec, decode, shown } from "../support/values/codecs.ts";
import {
  alterations,
  chances,
  expectRefused,
  extensions,
  misprints,
  monotonies,
  truncations,
  tryBody,
  tryText,
} from "../support/values/corruption.ts";
import { isTurnOf } from "../support/suite/extent.ts";
import { Random } from "../support/suite/random.ts";
import { newest } from "../support/suite/servers.ts";
import { test } from "../support/suite/test.ts";
import { sinceOf, typesWithValues, valuesOf } from "../support/values/type_values.ts";

/** A value as a row has it, and what the server sends for it. */
interface Sample {
  readonly v: unknown;
  readonly body: Uint8Array;
  readonly text: string;
}

/** Types whose bodies say nowhere how long they are: they are text to their end, or bytes. */
const OPEN = new Set([
  "bpchar",
  "bytea",
  "json",
  "jsonb",
  "jsonpath",
  "mood",
  "name",
  "refcursor",
  "text",
  "varchar",
  "xml",
]);

/** A type of the user's: what it is made of, by the names of types, and values of it. */
interface UserType {
  readonly shape: (oid: (name: string) => Promise<number>) => Promise<TypeShape>;
  readonly values: readonly unknown[];
  /** Values of its array type. Default: arrays of those values. */
  readonly arrays?: readonly unknown[];
}

/** Gone with the connection that made them. */
const SCHEMA = `
  create type pg_temp.mood as enum ('sad', 'so so', 'it''s "ok"', '');
  create domain pg_temp.moods as mood[];
  create type pg_temp.moodrange as range (subtype = mood);
  create type pg_temp.stop as (name text, "the x" float8, mood mood, "__proto__" int8);
  create type pg_temp.journey as (start stop, stops stop[], span int4range, moods mood[], whims moodrange);
`;

const STOP = { name: 'a "b" \\ (c), {d}', "the x": 0.1, mood: 'it\'s "ok"', ["__proto__"]: 2n ** 62n };
const NO_STOP = { name: null, "the x": null, mood: null, ["__proto__"]: null };

const USER_TYPES: Readonly<Record<string, UserType>> = {
  mood: { shape: () => Promise.resolve({ kind: "enum" }), values: ["sad", 'it\'s "ok"', ""] },
  moods: {
    shape: async (oid) => ({ kind: "domain", base: await oid("mood[]") }),
    values: [["sad", ""], [], [null, "so so"]],
    // As text: an array inside of an array is taken for a dimension.
    arrays: ["{}", "{NULL}", '{"{sad,so so}","{}",NULL}', '{{"{sad}",NULL},{"{}","{NULL}"}}'],
  },
  moodrange: {
    shape: async (oid) => ({ kind: "range", subtype: await oid("mood") }),
    values: [new Range("sad", 'it\'s "ok"', "[]"), new Range("", null), Range.empty()],
  },
  moodmultirange: {
    shape: async (oid) => ({ kind: "multirange", range: await oid("moodrange") }),
    values: [[new Range("sad", "so so"), new Range('it\'s "ok"', null, "()")], []],
  },
  stop: {
    shape: (oid) => composite(oid, { name: "text", "the x": "float8", mood: "mood", ["__proto__"]: "int8" }),
    values: [STOP, NO_STOP, { ...NO_STOP, name: "" }],
  },
  journey: {
    shape: (oid) =>
      composite(oid, { start: "stop", stops: "stop[]", span: "int4range", moods: "mood[]", whims: "moodrange" }),
    values: [
      {
        start: STOP,
        stops: [NO_STOP, null, STOP],
        span: new Range(1, 5),
        moods: ["", null],
        whims: new Range("sad", ""),
      },
      { start: NO_STOP, stops: [], span: Range.empty(), moods: null, whims: null },
    ],
  },
};

async function composite(
  oid: (name: string) => Promise<number>,
  types: Readonly<Record<string, string>>,
): Promise<TypeShape> {
  const attributes: { name: string; oid: number }[] = [];
  for (const [name, type] of Object.entries(types)) attributes.push({ name, oid: await oid(type) });
  return { kind: "composite", attributes };
}

for (const name of typesWithValues().filter((name) => sinceOf(name) <= newest.major)) {
  const values = valuesOf(name, newest.major, 5).filter((value) => value !== null);
  for (const [type, given] of [[name, values], [`${name}[]`, arraysOf(values)]] as const) {
    if (!isTurnOf(type)) continue;
    test(`corruption: ${type} as the server sends it, and corrupted`, async () => {
      await using conn = await Conn.connect(newest.fast);
      survive(codec(type), await samples(conn, quoted(type), given), !OPEN.has(type));
    });
  }
}

for (const [name, { values, arrays = arraysOf(values) }] of Object.entries(USER_TYPES)) {
  for (const [type, given] of [[name, values], [`${name}[]`, arrays]] as const) {
    if (!isTurnOf(type)) continue;
    test(`corruption: ${type}, a type of the user's, as the server sends it, and corrupted`, async () => {
      await using conn = await Conn.connect(newest.fast);
      await conn.queryDrop(SCHEMA);
      survive(await userCodec(conn, type), await samples(conn, quoted(type), given), !OPEN.has(type));
    });
  }
}

test("corruption: no type is called open that is not tried", () => {
  const tried = [...typesWithValues(), ...Object.keys(USER_TYPES)];
  assert.deepEqual([...OPEN].filter((type) => !tried.includes(type)), []);
});

/** Corrupts bodies and texts in all ways; with `closed`, every byte of a body has to be accounted for. */
function survive(codec: Codec, samples: readonly Sample[], closed: boolean): void {
  const random = new Random(samples.length);
  for (const { v, body, text } of samples) {
    assert.deepEqual(shown(decode(codec, body)), shown(v), `${codec.name} in binary`);
    assert.deepEqual(shown(codec.parse(text)), shown(v), `${codec.name} in text`);
    for (const corrupted of [...truncations(body), ...extensions(body)]) {
      if (closed) expectRefused(codec, corrupted);
      else tryBody(codec, corrupted);
    }
    for (const corrupted of alterations(body, random)) tryBody(codec, corrupted);
    for (const corrupted of chances(body, random)) tryBody(codec, corrupted);
    for (const corrupted of misprints(text, random)) tryText(codec, corrupted);
  }
  for (const text of monotonies()) tryText(codec, text);
}

/** These values as rows have them, with the body and the text that the server makes of each. */
async function samples(conn: Conn, type: string, values: readonly unknown[]): Promise<Sample[]> {
  // refcursor is sent by text's function, which does not take it without a cast.
  const [send, taken] = (await conn.execFirst<readonly string[]>(
    `select typsend::text, case typsend when 'textsend'::regproc then 'text' else $1 end
    from pg_type where oid = $1::regtype`,
    [type],
    { rows: "array" },
  ))!;
  const sql = `select v, ${send}(v::${taken}) as body, format('%s', v) as text from (select $1::${type}) as t (v)`;
  const samples: Sample[] = [];
  for (const value of values) samples.push(await conn.execOne<Sample>(sql, [parameter(type, value)]));
  return samples;
}

/** As a parameter: a string would be taken for JSON text, and an array in json[] is one of values. */
function parameter(type: string, value: unknown): unknown {
  if (!type.startsWith('"json"') && !type.startsWith('"jsonb"')) return value;
  if (type.endsWith("[]")) return (value as unknown[]).map((item) => item === null ? null : Json(item as JsonValue));
  return Json(value as JsonValue);
}

/** Arrays of these, with NULLs and dimensions. */
function arraysOf(values: readonly unknown[]): unknown[][] {
  const [a, b] = values;
  return [[], [null], [...values.slice(0, 5), null], [[a, null, b], [b, a, a]]];
}

/** The codec of a type of the user's, made of what is known of all of them. */
async function userCodec(conn: Conn, type: string): Promise<Codec> {
  const oid = async (name: string): Promise<number> =>
    (await conn.execValue<number>("select $1::regtype::oid", [name]))!;
  const infos: TypeInfo[] = [];
  for (const [name, { shape }] of Object.entries(USER_TYPES)) {
    const info = { schema: "pg_temp", delimiter: "," };
    infos.push({ ...info, oid: await oid(quoted(name)), name, shape: await shape(oid) });
    infos.push({
      ...info,
      oid: await oid(`${quoted(name)}[]`),
      name: `_${name}`,
      shape: { kind: "array", element: await oid(quoted(name)) },
    });
  }
  const catalog = new Catalog();
  catalog.addTypes(infos);
  return new Registry(DEFAULT_CHOICES, catalog).codec(await oid(quoted(type)));
}

function quoted(type: string): string {
  return type.endsWith("[]") ? `"${type.slice(0, -2)}"[]` : `"${type}"`;
}
