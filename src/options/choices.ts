/** How a connection decodes values: the choices of {@linkcode Opts}, as data. */
import type { NamesChoice } from "../names.ts";
import type { TypeCodec } from "./type_codec.ts";

export type { NamesChoice };

/** How int8 is decoded: as a bigint, as a number, which must be exact, or as its text. */
export type Int8Choice = "bigint" | "number" | "string";

/**
 * How numeric is decoded: as its text, with digits and scale as the server prints them, or by a
 * function of that text.
 */
export type NumericChoice = "string" | ((text: string) => unknown);

/**
 * How json and jsonb are decoded: parsed, parsed without loss, as their text, or by a function of that text. See
 * {@linkcode Opts.json}.
 */
export type JsonChoice = "value" | "lossless" | "string" | ((text: string) => unknown);

/** How dates and times are decoded: as Temporal's types, JavaScript's Date, or PostgreSQL's ISO text. */
export type DatesChoice = "temporal" | "date" | "string";

/** How arrays of numbers are decoded: as arrays, or as typed arrays. */
export type NumberArraysChoice = "array" | "typed";

/** All choices of how values are decoded. */
export interface TypeChoices {
  readonly int8: Int8Choice;
  readonly numeric: NumericChoice;
  readonly json: JsonChoice;
  readonly dates: DatesChoice;
  readonly names: NamesChoice;
  readonly numberArrays: NumberArraysChoice;
  /** The user's codecs, by the name or OID of their type. */
  readonly codec?: Readonly<Record<string, TypeCodec>> | undefined;
}

/** The choices of a connection whose options make none. */
export const DEFAULT_CHOICES: TypeChoices = {
  int8: "bigint",
  numeric: "string",
  json: "value",
  dates: "temporal",
  names: "database",
  numberArrays: "array",
};
