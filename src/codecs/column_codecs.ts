/**
 * The codecs of a call's columns: those of the connection, or parsers that the call gives.
 *
 * A column that has a parser is requested as text.
 */
import { UsageError } from "../errors.ts";
import type { NamesChoice } from "../options/choices.ts";
import { isOptions } from "../options/option_values.ts";
import type { ColumnOrigin } from "./catalog.ts";
import { BadValue, type Codec } from "./codec.ts";
import type { Registry } from "./registry.ts";
import { opaque } from "./text.ts";

/** Makes a value of the text of one that is not null. */
export type TextParser = (text: string) => unknown;

/** Parsers by the OID of the type, or a function that gives one for an OID. */
export type TypeParsers = Readonly<Record<number, TextParser>> | ((typeOid: number) => TextParser | undefined);

/** How a call returns values: each as its text, or by parsers where there is one for the column's type. */
export type ColumnTypes = "text" | TypeParsers;

/** Gives the codec of a column, and how rows spell its name. */
export interface ColumnCodecs {
  readonly names: NamesChoice;
  /** The codec of a column's values. */
  columnCodec(column: ColumnOrigin): Codec;
  /** Whether the column's type must still be looked up. */
  isUnknown(column: ColumnOrigin): boolean;
}

/** The codecs of a call's columns. */
export function columnCodecs(types: ColumnTypes | undefined, registry: Registry): ColumnCodecs {
  return types === undefined ? registry : new ParsedColumns(types, registry);
}

/** Checks the option `types`. */
export function columnTypesFrom(value: unknown): ColumnTypes | undefined {
  if (value === undefined || value === "text" || typeof value === "function") return value as ColumnTypes | undefined;
  if (!isOptions(value)) {
    throw new UsageError('Cannot use types: it must be "text", or parsers such as { 1082: (text) => new Date(text) }');
  }
  if (!CHECKED.has(value)) checkParsers(value);
  return value as TypeParsers;
}

function checkParsers(parsers: object): void {
  for (const [oid, parser] of Object.entries(parsers)) {
    if (!/^\d+$/.test(oid)) {
      throw new UsageError(`Cannot use types: ${JSON.stringify(oid)} is not the OID of a type, which is a number`);
    }
    if (typeof parser !== "function") {
      throw new UsageError(`Cannot use types: the parser of type ${oid} must be a function of a value's text`);
    }
  }
  CHECKED.add(parsers);
}

/** Columns whose values are parsed from text, where there is a parser. */
class ParsedColumns implements ColumnCodecs {
  readonly #types: ColumnTypes;
  readonly #registry: Registry;

  constructor(types: ColumnTypes, registry: Registry) {
    this.#types = types;
    this.#registry = registry;
  }

  get names(): NamesChoice {
    return this.#registry.names;
  }

  columnCodec(column: ColumnOrigin): Codec {
    const parser = this.#parser(column.typeOid);
    const codec = this.#registry.columnCodec(column);
    return parser === undefined ? codec : { ...opaque(codec.name), parse: parser };
  }

  isUnknown(column: ColumnOrigin): boolean {
    return this.#parser(column.typeOid) === undefined && this.#registry.isUnknown(column);
  }

  #parser(typeOid: number): TextParser | undefined {
    const types = this.#types;
    if (types === "text") return asIs;
    if (typeof types !== "function") return types[typeOid];
    try {
      const parser: unknown = types(typeOid);
      if (parser === undefined || typeof parser === "function") return parser as TextParser | undefined;
      throw new BadValue(
        `the function types has returned ${given(parser)} for type ${typeOid}; ` +
          "it must return a function of a value's text, or undefined",
      );
    } catch (error) {
      // The server's reply is being read, which must go on: the values cannot be decoded.
      return () => {
        throw error;
      };
    }
  }
}

/** A value that is no function, for messages. */
function given(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function asIs(text: string): string {
  return text;
}

/** Parsers that were checked, so that a call does not check them again. */
const CHECKED = new WeakSet<object>();
