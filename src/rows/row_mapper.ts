/**
 * What a call makes of its rows: the option `as`.
 *
 * Source: Standard Schema, https://standardschema.dev, version 1.
 */
import { DecodeError, UsageError } from "../errors.ts";

/** A schema by the conventions that zod, valibot, arktype and others share. */
export interface StandardSchema<Output> {
  /** What the conventions ask of it. */
  readonly "~standard": StandardProperties<Output>;
}

/** The property of a schema by which others use it. */
export interface StandardProperties<Output> {
  /** The version of the conventions. */
  readonly version: 1;
  /** The name of the library. */
  readonly vendor: string;
  /** Checks a value. Rows must be checked at once: a promise is a `UsageError`. */
  readonly validate: (value: unknown) => SchemaResult<Output> | PromiseLike<SchemaResult<Output>>;
  /** The types, which only the compiler sees. */
  readonly types?: SchemaTypes<Output> | undefined;
}

/** The types of a schema. */
export interface SchemaTypes<Output> {
  /** What it takes. */
  readonly input: unknown;
  /** What it gives. */
  readonly output: Output;
}

/** What a schema says of a value. */
export type SchemaResult<Output> = SchemaSuccess<Output> | SchemaFailure;

/** The value is right. */
export interface SchemaSuccess<Output> {
  /** What the schema makes of it. */
  readonly value: Output;
  /** None. */
  readonly issues?: undefined;
}

/** The value is wrong. */
export interface SchemaFailure {
  /** What is wrong with it. */
  readonly issues: readonly SchemaIssue[];
}

/** Something that is wrong with a value. */
export interface SchemaIssue {
  /** What it is. */
  readonly message: string;
  /** Where it is. */
  readonly path?: readonly (PropertyKey | SchemaPathPart)[] | undefined;
}

/** A part of the path to what is wrong. */
export interface SchemaPathPart {
  /** The name of the member. */
  readonly key: PropertyKey;
}

/** Makes of a row what a call returns: a function of the row, or a schema, which must be synchronous. */
// With `unknown`, no function could name the type of its row.
// deno-lint-ignore no-explicit-any
export type RowMapper<Output> = ((row: any) => Output) | StandardSchema<Output>;

/** A function that makes of a row what the call returns. */
export type MapRow = (row: unknown) => unknown;

/** The function for the option `as`. */
export function mapRowFrom(value: unknown): MapRow {
  const standard = (value as Partial<StandardSchema<unknown>> | null)?.["~standard"];
  if (standard !== undefined) {
    if (typeof standard.validate === "function") return (row) => outputOf(standard.validate(row));
  } else if (typeof value === "function") return value as MapRow;
  throw new UsageError("Cannot use as: it must be a function of the row, or a schema with the property ~standard");
}

function outputOf(result: SchemaResult<unknown> | PromiseLike<SchemaResult<unknown>>): unknown {
  if ("then" in result) {
    result.then(undefined, () => {});
    throw new UsageError("Cannot use as: the schema is asynchronous, and rows can only be checked at once");
  }
  if (result.issues === undefined) return result.value;
  throw new DecodeError(`Cannot return a row: ${result.issues.map(issueText).join("; ")}`, {
    cause: new AggregateError(result.issues, "the schema of as refuses the row"),
  });
}

function issueText({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
  return keys.length === 0 ? message : `${JSON.stringify(keys.join("."))}: ${message}`;
}
