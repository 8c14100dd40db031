/**
 * The columns of a result, with pg's names for what RowDescription says of them.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats".
 */
import { Format } from "../codecs/codec.ts";
import type { Inbox } from "../wire/inbox.ts";
import type { FieldDef } from "./interfaces.ts";

/** A column. */
export class Field implements FieldDef {
  readonly name: string;
  readonly tableID: number;
  readonly columnID: number;
  readonly dataTypeID: number;
  readonly dataTypeSize: number;
  readonly dataTypeModifier: number;
  readonly format: "text" | "binary";

  /** The order of the arguments is that of the message. */
  constructor(
    name: string,
    tableID: number,
    columnID: number,
    dataTypeID: number,
    dataTypeSize: number,
    dataTypeModifier: number,
    format: "text" | "binary",
  ) {
    this.name = name;
    this.tableID = tableID;
    this.columnID = columnID;
    this.dataTypeID = dataTypeID;
    this.dataTypeSize = dataTypeSize;
    this.dataTypeModifier = dataTypeModifier;
    this.format = format;
  }
}

/** The columns that a RowDescription describes, and the formats in which their values travel. */
export interface Described {
  readonly fields: readonly Field[];
  readonly formats: readonly number[];
}

/**
 * Reads the current message, a RowDescription. If the values are not given in binary to the caller, the fields say
 * `text`, however the values travel.
 */
export function readFields(inbox: Inbox, isBinary: boolean): Described {
  const fields: Field[] = [];
  const formats: number[] = [];
  for (let left = inbox.uint16(); left > 0; left--) {
    const name = inbox.cstring();
    const tableID = inbox.uint32();
    const columnID = inbox.int16();
    const typeOid = inbox.uint32();
    const size = inbox.int16();
    const modifier = inbox.int32();
    const format = inbox.int16();
    const shown = isBinary && format === Format.Binary ? "binary" : "text";
    fields.push(new Field(name, tableID, columnID, typeOid, size, modifier, shown));
    formats.push(format);
  }
  inbox.end();
  return { fields, formats };
}
