/** The parsers of types: pg's own, of the package pg-types, so that everybody in a process shares them. */
import pgTypes from "pg-types";
import type { CustomTypesConfig } from "./interfaces.ts";

/** A function that makes a value of a text, or of bytes. */
// deno-lint-ignore no-explicit-any -- the values' types are the users'
export type TypeParser = (value: any) => any;

/** The names of the types in `builtins`. */
export type BuiltinName =
  | "BOOL"
  | "BYTEA"
  | "CHAR"
  | "INT8"
  | "INT2"
  | "INT4"
  | "REGPROC"
  | "TEXT"
  | "OID"
  | "TID"
  | "XID"
  | "CID"
  | "JSON"
  | "XML"
  | "PG_NODE_TREE"
  | "SMGR"
  | "PATH"
  | "POLYGON"
  | "CIDR"
  | "FLOAT4"
  | "FLOAT8"
  | "ABSTIME"
  | "RELTIME"
  | "TINTERVAL"
  | "CIRCLE"
  | "MACADDR8"
  | "MONEY"
  | "MACADDR"
  | "INET"
  | "ACLITEM"
  | "BPCHAR"
  | "VARCHAR"
  | "DATE"
  | "TIME"
  | "TIMESTAMP"
  | "TIMESTAMPTZ"
  | "INTERVAL"
  | "TIMETZ"
  | "BIT"
  | "VARBIT"
  | "NUMERIC"
  | "REFCURSOR"
  | "REGPROCEDURE"
  | "REGOPER"
  | "REGOPERATOR"
  | "REGCLASS"
  | "REGTYPE"
  | "UUID"
  | "TXID_SNAPSHOT"
  | "PG_LSN"
  | "PG_NDISTINCT"
  | "PG_DEPENDENCIES"
  | "TSVECTOR"
  | "TSQUERY"
  | "GTSVECTOR"
  | "REGCONFIG"
  | "REGDICTIONARY"
  | "JSONB"
  | "REGNAMESPACE"
  | "REGROLE";

/** What pg-types has. */
export interface Types extends CustomTypesConfig {
  /** The parser of a type, by its OID; the format is `text` if it is left out. */
  getTypeParser: (oid: number, format?: string) => TypeParser;
  /** Sets a parser for all clients; the format is `text` if it is left out. */
  setTypeParser: (oid: number, format: string | TypeParser, parser?: TypeParser) => void;
  /** Parses the texts of arrays. */
  // deno-lint-ignore no-explicit-any -- the elements' types are the users'
  arrayParser: { create: (text: string, transform?: (element: any) => any) => { parse: () => any[] } };
  /** The OIDs of types, by their names in capitals. */
  builtins: Readonly<Record<BuiltinName, number>>;
}

/**
 * The parsers that all clients use.
 *
 * @example int8 as a number
 * ```ts
 * import { types } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * types.setTypeParser(types.builtins.INT8, (text) => Number(text));
 * assert.equal(types.getTypeParser(20)("7"), 7);
 * types.setTypeParser(types.builtins.INT8, (text) => text);
 * ```
 */
export const types: Types = pgTypes as unknown as Types;
