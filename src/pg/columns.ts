/**
 * How the rows of a statement are read: which columns travel in binary, and what makes their values.
 *
 * A column for which the user has set a parser travels as text (in binary, if the query wants that), and is given to
 * the parser. The others have the values that pg-types' own parsers make, however they travel.
 */
import { Buffer } from "node:buffer";
import { Format } from "../codecs/codec.ts";
import { type Decoder, membersOf, RowReader, type RowShape } from "../rows/row.ts";
import type { ByteSource } from "../wire/bytes.ts";
import type { Field } from "./fields.ts";
import type { CustomTypesConfig } from "./interfaces.ts";
import { type TypeParser, types as moduleTypes } from "./types.ts";
import { readText, type ReadValue, VALUE_READERS } from "./values.ts";

/** The parsers that pg-types had when this module was loaded; another parser of these types is a user's. */
const ORIGINAL: ReadonlyMap<number, TypeParser> = new Map(
  [...VALUE_READERS.keys()].map((oid) => [oid, moduleTypes.getTypeParser(oid, "text")]),
);
/** pg-types' parser of all types that it does not know, which makes a string. */
const TO_STRING: TypeParser = moduleTypes.getTypeParser(0, "text");

/** How rows are wanted. */
export interface RowChoice {
  readonly types: CustomTypesConfig;
  /** Whether values are given to the parsers of the binary format. */
  readonly isBinary: boolean;
  readonly shape: RowShape;
}

/** The columns of a statement, as they are read with the parsers that apply now. */
export class Columns {
  readonly fields: readonly Field[];
  readonly #parsers: readonly TypeParser[];
  readonly #isBinary: boolean;
  readonly #shape: RowShape;
  readonly #formats: readonly number[];
  #reader: RowReader | undefined = undefined;

  /** `formats` are those in which the values travel; left out, the formats in which they should. */
  constructor(fields: readonly Field[], { types, isBinary, shape }: RowChoice, formats?: readonly number[]) {
    this.fields = fields;
    this.#isBinary = isBinary;
    this.#shape = shape;
    this.#parsers = parsersOf(fields, types, isBinary);
    this.#formats = formats ?? fields.map((field, i) => formatOf(field, this.#parsers[i]!, isBinary));
  }

  /** The formats in which the values travel. */
  get formats(): readonly number[] {
    return this.#formats;
  }

  /** Whether rows with these parsers are read in the same way. */
  fits({ types, isBinary, shape }: RowChoice): boolean {
    if (this.#isBinary !== isBinary || this.#shape !== shape) return false;
    const format = isBinary ? "binary" : "text";
    for (let i = 0; i < this.fields.length; i++) {
      if (types.getTypeParser(this.fields[i]!.dataTypeID, format) !== this.#parsers[i]) return false;
    }
    return true;
  }

  /** The reader of rows. */
  get reader(): RowReader {
    return this.#reader ??= this.#newReader();
  }

  #newReader(): RowReader {
    const members = this.#shape === "array" ? undefined : membersOf(this.fields.map(({ name }) => name), "object");
    return new RowReader(this.fields, this.#decoders(), this.fields.map(() => Format.Binary), members);
  }

  #decoders(): Decoder[] {
    return this.fields.map((field, i) => {
      const decode = readValueOf(field, this.#parsers[i]!, this.#isBinary, this.#formats[i] === Format.Binary);
      // The reader hands over bytes, in whatever format they are.
      return { name: `type ${field.dataTypeID}`, decode, parse: String };
    });
  }
}

function parsersOf(fields: readonly Field[], types: CustomTypesConfig, isBinary: boolean): TypeParser[] {
  return fields.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, isBinary ? "binary" : "text"));
}

function formatOf({ dataTypeID }: Field, parser: TypeParser, isBinary: boolean): number {
  if (isBinary) return Format.Binary;
  const reading = VALUE_READERS.get(dataTypeID);
  return reading?.binary !== undefined && parser === ORIGINAL.get(dataTypeID) ? Format.Binary : Format.Text;
}

function readValueOf(field: Field, parser: TypeParser, isBinary: boolean, travelsInBinary: boolean): ReadValue {
  if (isBinary) {
    // pg-types' binary parsers are functions of a Buffer; a type without one gets its text.
    return ({ bytes }, start, end) => parser(Buffer.from(bytes.subarray(start, end)));
  }
  if (parser === TO_STRING) return readText;
  if (parser === ORIGINAL.get(field.dataTypeID)) {
    const reading = VALUE_READERS.get(field.dataTypeID)!;
    const read = travelsInBinary ? reading.binary : reading.text;
    if (read !== undefined) return read;
  }
  return ({ bytes }: ByteSource, start, end) => parser(bytes.utf8Slice(start, end));
}
