/**
 * The fields of the messages, and which of them are shown: all except authentication data.
 *
 * Source: PostgreSQL manual, "Frontend/Backend Protocol", section "Message Formats"; for the format of
 * a line, libpq's `PQtrace` as of PostgreSQL 18.
 */
import { lazy } from "../lazy.ts";
import { Authentication, Backend, CANCEL_REQUEST, Frontend, SSL_REQUEST } from "../wire/codes.ts";
import { Malformed, type MessageReader, type Parser, printable } from "./message_reader.ts";

/** Reads a part of a message and adds it to the line. */
export type Field = (reader: MessageReader) => Parser;

/** The beginning of a message's line, and the fields that follow. */
export interface MessageFormat {
  readonly heading: string;
  readonly fields: readonly Field[];
}

/** A message from the server; for Authentication see {@linkcode authenticationFormat}. */
export function backendFormat(code: number): MessageFormat {
  return backendFormats().get(code) ?? unknownFormat(code);
}

/** A message from the client; for Password see {@linkcode answerFormat}. */
export function frontendFormat(code: number): MessageFormat {
  return frontendFormats().get(code) ?? unknownFormat(code);
}

/** An Authentication message whose method has been read. */
export function authenticationFormat(method: number): MessageFormat {
  return authenticationFormats().get(method) ?? format(`Unknown authentication message ${method}`);
}

/**
 * The client's answer to an Authentication message with this method; several messages share the code.
 * All of it is hidden, whatever the method: a server that requests several methods at once could have a
 * password shown as another message.
 */
export function answerFormat(method: number | undefined): MessageFormat {
  switch (method) {
    case Authentication.CleartextPassword:
    case Authentication.Md5Password:
      return format("PasswordMessage", hidden);
    case Authentication.Sasl:
      return format("SASLInitialResponse", hidden);
    case Authentication.SaslContinue:
      return format("SASLResponse", hidden);
    default:
      return format("UnknownAuthenticationResponse", hidden);
  }
}

/** A message without a code, whose version (or the number in its place) has been read. */
export function untypedFormat(version: number): MessageFormat {
  const { heading, fields } = untypedFormats().get(version) ?? format("StartupMessage", settings);
  return { heading: `${heading.trimEnd()}\t ${version >>> 16} ${version & 0xffff}`, fields };
}

const backendFormats = lazy(() =>
  formats(Backend, {
    Authentication: [int32],
    BackendKeyData: [int32, hidden],
    BindComplete: [],
    CloseComplete: [],
    CommandComplete: [text],
    CopyBothResponse: [byte, toTheEnd(uint16)],
    CopyData: [rest],
    CopyDone: [],
    CopyInResponse: [byte, counted(uint16)],
    CopyOutResponse: [byte, counted(uint16)],
    DataRow: [counted(value)],
    EmptyQueryResponse: [],
    ErrorResponse: [noticeFields],
    NegotiateProtocolVersion: [int32, int32, toTheEnd(text)],
    NoData: [],
    NoticeResponse: [noticeFields],
    NotificationResponse: [int32, text, text],
    ParameterDescription: [counted(int32)],
    ParameterStatus: [text, text],
    ParseComplete: [],
    PortalSuspended: [],
    ReadyForQuery: [byte],
    RowDescription: [counted(text, int32, uint16, int32, uint16, int32, uint16)],
  })
);

const frontendFormats = lazy(() =>
  formats(Frontend, {
    Bind: [text, text, counted(uint16), counted(value), counted(uint16)],
    Close: [byte, text],
    CopyData: [rest],
    CopyDone: [],
    CopyFail: [text],
    Describe: [byte, text],
    Execute: [text, int32],
    Flush: [],
    Parse: [text, text, counted(int32)],
    Password: [],
    Query: [text],
    Sync: [],
    Terminate: [],
  })
);

const authenticationFormats = lazy((): ReadonlyMap<number, MessageFormat> =>
  new Map([
    [Authentication.Ok, format("AuthenticationOk")],
    [Authentication.KerberosV5, format("AuthenticationKerberosV5")],
    [Authentication.CleartextPassword, format("AuthenticationCleartextPassword")],
    [Authentication.Md5Password, format("AuthenticationMD5Password", hidden)],
    [Authentication.Gss, format("AuthenticationGSS")],
    [Authentication.GssContinue, format("AuthenticationGSSContinue", hidden)],
    [Authentication.Sspi, format("AuthenticationSSPI")],
    [Authentication.Sasl, format("AuthenticationSASL", toTheEnd(text))],
    [Authentication.SaslContinue, format("AuthenticationSASLContinue", hidden)],
    [Authentication.SaslFinal, format("AuthenticationSASLFinal", hidden)],
  ])
);

const untypedFormats = lazy((): ReadonlyMap<number, MessageFormat> =>
  new Map([
    [SSL_REQUEST, format("SSLRequest")],
    [CANCEL_REQUEST, format("CancelRequest", int32, hidden)],
  ])
);

function unknownFormat(code: number): MessageFormat {
  return format(`Unknown message: ${code.toString(16).padStart(2, "0")}`);
}

function format(name: string, ...fields: readonly Field[]): MessageFormat {
  return { heading: fields.length > 0 ? `${name}\t` : name, fields };
}

function formats<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  fields: Readonly<Record<Name, readonly Field[]>>,
): Map<number, MessageFormat> {
  const names = Object.keys(codes) as Name[];
  return new Map(names.map((name) => [codes[name], format(name, ...fields[name])]));
}

function* byte(reader: MessageReader): Parser {
  reader.append(` ${printable(yield* reader.byte())}`);
}

function* uint16(reader: MessageReader): Parser {
  reader.append(` ${yield* reader.uint16()}`);
}

/** A signed number; libpq shows unsigned ones as signed too. */
function* int32(reader: MessageReader): Parser {
  reader.append(` ${yield* reader.int32()}`);
}

function* text(reader: MessageReader): Parser {
  reader.append(` ${yield* reader.text()}`);
}

/** A length and that many bytes; -1 alone is NULL. */
function* value(reader: MessageReader): Parser {
  const length = yield* reader.int32();
  reader.append(` ${length}`);
  if (length !== -1) reader.append(` ${yield* reader.value(length)}`);
}

function* rest(reader: MessageReader): Parser {
  reader.append(` ${yield* reader.value(reader.left)}`);
}

/** A secret, which must never be part of a line. */
function* hidden(reader: MessageReader): Parser {
  if (reader.left > 0) reader.append(" ***");
  yield* reader.skip();
}

/** A number n, and n times the fields. */
function counted(...fields: readonly Field[]): Field {
  return function* (reader) {
    const count = yield* reader.uint16();
    reader.append(` ${count}`);
    for (let i = 0; i < count && !reader.full; i++) {
      for (const field of fields) yield* field(reader);
    }
  };
}

/** A field, repeated to the end of the message. */
function toTheEnd(field: Field): Field {
  return function* (reader) {
    while (reader.left > 0 && !reader.full) yield* field(reader);
  };
}

/** Letters, each with a text, up to a zero byte, which libpq shows. */
function* noticeFields(reader: MessageReader): Parser {
  while (!reader.full) {
    const letter = yield* reader.byte();
    reader.append(` ${printable(letter)}`);
    if (letter === 0) return;
    yield* text(reader);
  }
}

/** Names and values, up to an empty name, which libpq does not show. */
function* settings(reader: MessageReader): Parser {
  while (!reader.full) {
    const name = yield* reader.text();
    if (name === EMPTY) return;
    if (reader.left === 0) throw new Malformed("a setting has no value");
    reader.append(` ${name}`);
    yield* text(reader);
  }
}

const EMPTY = '""';
