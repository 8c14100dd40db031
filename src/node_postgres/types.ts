/**
 * The values that node-postgres (pg 8, with pg-types 2) gives for PostgreSQL's types, as parsers of texts. Where a
 * connection gives the same value by itself, there is no parser, and the value travels in binary.
 */
import { Buffer } from "node:buffer";
import type { TextParser } from "../codecs/column_codecs.ts";
import { BUILT_IN_TYPES } from "../codecs/oids.ts";
import { arrayParser } from "./array_text.ts";
import { parseDate } from "./dates.ts";
import { parseInterval } from "./interval.ts";

/**
 * The parser that makes node-postgres' value of a type's text; undefined for types whose values are the same without
 * it. The values of types that node-postgres does not know are their text.
 *
 * @example
 * ```ts
 * import { Conn } from "@x/pyro";
 * import { pgTypes } from "@x/pyro/kysely";
 * import assert from "node:assert/strict";
 *
 * await using conn = await Conn.connect("pg://");
 * const rows = await conn.exec("select 1::int8 as big, 2::int4 as small", { types: pgTypes });
 * assert.deepEqual(rows, [{ big: "1", small: 2 }]);
 * ```
 */
export function pgTypes(typeOid: number): TextParser | undefined {
  const parser = PARSERS.get(typeOid);
  return parser === undefined ? asText : parser === SAME ? undefined : parser;
}

/** The text itself. */
export function asText(text: string): string {
  return text;
}

function parseBytes(text: string): Buffer {
  if (text.startsWith("\\x")) return Buffer.from(text.slice(2), "hex");
  // bytea_output = escape
  const characters = text.replace(
    /\\(\\|[0-7]{3})/g,
    (_, code) => code === "\\" ? code : String.fromCharCode(parseInt(code, 8)),
  );
  return Buffer.from(characters, "latin1");
}

function parseCircle(text: string): { x: number; y: number; radius: number } {
  const [x, y, radius] = text.replace(/[<>()]/g, "").split(",").map(Number);
  return { x: x!, y: y!, radius: radius! };
}

/** Stands for the value that the connection gives by itself. */
const SAME: TextParser = asText.bind(undefined);

/** Parsers of types; the other ones of pg-types give texts as they are. */
const OF_TYPES: Readonly<Record<string, TextParser>> = {
  ...sameFor("bool", "name", "int2", "int4", "oid", "float8", "text", "bpchar", "varchar", "point", "json", "jsonb"),
  bytea: parseBytes,
  float4: Number,
  date: parseDate,
  timestamp: parseDate,
  timestamptz: parseDate,
  interval: parseInterval,
  circle: parseCircle,
};

/** Parsers of arrays, by the type of the elements. Arrays of other types are texts. */
const OF_ARRAYS: Readonly<Record<string, TextParser>> = {
  ...sameFor("bool", "int2", "int4", "oid", "float8", "text", "bpchar", "varchar", "point", "json", "jsonb"),
  bytea: arrayParser(parseBytes),
  float4: arrayParser(Number),
  numeric: arrayParser(Number),
  date: arrayParser(parseDate),
  timestamp: arrayParser(parseDate),
  timestamptz: arrayParser(parseDate),
  interval: arrayParser(parseInterval),
  ...Object.fromEntries(
    ["int8", "regproc", "cidr", "inet", "macaddr", "uuid", "money", "time", "timetz", "numrange"]
      .map((name) => [name, arrayParser(asText)]),
  ),
};

const PARSERS: ReadonlyMap<number, TextParser> = new Map(
  BUILT_IN_TYPES.flatMap(([name, oid, arrayOid]) =>
    [[oid, OF_TYPES[name]], [arrayOid, OF_ARRAYS[name]]]
      .filter((entry): entry is [number, TextParser] => entry[1] !== undefined)
  ),
);

function sameFor(...names: string[]): Record<string, TextParser> {
  return Object.fromEntries(names.map((name) => [name, SAME]));
}
