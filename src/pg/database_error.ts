/** The server's errors, notices and notifications, with pg's fields. */
import { builtin } from "../builtin.ts";
import { ConnectionError, ServerError, type ServerFields } from "../errors.ts";
import type { Notification } from "../wire/backend.ts";
import { utf8Length } from "../wire/bytes.ts";

/** The fields of an error or a notice. Positions and lines are strings. */
export interface MessageFields {
  /** `ERROR`, `FATAL`, `PANIC`, or that of a notice. */
  severity: string | undefined;
  /** The SQLSTATE. */
  code: string | undefined;
  /** More about the problem. */
  detail: string | undefined;
  /** A suggestion what to do. */
  hint: string | undefined;
  /** Where in the SQL text the problem is, in characters from 1. */
  position: string | undefined;
  /** The position in `internalQuery`. */
  internalPosition: string | undefined;
  /** The statement that the server itself has generated. */
  internalQuery: string | undefined;
  /** The call stack inside of the server. */
  where: string | undefined;
  /** The schema of the object that it is about. */
  schema: string | undefined;
  /** The table that it is about. */
  table: string | undefined;
  /** The column that it is about. */
  column: string | undefined;
  /** The data type that it is about. */
  dataType: string | undefined;
  /** The constraint that it is about. */
  constraint: string | undefined;
  /** The server's source file. */
  file: string | undefined;
  /** The line in that file. */
  line: string | undefined;
  /** The server's function. */
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
  /** `ERROR`, `FATAL`, `PANIC`, or that of a notice. */
  declare severity: string | undefined;
  /** The SQLSTATE. */
  declare code: string | undefined;
  /** More about the problem. */
  declare detail: string | undefined;
  /** A suggestion what to do. */
  declare hint: string | undefined;
  /** Where in the SQL text the problem is, in characters from 1. */
  declare position: string | undefined;
  /** The position in `internalQuery`. */
  declare internalPosition: string | undefined;
  /** The statement that the server itself has generated. */
  declare internalQuery: string | undefined;
  /** The call stack inside of the server. */
  declare where: string | undefined;
  /** The schema of the object that it is about. */
  declare schema: string | undefined;
  /** The table that it is about. */
  declare table: string | undefined;
  /** The column that it is about. */
  declare column: string | undefined;
  /** The data type that it is about. */
  declare dataType: string | undefined;
  /** The constraint that it is about. */
  declare constraint: string | undefined;
  /** The server's source file. */
  declare file: string | undefined;
  /** The line in that file. */
  declare line: string | undefined;
  /** The server's function. */
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

/** pg's notification for one of pyro's. */
export function notificationMessage({ pid, channel, payload }: Notification): object {
  const length = 10 + utf8Length(channel) + utf8Length(payload);
  return { length, processId: pid, channel, payload, name: "notification" };
}

/** pg's message about a setting of the session. */
export function parameterMessage(parameterName: string, parameterValue: string): object {
  const length = 6 + utf8Length(parameterName) + utf8Length(parameterValue);
  return { length, parameterName, parameterValue, name: "parameterStatus" };
}

/** pg's error for one of pyro's. */
export function pgError(error: unknown): Error {
  if (error instanceof ServerError) return databaseError(error);
  if (error instanceof ConnectionError && error.code !== undefined) return withSystemFields(error, error.code);
  return error instanceof Error ? error : new Error(String(error));
}

/** The error of the socket for which a connection was lost, with its `code`; undefined if there was none. */
export function socketError(lost: Error | undefined): Error | undefined {
  if (!(lost instanceof ConnectionError) || lost.code === undefined) return undefined;
  const { code, cause } = lost;
  // Node's has these words; those of other runtimes have others, or no code.
  if (cause instanceof Error && cause.message.endsWith(` ${code}`)) return cause;
  return withSystemFields(Object.assign(new Error(`read ${code}`, { cause }), { code }), code, "read");
}

/** Programs recognize an error of the network by the members that errors of `node:net` have. */
function withSystemFields(error: Error, code: string, call: string = "connect"): Error {
  let source: unknown = error.cause;
  while (source instanceof ConnectionError) source = source.cause;
  const number = LOOKUP_ERRORS[code] ?? builtin.os.constants.errno[code as "ECONNREFUSED"];
  // Deno's errors have none of them, and Bun's have other numbers for names.
  const usual = code in LOOKUP_ERRORS ? "getaddrinfo" : code === "ECONNRESET" ? "read" : call;
  const { syscall = usual, address, port, hostname } = (source ?? {}) as Record<string, unknown>;
  const fields = { errno: number && -number, syscall, address, port, hostname };
  return Object.assign(error, Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)));
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
/** libuv's numbers for host names that cannot be resolved. Source: libuv, `uv/errno.h`. */
const LOOKUP_ERRORS: Readonly<Record<string, number>> = { EAI_AGAIN: 3001, ENOTFOUND: 3008 };
