/** How a connection wants its values: the choices of {@linkcode Opts}, as data. */
import type { TypeCodec } from "./type_codec.ts";

/** How int8 comes back: as a bigint, or as a number that is checked to be exact. */
export type Int8Choice = "bigint" | "number";

/** How numeric comes back: as its text, with digits and scale as the server prints them, or as what a function makes of that. */
export type NumericChoice = "string" | ((text: string) => unknown);

/** How json and jsonb come back: parsed, as their text, or as what a function makes of that. */
export type JsonChoice = "value" | "string" | ((text: string) => unknown);

/** What dates and times come back as: Temporal's types, JavaScript's Date, or PostgreSQL's ISO text. */
export type DatesChoice = "temporal" | "date" | "string";

/** All choices about values. */
export interface TypeChoices {
  readonly int8: Int8Choice;
  readonly numeric: NumericChoice;
  readonly json: JsonChoice;
  readonly dates: DatesChoice;
  /** Codecs of the user's, by the name or OID of their type. */
  readonly codec?: Readonly<Record<string, TypeCodec>> | undefined;
}

/** What a connection gets that makes no choice. */
export const DEFAULT_CHOICES: TypeChoices = { int8: "bigint", numeric: "string", json: "value", dates: "temporal" };
