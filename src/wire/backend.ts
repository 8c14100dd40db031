/**
 * Reads the bodies of the server's messages: a function for each reads the current message of an
 * {@linkcode Inbox}. For rows, a reader is made once per statement (`rows/row.ts`).
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Message Formats" and "Error and
 * Notice Message Fields".
 */
import { DecodeError, type ServerFields } from "../errors.ts";
import { PROTOCOL_3_2 } from "./codes.ts";
import type { Inbox } from "./inbox.ts";

/** A column of a result. */
export interface Column {
  /** The name in the query's result; not necessarily unique. */
  readonly name: string;
  /** The OID of its type, as in `pg_type.oid`. */
  readonly typeOid: number;
  /** The size of a value in bytes, as in `pg_type.typlen`: negative if values differ in size. */
  readonly typeSize: number;
  /** Details of the type, such as a varchar's length: `pg_attribute.atttypmod`, -1 for none. */
  readonly typeModifier: number;
  /** The OID of its table, 0 for an expression. */
  readonly tableOid: number;
  /** Its `pg_attribute.attnum` in that table, 0 for an expression. */
  readonly columnNumber: number;
}

/** A message for the session's {@linkcode https://www.postgresql.org/docs/current/sql-notify.html | LISTEN}ers. */
export interface Notification {
  /** The channel. */
  readonly channel: string;
  /** The text that was sent with it, or "". */
  readonly payload: string;
  /** The process ID of the session that sent it. */
  readonly pid: number;
}

/** The command tag of a completed statement. */
export interface CommandTag {
  /** The tag without numbers, such as `SELECT` or `CREATE TABLE`; "" for an empty query. */
  readonly command: string;
  /** The number in the tag, 0 without one. */
  readonly affected: number;
  /** The number in the tag, null without one. */
  readonly count: number | null;
}

/** Fields of an ErrorResponse or a NoticeResponse. */
export function serverFields(inbox: Inbox): ServerFields {
  const raw = new Map<number, string>();
  for (let type = inbox.byte(); type !== 0; type = inbox.byte()) raw.set(type, inbox.cstring());
  inbox.end();
  const fields: { -readonly [Name in keyof ServerFields]: ServerFields[Name] } = {
    // Servers before 9.6, and some poolers, send no untranslated severity.
    severity: raw.get(0x56) ?? raw.get(0x53) ?? "ERROR", // V, S
    code: raw.get(0x43) ?? "XX000", // C
    message: raw.get(0x4d) ?? "the server gave no message", // M
  };
  for (const [type, name] of TEXT_FIELDS) {
    const value = raw.get(type);
    if (value !== undefined) fields[name] = value;
  }
  for (const [type, name] of NUMBER_FIELDS) {
    const value = Number(raw.get(type));
    if (Number.isSafeInteger(value)) fields[name] = value;
  }
  return fields;
}

/** A setting that has changed, or that is reported at startup. */
export function parameterStatus(inbox: Inbox): { name: string; value: string } {
  const name = inbox.cstring();
  const value = inbox.cstring();
  inbox.end();
  return { name, value };
}

/** A notification. */
export function notification(inbox: Inbox): Notification {
  const pid = inbox.uint32();
  const channel = inbox.cstring();
  const payload = inbox.cstring();
  inbox.end();
  return { channel, payload, pid };
}

/** The process ID and the secret that a CancelRequest for this session needs, in a version of the protocol. */
export function backendKeyData(inbox: Inbox, version: number): { processId: number; secret: Uint8Array } {
  const processId = inbox.uint32();
  const length = inbox.limit - inbox.pos;
  const max = version < PROTOCOL_3_2 ? MIN_CANCEL_KEY : MAX_CANCEL_KEY;
  if (length < MIN_CANCEL_KEY || length > max) {
    const allowed = max === MIN_CANCEL_KEY ? "protocol 3.0 has 4" : "protocol 3.2 has 4 to 256";
    throw inbox.malformed(`a cancel key of ${length} bytes where ${allowed}`);
  }
  return { processId, secret: inbox.rest() };
}

/** The newest minor version that the server supports, and the options that it does not know. */
export function negotiateProtocolVersion(inbox: Inbox): { version: number; unknownOptions: string[] } {
  const version = inbox.int32();
  const count = inbox.int32();
  if (count < 0) throw inbox.malformed(`it claims ${count} options`);
  const unknownOptions: string[] = [];
  for (let i = 0; i < count; i++) unknownOptions.push(inbox.cstring());
  inbox.end();
  return { version, unknownOptions };
}

/** The OIDs of the types of a statement's parameters. */
export function parameterDescription(inbox: Inbox): number[] {
  const types: number[] = [];
  for (let left = inbox.uint16(); left > 0; left--) types.push(inbox.uint32());
  inbox.end();
  return types;
}

/** The columns of the following rows, and the format (0 text, 1 binary) of each, if it is known yet. */
export function rowDescription(inbox: Inbox): { columns: Column[]; formats: number[] } {
  const columns: Column[] = [];
  const formats: number[] = [];
  for (let left = inbox.uint16(); left > 0; left--) {
    const name = inbox.cstring();
    const tableOid = inbox.uint32();
    const columnNumber = inbox.int16();
    const typeOid = inbox.uint32();
    const typeSize = inbox.int16();
    const typeModifier = inbox.int32();
    const format = inbox.int16();
    if (format !== 0 && format !== 1) throw inbox.malformed(`column format ${format} is neither 0 nor 1`);
    columns.push({ name, typeOid, typeSize, typeModifier, tableOid, columnNumber });
    formats.push(format);
  }
  inbox.end();
  return { columns, formats };
}

/** The tag of CommandComplete: `INSERT 0 5`, `SELECT 3`, `CREATE TABLE`. */
export function commandTag(inbox: Inbox): CommandTag {
  const text = inbox.cstring();
  inbox.end();
  const { command, count } = TAG.exec(text)?.groups ?? {};
  if (command === undefined) return { command: text, affected: 0, count: null };
  const affected = Number(count);
  if (!Number.isSafeInteger(affected)) {
    throw new DecodeError(`Cannot give the number of affected rows: ${count} is over 2^53-1`);
  }
  return { command, affected, count: affected };
}

/**
 * The count in the tag of CommandComplete, 0 without one; the same as {@linkcode commandTag} gives, but
 * without making strings.
 */
export function affectedRows(inbox: Inbox): number {
  const { bytes, pos, limit } = inbox;
  const end = limit - 1;
  let affected = 0;
  let digits = 0;
  let isCount = false;
  for (let at = pos; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === SPACE) {
      affected = digits = 0;
      isCount = true;
    } else if (byte >= DIGIT_0 && byte <= DIGIT_9) {
      affected = affected * 10 + byte - DIGIT_0;
      digits++;
    } else if (byte === 0) return commandTag(inbox).affected;
    else isCount = false;
  }
  // For an unusual tag, commandTag gives the count or an error.
  if (pos > end || bytes[end] !== 0 || digits > EXACT_DIGITS) return commandTag(inbox).affected;
  inbox.pos = limit;
  return isCount && digits > 0 ? affected : 0;
}

/** All keys of protocol 3.0 have this length, in bytes. */
const MIN_CANCEL_KEY = 4;
const MAX_CANCEL_KEY = 256;

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
/** Numbers with at most this many digits are exact. */
const EXACT_DIGITS = 15;

/** The count comes last. In the tag of INSERT, it follows the OID of the row, which is 0 since PostgreSQL 12. */
const TAG = /^(?<command>.*?)(?:(?<=^INSERT) \d+)? (?<count>\d+)$/;

const TEXT_FIELDS = [
  [0x44, "detail"], // D
  [0x48, "hint"], // H
  [0x71, "internalQuery"], // q
  [0x57, "where"], // W
  [0x73, "schema"], // s
  [0x74, "table"], // t
  [0x63, "column"], // c
  [0x64, "dataType"], // d
  [0x6e, "constraint"], // n
  [0x46, "file"], // F
  [0x52, "routine"], // R
] as const;

const NUMBER_FIELDS = [
  [0x50, "position"], // P
  [0x70, "internalPosition"], // p
  [0x4c, "line"], // L
] as const;
