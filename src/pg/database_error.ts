/** The server's errors and notices, with pg's fields. */
import { ServerError, type ServerFields } from "../errors.ts";
import { utf8Length } from "../wire/bytes.ts";

/** The fields of an error or a notice. Positions and lines are strings. */
export interface MessageFields {
  severity: string | undefined;
  code: string | undefined;
  detail: string | undefined;
  hint: string | undefined;
  position: string | undefined;
  internalPosition: string | undefined;
  internalQuery: string | undefined;
  where: string | undefined;
  schema: string | undefined;
  table: string | undefined;
  column: string | undefined;
  dataType: string | undefined;
  constraint: string | undefined;
  file: string | undefined;
  line: string | undefined;
  routine: string | undefined;
}

/**
 * The server refused a query.
 *
 * @example
 * ```ts
 * import { Client, DatabaseError } from "@x/pyro/pg";
 * import assert from "node:assert/strict";
 *
 * const client = new Client();
 * await client.connect();
 * await assert.rejects(
 *   client.query("select nothing"),
 *   (error) => error instanceof DatabaseError && error.code === "42703" && error.position === "8",
 * );
 * await client.end();
 * ```
 */
export class DatabaseError extends Error implements MessageFields {
  /** The length of the server's message in bytes. */
  readonly length: number;
  declare severity: string | undefined;
  declare code: string | undefined;
  declare detail: string | undefined;
  declare hint: string | undefined;
  declare position: string | undefined;
  declare internalPosition: string | undefined;
  declare internalQuery: string | undefined;
  declare where: string | undefined;
  declare schema: string | undefined;
  declare table: string | undefined;
  declare column: string | undefined;
  declare dataType: string | undefined;
  declare constraint: string | undefined;
  declare file: string | undefined;
  declare line: string | undefined;
  declare routine: string | undefined;

  /** An error of that message; `name` is `"error"` for all that the server sends. */
  constructor(message: string, length: number, name: string) {
    super(message);
    this.length = length;
    this.name = name;
  }
}

/** A notice of the server's, as the event `notice` has it. */
export class NoticeMessage {
  /** Always `"notice"`. */
  readonly name: string = "notice";
  /** The length of the server's message in bytes. */
  readonly length: number;
  /** The text. */
  readonly message: string;

  /** A notice with that text. */
  constructor(length: number, message: string) {
    this.length = length;
    this.message = message;
  }
}

/** pg's error for a server's. */
export function databaseError(fields: ServerFields): DatabaseError {
  return withFields(new DatabaseError(fields.message, lengthOf(fields), "error"), fields);
}

/** pg's notice for a server's. */
export function noticeMessage(fields: ServerFields): NoticeMessage {
  return withFields(new NoticeMessage(lengthOf(fields), fields.message), fields);
}

/** pg's error for one of pyro's. */
export function pgError(error: unknown): Error {
  if (error instanceof ServerError) return databaseError(error);
  return error instanceof Error ? error : new Error(String(error));
}

/** Every field is a property, also if it is absent. */
function withFields<T extends object>(target: T, fields: ServerFields): T {
  const own: MessageFields = {
    severity: fields.severity,
    code: fields.code,
    detail: fields.detail,
    hint: fields.hint,
    position: textOf(fields.position),
    internalPosition: textOf(fields.internalPosition),
    internalQuery: fields.internalQuery,
    where: fields.where,
    schema: fields.schema,
    table: fields.table,
    column: fields.column,
    dataType: fields.dataType,
    constraint: fields.constraint,
    file: fields.file,
    line: textOf(fields.line),
    routine: fields.routine,
  };
  for (const [name, value] of Object.entries(own)) {
    Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
  }
  return target;
}

/**
 * The length of the message with these fields, without its type: its length, each field with a type and a zero byte,
 * and a zero byte. The severity comes twice, translated and not; here both are presumed equal.
 */
function lengthOf(fields: ServerFields): number {
  const { severity, code, message, ...others } = fields;
  let length = 5 + 2 * (utf8Length(severity) + 2);
  for (const value of [code, message, ...FIELDS.map((name) => others[name])]) {
    if (value !== undefined) length += utf8Length(String(value)) + 2;
  }
  return length;
}

function textOf(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

const FIELDS = [
  ...["detail", "hint", "position", "internalPosition", "internalQuery", "where", "schema", "table"] as const,
  ...["column", "dataType", "constraint", "file", "line", "routine"] as const,
];
