/**
 * The messages that a server sends, encoded, for scripted servers. Each is named as in the manual.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", sections "Message Formats" and "Error and Notice Message
 * Fields".
 */
import { concat, encoded } from "../wire/framing.ts";
import type { Outbox } from "../wire/outbox.ts";

/** Any message, by the letter of its type and its body. */
export function serverMessage(type: string, body: Uint8Array = new Uint8Array()): Uint8Array {
  return message(type, (out) => out.bytes(body));
}

/** AuthenticationOk: the server wants no more proof. */
export function authenticationOk(): Uint8Array {
  return message("R", (out) => out.int32(0));
}

/** ParameterStatus: the value of a server setting. */
export function parameterStatus(name: string, value: string): Uint8Array {
  return message("S", (out) => {
    out.cstring(name);
    out.cstring(value);
  });
}

/** BackendKeyData: what a cancel request needs. */
export function backendKeyData(processId: number = 42, secret: Uint8Array = new Uint8Array([1, 2, 3, 4])): Uint8Array {
  return message("K", (out) => {
    out.int32(processId);
    out.bytes(secret);
  });
}

/** ReadyForQuery, with the status of the transaction: `I` for none, `T` for an open one, `E` for a failed one. */
export function readyForQuery(status: "I" | "T" | "E" = "I"): Uint8Array {
  return message("Z", (out) => out.byte(status.charCodeAt(0)));
}

/** ParseComplete. */
export function parseComplete(): Uint8Array {
  return message("1");
}

/** BindComplete. */
export function bindComplete(): Uint8Array {
  return message("2");
}

/** CloseComplete. */
export function closeComplete(): Uint8Array {
  return message("3");
}

/** NoData: the statement gives no rows. */
export function noData(): Uint8Array {
  return message("n");
}

/** EmptyQueryResponse, in place of CommandComplete. */
export function emptyQueryResponse(): Uint8Array {
  return message("I");
}

/** CommandComplete, with a command tag such as `INSERT 0 1`. */
export function commandComplete(tag: string): Uint8Array {
  return message("C", (out) => out.cstring(tag));
}

/** ParameterDescription: the OIDs of the types of the parameters. */
export function parameterDescription(...types: number[]): Uint8Array {
  return message("t", (out) => {
    out.int16(types.length);
    for (const type of types) out.int32(type);
  });
}

/**
 * RowDescription: columns by name and the OID of their type; in text unless `format` says binary (1), for all of them or
 * for each.
 */
export function rowDescription(
  columns: Readonly<Record<string, number>> | [string, number][],
  format: number | readonly number[] = 0,
): Uint8Array {
  const entries = Array.isArray(columns) ? columns : Object.entries(columns);
  return message("T", (out) => {
    out.int16(entries.length);
    for (const [i, [name, type]] of entries.entries()) {
      out.cstring(name);
      out.int32(0);
      out.int16(0);
      out.int32(type);
      out.int16(-1);
      out.int32(-1);
      out.int16(typeof format === "number" ? format : format[i]!);
    }
  });
}

/** DataRow: values as text or as bytes; null is NULL. */
export function dataRow(...values: (string | Uint8Array | null)[]): Uint8Array {
  return message("D", (out) => {
    out.int16(values.length);
    for (const value of values) {
      if (value === null) {
        out.int32(-1);
        continue;
      }
      const length = out.beginValue();
      if (typeof value === "string") out.text(value);
      else out.bytes(value);
      out.endValue(length);
    }
  });
}

/** Fields by their letters. */
function fields(code: "E" | "N", values: Readonly<Record<string, string>>): Uint8Array {
  return message(code, (out) => {
    for (const [letter, value] of Object.entries(values)) {
      out.byte(letter.charCodeAt(0));
      out.cstring(value);
    }
    out.byte(0);
  });
}

/**
 * ErrorResponse. A client that reads one in an extended query skips to the Sync, which ReadyForQuery answers; with the
 * severity `FATAL`, the server closes the connection.
 *
 * @param code The SQLSTATE.
 * @param text The message.
 * @param others Other fields by their letters, such as `{ D: "detail", H: "hint", n: "constraint" }`.
 */
export function errorResponse(
  code: string = "42601",
  text: string = "syntax error",
  severity: string = "ERROR",
  others: Readonly<Record<string, string>> = {},
): Uint8Array {
  return fields("E", { S: severity, V: severity, C: code, M: text, ...others });
}

/** NoticeResponse. */
export function noticeResponse(text: string): Uint8Array {
  return fields("N", { S: "NOTICE", V: "NOTICE", C: "00000", M: text });
}

/** NotificationResponse; `pid` is the process that has notified. */
export function notificationResponse(channel: string, payload: string, pid: number = 7): Uint8Array {
  return message("A", (out) => {
    out.int32(pid);
    out.cstring(channel);
    out.cstring(payload);
  });
}

/** CopyInResponse (`G`) or CopyOutResponse (`H`), text format. */
export function copyResponse(code: "G" | "H"): Uint8Array {
  return message(code, (out) => {
    out.byte(0);
    out.int16(0);
  });
}

/** CopyData, with text. */
export function copyData(text: string): Uint8Array {
  return message("d", (out) => out.text(text));
}

/** CopyDone. */
export function copyDone(): Uint8Array {
  return message("c");
}

/** What a server without authentication says to a Startup: it accepts, tells of its settings, and is ready. */
export function welcome(settings: Readonly<Record<string, string>> = {}): Uint8Array {
  const told = Object.entries({ ...SETTINGS, ...settings });
  const parts = told.map(([name, value]) => parameterStatus(name, value));
  return concat([authenticationOk(), ...parts, backendKeyData(), readyForQuery()]);
}

/** The reply to a simple query that gives rows: RowDescription, a DataRow for each, CommandComplete, ReadyForQuery. */
export function queryReply(
  columns: Readonly<Record<string, number>>,
  rows: readonly (readonly (string | null)[])[],
): Uint8Array {
  const data = rows.map((row) => dataRow(...row));
  return concat([rowDescription(columns), ...data, commandComplete(`SELECT ${rows.length}`), readyForQuery()]);
}

function message(type: string, write: (out: Outbox) => void = () => {}): Uint8Array {
  return encoded((out) => {
    const start = out.begin(type.charCodeAt(0));
    write(out);
    out.end(start);
  });
}

/** What clients want to know of every server. */
const SETTINGS: Readonly<Record<string, string>> = {
  server_version: "18.0",
  server_encoding: "UTF8",
  client_encoding: "UTF8",
  standard_conforming_strings: "on",
  integer_datetimes: "on",
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
};
